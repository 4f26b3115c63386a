import os

import pytest

from tests.benchmarks.vitals import look, slope


def test_a_living_process_has_vitals():
    """Ours has memory, open files and time behind it, and the machine has worked at least as long."""
    vitals = look(os.getpid(), [])

    assert vitals.rss_bytes > 1024 * 1024
    assert vitals.files > 2
    assert 0 < vitals.cpu_seconds <= vitals.machine_cpu_seconds
    assert vitals.lab_cpu_seconds == 0


def test_a_straight_line_is_its_own_bound():
    """Without scatter nothing is uncertain."""
    line = slope([(x, 2.0 * x + 1.0) for x in range(10)])

    assert (line.per_second, line.upper_per_second) == pytest.approx((2.0, 2.0))


def test_scatter_makes_unsure():
    """The same slope through scattered points may be steeper."""
    line = slope([(x, 2.0 * x + (1.0 if x % 2 else -1.0)) for x in range(10)])

    assert line.upper_per_second > line.per_second
