from datetime import timedelta

from prober.publish.history.bars import Bar, CauseTime, Coverage, RevisionMark
from prober.publish.page.stretch import HEIGHT, WIDTH, Past, long_view_of
from tests import builders as b

NOW, MINUTE = b.NOON, timedelta(minutes=1)


def bar(minutes_ago, p95=0.1, step="messages", **verdicts):
    """One minute of a step."""
    since = NOW - minutes_ago * MINUTE
    return Bar(
        step=step,
        since=since,
        until=since + MINUTE,
        verdicts=verdicts,
        p50_seconds=p95 and p95 / 2,
        p95_seconds=p95,
        longest_seconds=p95,
    )


def view(*bars, causes=(), revisions=(), coverage=()):
    """An hour of two steps."""
    past = Past(bars=bars, causes=causes, revisions=revisions, coverage=coverage)
    return long_view_of("1h", NOW, ["mint", "messages"], past)


def test_a_bar_stands_where_its_time_is():
    """The last minute of an hour at the right end, a minute wide but for a hair."""
    (line,) = view(bar(1, **{"pass": 2})).lines
    (block,) = line.blocks

    assert (590.0, 9.2) == (block.x, block.width)
    assert block.x + block.width <= WIDTH
    assert ("pass", 0.0) == (block.verdict, block.failed)


def test_a_bar_shows_which_share_failed():
    """Of those looks that could tell; it says so in words too."""
    (line,) = view(bar(1, **{"pass": 3, "fail": 1, "blind": 4})).lines

    assert ("mixed", 0.25) == (line.blocks[0].verdict, line.blocks[0].failed)
    assert "4 not seen by our own fault, 1 failed, 3 held; half took 50 ms at most" == line.blocks[0].told


def test_what_was_not_run_is_not_green():
    """Moot looks have their own colour, and so have those that failed by our own fault."""
    lines = view(bar(2, None, skip=1), bar(1, None, blind=1, skip=1)).lines

    assert ["skip", "blind"] == [block.verdict for block in lines[0].blocks]


def test_a_time_without_a_look_is_a_gap():
    """Between looks, and up to now; of before the first look there is nothing to miss."""
    found = view(bar(30, **{"pass": 1}), bar(20, **{"pass": 1}))

    assert ((310.0, 90.0), (410.0, 190.0)) == found.gaps
    assert () == view(bar(1, **{"pass": 1})).gaps


def test_troubled_steps_come_first():
    """The others in the order of the chain; steps without a look are not drawn."""
    found = view(bar(2, step="mint", **{"pass": 1}), bar(1, fail=1))

    assert ["messages", "mint"] == [line.step for line in found.lines]
    assert [True, False] == [line.is_troubled for line in found.lines]


def test_speed_is_drawn_against_the_slowest():
    """The slowest at the top, and its number beside it; one point is no line."""
    (line,) = view(bar(2, 0.1, **{"pass": 1}), bar(1, 0.2, **{"pass": 1})).lines
    (alone,) = view(bar(1, **{"pass": 1})).lines

    assert (f"585.0,{HEIGHT / 2} 595.0,0.0", "200 ms") == (line.p95, line.slowest)
    assert "" == alone.p95


def test_revisions_are_marked_where_they_came():
    """Those of before are of another picture."""
    mark = lambda at: RevisionMark(location="main", service="backend", revision="97", at=at)  # noqa: E731
    found = view(revisions=[mark(NOW - 2 * timedelta(hours=1)), mark(NOW - 30 * MINUTE)])

    assert [(300.0, 1)] == [(each.x, each.number) for each in found.marks]


def test_missed_turns_and_causes_are_counted():
    """Over all grids of the chain; the cause that was named most is first."""
    cover = lambda **missed: Coverage(  # noqa: E731
        chain="v", location="main", interval_seconds=30.0, recorded=10, missed=missed, taken=0
    )
    named = lambda cause, runs: CauseTime(cause=cause, first=NOW, last=NOW, runs=runs)  # noqa: E731
    found = view(causes=[named("a", 1), named("b", 3), named("a", 1)], coverage=[cover(stalled=1), cover(stalled=2)])

    assert (23, 20, {"stalled": 3}) == (found.expected, found.recorded, found.missed)
    assert (("b", 3), ("a", 2)) == found.causes
