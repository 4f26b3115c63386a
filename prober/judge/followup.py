"""What to look at once more: failures that may have been chance, and questions whose answer would split a tie.

Both are bounded, and neither changes what a step came to: a second look speaks to the diagnosis alone.
"""

from collections.abc import Iterator, Sequence

from prober.judge.diagnosis import diagnose
from prober.judge.own_clock import excuse_own_dates
from prober.judge.readings import read
from prober.judge.rounds import settled
from prober.judge.signals import asked_by
from prober.judge.verdict import settle_controls
from prober.model.chain import Step
from prober.model.diagnosis import Cause, State
from prober.model.trend import Past
from prober.model.verdict import Reason, Run, StepResult, Verdict

#: A run takes at most this many looks more: a target in trouble must not be asked twice as much.
MOST_SECOND_LOOKS = 12
MOST_SPLITTERS = 4

#: Ends that chance can bring about. A refusal is an answer, and silence takes too long to ask for twice.
_BY_CHANCE = frozenset({Reason.STATUS, Reason.CLOSED, Reason.RESET, Reason.PROTOCOL, Reason.CONNECTION_REFUSED})


_SERVER_ERROR = 500


def follow_ups(run: Run, past: Past, catalogue: Sequence[Cause]) -> tuple[Step, ...]:
    """The steps to take after this run: second looks, and the chain's follow-up steps that would split a tie.

    No second looks where the chain has a pace: whoever asked for one look a second did not ask for twelve at once. What
    would split a tie goes at that pace too: without it nobody could say whether the fault is ours.
    """
    again = () if run.chain.pace_seconds else list(_doubtful(run))[:MOST_SECOND_LOOKS]
    return (*again, *list(_splitting(run, past, catalogue))[:MOST_SPLITTERS])


def _doubtful(run: Run) -> Iterator[Step]:
    failed = (r for r in run.results if r.verdict is Verdict.FAIL and not r.step.is_control)
    return (result.step for result in failed if result.reason in _BY_CHANCE and not _was_answered(result))


def _was_answered(result: StepResult) -> bool:
    """A status below 500 is an answer: a route that is not there, a key that is wrong, or a limit that is reached."""
    status = getattr(result.observation.seen if result.observation else None, "status", None)
    return status is not None and status < _SERVER_ERROR and result.reason is Reason.STATUS


def _splitting(run: Run, past: Past, catalogue: Sequence[Cause]) -> Iterator[Step]:
    spare = [step for step in run.chain.steps if step.is_follow_up]
    if not spare:
        return
    judged = _with_settled_controls(run)
    diagnosis = diagnose(settled(read(judged, past), past), catalogue)
    passed = {result.step.name for result in run.results if result.verdict is Verdict.PASS}
    if diagnosis.state is State.AMBIGUOUS:
        telling = {asked_by(step): step for step in spare if passed.issuperset(step.needs)}
        yield from (telling[signal] for signal in diagnosis.would_split if signal in telling)


def _with_settled_controls(run: Run) -> Run:
    return excuse_own_dates(run.with_results(settle_controls(run.results)))
