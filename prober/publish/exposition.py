"""Exposition: families of samples become lines, as Prometheus text 0.0.4 or as OpenMetrics 1.0.

Rule: byte for byte what prometheus_client writes, in a fifteenth of its time: what lines have in common is put together
once. It still writes what is seldom asked for (`reference`), and the tests hold every line to it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, islice

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from prober.model.trace import trace_id
from prober.publish.totals import Labels, Row, Timing

#: So many series are written at a time, in a fraction of a millisecond.
_SERIES = 64

#: From here on Go, whose numbers Prometheus reads, writes exponents, and Python does not yet.
_LARGE = 1e6

#: Ways to write names that nobody asks for whose names are ordinary.
_SELDOM = ("escaping=dots", "escaping=values")


class Kind(StrEnum):
    """What sort of metric a family is."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric by the name it is scraped under, its label names and its series; of a histogram `timings` instead."""

    kind: Kind
    name: str
    about: str
    labels: Labels
    rows: Iterable[Row[float]] = ()
    timings: Iterable[Row[Timing]] = ()
    bounds: tuple[float, ...] = ()


def written(families: Iterable[Family], accept: str) -> tuple[Iterator[bytes], str]:
    """The page, some lines at a time, and its content type: Prometheus text or OpenMetrics, as asked."""
    encode, content_type = choose_encoder(accept)
    if content_type.endswith(_SELDOM):
        return iter([encode(_registry(families))]), content_type
    is_open = content_type.startswith("application/openmetrics-text")
    return map(str.encode, _blocks(_page(families, is_open=is_open))), content_type


def reference(families: Iterable[Family], accept: str) -> bytes:
    """The page as prometheus_client writes it."""
    encode, _ = choose_encoder(accept)
    return encode(_registry(families))


def _blocks(pieces: Iterator[str]) -> Iterator[str]:
    while block := "".join(islice(pieces, _SERIES)):
        yield block


def _page(families: Iterable[Family], *, is_open: bool) -> Iterator[str]:
    for family in families:
        yield _head(family, is_open=is_open)
        yield from _histogram(family, is_open=is_open) if family.kind is Kind.HISTOGRAM else _samples(family)
    if is_open:
        yield "# EOF\n"


def _head(family: Family, *, is_open: bool) -> str:
    """OpenMetrics calls a counter's family by its name without `_total`."""
    name = family.name.removesuffix("_total") if is_open and family.kind is Kind.COUNTER else family.name
    about = family.about.replace("\\", r"\\").replace("\n", r"\n")
    if is_open:
        about = about.replace('"', r"\"")
    return f"# HELP {name} {about}\n# TYPE {name} {family.kind}\n"


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _samples(family: Family) -> Iterator[str]:
    around, firsts = _Around(family.name, family.labels), _Firsts()
    told = _Counts().__getitem__ if family.kind is Kind.COUNTER else number
    for first, rest, value in family.rows:
        before, after = around[rest]
        yield f"{before}{firsts[first]}{after}{told(value)}\n"


def _histogram(family: Family, *, is_open: bool) -> Iterator[str]:
    """Of each series its buckets, how many it counted, and their sum: all its lines at once."""
    frames, firsts, counts, sources = _Frames(family), _Firsts(), _Counts(), _Sources()
    for first, rest, timing in family.timings:
        numbers = [counts[count] for count in accumulate(timing.counts)]
        numbers += [numbers[-1], number(timing.sum_seconds)]
        if is_open:
            for place, mark in timing.marks.items():
                numbers[place] += f" # {sources[mark.run_id]} {number(mark.seconds)} {mark.at.timestamp()}"
        name = firsts[first]
        yield "".join(
            [f"{before}{name}{after}{told}\n" for (before, after), told in zip(frames[rest], numbers, strict=True)]
        )


def number(value: float) -> str:
    """A number as Go writes it."""
    told = float(value)
    return repr(told) if -_LARGE < told < _LARGE else str(floatToGoString(told))  # type: ignore[no-untyped-call]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class _Counts(dict[float, str]):
    """Numbers that come again and again, as they are written."""

    def __missing__(self, count: float) -> str:
        told = self[count] = number(count)
        return told


class _Firsts(dict[Labels, str]):
    """The values of first labels, as they are written."""

    def __missing__(self, first: Labels) -> str:
        told = self[first] = _escaped(first[0]) if first else ""
        return told


class _Sources(dict[str, str]):
    """By its id, a run as it is named where it may be: beside a sample, never among its labels."""

    def __missing__(self, run_id: str) -> str:
        pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(_source(run_id).items()))
        told = self[run_id] = f"{{{pairs}}}"
        return told


def _source(run_id: str) -> dict[str, str]:
    trace = trace_id(run_id)
    return {"run_id": run_id[:64]} | ({"trace_id": trace} if trace else {})


class _Around(dict[Labels, tuple[str, str]]):
    """By the labels after the first, what stands in a line before and after the first one's value."""

    def __init__(self, name: str, labels: Labels, bound: str = "") -> None:
        super().__init__()
        self._name, self._first, self._others = name, labels[:1], labels[1:]
        self._bound = [("le", bound)] if bound else []

    def __missing__(self, rest: Labels) -> tuple[str, str]:
        others = sorted((*zip(self._others, rest, strict=True), *self._bound))
        told = self[rest] = self._around([(name, f'{name}="{_escaped(value)}"') for name, value in others])
        return told

    def _around(self, others: list[tuple[str, str]]) -> tuple[str, str]:
        if not self._first:
            pairs = ",".join(pair for _, pair in others)
            return (f"{self._name}{{{pairs}}} " if pairs else f"{self._name} "), ""
        (first,) = self._first
        before = "".join(f"{pair}," for name, pair in others if name < first)
        after = "".join(f",{pair}" for name, pair in others if name > first)
        return f'{self._name}{{{before}{first}="', f'"{after}}} '


class _Frames(dict[Labels, list[tuple[str, str]]]):
    """The same of all lines of one series of a histogram."""

    def __init__(self, family: Family) -> None:
        super().__init__()
        bounds = (*map(str, family.bounds), "+Inf")
        self._lines = [_Around(f"{family.name}_bucket", family.labels, bound) for bound in bounds]
        self._lines += [_Around(f"{family.name}_{what}", family.labels) for what in ("count", "sum")]

    def __missing__(self, rest: Labels) -> list[tuple[str, str]]:
        told = self[rest] = [around[rest] for around in self._lines]
        return told


# ── the reference ────────────────────────────────────────────────────────────────────────────────────────────────────


def _registry(families: Iterable[Family]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(families))
    return registry


class _Collector(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return map(_metric, self._families)


def _metric(family: Family) -> Metric:
    match family.kind:
        case Kind.HISTOGRAM:
            return _histogram_metric(family)
        case Kind.COUNTER:
            metric: CounterMetricFamily | GaugeMetricFamily
            metric = CounterMetricFamily(family.name, family.about, labels=family.labels)
        case Kind.GAUGE:
            metric = GaugeMetricFamily(family.name, family.about, labels=family.labels)
    for first, rest, value in family.rows:
        metric.add_metric((*first, *rest), value)
    return metric


def _histogram_metric(family: Family) -> Metric:
    metric = HistogramMetricFamily(family.name, family.about, labels=family.labels)
    bounds = (*map(str, family.bounds), "+Inf")
    for first, rest, timing in family.timings:
        metric.add_metric((*first, *rest), list(_buckets(bounds, timing)), timing.sum_seconds)
    return metric


def _buckets(bounds: tuple[str, ...], timing: Timing) -> Iterator[tuple[str, float] | tuple[str, float, Exemplar]]:
    for place, (bound, count) in enumerate(zip(bounds, accumulate(timing.counts), strict=True)):
        mark = timing.marks.get(place)
        told = Exemplar(_source(mark.run_id), mark.seconds, mark.at.timestamp()) if mark else None
        yield (bound, count, told) if told else (bound, count)
