from prober.publish.totals import Mark, Timing, Timings, Totals
from tests.builders import NOON


def test_series_are_born_at_zero():
    """A counter that has counted nothing says so, so that its first increase can be seen."""
    totals = Totals()

    totals.adopt([("a",), ("b",)], lambda _: True)

    assert totals.counts == {("a",): 0, ("b",): 0}


def test_adopting_keeps_what_lives_and_drops_the_rest():
    """A reload does not reset a counter that goes on, and no series of a removed chain stays."""
    totals = Totals()
    totals.add(("a",))
    totals.add(("b",), 3)

    totals.adopt([("a",), ("c",)], lambda series: series != ("b",))

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

    timings.adopt([("a",), ("c",)], lambda series: series != ("b",))

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
