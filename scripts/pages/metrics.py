"""docs/reference/metrics.md: every metric of /metrics with its type, labels and help, from the collector itself."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from prober.config.load import load
from prober.judge.causes import catalogue
from prober.judge.window import WINDOWS
from prober.model.alarm import Alert
from prober.model.chain import Trigger
from prober.model.copies import Fetched
from prober.model.diagnosis import Confidence
from prober.model.gate import GateVerdict
from prober.model.notice import Delivery
from prober.model.observation import Initiator
from prober.model.slot import Missed
from prober.model.trouble import Phase
from prober.model.verdict import Outcome, RunVerdict, Verdict
from prober.publish import labels, metrics
from prober.publish.board import Board
from prober.publish.exposition import Family
from scripts.pages.markdown import code, joined, listed, page, table

_ROOT = Path(__file__).parents[2]

_INTRO = """\
What `/metrics` of `prober serve` tells, as Prometheus text or OpenMetrics by `Accept`. Label values come from closed
sets and from names of your `probes.yaml`; never from what a target says, but for its revision, whose shape is checked.
What is not known has no sample: unknown is never zero. Durations are seconds, times are Unix time. A histogram has the
usual `_bucket`, `_sum` and `_count`. What [`/probe`](../probe.md) answers has names of its own, `probe_…`."""

#: What a label's values are, whatever the metric.
_VALUES: Mapping[str, str] = {
    "chain": "your chains",
    "step": "the chain's steps",
    "service": "your services",
    "secret": "your secrets that are compared",
    "left": "parties of that comparison",
    "right": "parties of that comparison",
    "issuer": "your issuers, or what they are for",
    "verifier": "who was asked: a service's role, or its WebSocket",
    "control": "the [controls](../controls.md) you use",
    "cause": "the [root causes](../causes.md)",
    "name": "receivers of `notify:`",
    "version": "of this program",
    "revision": "of a service, or of this program",
    "python": "its version",
    "shard": "the number of this instance's [shard](../scale.md)",
    "window": listed(WINDOWS),
    "phase": listed(Phase),
    "alert": listed(Alert),
    "trigger": listed(Trigger),
    "initiator": listed(Initiator),
    "expected": listed(labels.EXPECTED),
    "component": listed(labels.COMPONENTS),
    "confidence": listed(Confidence),
    "surface": listed(("http", "websocket")),
    "stage": listed(("response", "handshake", "post_accept")),
}

#: What they are where that differs by metric.
_OF_ONE: Mapping[tuple[str, str], str] = {
    ("prober_chain_runs_total", "verdict"): listed(RunVerdict),
    ("prober_step_results_total", "verdict"): listed(Verdict),
    ("prober_gate_verdicts_total", "verdict"): listed(GateVerdict),
    ("prober_step_failures_total", "reason"): listed(labels.FAILURES),
    ("prober_slots_missed_total", "reason"): listed(Missed),
    ("prober_http_responses_total", "code"): listed(labels.HTTP_CODES),
    ("prober_websocket_handshakes_total", "code"): listed(labels.HANDSHAKE_CODES),
    ("prober_websocket_closes_total", "code"): listed(labels.CLOSE_CODES),
    ("prober_trigger_requests_total", "outcome"): listed(labels.TRIGGER_OUTCOMES),
    ("prober_notifications_total", "outcome"): listed(Delivery),
    ("prober_tokens_minted_total", "outcome"): listed(labels.MINT_OUTCOMES.values()),
    ("prober_token_mint_duration_seconds", "outcome"): listed(labels.MINT_OUTCOMES.values()),
    ("prober_token_verifications_total", "outcome"): listed(Outcome),
    ("prober_control_results_total", "outcome"): listed(Outcome),
    ("prober_secret_fetches_total", "outcome"): listed(Fetched),
    ("prober_secret_checks_total", "outcome"): listed(dict.fromkeys(labels.SECRET_OUTCOMES.values())),
    ("prober_success_ratio", "step"): f"the chain's steps, and `{metrics.WHOLE_CHAIN}` for the whole chain",
    ("prober_success_samples", "step"): f"the chain's steps, and `{metrics.WHOLE_CHAIN}` for the whole chain",
}

#: What stands where nobody has said yet what a label's values are; a test finds it.
UNTOLD = "**not told yet**"


def text() -> str:
    """The whole page."""
    known = list(families())
    summary = table(
        ("metric", "type", "labels", "tells"),
        [(code(each.name), each.kind, listed(each.labels, "and"), joined(each.about)) for each in known],
    )
    used = sorted({(label, values(each.name, label), each.name) for each in known for label in each.labels})
    return page("Metrics", _INTRO, summary, f"## Labels\n\n{_label_table(used)}")


def families() -> Iterable[Family]:
    """Every metric, of the shipped config."""
    plan = load(_ROOT / "probes.yaml", {})
    board = Board(plan, [cause.name for cause in catalogue()], lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return metrics.families(board, "")


def values(metric: str, label: str) -> str:
    """The values that a label of a metric may have."""
    return _OF_ONE.get((metric, label)) or _VALUES.get(label) or UNTOLD


def _label_table(used: Iterable[tuple[str, str, str]]) -> str:
    """A row for each label; one more for each metric that means something of its own by it."""
    return table(("label", "of", "values"), list(_label_rows(list(used))))


def _label_rows(used: list[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    for label, told in dict.fromkeys((label, told) for label, told, _ in used):
        metrics = [metric for other, same, metric in used if (other, same) == (label, told)]
        is_only = len({same for other, same, _ in used if other == label}) == 1
        yield code(label), "all that have it" if is_only else listed(metrics, "and"), told
