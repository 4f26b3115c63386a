import tracemalloc

from prober.publish.totals import Born, Mark, Timing, Timings, Totals
from tests.builders import NOON


def test_series_are_born_at_zero():
    """A counter that has counted nothing says so, so that its first increase can be seen."""
    totals = Totals()

    totals.adopt(Born([("a",), ("b",)]))

    assert totals.counts == {("a",): 0, ("b",): 0}


def test_adopting_keeps_what_lives_and_drops_the_rest():
    """A reload does not reset a counter that goes on, and no series of a removed chain stays."""
    totals = Totals()
    totals.add(("a",))
    totals.add(("b",), 3)

    totals.adopt(Born([("a",), ("c",)]), lambda series: series != ("b",))

    assert totals.counts == {("a",): 1, ("c",): 0}


def test_a_duration_falls_into_one_bucket():
    """Bounds are inclusive (Prometheus: `le`), what is above them all has a bucket of its own."""
    timings = Timings((0.1, 1.0))
    for seconds in (0.1, 0.2, 5.0):
        timings.add(("a",), seconds, Mark(seconds, "run-1", NOON))

    timing = timings.series["a",]

    assert timing.counts == (1, 1, 1)
    assert round(timing.sum_seconds, 6) == 5.3
    assert set(timing.marks) == {0, 1, 2}


def test_adopting_keeps_a_histogram():
    """Histograms outlive a reload as counters do."""
    timings = Timings((1.0,))
    timings.add(("a",), 0.5)
    timings.add(("b",), 0.5)

    timings.adopt(Born([("a",), ("c",)]), lambda series: series != ("b",))

    assert {series: timing.counts for series, timing in timings.series.items()} == {("a",): (1, 0), ("c",): (0, 0)}


def test_a_copy_stays_as_it_was():
    """Whoever renders a copy elsewhere sees one moment, whatever is counted meanwhile."""
    totals, timings = Totals(), Timings((1.0,))
    totals.add(("a",))
    timings.add(("a",), 0.5, Mark(0.5, "run-1", NOON))
    copies = totals.copy(), timings.copy()
    totals.add(("a",))
    timings.add(("a",), 0.25, Mark(0.25, "run-2", NOON))

    assert copies[0].counts == {("a",): 1}
    assert copies[1].series == {("a",): Timing((1, 0), 0.5, {0: Mark(0.5, "run-1", NOON)})}


def test_copies_tell_of_their_own_moment():
    """However many are read at once, and whatever is told meanwhile; it is all there when nobody reads any more."""
    totals = Totals()
    totals.adopt(Born([("a",)]))
    copies, told = [], []
    for labels in (("a",), ("b",), ("a",), ("c",)):
        totals.add(labels)
        copies.append(totals.copy())
        told.append(dict(totals.counts))
    read = [dict(each.counts) for each in copies]
    copies.clear()
    totals.add(("b",))

    assert told == read
    assert {("a",): 2, ("b",): 2, ("c",): 1} == totals.counts
    assert ["a", "b", "c"] == [first for (first,), _, _ in totals.rows()]


def test_rows_are_the_born_and_then_the_others():
    """Each once, whether it was told of or not."""
    totals, timings = Totals(), Timings((1.0,))
    born = Born([("x", "1"), ("x", "2"), ("y", "1"), ("x", "2")])
    for kept in (totals, timings):
        kept.adopt(born)
    totals.add(("z", "1"))
    totals.add(("x", "2"))
    timings.add(("x", "2"), 0.5)

    assert [("x", "1", 0), ("x", "2", 1), ("y", "1", 0), ("z", "1", 1)] == [(*a, *b, n) for a, b, n in totals.rows()]
    assert [(0, 0), (1, 0), (0, 0)] == [timing.counts for _, _, timing in timings.rows()]


def test_what_is_born_takes_little_room():
    """The series of a chain that has not turned yet are those of any other, but for its name."""
    chains, steps = [f"chain-{number}" for number in range(1000)], [f"step-{number}" for number in range(50)]
    tracemalloc.start()
    born = Born((chain, step) for chain in chains for step in steps)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 50_000 == sum(1 for _ in born)
    assert size / len(chains) < 300
