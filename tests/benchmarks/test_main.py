"""Figures come from processes of their own, and are held against the goals as they are."""

import json

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import page


def test_a_figure_is_that_of_another_process():
    """With what a value can reckon of itself."""
    found = benchmarks.asked("raw", 4, 2)

    assert 4 == found["passed"]
    assert found["cpu_seconds"] / 4 * 1e6 == pytest.approx(found["microseconds"])


def test_what_is_not_installed_is_not_compared(monkeypatch):
    """Nothing is told of it, and no goal is met by it."""
    monkeypatch.setenv("PATH", "")

    assert benchmarks.asked("k6", 4, 2) is None


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (page.Goal("", 2.5, most=2.5), True),
        (page.Goal("", 2.6, most=2.5), False),
        (page.Goal("", 399, least=400), False),
        (page.Goal("", 400, least=400), True),
        (page.Goal("", None, most=2.5), None),
        (page.Goal("", 1.0), None),
    ],
)
def test_a_goal_is_met_or_missed_or_unknown(goal, met):
    """What could not be had is neither."""
    assert met is goal.met


def test_the_page_keeps_what_people_wrote(tmp_path):
    """Only what stands between the marks is made."""
    file = tmp_path / "performance.md"
    file.write_text(f"before\n{page.MARKS[0]}old\n{page.MARKS[1]}after\n", encoding="utf-8")
    costs = {"blackbox": 1000.0, "k6": None, "raw": 500.0, "lean": 2000.0, "stock": 4000.0}
    errors = {"told_p99": 1.0, "stopwatch_p99": 3.0}
    found = {
        "machine": dict.fromkeys(("cpu", "system", "python", "date", "load"), "x"),
        "short": True,
        "costs": costs,
        "latency": {key: {"500 at once": errors} for key in ("lean", "stock")},
    }

    page.write(json.loads(json.dumps(found)), [page.Goal("a turn", 2.0, "×", 2.5)], file)
    text = file.read_text(encoding="utf-8")

    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| a turn | ≤ 2.5 × | 2 × | yes |" in text
    assert "bar [1000.00, 500.00, 2000.00, 4000.00]" in text
