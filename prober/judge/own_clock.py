"""Our own clock: a refusal of a token that bore a wrong time of ours came of that, and is not the target's.

What is wrong with our clock is for the diagnosis to say (`prober_clock_ahead`, `prober_clock_behind`). Here are the
cases in which it need not be asked: a run during which the clock was set, a token that by every service's clock was not
yet, or no longer, good, and one that we thought was over and that by every service's clock was good still.
"""

from dataclasses import replace

from prober.judge.facts import facts
from prober.judge.ledger import STEP_SECONDS
from prober.judge.signals import control_role
from prober.model.chain import LocalIssuer, Step
from prober.model.controls import ENDED_SECONDS
from prober.model.trouble import Whose
from prober.model.verdict import Outcome, Reason, Run, StepResult, Verdict

#: One service that tells its time may itself be wrong.
_FEWEST_CLOCKS = 2


def undated(result: StepResult) -> StepResult:
    """The result as it is; but a good token that was refused after our wall clock had been set is BLIND."""
    by_seconds = result.observation.clock_set_seconds if result.observation else 0.0
    if abs(by_seconds) < STEP_SECONDS or not _is_refused(result):
        return result
    return _ours(result, f"the prober's own clock was set by {by_seconds:+.1f} s meanwhile")


def book_own_time(run: Run) -> Run:
    """The run as it is; but a refused token of ours that was not good by any service's clock is BLIND.

    So is any that was refused in a run before our clock was set: by then only later looks know that it was wrong.
    """
    if by_seconds := _set_within(run):
        why = f"the prober's own clock was set by {by_seconds:+.1f} s within the run"
        return run.with_results(tuple(_ours(r, why) if _is_refused(r) else r for r in run.results))
    if not any(map(_is_refused, run.results)):
        return run
    off = _off_seconds(run)
    why = f"by every service's clock the prober's own is {-off:+.0f} s off, and the token was not good"
    return run.with_results(
        tuple(_ours(r, why) if _is_refused(r) and _is_out_of_time(r.step, off) else r for r in run.results)
    )


def excuse_own_dates(run: Run) -> Run:
    """The run as it is; but a token of ours that was let in, and that by every service's clock was not over, is BLIND.

    Before anybody asks for causes: who lets in what is good by their clock does not fail open.
    """
    if not any(map(_is_let_in, run.results)):
        return run
    off = _off_seconds(run)
    why = f"by every service's clock the prober's own is {-off:+.0f} s off, and the token was not over yet"
    return run.with_results(
        tuple(_ours(r, why) if _is_let_in(r) and _is_good_still(r.step, off) else r for r in run.results)
    )


def _is_let_in(result: StepResult) -> bool:
    return result.reason is Reason.ACCEPTED


def _is_good_still(step: Step, off_seconds: float) -> bool:
    """Whether a control that is bad by its date alone was good by clocks that are so far ahead of ours."""
    ended_seconds = ENDED_SECONDS.get(control_role(step))
    return ended_seconds is not None and off_seconds < -ended_seconds


def _is_refused(result: StepResult) -> bool:
    return result.verdict is Verdict.FAIL and result.reason is Reason.REFUSED


def _off_seconds(run: Run) -> float:
    """How far all services are ahead of us, at least; negative: behind us. 0 where they disagree, or one is alone."""
    offs = [told.clock_offset_seconds for told in facts(run) if told.clock_offset_seconds is not None]
    if len(offs) < _FEWEST_CLOCKS or min(offs) < 0 < max(offs):
        return 0.0
    return min(offs, key=abs)


def _set_within(run: Run) -> float:
    """By how much our clock was set while the run went on; 0 where it was left alone."""
    steps = [result.observation.clock_set_seconds for result in run.results if result.observation]
    by_seconds = max(steps, key=abs, default=0.0)
    return by_seconds if abs(by_seconds) >= STEP_SECONDS else 0.0


def _is_out_of_time(step: Step, off_seconds: float) -> bool:
    """Whether a token that we dated was not yet good, or had ended, by clocks that are so far ahead of ours."""
    if not isinstance(step.token, LocalIssuer):
        return False
    return not -step.token.backdate_seconds <= off_seconds <= step.token.lifetime_seconds


def _ours(result: StepResult, why: str) -> StepResult:
    return replace(
        result,
        verdict=Verdict.BLIND,
        reason=Reason.OWN_CLOCK,
        detail=f"{result.detail}; but {why}",
        origin=Whose.PROBER,
        outcome=Outcome.UNCLEAR,
    )
