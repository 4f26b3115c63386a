"""The short form of `python -m tests.fuzzing.raw`: who comes to our door is answered or let go, and it holds."""

from collections import Counter

import pytest

from tests.fuzzing.callers import KINDS, caller
from tests.fuzzing.raw import complaints, examine


@pytest.mark.timeout(60)
async def test_whoever_comes_is_answered_or_let_go():
    """None hangs, none gets in who may not, none breaks anything, and those who ask as they should are answered."""
    findings = await examine(100, seed=122)

    assert [] == findings.wrong
    assert 100 == findings.connections.total()
    assert {200, 400, 401, 404} <= set(findings.answers)
    assert findings.good >= 10


def test_a_seed_makes_the_same_caller():
    """So that what was found can be found again; and there is one of every kind."""
    made = [caller(seed) for seed in range(1000)]

    assert made == [caller(seed) for seed in range(1000)]
    assert {kind.__name__ for kind in KINDS} == set(Counter(each.kind for each in made))


@pytest.mark.parametrize(
    "line",
    [
        '{"severity": "ERROR", "message": "x"}',
        "Traceback (most recent call last):",
        '{"exception": [], "severity": "x"}',
    ],
)
def test_what_breaks_is_seen_in_the_log(line):
    """A search that finds nothing whatever happened proves nothing."""
    assert [f"log: {line}"] == complaints(f'{{"severity": "WARNING", "message": "invalid"}}\n{line}\n')
