"""What a run came to follows from what its steps came to."""

import pytest

from prober.model.verdict import Reason, RunVerdict, StepResult, Verdict
from tests import builders as b

P, F, B, S = Verdict.PASS, Verdict.FAIL, Verdict.BLIND, Verdict.SKIP


def result(verdict, name="step"):
    """A step that came to this."""
    return StepResult(step=b.http_step(name), verdict=verdict, reason=Reason.OK, detail="")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((P,), RunVerdict.PASS),
        ((P, P), RunVerdict.PASS),
        ((P, F), RunVerdict.FAIL),
        ((F, B, S, P), RunVerdict.FAIL),
        ((P, B), RunVerdict.BLIND),
        ((B, S), RunVerdict.BLIND),
        ((P, S), RunVerdict.PARTIAL),
        ((S,), RunVerdict.PARTIAL),
        ((), RunVerdict.BLIND),
    ],
)
def test_the_verdict_of_a_run(verdicts, expected):
    """A failure outranks everything, then our own blindness; what was not run is never green."""
    assert expected is b.run(b.chain(), *map(result, verdicts)).verdict


def test_a_result_is_found_by_the_name_of_its_step():
    """Or it is not there."""
    run = b.run(b.chain(), result(P, "one"), result(F, "two"))

    assert (F, None) == (run.result("two").verdict, run.result("three"))
