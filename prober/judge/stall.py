"""Stalls: what failed while we ourselves stood still came of that, and is no failure of the target.

A process stands still when something holds its event loop, when it is stopped, or when its machine sleeps. Deadlines
pass meanwhile, peers lose patience and hang up, and tokens expire: all of that would read as the target's doing.
"""

from dataclasses import replace

from prober.model.trouble import Whose
from prober.model.verdict import Outcome, Reason, StepResult, Verdict

#: Standing still for less changes no verdict: the shortest deadlines people write are about a second (promise R18).
STALL_SECONDS = 0.5

#: What coming too late can bring about. A bad token that was let in, secrets that differ, a certificate that ends or a
#: connection that was refused at once are what they are, however late they were seen.
_OF_LATENESS = frozenset(
    {
        Reason.TIMEOUT,
        Reason.RESET,
        Reason.UNREACHABLE,
        Reason.PROTOCOL,  # the peer hung up in the middle of a frame
        Reason.CLOSED,
        Reason.SILENT,
        Reason.REFUSED,  # the token expired, or the peer closes with 1008 who says nothing for long
        Reason.STATUS,  # 408, 504
    }
)


def excused(result: StepResult) -> StepResult:
    """The result as it is; but a failure that our standing still may have brought about is BLIND."""
    stalled = result.observation.stalled_seconds if result.observation else 0.0
    if stalled < STALL_SECONDS or result.verdict is not Verdict.FAIL or result.reason not in _OF_LATENESS:
        return result
    return replace(
        result,
        verdict=Verdict.BLIND,
        reason=Reason.OWN_STALL,
        detail=f"{result.detail}; but {stall_text(stalled)}",
        origin=Whose.PROBER,
        outcome=result.outcome and Outcome.UNCLEAR,
    )


def stall_text(seconds: float) -> str:
    """`the prober itself stood still for 3.0 s meanwhile`."""
    return f"the prober itself stood still for {seconds:.1f} s meanwhile"
