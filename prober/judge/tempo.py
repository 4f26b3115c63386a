"""Time as evidence: how long the backend takes to say no, and how long auth takes to say that it is well.

Whoever must ask the auth service first answers later than whoever need not: the same door without a token, and the
backend's own health check, are the measure. A budget that runs out, a connection that is never made, and a breaker that
asks nobody differ by hundreds of milliseconds. Where the way there is unsteady, or whoever asks auth directly waits as
well, the difference says nothing, and nothing is read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from prober.judge.signals import Sign, pace, refusal
from prober.model.chain import CredentialsStep, HttpStep, LocalIssuer, Role, Shows, Step, StreamStep, ValidateStep
from prober.model.observation import HttpSeen, Observation
from prober.model.verdict import Outcome, Run, StepResult, Verdict

#: Scheduling and a cold cache cost this much on a busy machine with two cores (measured in the lab).
_JITTER_SECONDS = 0.12
#: A backend's budget for a look at auth's health is 0.3 or 0.5 s (staging contract); a refusal by budget takes that and
#: more, never less. Close below it, since six refusals at once took 0.26 s on two busy cores without any waiting.
_SHORTEST_BUDGET_SECONDS = 0.28
#: Connection timeouts begin about here; nobody's budget for a look at health is that long.
_SHORTEST_TIMEOUT_SECONDS = 0.8
_SLOW_SECONDS = 0.3
#: Who comes within this time of another finds the breaker as the other found it: no budget can have run out since.
_TOGETHER = timedelta(seconds=_SHORTEST_BUDGET_SECONDS / 2)
#: To ask auth takes the backend its health check, the question, and some work.
_ASKING = 3
#: A difference counts only when it is this many times larger than what the measure itself varies by.
_CLEARLY = 3


@dataclass(frozen=True, slots=True)
class _Timed:
    """The same kind of look, taken several times."""

    seconds: tuple[float, ...]
    steps: tuple[str, ...]

    @property
    def spread(self) -> float:
        return max(self.seconds) - min(self.seconds)


def tempo(run: Run) -> Iterator[tuple[Sign, Sequence[str]]]:
    """What the run's durations say, with the steps that say it."""
    unasked = _timed(run, _asks_nobody)
    auth = _timed(run, _is_auths_health)
    if not unasked or not auth:
        return
    auth_seconds = max(0.0, min(auth.seconds) - min(unasked.seconds))
    if value := _pace(auth, unasked):
        yield Sign(pace("auth"), value), auth.steps
    late = _alone_in_waiting(run, min(unasked.seconds))
    refused = _timed(run, lambda result: _was_refused(result) and result.step.name not in late)
    directly = _timed(run, _asks_auth_directly)
    direct_seconds = max(directly.seconds) - min(unasked.seconds) if directly else 0.0
    value = _refusal(refused, unasked, auth_seconds, direct_seconds) if refused else None
    if refused and value:
        yield Sign(refusal(), value), refused.steps


def _pace(auth: _Timed, unasked: _Timed) -> str | None:
    """Slow is what is slow by the slowest of the measures too: a machine that is busy at first is so with all."""
    if unasked.spread >= _SLOW_SECONDS / _CLEARLY:
        return None
    if min(auth.seconds) - min(unasked.seconds) < _SLOW_SECONDS:
        return "quick"
    return "slow" if min(auth.seconds) - max(unasked.seconds) >= _SLOW_SECONDS else None


def _refusal(refused: _Timed, unasked: _Timed, auth_seconds: float, direct_seconds: float) -> str | None:
    """The slowest refusal counts: once a breaker has opened, the later ones come at once."""
    longer = max(refused.seconds) - min(unasked.seconds)
    if unasked.spread * _CLEARLY > max(longer, _JITTER_SECONDS):
        return None
    cut_short = _SHORTEST_BUDGET_SECONDS <= longer < auth_seconds
    if longer <= _asking_takes(auth_seconds) and not cut_short:
        return "quick"
    if longer < _SHORTEST_BUDGET_SECONDS or direct_seconds <= longer <= _asking_takes(direct_seconds):
        return None  # in between; or we asked auth directly meanwhile, and waited as well: a busy machine
    return "waited" if longer < _SHORTEST_TIMEOUT_SECONDS else "timed_out"


def _asking_takes(auth_seconds: float) -> float:
    """For how long at most a backend refuses that asks an auth service which takes so long."""
    return _ASKING * auth_seconds + _JITTER_SECONDS


def _alone_in_waiting(run: Run, at_once: float) -> frozenset[str]:
    """The refusals that came late though none was late of those asked for before or together with them: chance.

    A budget or a timeout keeps all waiting who come together, from the first; a breaker then spares those who follow.
    """
    looks = [(r.step.name, r.observation) for r in run.results if r.observation and _is_refused_token_of_ours(r)]
    late = {name for name, seen in looks if seen.latency_seconds - at_once >= _SHORTEST_BUDGET_SECONDS}
    alone = {name for name, seen in looks if (company := _company(name, seen, looks)) and late.isdisjoint(company)}
    return frozenset(late & alone)


def _company(name: str, seen: Observation, looks: Sequence[tuple[str, Observation]]) -> list[str]:
    """Who asked before it did, or together with it."""
    return [other for other, theirs in looks if other != name and theirs.began - seen.began <= _TOGETHER]


def _timed(run: Run, wanted: Callable[[StepResult], bool]) -> _Timed | None:
    looks = [r for r in run.results if _is_measure(r.observation) and wanted(r)]
    if not looks:
        return None
    return _Timed(
        tuple(r.observation.latency_seconds for r in looks if r.observation), tuple(r.step.name for r in looks)
    )


def _is_measure(observation: Observation | None) -> bool:
    """An answer whose time is the target's; where we stood still meanwhile it is ours."""
    return observation is not None and isinstance(observation.seen, HttpSeen) and not observation.stalled_seconds


def _asks_nobody(result: StepResult) -> bool:
    """A look at the backend for which it need not ask auth: its health check, or a door knocked at without a token."""
    step = result.step
    if step.service.role is not Role.BACKEND or not _is_plain(step):
        return False
    is_bare = step.token is not None and step.token.how == "none" and result.verdict is not Verdict.FAIL
    return is_bare or (isinstance(step, HttpStep) and step.shows is Shows.HEALTH)


def _is_auths_health(result: StepResult) -> bool:
    step = result.step
    return step.service.role is Role.AUTH and isinstance(step, HttpStep) and step.shows is Shows.HEALTH


def _was_refused(result: StepResult) -> bool:
    """A good token that we signed ourselves, so that no route's minting is in the time."""
    return _is_refused_token_of_ours(result) and _is_plain(result.step)


def _is_refused_token_of_ours(result: StepResult) -> bool:
    step = result.step
    is_ours = isinstance(step.token, LocalIssuer) and step.service.role is Role.BACKEND
    return is_ours and not step.is_control and result.outcome is Outcome.REFUSED


def _asks_auth_directly(result: StepResult) -> bool:
    """A token that we signed ourselves, brought to auth while the backend was asked about others."""
    step = result.step
    is_question = isinstance(step, ValidateStep | CredentialsStep) and not step.is_control
    return is_question and step.service.role is Role.AUTH and isinstance(step.token, LocalIssuer)


def _is_plain(step: Step) -> bool:
    return isinstance(step, HttpStep) and not isinstance(step, StreamStep)
