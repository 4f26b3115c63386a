"""Our own clock: a refusal while it was being set came of that, for tokens bear our time, and is not the target's.

A clock that is wrong throughout is found by the diagnosis (`prober_clock_ahead`, `prober_clock_behind`). A run in which
it is set has seen both times, and tells of neither.
"""

from dataclasses import replace

from prober.judge.ledger import STEP_SECONDS
from prober.model.trouble import Whose
from prober.model.verdict import Outcome, Reason, StepResult, Verdict


def undated(result: StepResult) -> StepResult:
    """The result as it is; but a good token that was refused after our wall clock had been set is BLIND."""
    by_seconds = result.observation.clock_set_seconds if result.observation else 0.0
    if abs(by_seconds) < STEP_SECONDS or result.verdict is not Verdict.FAIL or result.reason is not Reason.REFUSED:
        return result
    return replace(
        result,
        verdict=Verdict.BLIND,
        reason=Reason.OWN_CLOCK,
        detail=f"{result.detail}; but the prober's own clock was set by {by_seconds:+.1f} s meanwhile",
        origin=Whose.PROBER,
        outcome=Outcome.UNCLEAR,
    )
