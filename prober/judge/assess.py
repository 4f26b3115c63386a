"""A run, its causes and the long view become one Report."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from prober.judge.diagnosis import diagnose
from prober.judge.facts import facts
from prober.judge.own_clock import book_own_time, excuse_own_dates
from prober.judge.proof import secret_matches
from prober.judge.readings import read
from prober.judge.rounds import settled
from prober.judge.signals import control_name, issuer_role, verifier_role
from prober.judge.verdict import settle_controls
from prober.judge.window import including
from prober.model.chain import LocalIssuer, Role, Trigger
from prober.model.diagnosis import Cause, Confidence, Diagnosis, Named
from prober.model.report import Cell, Control, Report
from prober.model.trend import Past, Window
from prober.model.trouble import Whose
from prober.model.verdict import Reason, Run, RunVerdict, StepResult, Verdict

_COUNTED = {RunVerdict.PASS: True, RunVerdict.FAIL: False}
_STEP_COUNTED = {Verdict.PASS: True, Verdict.FAIL: False}


def step_sample(result: StepResult) -> bool | None:
    """Whether a step succeeded, for the long view; a follow-up is taken only in trouble, and is a sample of nothing."""
    return None if result.step.is_follow_up else _STEP_COUNTED.get(result.verdict)


def sample(run: Run) -> bool | None:
    """Whether a run succeeded, for the long view; None where it is no sample: not scheduled, blind, or partial."""
    return _of_schedule(run, _COUNTED.get(run.verdict))


def assess(run: Run, past: Past, catalogue: Sequence[Cause]) -> Report:
    """Settle the controls, name the causes, book our own faults on us, and add the run to the long view."""
    run = excuse_own_dates(run.with_results(settle_controls(run.results)))
    readings = read(run, past)
    diagnosis = diagnose(settled(readings, past), catalogue)
    run = book_own_time(book_own_faults(run, diagnosis))
    return Report(
        run=run,
        diagnosis=diagnosis,
        matrix=tuple(_matrix(run)),
        controls=tuple(_controls(run)),
        secrets=secret_matches(run),
        facts=facts(run),
        readings=readings,
        windows=including(past.chain, success=sample(run)),
        step_windows={r.step.name: _step_windows(r, run, past) for r in run.results},
    )


def book_own_faults(run: Run, diagnosis: Diagnosis) -> Run:
    """Failures that are ours are BLIND: they say nothing about the target. So are those that may as well be ours."""
    is_doubted = any(_is_refused_by_auth(result) for result in run.results)
    return run.with_results(tuple(_booked(result, diagnosis, is_doubted=is_doubted) for result in run.results))


def _booked(result: StepResult, diagnosis: Diagnosis, *, is_doubted: bool) -> StepResult:
    """The result with its failure booked on us where only causes of ours are sure, or none is and the token is doubted.

    A door of the backend alone that refuses our token excuses nobody: a dozen faults of the target do that.
    """
    if result.verdict is not Verdict.FAIL or _was_left_behind(result):
        return result
    named = [each for each in diagnosis.causes if _explains(each, result)]
    ours, theirs = [each for each in named if each.cause.ours], [each for each in named if not each.cause.ours]
    if not ours or any(map(_is_sure, theirs)):
        return result
    if any(map(_is_sure, ours)) or all(each.cause.ours for each in diagnosis.causes):
        return _blind(result, Reason.OWN_CAUSE, _own(ours))
    may_be_ours = is_doubted and _is_refused_token_of_ours(result)
    return _blind(result, Reason.MAYBE_OWN, _either(ours, theirs)) if may_be_ours else result


def _was_left_behind(result: StepResult) -> bool:
    """Whoever takes the version of before shows that ours is no mistake, but the newest."""
    return result.observation is not None and bool(result.observation.left_behind)


def _explains(named: Named, result: StepResult) -> bool:
    return any(result.step.name in reading.steps for reading in named.explains)


def _is_sure(named: Named) -> bool:
    """Every explanation has it."""
    return named.confidence is Confidence.HIGH


def _is_refused_token_of_ours(result: StepResult) -> bool:
    """Its key, its claims and its time are ours: that it is refused shows by itself no outage of the target."""
    return isinstance(result.step.token, LocalIssuer) and result.reason is Reason.REFUSED


def _is_refused_by_auth(result: StepResult) -> bool:
    """Who is asked about tokens says that ours is not good."""
    return result.step.service.role is Role.AUTH and _is_refused_token_of_ours(result)


def _own(ours: Sequence[Named]) -> str:
    """What is sure; where it is one of several, all of them."""
    sure = [each.cause.title for each in ours if _is_sure(each)]
    return sure[0] if sure else " or ".join(each.cause.title for each in ours)


def _either(ours: Sequence[Named], theirs: Sequence[Named]) -> str:
    other = f" as well as the target's ({theirs[0].cause.name})" if theirs else ""
    return f"it may be the prober's own fault ({ours[0].cause.name}){other}, and only we signed this token"


def _blind(result: StepResult, reason: Reason, why: str) -> StepResult:
    detail = f"{result.detail}; {why}"
    return replace(result, verdict=Verdict.BLIND, reason=reason, detail=detail, origin=Whose.PROBER)


def _of_schedule(run: Run, success: bool | None) -> bool | None:  # noqa: FBT001 - a sample is a success, a failure, or none
    """Only scheduled turns count: manual runs and bursts would over-sample failures."""
    return success if run.trigger is Trigger.SCHEDULE else None


def _step_windows(result: StepResult, run: Run, past: Past) -> tuple[Window, ...]:
    return including(past.steps.get(result.step.name, ()), success=_of_schedule(run, step_sample(result)))


def _matrix(run: Run) -> Iterator[Cell]:
    for result in _met(run):
        step = result.step
        if step.token and result.outcome and not step.is_control:
            issuer, verifier = issuer_role(step.token), verifier_role(step)
            yield Cell(issuer=issuer, verifier=verifier, outcome=result.outcome, step=step.name)


def _controls(run: Run) -> Iterator[Control]:
    for result in _met(run):
        step = result.step
        if step.token and result.outcome and step.is_control:
            yield Control(
                name=control_name(step),
                verifier=verifier_role(step),
                service=step.service.name,
                outcome=result.outcome,
                step=step.name,
            )


def _met(run: Run) -> Iterator[StepResult]:
    """The steps in which a token met a verifier."""
    return (result for result in run.results if result.outcome is not None)
