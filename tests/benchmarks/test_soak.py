from dataclasses import replace

import pytest

from tests.benchmarks import soak
from tests.benchmarks.vitals import Vitals

SHORT = soak.Setup(chains=4, interval_seconds=5, seconds=11.0, scrape_seconds=2.75)

PAGE = """\
prober_slots_expected_total{chain="a"} 120.0
prober_slots_recorded_total{chain="a"} 119.0
prober_slots_missed_total{chain="a",reason="overrun"} 0.0
prober_slots_missed_total{chain="a",reason="stalled"} 0.0
prober_chain_runs_total{chain="a",trigger="schedule",verdict="fail"} 0.0
prober_chain_runs_total{chain="a",trigger="schedule",verdict="pass"} 119.0
prober_schedule_lateness_seconds_bucket{le="0.01"} 100.0
prober_schedule_lateness_seconds_bucket{le="0.25"} 119.0
prober_schedule_lateness_seconds_bucket{le="+Inf"} 120.0
"""
SETUP = soak.Setup(chains=1, interval_seconds=5, seconds=600.0)
VITALS = Vitals(
    rss_bytes=100_000_000, cpu_seconds=0, waited_seconds=0, files=10, lab_cpu_seconds=0, machine_cpu_seconds=0, load=0.0
)


def moments(page=PAGE, growth=0):
    """Ten minutes of scrapes, the process growing by so many bytes a second."""
    for at in range(0, 601, 15):
        yield soak.Moment(float(at), replace(VITALS, rss_bytes=VITALS.rss_bytes + growth * at), page, 0.1)


def missing(**given):
    """What is not met."""
    return [line.what for line in soak.judge(SETUP, list(moments(**given))) if line.met is False]


async def test_a_few_chains_for_a_few_seconds(tmp_path):
    """A real prober takes each turn in time, and each passes; memory needs minutes to be judged."""
    found = await soak.soak(SHORT, tmp_path)

    assert [str(line) for line in soak.judge(SHORT, found) if line.met is False] == []
    assert len(found) == 5


def test_what_is_well_is_met():
    """One slot under way, one turn of 120 late: nothing to complain of."""
    assert missing() == []


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [
        ('expected_total{chain="a"} 120', 'expected_total{chain="a"} 119', ["slots due"]),
        ('recorded_total{chain="a"} 119', 'recorded_total{chain="a"} 110', ["slots recorded"]),
        ('"overrun"} 0', '"overrun"} 1', ["slots missed"]),
        ('le="0.25"} 119', 'le="0.25"} 118', ["lateness, ms"]),
        ('"fail"} 0', '"fail"} 3', ["runs"]),
    ],
)
def test_what_is_amiss_is_told(was, becomes, expected):
    """Each line that must hold is noticed where it does not."""
    assert missing(page=PAGE.replace(was, becomes)) == expected


@pytest.mark.parametrize(("bytes_a_second", "expected"), [(0, []), (3_000, []), (4_000, ["RSS, second half"])])
def test_memory_may_rise_by_a_hundredth(bytes_a_second, expected):
    """Of 100 MB, 0.9 MB within the second half is flat, 1.2 MB is not."""
    assert missing(growth=bytes_a_second) == expected


def test_the_command_says_what_it_found(monkeypatch, capsys):
    """A line each, and exit code 1 when one is not met."""

    async def found(*_):
        return list(moments(PAGE.replace('"overrun"} 0', '"overrun"} 7')))

    monkeypatch.setattr(soak, "soak", found)

    assert soak.main(["--chains", "1"]) == 1
    assert "MISS  slots missed           overrun 7, stalled 0" in capsys.readouterr().out


@pytest.mark.parametrize(("share", "expected"), [(0.5, 6.0), (100 / 120, 10.0), (0.99, 247.474), (1.0, float("inf"))])
def test_quantiles_are_reckoned_as_prometheus_does(share, expected):
    """By a straight line within a bucket; above the last bound nobody knows."""
    buckets = [(0.01, 100.0), (0.25, 119.0), (float("inf"), 120.0)]

    assert soak.quantile(buckets, share) == pytest.approx(expected, abs=0.01)
