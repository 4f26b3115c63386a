"""A run, its causes and the long view become one Report."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from prober.judge.diagnosis import diagnose
from prober.judge.facts import facts
from prober.judge.own_clock import book_own_time
from prober.judge.proof import secret_matches
from prober.judge.readings import read
from prober.judge.rounds import settled
from prober.judge.signals import control_name, issuer_role, verifier_role
from prober.judge.verdict import settle_controls
from prober.judge.window import including
from prober.model.chain import Trigger
from prober.model.diagnosis import Cause, Diagnosis
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
    run = run.with_results(settle_controls(run.results))
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
    """Where every named cause is ours, the failures it explains are BLIND: they say nothing about the target."""
    if not diagnosis.causes or not all(named.cause.ours for named in diagnosis.causes):
        return run
    ours = {step for named in diagnosis.causes for reading in named.explains for step in reading.steps}
    return replace(run, results=tuple(_booked(r, diagnosis) if r.step.name in ours else r for r in run.results))


def _booked(result: StepResult, diagnosis: Diagnosis) -> StepResult:
    if result.verdict is not Verdict.FAIL:
        return result
    detail = f"{result.detail}; {diagnosis.causes[0].cause.title}"
    return replace(result, verdict=Verdict.BLIND, reason=Reason.OWN_CAUSE, detail=detail, origin=Whose.PROBER)


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
