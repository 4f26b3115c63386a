"""What is worth remembering of a run that has just ended."""

from prober.judge.assess import sample, step_sample
from prober.model.chain import Trigger
from prober.model.report import Report
from prober.model.trend import Recall
from prober.model.verdict import Outcome


def recall_of(report: Report) -> Recall:
    """What windows, alarms and the next diagnosis want to know of it."""
    run = report.run
    samples = {result.step.name: step_sample(result) for result in run.results}
    scheduled = run.trigger is Trigger.SCHEDULE
    return Recall(
        run_id=run.id,
        chain=run.chain.name,
        trigger=run.trigger,
        verdict=run.verdict,
        began=run.began,
        ended=run.ended,
        sample=sample(run),
        steps={step: success for step, success in samples.items() if scheduled and success is not None},
        controls=tuple(result.step.name for result in run.results if result.step.is_control),
        doors={told.step: told.outcome is Outcome.ACCEPTED for told in report.controls if _is_clear(told.outcome)},
        readings=report.readings,
        facts=report.facts,
        due=run.slot.due if run.slot else None,
    )


def _is_clear(outcome: Outcome) -> bool:
    return outcome is not Outcome.UNCLEAR
