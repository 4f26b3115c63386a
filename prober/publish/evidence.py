"""The evidence page as one value, made from the document of a run, so that a run of last week has one too.

Rule 1: every text is mended before it is anything else: nothing of it moves a cursor, turns a line round or is endless.
Rule 2: text, HTML and JSON tell the same; what is written here, all three have. Rule 3: what an older document lacks is
left out.
"""

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

from prober.judge.stall import stall_text
from prober.judge.words import close_text, status_text
from prober.model.verdict import RunVerdict, Verdict
from prober.publish import words
from prober.publish.copyable import shell_lines
from prober.publish.document import SCHEMA, Document

#: What we keep of an answer is shorter; a line that is longer was not made by us.
_LONGEST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a title."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look of a run."""

    name: str
    kind: str
    service: str
    taken_as: str  # second look, follow-up; empty: in the plain order of the chain
    verdict: str
    reason: str
    offset_seconds: float | None  # since the run began; None: not looked at
    duration_seconds: float | None
    phases: Mapping[str, float]
    stalled_seconds: float  # for how long we ourselves stood still meanwhile
    expected: tuple[str, ...]
    seen: str  # in one sentence
    sent: Document | None
    answer: Document
    token: Document | None
    try_it: tuple[str, ...]  # lines for a shell

    @property
    def mark(self) -> str:
        """The verdict's shape."""
        return words.MARKS[Verdict(self.verdict)]

    @property
    def sections(self) -> Iterator[Section]:
        """Everything about this look, in the order in which one asks."""
        for title, lines in _SECTIONS.items():
            if told := tuple(lines(self)):
                yield Section(title, told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A cause that explains what was seen."""

    name: str
    title: str
    confidence: str
    explains: tuple[str, ...]
    remedy: tuple[str, ...]
    verify: str


@dataclass(frozen=True, slots=True)
class Why:
    """One line of reasoning, and the steps that show it."""

    label: str
    text: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Against:
    """The causes that one thing speaks against."""

    names: tuple[str, ...]
    text: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything there is to show of one run."""

    run_id: str
    chain: str
    trigger: str
    reason: str
    revision: str
    revisions: Mapping[str, str]
    began: str
    duration_seconds: float
    verdict: str
    headline: str
    summary: str
    causes: tuple[Named, ...]
    whys: tuple[Why, ...]
    why_not: tuple[Against, ...]  # the other causes; what rules out most of them first
    open_questions: tuple[Why, ...]
    looks: tuple[Look, ...]

    @property
    def by_interest(self) -> Sequence[Look]:
        """Those that did not hold first."""
        return sorted(self.looks, key=lambda look: _INTEREST.get(look.verdict, 0))

    @property
    def mark(self) -> str:
        """The verdict's shape."""
        return words.RUN_MARKS[RunVerdict(self.verdict)]


_INTEREST = {"fail": 0, "blind": 1, "skip": 2, "pass": 3}


def evidence_of(kept: Document) -> Evidence:
    """The evidence of the run that `kept` is the document of."""
    told, lines = _mended(kept), map(_try_lines, _steps(kept))
    run, diagnosis = told["run"], told["diagnosis"]
    began = datetime.fromisoformat(run["started"])
    return Evidence(
        run_id=run["id"],
        chain=run["chain"],
        trigger=run["trigger"],
        reason=run.get("reason", ""),
        revision=run.get("revision", ""),
        revisions=run.get("revisions", {}),
        began=run["started"],
        duration_seconds=(datetime.fromisoformat(run["ended"]) - began).total_seconds(),
        verdict=run["verdict"],
        headline=_headline(run, told["steps"]),
        summary=diagnosis.get("summary", ""),
        causes=tuple(map(_named, diagnosis["causes"])),
        whys=tuple(Why(why["layer"], why["text"], tuple(why["steps"])) for why in diagnosis["whys"]),
        why_not=tuple(_why_not(diagnosis["ruledOut"])),
        open_questions=tuple(_open_questions(diagnosis)),
        looks=tuple(
            _look(step, second, began, try_it) for (step, second), try_it in zip(_steps(told), lines, strict=True)
        ),
    )


def _steps(kept: Document) -> Iterator[tuple[Document, str]]:
    """Each look, and what it was if not the first."""
    yield from ((step, "") for step in kept["steps"])
    yield from ((step, "second look") for step in kept["run"].get("secondLooks", ()))


def evidence_document(evidence: Evidence) -> Document:
    """The same as JSON."""
    return {"schema": SCHEMA, **_told(evidence)}


def _told(value: Any) -> Any:  # noqa: ANN401 - any value of ours
    if is_dataclass(value):
        return {_camel(field.name): _told(getattr(value, field.name)) for field in fields(value)}
    return [_told(each) for each in value] if isinstance(value, tuple) else value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


# ── what is told of the run ──────────────────────────────────────────────────────────────────────────────────────────


_HEADLINES: Mapping[str, tuple[str, str]] = {
    "pass": ("passes", "held"),
    "fail": ("FAILS", "did not hold"),
    "blind": ("is BLIND by the prober's own fault", "could not be judged"),
    "partial": ("is partial", "were moot"),
}
_COUNTED = {"pass": "pass", "fail": "fail", "blind": "blind", "partial": "skip"}


def _headline(run: Document, steps: Sequence[Document]) -> str:
    says, of_them = _HEADLINES[run["verdict"]]
    count = sum(step["verdict"] == _COUNTED[run["verdict"]] for step in steps)
    return f"{run['chain']} {says}: {count} of {len(steps)} steps {of_them}."


def _named(cause: Document) -> Named:
    return Named(
        name=cause["name"],
        title=cause.get("title", ""),
        confidence=cause["confidence"],
        explains=tuple(cause.get("explainsText") or cause["explains"]),
        remedy=tuple(cause["remedy"]),
        verify=cause.get("verify", ""),
    )


def _why_not(ruled_out: Sequence[Document]) -> Iterator[Against]:
    by: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for out in ruled_out:
        by.setdefault((out.get("text") or out["by"], tuple(out.get("steps", ()))), []).append(out["name"])
    for (text, steps), names in sorted(by.items(), key=lambda each: -len(each[1])):
        yield Against(tuple(names), text, steps)


def _open_questions(diagnosis: Document) -> Iterator[Why]:
    yield from (Why("unexplained", text) for text in diagnosis.get("unexplainedText", ()))
    yield from (Why("would tell", text) for text in diagnosis.get("wouldSplitText", ()))
    if diagnosis.get("masked"):
        yield Why("could hide", ", ".join(diagnosis["masked"]))


# ── what is told of a look ───────────────────────────────────────────────────────────────────────────────────────────


#: What of a step's evidence is no part of the answer.
_OURS = {"sent", "token", "minted", "stalledSeconds"}


def _try_lines(taken: tuple[Document, str]) -> tuple[str, ...]:
    """Of what was kept, not of what is shown: mended or cut they would send something else."""
    step, _ = taken
    sent = step["evidence"].get("sent")
    return tuple(_harmless(line) for line in shell_lines(sent, step.get("issuer"))) if sent else ()


def _look(step: Document, second: str, run_began: datetime, try_it: tuple[str, ...]) -> Look:
    found, began = step["evidence"], step.get("began")
    return Look(
        name=step["name"],
        kind=step["kind"],
        service=step["service"],
        taken_as=second or ("follow-up" if step.get("followUp") else ""),
        verdict=step["verdict"],
        reason=step["reason"],
        offset_seconds=round((datetime.fromisoformat(began) - run_began).total_seconds(), 3) if began else None,
        duration_seconds=step["durationSeconds"],
        phases=step["phases"],
        stalled_seconds=found.get("stalledSeconds", 0.0),
        expected=tuple(step.get("expected", ())),
        seen=step.get("detail", ""),
        sent=found.get("sent"),
        answer={name: value for name, value in found.items() if name not in _OURS},
        token=found.get("token") or found.get("minted"),
        try_it=try_it,
    )


def _expected(look: Look) -> Iterator[str]:
    yield from look.expected


def _seen(look: Look) -> Iterator[str]:
    if look.seen:
        yield look.seen


def _time(look: Look) -> Iterator[str]:
    if look.phases:
        yield ", ".join(f"{phase} {words.milliseconds(seconds)}" for phase, seconds in look.phases.items())
    if look.stalled_seconds:
        yield f"{stall_text(look.stalled_seconds)}: no measure of the target"


def _sent(look: Look) -> Iterator[str]:
    if look.sent is None:
        return
    yield f"{look.sent['method']} {look.sent['url']}"
    yield from _headers(look.sent["headers"])
    if look.sent["subprotocols"]:
        yield f"Sec-WebSocket-Protocol: {', '.join(look.sent['subprotocols'])}"
    yield from _body(look.sent["body"])
    if look.sent["message"]:
        yield f"then, once welcome: {look.sent['message']}"


def _answer(look: Look) -> Iterator[str]:
    """The head as it came, then whatever else was noted."""
    answer = dict(look.answer)
    if (status := answer.pop("status", None)) is not None:
        yield f"HTTP {status_text(status)}"
    yield from _headers(answer.pop("headers", {}))
    body = answer.pop("body", "")
    yield from (f"{name}: {_said(name, value)}" for name, value in answer.items() if value not in _NOTHING)
    yield from _body(body)


_NOTHING: tuple[object, ...] = (None, "", [], {})


def _said(name: str, value: object) -> str:
    if name == "closeCode" and isinstance(value, int):
        return close_text(value)
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return str(value)


def _plain(value: object) -> str:
    return " ".join(str(part) for part in value.values() if part) if isinstance(value, Mapping) else str(value)


def _headers(headers: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{name}: {value}" for name, value in headers.items())


def _body(body: str | None) -> Iterator[str]:
    if body:
        yield ""
        yield from body.split("\n")


def _token(look: Look) -> Iterator[str]:
    token = look.token
    if token is None:
        return
    lives = token.get("lifetimeSeconds")
    told = (
        f"issuer {token['issuer']}",
        token.get("algorithm"),
        f"{token['length']} characters",
        f"{token['dots']} dots",
        f"lives {lives:g} s" if lives is not None else None,
        "brings its own «Bearer »" if token.get("hasBearerPrefix") else None,
    )
    yield ", ".join(filter(None, told))
    for part in ("header", "payload"):
        yield from (f"{part}.{name}: {_json(value)}" for name, value in token.get(part, {}).items())


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _try_it(look: Look) -> Iterator[str]:
    yield from look.try_it


_SECTIONS: Mapping[str, Callable[[Look], Iterator[str]]] = {
    "expected": _expected,
    "seen": _seen,
    "time": _time,
    "sent": _sent,
    "answered": _answer,
    "token, without its signature": _token,
    "try it": _try_it,
}


# ── mended ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _mended(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return _mended_text(value)
    if isinstance(value, Mapping):
        return {_mended_text(name): _mended(inner) for name, inner in value.items()}
    return [_mended(inner) for inner in value] if isinstance(value, list) else value


def _mended_text(text: str) -> str:
    """Lines and tabs stay; what else moves a cursor or turns the direction of writing is a replacement character."""
    if text.isprintable() and len(text) <= _LONGEST_TEXT:  # nearly all are, and there are thousands
        return text
    return _harmless(text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} … ({len(text)} characters)")


def _harmless(text: str) -> str:
    return "".join(each if each in "\n\t" or _is_harmless(each) else "\N{REPLACEMENT CHARACTER}" for each in text)


def _is_harmless(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
