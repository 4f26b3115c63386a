"""The long view: a chain's steps over hours or weeks as bars, with what changed and what was missed between them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from prober.publish import words
from prober.publish.history.bars import Bar, CauseTime, Coverage, RevisionMark

#: How far one may look back, and in how many stretches: as many as a phone can show, of whole half hours where long.
SPANS: Mapping[str, tuple[timedelta, int]] = {
    "1h": (timedelta(hours=1), 60),
    "24h": (timedelta(hours=24), 48),
    "7d": (timedelta(days=7), 56),
    "30d": (timedelta(days=30), 60),
}

#: A drawing is so wide, and each row so high, in units of its own.
WIDTH, HEIGHT = 600.0, 16.0

#: Beyond this share of failures a bar is full.
_GAP = 0.8

#: Causes that were named most are told.
_MOST_CAUSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What one step came to in one stretch of time."""

    x: float
    width: float
    verdict: str  # pass, fail, mixed, blind, skip
    failed: float  # share of the height
    since: datetime
    until: datetime
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step: its blocks, and how long it took."""

    step: str
    blocks: tuple[Block, ...]
    p50: str  # points of a polyline, empty without two of them
    p95: str
    slowest: str
    is_troubled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A revision that was first seen then."""

    x: float
    number: int
    revision: RevisionMark


@dataclass(frozen=True, slots=True, kw_only=True)
class LongView:
    """A chain over a span of time."""

    span: str
    since: datetime
    until: datetime
    lines: tuple[Line, ...]
    gaps: tuple[tuple[float, float], ...]  # where nothing was looked at: x and width
    marks: tuple[Mark, ...]
    causes: tuple[tuple[str, int], ...]
    expected: int
    recorded: int
    missed: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the store tells of a chain."""

    bars: Sequence[Bar]
    causes: Sequence[CauseTime]
    revisions: Sequence[RevisionMark]
    coverage: Sequence[Coverage]


def long_view_of(span: str, now: datetime, steps: Iterable[str], past: Past) -> LongView:
    """The long view of a chain with such steps."""
    length, buckets = SPANS[span]
    scale = Scale(now - length, now, buckets)
    lines = [_line(step, [bar for bar in past.bars if bar.step == step], scale) for step in steps]
    missed: dict[str, int] = {}
    for each in past.coverage:
        for reason, count in each.missed.items():
            missed[reason] = missed.get(reason, 0) + count
    return LongView(
        span=span,
        since=scale.since,
        until=now,
        lines=tuple(sorted((line for line in lines if line.blocks), key=lambda line: not line.is_troubled)),
        gaps=tuple(_gaps(past.bars, scale)),
        marks=tuple(_marks(past.revisions, scale)),
        causes=tuple(_counted(past.causes)),
        expected=sum(each.expected for each in past.coverage),
        recorded=sum(each.recorded for each in past.coverage),
        missed=missed,
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """Time as a place on the drawing."""

    since: datetime
    until: datetime
    buckets: int

    def x(self, at: datetime) -> float:
        """Where a moment is."""
        whole = (self.until - self.since).total_seconds()
        return round(min(max((at - self.since).total_seconds() / whole, 0.0), 1.0) * WIDTH, 1)


# ── one step ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _line(step: str, bars: Sequence[Bar], scale: Scale) -> Line:
    longest = max((bar.p95_seconds or 0.0 for bar in bars), default=0.0)
    return Line(
        step=step,
        blocks=tuple(_block(bar, scale) for bar in bars),
        p50=_points([(bar, bar.p50_seconds) for bar in bars], longest, scale),
        p95=_points([(bar, bar.p95_seconds) for bar in bars], longest, scale),
        slowest=words.milliseconds(longest) if longest else "",
        is_troubled=any("fail" in bar.verdicts for bar in bars),
    )


def _block(bar: Bar, scale: Scale) -> Block:
    begins, ends = scale.x(bar.since), scale.x(bar.until)
    failed, looked = bar.verdicts.get("fail", 0), sum(bar.verdicts.get(each, 0) for each in ("pass", "fail"))
    return Block(
        x=begins,
        width=round(max(ends - begins - _GAP, 1.0), 1),
        verdict=_verdict(bar.verdicts),
        failed=round(failed / looked, 3) if looked else 0.0,
        since=bar.since,
        until=bar.until,
        told=_told(bar),
    )


def _verdict(verdicts: Mapping[str, int]) -> str:
    if verdicts.get("fail"):
        return "mixed" if verdicts.get("pass") else "fail"
    return next((each for each in ("pass", "blind", "skip") if verdicts.get(each)), "skip")


def _told(bar: Bar) -> str:
    counts = ", ".join(f"{count} {_WORDS[verdict]}" for verdict, count in sorted(bar.verdicts.items()))
    speed = f"; half took {words.milliseconds(bar.p50_seconds)} at most" if bar.p50_seconds is not None else ""
    return f"{counts}{speed}"


_WORDS: Mapping[str, str] = {"pass": "held", "fail": "failed", "blind": "not seen by our own fault", "skip": "moot"}


def _points(bars: Sequence[tuple[Bar, float | None]], longest: float, scale: Scale) -> str:
    """From the bottom, as far up as the slowest of the line is at the top."""
    told = [(bar, seconds) for bar, seconds in bars if seconds is not None]
    if len(told) < 2 or not longest:  # noqa: PLR2004 - a line has two ends
        return ""
    middle = [(scale.x(bar.since + (bar.until - bar.since) / 2), seconds) for bar, seconds in told]
    return " ".join(f"{x},{round(HEIGHT * (1 - seconds / longest), 1)}" for x, seconds in middle)


# ── between the bars ─────────────────────────────────────────────────────────────────────────────────────────────────


def _gaps(bars: Sequence[Bar], scale: Scale) -> Iterator[tuple[float, float]]:
    """Stretches in which no step was looked at, from the first look on: of before there is nothing to know."""
    covered = sorted({(scale.x(bar.since), scale.x(bar.until)) for bar in bars})
    ends = [*covered, (WIDTH, WIDTH)]
    for (_, left), (right, _) in pairwise(ends):
        if right - left > WIDTH / scale.buckets / 2:
            yield left, round(right - left, 1)


def _marks(revisions: Sequence[RevisionMark], scale: Scale) -> Iterator[Mark]:
    shown = [mark for mark in revisions if scale.since <= mark.at <= scale.until]
    for number, mark in enumerate(shown, 1):
        yield Mark(x=scale.x(mark.at), number=number, revision=mark)


def _counted(causes: Sequence[CauseTime]) -> Sequence[tuple[str, int]]:
    runs: dict[str, int] = {}
    for each in causes:
        runs[each.cause] = runs.get(each.cause, 0) + each.runs
    return sorted(runs.items(), key=lambda told: -told[1])[:_MOST_CAUSES]
