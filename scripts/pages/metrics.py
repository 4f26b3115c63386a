"""docs/reference/metrics.md: every metric of /metrics with its type, labels and help, from the collector itself."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from prober.config.load import load
from prober.judge.causes import catalogue
from prober.model.chain import Plan
from prober.publish import metrics
from prober.publish.board import Board
from prober.publish.exposition import Family
from prober.publish.revisions import MOST as MOST_REVISIONS
from scripts.pages import cardinality
from scripts.pages.markdown import code, joined, listed, page, table

_ROOT = Path(__file__).parents[2]

_INTRO = """\
What `/metrics` of `prober serve` tells, as Prometheus text or OpenMetrics by `Accept`. Label values come from closed
sets and from names of your `probes.yaml`; never from what a target says, but for its revision, whose shape is checked.
What is not known has no sample: unknown is never zero. Durations are seconds, times are Unix time. A histogram has the
usual `_bucket`, `_sum` and `_count`. What [`/probe`](../probe.md) answers has names of its own, `probe_…`."""

_BOUND = """\
## How many series

The last column is how many series a metric has at most, by what is configured. No status, close code, path, reason or
text of a target or a caller makes one more; a reload of the same config leaves them as they are. Those of which the
[alerts](alerts.md) take an increase or a rate are there from the start, at zero, so that the first increase counts;
other codes, reasons and causes come when they are first seen, and stay. A revision replaces the one before; of one
service {revisions} are named within a day, and any other is `other`.

The shipped `probes.yaml` begins with {first:,} series and can have {most:,}; for that every step would have to meet
every code and every reason, and every cause be named."""

#: What a label's values are that are no closed set, or one with a page of its own.
_NAMED: Mapping[str, str] = {
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
}

_NAMED_OF_ONE: Mapping[tuple[str, str], str] = {
    ("prober_success_ratio", "step"): f"the chain's steps, and `{metrics.WHOLE_CHAIN}` for the whole chain",
    ("prober_success_samples", "step"): f"the chain's steps, and `{metrics.WHOLE_CHAIN}` for the whole chain",
}

#: What stands where nobody has said yet what a label's values are; a test finds it.
UNTOLD = "**not told yet**"


def text() -> str:
    """The whole page."""
    plan = shipped()
    known = list(families(plan))
    summary = table(
        ("metric", "type", "labels", "tells", "series at most"),
        [
            (code(each.name), each.kind, listed(each.labels, "and"), joined(each.about), cardinality.told(each))
            for each in known
        ],
    )
    bound = _BOUND.format(
        first=sum(map(cardinality.lines, families(plan))),
        most=sum(cardinality.most(each, plan) for each in known),
        revisions=MOST_REVISIONS,
    )
    used = sorted({(label, values(each.name, label), each.name) for each in known for label in each.labels})
    return page("Metrics", _INTRO, summary, bound, f"## Labels\n\n{_label_table(used)}")


def shipped() -> Plan:
    """What the shipped config says."""
    return load(_ROOT / "probes.yaml", {})


def families(plan: Plan) -> Iterable[Family]:
    """Every metric, as `plan` begins."""
    board = Board(plan, [cause.name for cause in catalogue()], lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return metrics.families(board, "")


def values(metric: str, label: str) -> str:
    """The values that a label of a metric may have."""
    named = _NAMED_OF_ONE.get((metric, label)) or _NAMED.get(label)
    closed = cardinality.closed(metric, label)
    return named or (listed(closed) if closed else UNTOLD)


def _label_table(used: Iterable[tuple[str, str, str]]) -> str:
    """A row for each label; one more for each metric that means something of its own by it."""
    return table(("label", "of", "values"), list(_label_rows(list(used))))


def _label_rows(used: list[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    for label, told in dict.fromkeys((label, told) for label, told, _ in used):
        metrics = [metric for other, same, metric in used if (other, same) == (label, told)]
        is_only = len({same for other, same, _ in used if other == label}) == 1
        yield code(label), "all that have it" if is_only else listed(metrics, "and"), told
