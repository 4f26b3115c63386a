"""The walk through a chain as a state machine: which step may go, which is moot, when the chain is over.

Rule 1: no I/O, no clock; the driver (gather/runner.py) does what `ready()` says and hands back what that came to.
Rule 2: a step ends exactly once. Rule 3: what did not run says why and is never green.
Rule 4: a control that was accepted is looked at once more, at once and with a fresh token, before anyone is alarmed.
"""

from prober.judge.stall import STALL_SECONDS, stall_text
from prober.judge.verdict import confirmed
from prober.model.chain import Chain, Step
from prober.model.trouble import Whose
from prober.model.verdict import Outcome, Reason, StepResult, Verdict


class Walk:
    """One turn of one chain, from nothing known to every step's result."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._steps = tuple(step for step in chain.steps if not step.is_follow_up)
        self._handed_out: set[str] = set()
        self._results: dict[str, StepResult] = {}
        self._doubted: set[str] = set()  # controls accepted once

    def ready(self) -> tuple[Step, ...]:
        """The steps that may go now; each is handed out once. Steps found moot on the way are settled as skipped."""
        self._settle_moot()
        steps = tuple(step for step in self._open() if self._may_go(step))
        self._handed_out.update(step.name for step in steps)
        return steps

    def record(self, result: StepResult) -> StepResult | None:
        """Settle a step as it was judged; None: look at it once more, at once, and record that.

        A second result for a step that has ended is a bug of the driver and raises ValueError.
        """
        step = result.step
        if step.name in self._results:
            message = f"step {step.name!r} ended twice"
            raise ValueError(message)
        if step.name in self._doubted:
            result = confirmed(result)
        elif step.is_control and result.outcome is Outcome.ACCEPTED:
            self._doubted.add(step.name)
            return None
        self._results[step.name] = result
        return result

    def skipped(self) -> tuple[StepResult, ...]:
        """Every step settled without being run, so far."""
        return tuple(result for result in self._results.values() if result.observation is None)

    def abandon(self, stalled_seconds: float = 0.0) -> None:
        """The chain's deadline is over: whatever has not ended is skipped and says so.

        Where we ourselves stood still for a part of it, what has not ended is BLIND: by our own fault.
        """
        over = f"the chain's {self._chain.deadline_seconds:g} s were over"
        for step in self._steps:
            if step.name in self._results:
                continue
            if stalled_seconds < STALL_SECONDS:
                self._skip(step, Reason.CHAIN_DEADLINE, over)
            else:
                self._stalled(step, f"{over}; but {stall_text(stalled_seconds)}")

    @property
    def over(self) -> bool:
        """Every step has ended."""
        return len(self._results) == len(self._steps)

    def results(self) -> tuple[StepResult, ...]:
        """The results so far, in the chain's order."""
        return tuple(self._results[step.name] for step in self._steps if step.name in self._results)

    def _open(self) -> list[Step]:
        return [step for step in self._steps if step.name not in self._results and step.name not in self._handed_out]

    def _may_go(self, step: Step) -> bool:
        return self._results.keys() >= {*step.needs, *step.after}

    def _settle_moot(self) -> None:
        """Skip each step whose need did not pass; repeats, because a skip can make the next step moot."""
        while moot := [(step, need) for step in self._open() if (need := self._broken_need(step))]:
            for step, need in moot:
                self._skip(step, Reason.NEEDS, f"needs {need.step.name}, which {_FATE[need.verdict]}")

    def _broken_need(self, step: Step) -> StepResult | None:
        for name in step.needs:
            if name in self._results and self._results[name].verdict is not Verdict.PASS:
                return self._results[name]
        return None

    def _skip(self, step: Step, reason: Reason, detail: str) -> None:
        self._results[step.name] = StepResult(step=step, verdict=Verdict.SKIP, reason=reason, detail=detail)

    def _stalled(self, step: Step, detail: str) -> None:
        self._results[step.name] = StepResult(
            step=step, verdict=Verdict.BLIND, reason=Reason.OWN_STALL, detail=detail, origin=Whose.PROBER
        )


_FATE = {
    Verdict.FAIL: "failed",
    Verdict.BLIND: "we could not look at",
    Verdict.SKIP: "was skipped",
}
