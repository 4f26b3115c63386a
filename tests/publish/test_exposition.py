"""Every line is held to prometheus_client's."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from prober.model.report import Facts
from prober.publish.board import Board
from prober.publish.exposition import Family, Kind, number, reference, written
from prober.publish.metrics import families
from prober.publish.totals import Born, Mark, Timings, Totals
from tests import builders as b
from tests.publish import builders as p

ACCEPTED = (
    "",
    "*/*",
    "text/plain; version=0.0.4",
    "text/plain; version=1.0.0; escaping=allow-utf-8",
    "text/plain; version=1.0.0; escaping=dots",
    "application/openmetrics-text",
    "application/openmetrics-text; version=1.0.0",
    "application/openmetrics-text; version=1.0.0; escaping=values",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2",
)


def page(told, accept):
    """The page that is written of these families."""
    return b"".join(written(told, accept)[0]).decode()


def hostile():
    """A family of each kind, with whatever has to be escaped."""
    odd = ('a"b\\c\nd', "ü\0", "")
    totals, timings = Totals(), Timings((0.5, 1.0))
    totals.adopt(Born(product(odd, odd, odd)))
    for number_, series in enumerate(product(odd, odd, odd)):
        totals.add(series, 10**number_)
        timings.add(series[:2], 0.25 * number_, Mark(0.25 * number_, f'run"{number_}\n', b.NOON))
    timings.add(("ab", "c"), 1e9, Mark(1e9, "0af7651916cd43dd8448eb211c80319c", b.NOON + timedelta(microseconds=1)))
    about = 'Says "what"\nand \\ why.'
    gauges = [(("x",), (), value) for value in (0, True, -1.5, 1e6, 123456789.0, 1e22, -1e7, float("nan"), 0.1 + 0.2)]
    gauges += [(("y",), (), float("inf")), (("z",), (), float("-inf"))]
    yield Family(Kind.COUNTER, "odd_total", about, ("b", "c", "a"), totals.rows())
    yield Family(Kind.HISTOGRAM, "odd_seconds", about, ("m", "b"), timings=timings.rows(), bounds=timings.bounds)
    yield Family(Kind.HISTOGRAM, "odder_seconds", about, ("a", "z"), timings=timings.rows(), bounds=timings.bounds)
    yield Family(Kind.GAUGE, "odd", about, ("of",), gauges)
    yield Family(Kind.GAUGE, "alone", about, (), [((), (), 1)])
    yield Family(Kind.GAUGE, "empty", about, ("of",))


@pytest.mark.parametrize("accept", ACCEPTED)
def test_hostile_samples_are_written_as_the_reference_does(accept):
    """Quotes, newlines, numbers of every size, runs beside buckets: byte for byte, whatever was asked for."""
    assert reference(hostile(), accept).decode() == page(hostile(), accept)


@pytest.mark.parametrize("accept", ACCEPTED)
async def test_a_board_is_written_as_the_reference_does(accept):
    """After good and bad runs of several chains, and before any."""
    names = ("one", "two", "three")
    board = Board(p.build_plan(*names), p.CAUSES, lambda: b.NOON)
    for number_, name in enumerate(names[:2]):
        for report in (p.build_report(id=f"{number_:032x}"), p.broken_report(id="run-2")):
            chain = board.plan.chains[name]
            facts = (Facts(service="auth", revision="r1", clock_offset_seconds=-2.0, certificate_not_after=b.NOON),)
            await board.write(replace(report, run=replace(report.run, chain=chain), facts=facts))

    assert reference(families(board, "abc"), accept).decode() == page(families(board, "abc"), accept)


def test_lines_come_in_blocks():
    """Whoever renders can give way between them, however long the page is."""
    blocks = list(written([Family(Kind.GAUGE, "many", "Many.", ("of",), _many(10_000))], "")[0])

    assert 10_002 == sum(block.count(b"\n") for block in blocks)
    assert max(block.count(b"\n") for block in blocks) <= 65


def _many(rows):
    return (((str(number_),), (), 1.0) for number_ in range(rows))


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0.0"), (999_999, "999999.0"), (1_000_000, "1e+06"), (-1_000_000, "-1000000.0"), (1.5e-7, "1.5e-07")],
)
def test_numbers_are_go_s(value, told):
    """Exponents from a million on, and for what is very small."""
    assert told == number(value)
