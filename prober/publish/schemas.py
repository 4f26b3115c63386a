"""JSON Schemas of the documents that other programs rely on, reports and gates; what `prober schema` prints.

Every key that is always there is required; more may be added. Closed sets are those of the model: none is stale.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from prober.model.alarm import AlarmState, Alert, Severity
from prober.model.chain import Trigger
from prober.model.copies import Fetched
from prober.model.diagnosis import Confidence, State
from prober.model.gate import Because, GateVerdict, Standing
from prober.model.observation import Match, Stage
from prober.model.trouble import Phase, Whose
from prober.model.verdict import Outcome, Reason, RunVerdict, Verdict
from prober.publish.document import SCHEMA

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_SECONDS: Schema = {"type": "number", "minimum": 0}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_MOMENT: Schema = {"type": "string", "format": "date-time", "description": "RFC 3339, UTC, to the millisecond"}
_ANYTHING: Schema = {"type": "object"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(words: type[StrEnum]) -> Schema:
    return {"enum": [word.value for word in words]}


# ── a report ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_NAMES = _list(_TEXT)

_STEP = _object(
    name=_TEXT,
    kind=_TEXT,
    service=_TEXT,
    verdict=_one_of(Verdict),
    outcome=_or_null(_one_of(Outcome)),
    control=_FLAG,
    followUp=_FLAG,
    origin=_or_null(_one_of(Whose)),
    reason=_one_of(Reason),
    detail=_TEXT,
    issuer=_or_null(_object(name=_TEXT, how=_TEXT, good=_FLAG)),
    expected=_NAMES,
    status=_or_null(_COUNT),
    closeCode=_or_null(_COUNT),
    stage=_or_null(_one_of(Stage)),
    began=_or_null(_MOMENT),
    durationSeconds=_or_null({**_SECONDS, "description": "how long others kept us: the phases, stamped at the socket"}),
    phases={**_map(_SECONDS), "propertyNames": _one_of(Phase)},
    attempts=_COUNT,
    evidence={**_ANYTHING, "description": "what was seen, redacted; of its own shape for each kind of step"},
)

_RUN = _object(
    id=_TEXT,
    chain=_TEXT,
    trigger=_one_of(Trigger),
    started=_MOMENT,
    ended=_MOMENT,
    verdict=_one_of(RunVerdict),
    reason=_TEXT,
    revision={**_TEXT, "description": "what the caller announced"},
    revisions={**_map(_TEXT), "description": "by service, what answered"},
    secondLooks=_list(_STEP),
)

_CAUSE = _object(
    name=_TEXT,
    title=_TEXT,
    confidence=_one_of(Confidence),
    ours=_FLAG,
    explains=_NAMES,
    explainsText=_NAMES,
    remedy=_NAMES,
    verify=_TEXT,
)

_DIAGNOSIS = _object(
    verdict=_one_of(State),
    summary=_TEXT,
    failOpen=_list(_object(control=_TEXT, service=_TEXT, step=_TEXT, text=_TEXT)),
    causes=_list(_CAUSE),
    whys=_list(_object(layer=_TEXT, text=_TEXT, steps=_NAMES)),
    ruledOut=_list(_object(name=_TEXT, by=_TEXT, text=_TEXT, steps=_NAMES)),
    wouldSplit=_NAMES,
    wouldSplitText=_NAMES,
    masked=_NAMES,
    unexplained=_NAMES,
    unexplainedText=_NAMES,
)

_FACTS = _object(
    service=_TEXT,
    version=_or_null(_TEXT),
    revision=_or_null(_TEXT),
    uptimeSeconds=_or_null(_NUMBER),
    clockOffsetSeconds=_or_null(_NUMBER),
    certificateNotAfter=_or_null(_MOMENT),
)

_WINDOW = {
    "name": _TEXT,
    "ratio": _or_null(_SHARE),
    "samples": _COUNT,
    "successes": _COUNT,
    "lower": _SHARE,
    "upper": _SHARE,
}

_ALARM = _object(
    alert=_one_of(Alert),
    severity=_one_of(Severity),
    state=_one_of(AlarmState),
    since=_or_null(_MOMENT),
    episode=_TEXT,
    counts=_map(_object(samples=_COUNT, failures=_COUNT)),
    failingSteps=_NAMES,
    openDoors=_NAMES,
)

_COPY = _object(
    name=_TEXT,
    version={**_TEXT, "description": "the source's own name of the version that we hold"},
    latest={**_or_null(_TEXT), "description": "of a pinned one: the newest"},
    previous={**_NAMES, "description": "versions that count beside it, while services take the newest"},
    fetched=_or_null(_MOMENT),
    failing=_or_null(_one_of(Fetched)),
)

REPORT = _object(
    schema={"const": SCHEMA},
    run=_RUN,
    steps=_list(_STEP),
    matrix=_list(_object(issuer=_TEXT, verifier=_TEXT, outcome=_one_of(Outcome), step=_TEXT)),
    controls=_list(_object(name=_TEXT, verifier=_TEXT, service=_TEXT, outcome=_one_of(Outcome), step=_TEXT)),
    secrets=_list(_object(name=_TEXT, left=_TEXT, right=_TEXT, match=_one_of(Match), why=_TEXT)),
    secretVersions=_list(_COPY),
    diagnosis=_DIAGNOSIS,
    facts=_list(_FACTS),
    window=_object(threshold=_SHARE, **_WINDOW),
    windows=_list(_object(**_WINDOW)),
    alarms=_list(_ALARM),
)

# ── a gate ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_ROUND = _object(
    run=_TEXT, began=_MOMENT, verdict=_one_of(RunVerdict), failed=_NAMES, openDoors=_NAMES, revisions=_map(_TEXT)
)

_INSTANCE = _object(revision=_or_null(_TEXT), uptimeSeconds=_or_null(_NUMBER))

_BEFORE = _object(
    at=_MOMENT,
    failing=_or_null(_FLAG),
    causes=_NAMES,
    failed=_NAMES,
    runs=_COUNT,
    instances=_map(_INSTANCE),
)

GATE = _object(
    schema={"const": SCHEMA},
    id=_TEXT,
    chain=_TEXT,
    state={"const": "done"},
    began=_MOMENT,
    ended=_MOMENT,
    ok={**_FLAG, "description": "true for «pass» alone"},
    verdict=_one_of(GateVerdict),
    because=_one_of(Because),
    sentence=_TEXT,
    headline=_TEXT,
    why=_TEXT,
    standingText=_TEXT,
    beforeText=_TEXT,
    remarks=_NAMES,
    successRatio=_or_null(_SHARE),
    samples=_COUNT,
    failures=_COUNT,
    lowerBound={**_SHARE, "description": "what the rounds prove, at `confidence`"},
    confidence=_SHARE,
    provenText=_TEXT,
    standing=_one_of(Standing),
    revision=_TEXT,
    before=_or_null(_BEFORE),
    warmUp=_list(_ROUND),
    rounds=_list(_ROUND),
    diagnosis=_DIAGNOSIS,
    report=REPORT,
)

#: By name, as `prober schema` takes it.
SCHEMAS: Mapping[str, Schema] = {
    "report": {"$schema": _DIALECT, "title": "prober: one turn of one chain", **REPORT},
    "gate": {"$schema": _DIALECT, "title": "prober: go, no-go or not enough evidence, after a deploy", **GATE},
}
