"""How many series a metric can have: by the closed sets of its labels, and by what a config has of what is named."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from math import comb, prod

from prober.judge.causes import catalogue
from prober.judge.signals import control_name, issuer_role, verifier_role
from prober.judge.window import WINDOWS
from prober.model.alarm import Alert
from prober.model.chain import Chain, MintStep, Plan, SecretMatchStep, Step, Trigger
from prober.model.copies import Fetched
from prober.model.diagnosis import Confidence
from prober.model.gate import GateVerdict
from prober.model.notice import Delivery
from prober.model.observation import Initiator
from prober.model.slot import Missed
from prober.model.trouble import Phase
from prober.model.verdict import Outcome, RunVerdict, Verdict
from prober.publish import labels
from prober.publish.exposition import Family, Kind
from prober.publish.totals import Labels

#: The values of a label that are a closed set, whatever the metric.
_CLOSED: Mapping[str, Collection[object]] = {
    "window": WINDOWS,
    "phase": Phase,
    "alert": Alert,
    "trigger": Trigger,
    "initiator": Initiator,
    "expected": labels.EXPECTED,
    "component": labels.COMPONENTS,
    "confidence": Confidence,
    "surface": ("http", "websocket"),
    "stage": ("response", "handshake", "post_accept"),
    "cause": tuple(cause.name for cause in catalogue()),
}

#: Those that are one where that differs by metric.
_CLOSED_OF_ONE: Mapping[tuple[str, str], Collection[object]] = {
    ("prober_chain_runs_total", "verdict"): RunVerdict,
    ("prober_step_results_total", "verdict"): Verdict,
    ("prober_gate_verdicts_total", "verdict"): GateVerdict,
    ("prober_step_failures_total", "reason"): labels.FAILURES,
    ("prober_slots_missed_total", "reason"): Missed,
    ("prober_http_responses_total", "code"): labels.HTTP_CODES,
    ("prober_websocket_handshakes_total", "code"): labels.HANDSHAKE_CODES,
    ("prober_websocket_closes_total", "code"): labels.CLOSE_CODES,
    ("prober_trigger_requests_total", "outcome"): labels.TRIGGER_OUTCOMES,
    ("prober_notifications_total", "outcome"): Delivery,
    ("prober_tokens_minted_total", "outcome"): labels.MINT_OUTCOMES.values(),
    ("prober_token_mint_duration_seconds", "outcome"): labels.MINT_OUTCOMES.values(),
    ("prober_token_verifications_total", "outcome"): Outcome,
    ("prober_control_results_total", "outcome"): Outcome,
    ("prober_secret_fetches_total", "outcome"): Fetched,
    ("prober_secret_checks_total", "outcome"): dict.fromkeys(labels.SECRET_OUTCOMES.values()),
}


def closed(metric: str, label: str) -> Collection[object] | None:
    """The closed set that a label's values are of; None where they are names of the config, or the like."""
    return _CLOSED_OF_ONE.get((metric, label)) or _CLOSED.get(label)


# ── what a config has ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Place:
    """What a metric has its series of: as one of them is called, and how many a config has."""

    called: str
    count: Callable[[Plan], int]


def _steps(plan: Plan) -> Iterable[tuple[Chain, Step]]:
    return [(chain, step) for chain in plan.chains.values() for step in chain.steps]


def _of_steps(fits: Callable[[Step], bool]) -> Callable[[Plan], int]:
    return lambda plan: sum(fits(step) for _, step in _steps(plan))


def _mints(plan: Plan) -> int:
    return len({step.token.name for _, step in _steps(plan) if isinstance(step, MintStep) and step.token})


def _verifiers(plan: Plan) -> int:
    return len({(issuer_role(step.token), verifier_role(step)) for _, step in _steps(plan) if step.token})


def _controls(plan: Plan) -> int:
    return len({(control_name(step), step.service.name) for _, step in _steps(plan) if step.is_control})


def _compared(plan: Plan) -> Iterable[SecretMatchStep]:
    return [step for _, step in _steps(plan) if isinstance(step, SecretMatchStep)]


def _pairs(plan: Plan) -> int:
    """Of us and of all services, whoever of them holds it."""
    return len(plan.secrets) * comb(1 + len(plan.services), 2)


_PLACES: Mapping[Labels, _Place] = {
    (): _Place("", lambda _: 1),
    ("version", "revision", "python"): _Place("", lambda _: 1),
    ("shard",): _Place("", lambda _: 1),
    ("chain",): _Place("chain", lambda plan: len(plan.chains)),
    ("chain", "step"): _Place("step", _of_steps(lambda _: True)),
    ("chain", "step", "service"): _Place("step", _of_steps(lambda _: True)),
    ("chain", "service"): _Place(
        "service that a chain asks", lambda plan: len({(chain.name, step.service.name) for chain, step in _steps(plan)})
    ),
    ("service",): _Place("service", lambda plan: len(plan.services)),
    ("service", "revision"): _Place("service", lambda plan: len(plan.services)),
    ("name",): _Place("receiver", lambda plan: len(plan.receivers)),
    ("secret",): _Place("secret", lambda plan: len(plan.references)),
    ("secret", "left", "right"): _Place("secret and two of its parties", _pairs),
    ("issuer",): _Place("issuer that mints", _mints),
    ("issuer", "verifier"): _Place("issuer and verifier", _verifiers),
    ("control", "service"): _Place("control of a service", _controls),
}

_WITH_ITS_CHAIN = _Place("step, and each chain", lambda plan: _of_steps(lambda _: True)(plan) + len(plan.chains))
_HTTP = _Place("step of HTTP", _of_steps(labels.speaks_http))
_SOCKET = _Place("step with a WebSocket", _of_steps(labels.speaks_websocket))

_PLACES_OF_ONE: Mapping[str, _Place] = {
    "prober_http_responses_total": _HTTP,
    "prober_websocket_handshakes_total": _SOCKET,
    "prober_websocket_closes_total": _SOCKET,
    "prober_success_ratio": _WITH_ITS_CHAIN,
    "prober_success_samples": _WITH_ITS_CHAIN,
    "prober_secret_checks_total": _Place(
        "secret that is compared", lambda plan: len({step.secret for step in _compared(plan)})
    ),
}


# ── how many ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def most(family: Family, plan: Plan) -> int:
    """So many series a metric has at most with this config, whatever becomes of it."""
    return _each(family) * _place(family).count(plan)


def told(family: Family) -> str:
    """The same for a reader: `17 per step`."""
    called = _place(family).called
    return f"{_each(family)} per {called}" if called else str(_each(family))


def lines(family: Family) -> int:
    """So many series a metric has now."""
    return sum(1 for _ in family.rows) + _lines(family) * sum(1 for _ in family.timings)


def _place(family: Family) -> _Place:
    named = tuple(label for label in family.labels if closed(family.name, label) is None)
    return _PLACES_OF_ONE.get(family.name) or _PLACES[named]


def _each(family: Family) -> int:
    sets = (closed(family.name, label) for label in family.labels)
    return _lines(family) * prod(len(values) for values in sets if values is not None)


def _lines(family: Family) -> int:
    """A histogram has one for each bound, one beyond them all, a sum and a count."""
    return len(family.bounds) + 3 if family.kind is Kind.HISTOGRAM else 1
