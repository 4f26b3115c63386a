"""Prometheus rules for one config: what `prober rules` prints; the built-in alarms once more, and alerts beside them.

Rule 1: durations are turns of a chain, as in judge/alarm.py; so what is counted in turns is a rule for each chain.
Rule 2: sum before divide; blind and partial runs are in neither sum. Instances are added up: each slot has one of them.
Rule 3: every alert has a severity, the environment, a summary and a description; and a team and links where configured.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from prober.judge.alarm import CALM_SLOTS, COVERAGE, STILL_FAILING, Limits, Z, limits
from prober.judge.window import WINDOWS
from prober.model.alarm import SPANS, Alert, Severity
from prober.model.chain import STALE_INTERVALS, Chain, Expectation, Plan, SecretMatchStep, Step
from prober.model.diagnosis import Cause
from prober.publish.labels import speaks_http, speaks_websocket

#: Labels that tell which instance of the prober saw something: added up.
_INSTANCES = "instance, pod"

#: Labels that shards have in common; a Service or a container of its own is told of each.
_OF_ONE_PROBER = "job, namespace, environment"

#: Tokens carry times, and some verifiers allow no leeway for clocks that are off by more.
_CLOCK_SECONDS = 5

_CERTIFICATE_DAYS = Expectation().days_left

_SHORTEST_LOOK_SECONDS = 300.0

#: A pause that is forgotten lasts longer than one that somebody sits beside.
_FORGOTTEN_SECONDS = 1800.0

_USUAL_INTERVAL_SECONDS = 30.0

_HEAD = """\
# Made by `prober rules`: make it anew when probes.yaml changes. What each alert means: docs/alerting.md
# It counts turns, so scrape at least as often as the fastest chain turns.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """One alert; in its texts, as in Prometheus, `{{ $labels.chain }}` stands for a label's value."""

    name: str
    expr: str
    severity: Severity
    summary: str
    description: str
    wait_seconds: float = 0.0  # how long it must hold before it fires
    keep_seconds: float = 0.0  # how long it fires on after it last held
    labels: Mapping[str, str] = field(default_factory=dict)


def rules(plan: Plan, causes: Sequence[Cause]) -> str:
    """The whole file, as YAML."""
    text = StringIO()
    writer = YAML()
    writer.width = 4096
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(document(plan, causes), text)
    return _HEAD + text.getvalue()


def document(plan: Plan, causes: Sequence[Cause]) -> dict[str, Any]:
    """The whole file, as plain values: the groups of rules in the order in which they need each other."""
    chains = tuple(plan.chains.values())
    counts = [*_deploys(plan), *(rule for chain in chains for rule in _counts(chain))]
    told = [_alert(rule, plan) for rule in alerts(plan, causes)]
    groups = {"prober-ratios": list(_ratios()), "prober": [*counts, *told]}  # one of the same group sees the other
    return {"groups": [{"name": name, "rules": found} for name, found in groups.items()]}


def duration(seconds: float) -> str:
    """A duration as Prometheus writes it."""
    whole = round(seconds * 1000)
    units = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
    return next(f"{whole // size}{unit}" for unit, size in units if whole % size == 0)


def percentage(share: float) -> str:
    """A ratio as people write it."""
    return f"{share * 100:.6g} %"


# ── recorded ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_SAID_SOMETHING, _PASSED, _FAILED = 'verdict=~"pass|fail"', 'verdict="pass"', 'verdict="fail"'
_SUM = f"sum without ({_INSTANCES}, trigger, verdict)"


def _scheduled(*more: str) -> str:
    return "prober_chain_runs_total{" + ",".join(('trigger="schedule"', *more)) + "}"


def _record(name: str, expr: str, **labels: str) -> dict[str, Any]:
    return {"record": name, "expr": _block(expr)} | ({"labels": labels} if labels else {})


def _ratios() -> Iterator[dict[str, Any]]:
    """Over minutes and hours, of every chain: what dashboards show."""
    for name in WINDOWS:
        passed = f"{_SUM} (rate({_scheduled(_PASSED)}[{name}]))"
        every = f"{_SUM} (rate({_scheduled(_SAID_SOMETHING)}[{name}]))"
        yield _record(f"chain:prober_success:ratio_rate{name}", f"{passed}\n/\n({every} > 0)")
        counted = f"round({_SUM} (increase({_scheduled(_SAID_SOMETHING)}[{name}])))"
        yield _record(f"chain:prober_success:samples_{name}", counted)


def _counts(chain: Chain) -> Iterator[dict[str, Any]]:
    """Over turns, of one chain: what alerts are made of."""
    here, name = f'chain="{chain.name}"', chain.name
    for turns in SPANS:
        span = duration(turns * chain.interval_seconds)
        every = f"round({_SUM} (increase({_scheduled(here, _SAID_SOMETHING)}[{span}])))"
        failed = f"round({_SUM} (increase({_scheduled(here, _FAILED)}[{span}])))"
        yield _record(f"chain:prober_samples:last{turns}", every, chain=name)
        yield _record(f"chain:prober_failures:last{turns}", failed, chain=name)
    threshold = f"max without ({_INSTANCES}) (last_over_time(prober_success_ratio_threshold{{{here}}}[5m]))"
    yield _record("chain:prober_success:threshold", threshold, chain=name)
    for turns in (120, 720):
        yield _record(f"chain:prober_failures:limit{turns}", _limit(here, turns), chain=name)


def _limit(here: str, turns: int) -> str:
    """More failures than this are surely below the threshold: judge/alarm.py, `surely_below`."""
    samples, threshold = f"chain:prober_samples:last{turns}{{{here}}}", f"chain:prober_success:threshold{{{here}}}"
    return f"{samples} * (1 - {threshold})\n+ {Z} * sqrt({samples} * (1 - {threshold}) * {threshold})"


def _deploys(plan: Plan) -> Iterator[dict[str, Any]]:
    """There while a deploy is fresh: somebody ran a chain because of one, or a service tells another revision."""
    if grace := plan.alerting.deploy_grace_seconds:
        span = duration(grace)
        said = f'increase(prober_chain_runs_total{{trigger="deploy"}}[{span}])'
        told = "prober_service_revision_change_timestamp_seconds"
        yield _record(
            "prober:deploys:fresh",
            f"sum without ({_INSTANCES}, chain, trigger, verdict) ({said}) > 0\n"
            f"or\ntime() - max without ({_INSTANCES}, service) ({told}) < {grace:g}",
        )


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def alerts(plan: Plan, causes: Sequence[Cause]) -> Iterator[AlertRule]:
    """Every alert that this config has a use for."""
    for chain in plan.chains.values():
        yield from _of_chain(chain, plan)
    yield from _of_findings(plan)
    yield from (_root_cause(cause, plan) for cause in causes)
    yield from _of_ourselves()


def _of_chain(chain: Chain, plan: Plan) -> Iterator[AlertRule]:
    if plan.alerting.page:
        yield _page(chain, limits(chain.threshold), plan)
    if plan.alerting.ticket:
        yield _ticket(chain, plan)
    yield from _refusals(chain, plan)
    yield _stale(chain)
    yield _slots_missed(chain)


def _page(chain: Chain, limit: Limits, plan: Plan) -> AlertRule:
    samples, failures = _series(chain)
    outage = (
        f"{failures(30)} >= {limit.of30}\nand {failures(10)} >= {limit.of10}\nand {samples(30)} >= {COVERAGE * 30:g}"
    )
    degraded = (
        f"{failures(30)} >= {STILL_FAILING}\nand {failures(120)} > chain:prober_failures:limit120{_at(chain)}\n"
        f"and {samples(120)} >= {COVERAGE * 120:g}"
    )
    deploy = "\nunless ignoring (chain) prober:deploys:fresh" if plan.alerting.deploy_grace_seconds else ""
    return AlertRule(
        name="ProberSuccessRatioLow",
        expr=f"(\n{_indented(outage)}\n  or\n{_indented(degraded)}\n){deploy}{_unless_maintained(plan, chain, 30)}",
        severity=Severity.PAGE,
        keep_seconds=CALM_SLOTS * chain.interval_seconds,
        labels={"chain": chain.name},
        summary=f"{chain.name} fails too often: {{{{ $value }}}} of its last 30 turns failed",
        description=(
            f"At least {limit.of30} of the last 30 turns and {limit.of10} of the last 10, or so many of the last 120 "
            f"that the ratio is surely below {percentage(chain.threshold)}. ProberRootCause tells why."
        ),
    )


def _ticket(chain: Chain, plan: Plan) -> AlertRule:
    samples, failures = _series(chain)
    sure = f"{failures(720)} > chain:prober_failures:limit720{_at(chain)}\nand {samples(720)} >= {COVERAGE * 720:g}"
    still = f"and ({samples(120)} - {failures(120)}) / {samples(120)} < chain:prober_success:threshold{_at(chain)}"
    return AlertRule(
        name="ProberSuccessRatioDegraded",
        expr=f"(\n{_indented(sure)}\n{_indented(still)}\n){_unless_maintained(plan, chain, 120)}",
        severity=Severity.TICKET,
        keep_seconds=CALM_SLOTS * chain.interval_seconds,
        labels={"chain": chain.name},
        summary=f"{chain.name} stays a little below its threshold: {{{{ $value }}}} of its last 720 turns failed",
        description=f"Surely below {percentage(chain.threshold)} over 720 turns, and still below it over the last 120.",
    )


def _refusals(chain: Chain, plan: Plan) -> Iterator[AlertRule]:
    span = duration(max(_SHORTEST_LOOK_SECONDS, 3 * chain.interval_seconds))
    unexpected = f'{_where(chain)},expected="false"'
    for refusal in _REFUSALS:
        if any(refusal.speaks(step) for step in chain.steps):
            seen = f'increase({refusal.metric}{{{unexpected},code="{refusal.code}"}}[{span}])'
            summed = f"sum without ({_INSTANCES}, step, initiator, expected) ({seen})"
            yield AlertRule(
                name=refusal.alert,
                expr=f"{summed} > 0{_unless_maintained(plan, chain)}",
                severity=Severity.TICKET,
                labels={"chain": chain.name},
                summary=f"{{{{ $labels.service }}}} {refusal.did}",
                description=f"{chain.name} saw it in the last {span}. ProberRootCause tells why.",
            )


@dataclass(frozen=True, slots=True)
class _Refusal:
    """One way in which a good token is turned away."""

    alert: str
    metric: str
    code: str
    did: str
    speaks: Callable[[Step], bool]


_REFUSALS = (
    _Refusal("ProberForbidden", "prober_http_responses_total", "403", "answered 403 to a good token", speaks_http),
    _Refusal(
        "ProberWebSocketPolicyClose",
        "prober_websocket_closes_total",
        "1008",
        "closed a good token's socket with 1008",
        speaks_websocket,
    ),
)


def _stale(chain: Chain) -> AlertRule:
    last = f"max without ({_INSTANCES}) (prober_chain_last_run_timestamp_seconds{_at(chain)})"
    due = f"sum without ({_INSTANCES}) (prober_slots_expected_total{_at(chain)})"
    return AlertRule(
        name="ProberStale",
        expr=(
            f"time() - {last} > {STALE_INTERVALS * chain.interval_seconds:g}\n"
            f"or\n({due} >= {STALE_INTERVALS} unless {last})"
        ),
        severity=Severity.PAGE,
        labels={"chain": chain.name},
        summary=f"{chain.name} was not looked at for {STALE_INTERVALS} of its intervals",
        description="Nobody looks, so nobody knows: silence of the other alerts means nothing. See the prober's log.",
    )


def _slots_missed(chain: Chain) -> AlertRule:
    span = duration(30 * chain.interval_seconds)
    missed = f"sum without ({_INSTANCES}, reason) (increase(prober_slots_missed_total{_at(chain)}[{span}]))"
    due = f"sum without ({_INSTANCES}) (increase(prober_slots_expected_total{_at(chain)}[{span}]))"
    return AlertRule(
        name="ProberSlotsMissed",
        expr=f"{missed} / ({due} > 0) > {1 - COVERAGE:.4g}",
        severity=Severity.TICKET,
        labels={"chain": chain.name},
        summary=f"{chain.name} missed {{{{ $value | humanizePercentage }}}} of its turns",
        description=f"In the last {span}; with so few turns its ratio says nothing. The label `reason` of "
        "prober_slots_missed_total tells why.",
    )


def _of_findings(plan: Plan) -> Iterator[AlertRule]:
    everywhere = _unless_maintained(plan)
    yield AlertRule(
        name="ProberAuthFailOpen",
        expr=f"max without ({_INSTANCES}) (prober_auth_fail_open) == 1{everywhere}",
        severity=Severity.CRITICAL,
        keep_seconds=900.0,
        summary="auth is failing OPEN: {{ $labels.service }} accepted a token it must refuse",
        description="A bad token was let in, beside a good one at the same door. The report tells which control.",
    )
    yield AlertRule(
        name="ProberSecretMismatch",
        expr=f"min without ({_INSTANCES}) (prober_secret_match) == 0{everywhere}",
        severity=Severity.PAGE,
        wait_seconds=_two_checks(plan),
        summary="{{ $labels.secret }} differs between {{ $labels.left }} and {{ $labels.right }}",
        description="In two checks running. Whoever signs with one copy is refused by who holds the other.",
    )
    yield AlertRule(
        name="ProberStepFailing",
        expr=f'max without ({_INSTANCES}) (prober_alert_state{{alert="{Alert.STEP}"}}) == 2',
        severity=Severity.TICKET,
        summary="one step of {{ $labels.chain }} fails each time, while others pass",
        description="Three rounds running: no matter of chance. The report names the step, ProberRootCause the cause.",
    )
    yield AlertRule(
        name="ProberPostDeployRegression",
        expr=f'sum without ({_INSTANCES}, verdict) (increase(prober_gate_verdicts_total{{verdict="fail"}}[15m])) > 0',
        severity=Severity.PAGE,
        summary="{{ $labels.chain }} is worse since the deploy",
        description="A gate said fail in the last 15 minutes. Roll back, or read the report of the gate.",
    )
    yield AlertRule(
        name="ProberClockOffset",
        expr=f"max without ({_INSTANCES}) (abs(prober_clock_offset_seconds)) > {_CLOCK_SECONDS}",
        severity=Severity.TICKET,
        wait_seconds=600.0,
        summary="the clock of {{ $labels.service }} is off by {{ $value | humanizeDuration }}",
        description="Tokens carry times: one from the future, or past its end, is refused. Set the clock by NTP.",
    )
    left = f"min without ({_INSTANCES}) (prober_tls_certificate_expiry_timestamp_seconds) - time()"
    yield AlertRule(
        name="ProberCertificateExpiry",
        expr=f"{left} < {_CERTIFICATE_DAYS * 86_400:g}",
        severity=Severity.TICKET,
        summary="the certificate of {{ $labels.service }} ends in {{ $value | humanizeDuration }}",
        description="Once it has ended, nobody can connect.",
    )


def _two_checks(plan: Plan) -> float:
    """By when every chain that compares secrets has done so twice."""
    comparing = [chain for chain in plan.chains.values() if any(isinstance(s, SecretMatchStep) for s in chain.steps)]
    return 2 * max((chain.interval_seconds for chain in comparing), default=_USUAL_INTERVAL_SECONDS)


def _root_cause(cause: Cause, plan: Plan) -> AlertRule:
    """One for each cause, as what to do about it stands in the alert."""
    active = f'max without ({_INSTANCES}) (prober_diagnosis_active{{cause="{cause.name}"}}) == 1'
    todo = " ".join(f"({number}) {_untemplated(each)}." for number, each in enumerate(cause.remedy, start=1))
    return AlertRule(
        name="ProberRootCause",
        expr=active + _unless_maintained_by_name(plan),
        severity=Severity.TICKET,
        wait_seconds=60.0,
        labels={"cause": cause.name},
        summary=f"{{{{ $labels.chain }}}}: {_untemplated(cause.title)}",
        description=f"{todo} More: prober explain {cause.name}",
    )


def _of_ourselves() -> Iterator[AlertRule]:
    yield AlertRule(
        name="ProberAbsent",
        expr="absent(prober_build_info)",
        severity=Severity.PAGE,
        wait_seconds=120.0,
        summary="no prober is being scraped",
        description="It is down, or Prometheus cannot reach it; nothing is known of the services.",
    )
    yield AlertRule(
        name="ProberShardAbsent",
        expr=(
            f"max by ({_OF_ONE_PROBER}) (prober_shards)\n"
            f"- count by ({_OF_ONE_PROBER}) (count by ({_OF_ONE_PROBER}, shard) (prober_shards)) > 0"
        ),
        severity=Severity.PAGE,
        wait_seconds=120.0,
        summary="{{ $value }} of the prober's shards are not being scraped",
        description="Nobody looks at the chains that fall to them, and their other alerts are silent for that reason.",
    )
    yield AlertRule(
        name="ProberReloadFailed",
        expr=f"min without ({_INSTANCES}) (prober_config_last_reload_successful) == 0",
        severity=Severity.TICKET,
        summary="the prober refused its new config",
        description="The one before is still in force. `prober check` tells what is wrong.",
    )
    yield AlertRule(
        name="ProberPaused",
        expr=f"max without ({_INSTANCES}) (prober_paused) == 1",
        severity=Severity.TICKET,
        wait_seconds=_FORGOTTEN_SECONDS,
        summary="{{ $labels.service }} has been paused for half an hour: nothing is sent to it",
        description="An operator pulled the switch, or forgot it: `prober pauses` tells who, when and why; lift it "
        "with `prober resume`. Until then nobody looks, so silence of the other alerts means nothing.",
    )
    yield AlertRule(
        name="ProberSelfTestFailed",
        expr=f"min without ({_INSTANCES}) (prober_selftest_up) == 0",
        severity=Severity.PAGE,
        wait_seconds=60.0,
        summary="the prober fails its own test",
        description="What it says of the services cannot be trusted; Alertmanager holds its other alerts back.",
    )


# ── pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _where(chain: Chain) -> str:
    return f'chain="{chain.name}"'


def _at(chain: Chain) -> str:
    return f"{{{_where(chain)}}}"


def _series(chain: Chain) -> tuple[Any, Any]:
    """The recorded samples and failures of a chain, by how many turns."""
    return (
        lambda turns: f"chain:prober_samples:last{turns}{_at(chain)}",
        lambda turns: f"chain:prober_failures:last{turns}{_at(chain)}",
    )


def _unless_maintained(plan: Plan, chain: Chain | None = None, turns: int = 0) -> str:
    """Silence while `chain`, or everything, is maintained, and until so many turns afterwards are clean.

    Prometheus cannot leave out the samples of a maintenance, as the built-in alarms do; so it waits for better ones.
    """
    after = timedelta(seconds=turns * chain.interval_seconds if chain else 0.0)
    times = (
        (time.begins.timestamp(), (time.ends + after).timestamp())
        for time in plan.maintenance
        if not time.chains or (chain is not None and chain.name in time.chains)
    )
    return "".join(f"\nunless on () (vector(time()) >= {begins:.0f} < {ends:.0f})" for begins, ends in times)


def _unless_maintained_by_name(plan: Plan) -> str:
    """The same for an alert of many chains: of each, its own."""
    named = (
        f"\nunless on (chain) label_replace(vector(time()) >= {time.begins.timestamp():.0f} "
        f'< {time.ends.timestamp():.0f}, "chain", "{name}", "", "")'
        for time in plan.maintenance
        for name in time.chains
    )
    return _unless_maintained(plan) + "".join(named)


def _untemplated(text: str) -> str:
    """Text that Prometheus will not take for a template."""
    return text.replace("{{", '{{ "{{" }}')


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _block(expr: str) -> str:
    """An expression of several lines as such."""
    return LiteralScalarString(expr) if "\n" in expr else expr


# ── as a document ────────────────────────────────────────────────────────────────────────────────────────────────────


def _alert(rule: AlertRule, plan: Plan) -> dict[str, Any]:
    waits = {"for": duration(rule.wait_seconds)} if rule.wait_seconds else {}
    keeps = {"keep_firing_for": duration(rule.keep_seconds)} if rule.keep_seconds else {}
    return {
        "alert": rule.name,
        "expr": _block(rule.expr),
        **waits,
        **keeps,
        "labels": {"severity": str(rule.severity), **dict(_labels(plan)), **rule.labels},
        "annotations": {"summary": rule.summary, "description": rule.description, **dict(_links(rule, plan))},
    }


def _labels(plan: Plan) -> Iterable[tuple[str, str]]:
    yield "environment", plan.environment
    if plan.alerting.team:
        yield "team", plan.alerting.team


def _links(rule: AlertRule, plan: Plan) -> Iterable[tuple[str, str]]:
    if url := plan.alerting.runbook_url:
        yield "runbook_url", _runbook(url, rule)
    if url := plan.alerting.dashboard_url:
        yield "dashboard_url", url


def _runbook(url: str, rule: AlertRule) -> str:
    """Its page in a folder such as docs/ (a cause has its own), its place on a page, or whatever place `url` names."""
    if url.endswith("/"):
        cause = rule.labels.get("cause")
        return f"{url}causes.md#{cause}" if cause else f"{url}runbooks/{rule.name}.md"
    return url if "#" in url else f"{url}#{rule.name.lower()}"
