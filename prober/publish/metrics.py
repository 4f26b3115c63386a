"""The board as Prometheus metrics, made at the moment of the scrape; every name is fixed in the interface.

Rule 1: label values come from closed sets. Rule 2: what is not known has no sample; unknown is never zero.
Rule 3: a page takes time, so whoever lives on the event loop renders a snapshot of the board in a thread.
`prober_success_ratio` and `prober_success_samples` tell of a whole chain under step="_chain".
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from prober.model.alarm import AlarmState
from prober.model.facts import Facts
from prober.model.report import Report
from prober.model.trend import Window
from prober.publish import labels
from prober.publish.board import Board
from prober.publish.counted import COUNTERS, TIMINGS
from prober.publish.exposition import Family, Kind, written
from prober.publish.totals import Labels, Timings, Totals

#: The `step` label of figures of a whole chain; no step can be called so, names begin with a letter.
WHOLE_CHAIN = "_chain"

#: The values of `prober_alert_state`; where there are too few samples to tell, it has none.
ALARM_STATES = {AlarmState.GOOD: 0, AlarmState.RESOLVED: 0, AlarmState.PENDING: 1, AlarmState.FIRING: 2}

Samples = Iterable[tuple[Labels, float]]


def render(board: Board, accept: str, *, revision: str = "") -> tuple[bytes, str]:
    """The page and its content type: Prometheus text or OpenMetrics, as `accept` asks; `revision` is this program's."""
    blocks, content_type = rendered(board, accept, revision=revision)
    return b"".join(blocks), content_type


def rendered(board: Board, accept: str, *, revision: str = "") -> tuple[Iterator[bytes], str]:
    """The same, some lines at a time."""
    return written(families(board, revision), accept)


def families(board: Board, revision: str) -> Iterator[Family]:
    """Every metric that can be told now; each has all its series while it is looked at."""
    yield from _about_us(board, revision)
    yield from _chains(board)
    yield from _counters(board)
    yield from _timings(board)
    yield from _steps(board)
    yield from _findings(board)
    yield from _services(board)


def _gauge(name: str, about: str, names: Labels, samples: Samples) -> Family:
    return Family(Kind.GAUGE, name, about, names, ((labels[:1], labels[1:], value) for labels, value in samples))


def _counter(name: str, about: str, names: Labels, totals: Totals) -> Family:
    return Family(Kind.COUNTER, name, about, names, totals.rows())


def _histogram(name: str, about: str, names: Labels, timings: Timings) -> Family:
    return Family(Kind.HISTOGRAM, name, about, names, timings=timings.rows(), bounds=timings.bounds)


def _stamp(at: datetime | None) -> Iterator[float]:
    if at is not None:
        yield at.timestamp()


# ── ourselves ────────────────────────────────────────────────────────────────────────────────────────────────────────


def our_version() -> str:
    """The version this program was installed as."""
    try:
        return version("post-deploy-prober")
    except PackageNotFoundError:
        return "unknown"


def _about_us(board: Board, revision: str) -> Iterator[Family]:
    build = (our_version(), labels.revision(revision) if revision else "", python_version())
    yield _gauge("prober_build_info", "This program.", ("version", "revision", "python"), [(build, 1)])
    yield _gauge(
        "prober_config_last_reload_successful",
        "Whether the last attempt to load the config succeeded; if not, the one before is still in force.",
        (),
        [((), board.reload.successful)],
    )
    yield _gauge(
        "prober_config_last_reload_success_timestamp_seconds",
        "When the config in force was loaded.",
        (),
        [((), board.reload.succeeded_at.timestamp())],
    )
    yield _gauge(
        "prober_shards",
        "Over how many shards the chains are spread, as this one has it; absent where they are not.",
        ("shard",),
        [((str(shard.number),), shard.of) for shard in (board.plan.shard,) if shard],
    )
    yield _gauge("prober_runs_in_flight", "Runs going on now.", (), [((), board.runs_in_flight)])
    yield _gauge(
        "prober_event_loop_lag_seconds",
        "The worst lag of our event loop in the last one to two minutes; runs that meet half a second are blind.",
        (),
        [((), lag) for lag in (board.loop_lag_seconds,) if lag is not None],
    )
    yield _gauge(
        "prober_selftest_up",
        "Whether our own judgement held when last put to the test; while it does not, every run is blind.",
        (),
        [((), told.passed) for told in (board.selftest,) if told is not None],
    )
    yield _gauge(
        "prober_history_bytes",
        "Room that slots, runs and what waits to be written down take.",
        (),
        [((), board.history_size)] if board.history_size is not None else [],
    )
    yield _counter(
        "prober_trigger_requests_total", "Requests to run now, by what became of them.", ("outcome",), board.triggers
    )
    yield _counter(
        "prober_gate_verdicts_total", "Gates held after a deploy, by verdict.", ("chain", "verdict"), board.gates
    )
    yield _counter(
        "prober_internal_errors_total", "Failures of our own, by part.", ("component",), board.internal_errors
    )
    yield _counter(
        "prober_notifications_total",
        "Tries to hand a notice to a receiver: taken, failed and to be tried again, or given up.",
        ("name", "outcome"),
        board.notifications,
    )
    yield _histogram(
        "prober_schedule_lateness_seconds", "How long after it was due a scheduled run began.", (), board.lateness
    )


# ── chains ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _chains(board: Board) -> Iterator[Family]:
    ups = {chain: board.is_up(chain) for chain in board.plan.chains}
    yield _gauge(
        "prober_chain_up",
        "Whether the last run that could tell passed; absent when that was over three intervals ago, or it is paused.",
        ("chain",),
        [((chain,), up) for chain, up in ups.items() if up is not None],
    )
    yield _gauge(
        "prober_chain_last_run_timestamp_seconds",
        "When the last run of a chain ended.",
        ("chain",),
        [((chain,), ended.timestamp()) for chain, ended in board.last_runs().items()],
    )
    yield _gauge(
        "prober_chain_last_success_timestamp_seconds",
        "When a run of a chain last passed.",
        ("chain",),
        [((chain,), at.timestamp()) for chain, at in board.last_success.items()],
    )
    yield _gauge(
        "prober_success_ratio_threshold",
        "The success ratio a chain is held to.",
        ("chain",),
        [((chain.name,), chain.threshold) for chain in board.plan.chains.values()],
    )
    yield from _slots(board)


def _slots(board: Board) -> Iterator[Family]:
    chain = ("chain",)
    yield _counter("prober_slots_expected_total", "Turns of a chain that came due.", chain, board.slots_expected)
    yield _counter("prober_slots_recorded_total", "Due turns that ended in a report.", chain, board.slots_recorded)
    yield _counter(
        "prober_slots_missed_total", "Due turns not taken, by reason.", ("chain", "reason"), board.slots_missed
    )


# ── what is counted and timed ────────────────────────────────────────────────────────────────────────────────────────


def _counters(board: Board) -> Iterator[Family]:
    for counted in COUNTERS:
        yield _counter(counted.name, counted.about, counted.labels, board.counters[counted.name])


def _timings(board: Board) -> Iterator[Family]:
    for timed in TIMINGS:
        yield _histogram(timed.name, timed.about, timed.labels, board.timings[timed.name])


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _steps(board: Board) -> Iterator[Family]:
    yield _gauge(
        "prober_step_phase_duration_seconds",
        "How long each phase of a step's latest look took.",
        ("chain", "step", "phase"),
        (sample for report in board.reports() for sample in _phases(report)),
    )
    windows = [row for report in board.fresh_reports() for row in _windows(report)]
    names = ("chain", "step", "window")
    yield _gauge(
        "prober_success_ratio",
        "Successes over samples in a window; blind and skipped ones are in neither. step=_chain: the whole chain.",
        names,
        [(series, window.ratio) for series, window in windows if window.ratio is not None],
    )
    yield _gauge(
        "prober_success_samples",
        "Samples behind the success ratio.",
        names,
        [(series, window.samples) for series, window in windows],
    )


def _phases(report: Report) -> Iterator[tuple[Labels, float]]:
    chain = report.run.chain.name
    for result in report.run.results:
        if result.observation is not None:
            step = result.step.name
            yield from (((chain, step, str(phase)), seconds) for phase, seconds in result.observation.phases.items())


def _windows(report: Report) -> Iterator[tuple[Labels, Window]]:
    for step, windows in {WHOLE_CHAIN: report.windows, **report.step_windows}.items():
        for window in windows:
            yield (report.run.chain.name, step, window.name), window


# ── findings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _findings(board: Board) -> Iterator[Family]:
    yield _gauge(
        "prober_auth_fail_open",
        "Whether a service was last seen to accept a token that must be refused; absent before a clear answer.",
        ("service",),
        [((service,), is_open) for service, is_open in board.fail_open().items()],
    )
    yield _gauge(
        "prober_secret_match",
        "Whether two parties hold the same secret, byte for byte; absent when that could not be told.",
        ("secret", "left", "right"),
        board.secret_pairs().items(),
    )
    yield from _copies(board)
    yield _gauge(
        "prober_diagnosis_active",
        "Whether a root cause is named in the latest report of a chain.",
        ("chain", "cause"),
        board.active_causes(),
    )
    yield _gauge(
        "prober_alert_state",
        "0 good, 1 pending (held by a deploy or a maintenance), 2 firing; absent where samples are too few to tell.",
        ("chain", "alert"),
        [
            ((alarm.chain, str(alarm.alert)), ALARM_STATES[alarm.state])
            for alarm in board.alarms()
            if alarm.state in ALARM_STATES
        ],
    )


def _copies(board: Board) -> Iterator[Family]:
    yield _counter(
        "prober_secret_fetches_total",
        "Times that the source of a secret was asked, by what came of it; a failure leaves us the last good value.",
        ("secret", "outcome"),
        board.fetches,
    )
    yield _gauge(
        "prober_secret_fetch_timestamp_seconds",
        "When the source of a secret last gave it; absent before it ever did.",
        ("secret",),
        [((copy.name,), copy.fetched.timestamp()) for copy in board.copies.values() if copy.fetched],
    )
    yield _gauge(
        "prober_secret_rotating",
        "Whether a version still counts beside the newest, so that services may take the new one at their own pace.",
        ("secret",),
        [((copy.name,), bool(copy.previous)) for copy in board.copies.values()],
    )
    yield _gauge(
        "prober_secret_behind",
        "Whether our copy is pinned to a version that is not the newest; absent where none is pinned.",
        ("secret",),
        [((copy.name,), copy.is_behind) for copy in board.copies.values() if copy.latest],
    )


# ── services ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _services(board: Board) -> Iterator[Family]:
    told = board.facts
    yield _gauge(
        "prober_paused",
        "Whether an operator has stopped all that is sent to a service; its chains' turns are missed meanwhile.",
        ("service",),
        [((name,), name in board.stopped.services) for name in board.plan.services],
    )
    yield _gauge(
        "prober_service_revision_info",
        "The revision a service last told of itself; `other` if it tells too many, or what looks like none.",
        ("service", "revision"),
        [((name, label), 1) for name, label in board.revisions.labels.items()],
    )
    yield _gauge(
        "prober_service_revision_change_timestamp_seconds",
        "When a service was first seen with its present revision, having had another before.",
        ("service",),
        [((name,), at.timestamp()) for name, at in board.revision_changed.items()],
    )
    yield _gauge(
        "prober_clock_offset_seconds",
        "A service's clock minus ours, from its Date header; good to a second.",
        ("service",),
        [((name,), offset) for name, facts in told.items() for offset in _offset(facts)],
    )
    yield _gauge(
        "prober_tls_certificate_expiry_timestamp_seconds",
        "When a service's certificate ends.",
        ("service",),
        [((name,), at) for name, facts in told.items() for at in _stamp(facts.certificate_not_after)],
    )


def _offset(facts: Facts) -> Iterator[float]:
    if facts.clock_offset_seconds is not None:
        yield facts.clock_offset_seconds
