"""What one report adds to the running totals: an entry a metric, and the series each is born with.

Rule: born are the series that alerts look at, so that their first increase can be seen. A series for whatever else
could happen would make nine tenths of the page: it comes when its first sample does. Reasons of failures and named
causes are such; `prober_step_results_total` and `prober_diagnosis_active` tell of both from the start.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from prober.judge.signals import control_name, issuer_role, verifier_role
from prober.model.chain import Chain, MintStep, Plan, SecretMatchStep, Step, Trigger
from prober.model.observation import HttpSeen, Initiator, Observation, Stage, TokenSeen, WebSocketSeen
from prober.model.report import Report
from prober.model.trouble import Trouble, TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, RunVerdict, StepResult, Verdict
from prober.publish import labels as closed
from prober.publish.totals import Labels


@dataclass(frozen=True, slots=True)
class Known:
    """What the label values of the first series are taken from."""

    plan: Plan

    @property
    def steps(self) -> Iterator[tuple[Chain, Step]]:
        """Every step of every chain."""
        return ((chain, step) for chain in self.plan.chains.values() for step in chain.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One counter: its name and labels, the series it has from the start, and the series a report adds one to."""

    name: str
    about: str
    labels: Labels
    born: Callable[[Known], Iterable[Labels]]
    told: Callable[[Report], Iterable[Labels]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One histogram of durations, likewise; `bounds` are its buckets in seconds."""

    name: str
    about: str
    labels: Labels
    bounds: tuple[float, ...]
    born: Callable[[Known], Iterable[Labels]]
    told: Callable[[Report], Iterable[tuple[Labels, float]]]


def _none(_: Known) -> Iterable[Labels]:
    return ()


# ── runs and steps ───────────────────────────────────────────────────────────────────────────────────────────────────


def _runs_born(known: Known) -> Iterable[Labels]:
    return product(known.plan.chains, map(str, Trigger), map(str, RunVerdict))


def _runs(report: Report) -> Iterable[Labels]:
    yield report.run.chain.name, str(report.run.trigger), str(report.run.verdict)


def _place(chain: Chain, step: Step) -> Labels:
    return chain.name, step.name, step.service.name


def _per_step(
    values: Callable[[Step], Iterable[Labels]], of: Callable[[Step], bool] = lambda _: True
) -> Callable[[Known], Iterable[Labels]]:
    """Series of every step of the right sort: chain, step, service, and then what `values` says."""

    def born(known: Known) -> Iterable[Labels]:
        return ((*_place(chain, step), *more) for chain, step in known.steps if of(step) for more in values(step))

    return born


def _step_results(report: Report) -> Iterable[Labels]:
    return ((*_place(report.run.chain, result.step), str(result.verdict)) for result in report.run.results)


def _step_failures(report: Report) -> Iterable[Labels]:
    failed = (result for result in report.run.results if result.verdict is Verdict.FAIL)
    return ((*_place(report.run.chain, result.step), str(result.reason)) for result in failed)


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _http_values(step: Step) -> Iterable[Labels]:
    """Whether a code is expected follows from the step."""
    return ((closed.http_code(status), _expected_http(step, status)) for status in closed.HTTP_FROM_THE_START)


def _expected_http(step: Step, status: int | None) -> str:
    return closed.yes_no(closed.expects_status(step, status))


def _http_responses(report: Report) -> Iterable[Labels]:
    for result, status in _statuses(report, closed.speaks_http):
        yield *_place(report.run.chain, result.step), closed.http_code(status), _expected_http(result.step, status)


def _statuses(report: Report, of: Callable[[Step], bool]) -> Iterator[tuple[StepResult, int | None]]:
    """Each exchange that reached out for an answer, and the status it got; None when no answer came."""
    for result, seen in _answers(report):
        if of(result.step) and not _kept_back(seen):
            yield result, _status(seen)


#: Lateness of ours is no answer, and no duration; nor is what an operator had us cut off, or a platform kept from us.
_NO_ANSWER = frozenset({Reason.OWN_STALL, Reason.OWN_PAUSE, Reason.OWN_ACCESS})


def _answers(report: Report) -> Iterator[tuple[StepResult, object]]:
    """What each look saw, but for those that we came to too late, that were cut off, or that met no service."""
    for result in report.run.results:
        if result.observation is not None and result.reason not in _NO_ANSWER:
            yield result, result.observation.seen


def _kept_back(seen: object) -> bool:
    """Nothing was sent, or not by HTTP: then no answer is missing either."""
    if isinstance(seen, Trouble):
        return seen.whose is Whose.PROBER or seen.kind is TroubleKind.NO_TOKEN
    return isinstance(seen, TokenSeen) and seen.answer is None


def _status(seen: object) -> int | None:
    match seen:
        case HttpSeen(status=status) | WebSocketSeen(status=status):
            return status
        case TokenSeen(answer=HttpSeen(status=status)):
            return status
    return None


# ── WebSocket ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _handshake_values(step: Step) -> Iterable[Labels]:
    statuses = closed.HANDSHAKES_FROM_THE_START
    return ((closed.handshake_code(status), _expected_handshake(step, status)) for status in statuses)


def _expected_handshake(step: Step, status: int | None) -> str:
    return closed.yes_no(closed.expects_handshake(step, status))


def _handshakes(report: Report) -> Iterable[Labels]:
    for result, status in _statuses(report, closed.speaks_websocket):
        expected = _expected_handshake(result.step, status)
        yield *_place(report.run.chain, result.step), closed.handshake_code(status), expected


def _close_values(step: Step) -> Iterable[Labels]:
    closes = closed.CLOSES_FROM_THE_START
    return ((closed.close_code(code), str(initiator), _expected_close(step, code)) for code, initiator in closes)


def _expected_close(step: Step, code: int | None) -> str:
    return closed.yes_no(closed.expects_close(step, code))


def _closes(report: Report) -> Iterable[Labels]:
    for step, seen in _sockets(report):
        if seen.stage is not Stage.HANDSHAKE:
            code, expected = closed.close_code(seen.close_code), _expected_close(step, seen.close_code)
            yield *_place(report.run.chain, step), code, str(seen.initiator), expected


def _sockets(report: Report) -> Iterator[tuple[Step, WebSocketSeen]]:
    for result, seen in _answers(report):
        if isinstance(seen, WebSocketSeen):
            yield result.step, seen


# ── auth ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

_SURFACES: tuple[tuple[Callable[[Step], bool], str, str], ...] = (
    (closed.speaks_http, "http", "response"),
    (closed.speaks_websocket, "websocket", "handshake"),
    (closed.speaks_websocket, "websocket", "post_accept"),
)


def _rejections_born(known: Known) -> Iterable[Labels]:
    for (chain, step), (speaks, surface, stage) in product(known.steps, _SURFACES):
        if speaks(step):
            yield from ((chain.name, step.service.name, surface, stage, expected) for expected in closed.EXPECTED)


def _rejections(report: Report) -> Iterable[Labels]:
    """The one count behind «403 in a response», «403 in the handshake» and «1008 after accept»."""
    for step, surface, stage, expected in (*_rejected_http(report), *_rejected_sockets(report)):
        yield report.run.chain.name, step.service.name, surface, stage, expected


def _rejected_http(report: Report) -> Iterator[tuple[Step, str, str, str]]:
    for result, status in _statuses(report, closed.speaks_http):
        if status in closed.REFUSAL_STATUSES:
            yield result.step, "http", "response", _expected_http(result.step, status)


def _rejected_sockets(report: Report) -> Iterator[tuple[Step, str, str, str]]:
    for step, seen in _sockets(report):
        if seen.stage is Stage.HANDSHAKE:
            if seen.status in closed.REFUSAL_STATUSES:
                yield step, "websocket", "handshake", _expected_handshake(step, seen.status)
        elif seen.initiator is Initiator.SERVER and closed.refuses(seen.close_code):
            yield step, "websocket", "post_accept", _expected_close(step, seen.close_code)


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _mints_for_us(step: Step) -> bool:
    """A mint that is to give a token; a control asks with a wrong key and is to get none."""
    return isinstance(step, MintStep) and not step.is_control


def _mints_born(known: Known) -> Iterable[Labels]:
    issuers = [step.token.name for _, step in known.steps if _mints_for_us(step) and step.token]
    return product(issuers, closed.MINT_OUTCOMES.values())


def _minted(report: Report) -> Iterator[tuple[Labels, Observation]]:
    for result in report.run.results:
        step, look = result.step, result.observation
        if _mints_for_us(step) and step.token and look and result.verdict in closed.MINT_OUTCOMES:
            yield (step.token.name, closed.MINT_OUTCOMES[result.verdict]), look


def _mint_times(report: Report) -> Iterable[tuple[Labels, float]]:
    return ((labels, look.latency_seconds) for labels, look in _minted(report) if not look.stalled_seconds)


def _mints(report: Report) -> Iterable[Labels]:
    return (labels for labels, _ in _minted(report))


def _verifications_born(known: Known) -> Iterable[Labels]:
    for _, step in known.steps:
        if step.token is not None and not step.is_control and not isinstance(step, MintStep):
            yield from ((issuer_role(step.token), verifier_role(step), str(outcome)) for outcome in Outcome)


def _verifications(report: Report) -> Iterable[Labels]:
    return ((cell.issuer, cell.verifier, str(cell.outcome)) for cell in report.matrix)


def _controls_born(known: Known) -> Iterable[Labels]:
    for _, step in known.steps:
        if step.token is not None and step.is_control:
            yield from ((control_name(step), step.service.name, str(outcome)) for outcome in Outcome)


def _controls(report: Report) -> Iterable[Labels]:
    return ((control.name, control.service, str(control.outcome)) for control in report.controls)


def _secret_checks_born(known: Known) -> Iterable[Labels]:
    secrets = [step.secret for _, step in known.steps if isinstance(step, SecretMatchStep)]
    return product(secrets, dict.fromkeys(closed.SECRET_OUTCOMES.values()))


def _secret_checks(report: Report) -> Iterable[Labels]:
    return ((pair.secret, closed.SECRET_OUTCOMES[pair.match]) for pair in report.secrets)


# ── causes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _diagnoses(report: Report) -> Iterable[Labels]:
    chain = report.run.chain.name
    return ((chain, named.cause.name, str(named.confidence)) for named in report.diagnosis.causes)


# ── durations ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _chain_times(report: Report) -> Iterable[tuple[Labels, float]]:
    if not any(result.reason in _NO_ANSWER or _stalled(result) for result in report.run.results):
        yield (report.run.chain.name,), (report.run.ended - report.run.began).total_seconds()


def _step_times(report: Report) -> Iterable[tuple[Labels, float]]:
    for result in report.run.results:
        if result.observation is not None and result.reason is not Reason.OWN_PAUSE and not _stalled(result):
            yield (report.run.chain.name, result.step.name), result.observation.latency_seconds


def _stalled(result: StepResult) -> bool:
    """Whether we stood still during this look: then its time is ours, and no measure of the target."""
    return result.observation is not None and result.observation.stalled_seconds > 0


# ── the tables ───────────────────────────────────────────────────────────────────────────────────────────────────────

COUNTERS: tuple[Counted, ...] = (
    Counted(
        name="prober_chain_runs_total",
        about="Runs of a chain, by what started them and what they came to.",
        labels=("chain", "trigger", "verdict"),
        born=_runs_born,
        told=_runs,
    ),
    Counted(
        name="prober_step_results_total",
        about="Results of a step, by verdict.",
        labels=("chain", "step", "service", "verdict"),
        born=_per_step(lambda _: ((str(verdict),) for verdict in Verdict)),
        told=_step_results,
    ),
    Counted(
        name="prober_step_failures_total",
        about="Failures of a step that are the target's, by reason.",
        labels=("chain", "step", "service", "reason"),
        born=_none,
        told=_step_failures,
    ),
    Counted(
        name="prober_http_responses_total",
        about="HTTP answers by status code; none when no answer came. Expected as the step was set up, not as hoped.",
        labels=("chain", "step", "service", "code", "expected"),
        born=_per_step(_http_values, closed.speaks_http),
        told=_http_responses,
    ),
    Counted(
        name="prober_websocket_handshakes_total",
        about="WebSocket handshakes by status code; 101 is accepted, none when no answer came.",
        labels=("chain", "step", "service", "code", "expected"),
        born=_per_step(_handshake_values, closed.speaks_websocket),
        told=_handshakes,
    ),
    Counted(
        name="prober_websocket_closes_total",
        about="Closes of accepted WebSockets by code and by who began; 1006 was cut, none was never closed.",
        labels=("chain", "step", "service", "code", "initiator", "expected"),
        born=_per_step(_close_values, closed.speaks_websocket),
        told=_closes,
    ),
    Counted(
        name="prober_auth_rejections_total",
        about="Refusals of a token, whichever way: 401 or 403, or a close with 1008, 3000, 3003 or 44xx after accept.",
        labels=("chain", "service", "surface", "stage", "expected"),
        born=_rejections_born,
        told=_rejections,
    ),
    Counted(
        name="prober_tokens_minted_total",
        about="Mint steps taken, by issuer: minted, failed at the target, or blind for a fault of ours.",
        labels=("issuer", "outcome"),
        born=_mints_born,
        told=_mints,
    ),
    Counted(
        name="prober_token_verifications_total",
        about="What a verifier did with an issuer's good token.",
        labels=("issuer", "verifier", "outcome"),
        born=_verifications_born,
        told=_verifications,
    ),
    Counted(
        name="prober_control_results_total",
        about="What a service did with a token that must be refused; accepted means that auth is failing open.",
        labels=("control", "service", "outcome"),
        born=_controls_born,
        told=_controls,
    ),
    Counted(
        name="prober_secret_checks_total",
        about="Comparisons of two parties' copies of a secret.",
        labels=("secret", "outcome"),
        born=_secret_checks_born,
        told=_secret_checks,
    ),
    Counted(
        name="prober_diagnoses_total",
        about="Times a root cause was named for a run.",
        labels=("chain", "cause", "confidence"),
        born=_none,
        told=_diagnoses,
    ),
)

TIMINGS: tuple[Timed, ...] = (
    Timed(
        name="prober_chain_duration_seconds",
        about="How long a whole run took.",
        labels=("chain",),
        bounds=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0),
        born=lambda known: ((chain,) for chain in known.plan.chains),
        told=_chain_times,
    ),
    Timed(
        name="prober_step_duration_seconds",
        about="How long the target kept one look, stamped at the socket; without looks that met a stall of ours.",
        labels=("chain", "step"),
        bounds=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),  # one line a bound, step and chain
        born=lambda known: ((chain.name, step.name) for chain, step in known.steps),
        told=_step_times,
    ),
    Timed(
        name="prober_token_mint_duration_seconds",
        about="How long a mint step took.",
        labels=("issuer", "outcome"),
        bounds=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
        born=_mints_born,
        told=_mint_times,
    ),
)
