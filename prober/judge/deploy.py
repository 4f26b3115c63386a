"""What a deploy did: the rounds after it beside what held before, and what a release manager should know besides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from prober.judge.gate import always_failing, restarts, revisions_of, revisions_seen
from prober.model.aims import Aims
from prober.model.gate import VERDICTS, Baseline, Because, GateVerdict, Instance, Round, Standing
from prober.model.observation import HttpSeen, WebSocketSeen
from prober.model.report import Report
from prober.model.verdict import Outcome, Reason, RunVerdict, StepResult, Verdict

#: How a service fails that is being started, or that its platform has no instance of yet.
_DOWN_REASONS = frozenset({Reason.CONNECTION_REFUSED, Reason.UNREACHABLE, Reason.RESET})
_DOWN_STATUSES = frozenset({502, 503, 504})

#: Between two looks at an uptime pass as many seconds as the answers took.
_SLACK_SECONDS = 5.0


def round_of(report: Report) -> Round:
    """A report as a gate's round."""
    failed = [each for each in report.run.results if each.verdict is Verdict.FAIL and not each.step.is_follow_up]
    return Round(
        run_id=report.run.id,
        began=report.run.began,
        verdict=report.run.verdict,
        failed=tuple(each.step.name for each in failed),
        is_down=any(map(_is_down, failed)),
        open_doors=tuple(each.name for each in report.controls if each.outcome is Outcome.ACCEPTED),
        instances={
            each.service: Instance(revision=each.revision, uptime_seconds=each.uptime_seconds) for each in report.facts
        },
    )


def _is_down(result: StepResult) -> bool:
    seen = result.observation.seen if result.observation else None
    status = seen.status if isinstance(seen, HttpSeen | WebSocketSeen) else None
    return result.reason in _DOWN_REASONS or status in _DOWN_STATUSES


def standing(before: Baseline | None, because: Because, rounds: Sequence[Round], causes: Sequence[str]) -> Standing:
    """How now, when these causes are named, stands to before."""
    told = _STANDINGS.get((before.failing if before else None, VERDICTS[because]), Standing.UNKNOWN)
    if told is not Standing.STILL_FAILING or before is None:
        return told
    steps = {step for each in rounds for step in each.failed} if because is not Because.FAIL_OPEN else set()
    is_same = not steps.isdisjoint(before.failed) or not set(causes).isdisjoint(before.causes)
    return told if is_same else Standing.FAILING_OTHERWISE


_STANDINGS: Mapping[tuple[bool | None, GateVerdict], Standing] = {
    (False, GateVerdict.PASS): Standing.HEALTHY,
    (False, GateVerdict.FAIL): Standing.REGRESSION,
    (True, GateVerdict.FAIL): Standing.STILL_FAILING,
    (True, GateVerdict.PASS): Standing.FIXED,
}


def never_answered(rounds: Sequence[Round], aims: Aims) -> bool:
    """Whether the announced revision never answered, while others did."""
    seen = {revision for each in rounds for revision in revisions_of(each).values()}
    return bool(aims.revision and seen) and aims.revision not in seen


# ── remarks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that remarks are made of."""

    aims: Aims
    warming: Sequence[Round]
    rounds: Sequence[Round]
    before: Baseline | None
    causes: Sequence[str]  # named now

    @property
    def services(self) -> list[str]:
        """Those that told something of themselves."""
        return list(dict.fromkeys(service for each in (*self.warming, *self.rounds) for service in each.instances))


def remarks(story: Story) -> tuple[str, ...]:
    """What else a release manager should know, in sentences; the most telling first."""
    return tuple(told for remark in _REMARKS for told in remark(story))


def _announced(story: Story) -> Iterator[str]:
    wanted, rounds = story.aims.revision, story.rounds
    if not wanted:
        return
    answered = {service: seen for service in story.services if (seen := _counted(rounds, service))}
    if not answered:
        yield f"No service told its revision, so it is not known whether {wanted} is what answered."
    elif never_answered(rounds, story.aims):
        told = "; ".join(f"{service}: {', '.join(seen)}" for service, seen in answered.items())
        yield f"Revision {wanted} never answered. What answered is {told}."


def _at_once(story: Story) -> Iterator[str]:
    for service in story.services:
        counted = _counted(story.rounds, service)
        if len(counted) < 2:  # noqa: PLR2004 - two are two
            continue
        told = " and ".join(f"{revision} ({_rounds(count)})" for revision, count in counted.items())
        many = f"{_number(len(counted))} revisions of {service} answer at once"
        yield f"{many}, by the last answer of each round: {told}."
        guilty = _guilty(story.rounds, service)
        if guilty:
            yield f"Every round that failed was last answered by {guilty}, and none of the others failed."


def _counted(rounds: Sequence[Round], service: str) -> dict[str, int]:
    seen = [revision for _, revision in revisions_seen(rounds, service)]
    return {revision: seen.count(revision) for revision in dict.fromkeys(seen)}


def _rounds(count: int) -> str:
    return "1 round" if count == 1 else f"{count} rounds"


def _number(count: int) -> str:
    return "Two" if count == 2 else f"{count}"  # noqa: PLR2004 - the word for it


def _guilty(rounds: Sequence[Round], service: str) -> str | None:
    """The one revision that answered in each failed round and in no other."""
    of_failed, of_others = (
        {revisions_of(each).get(service) for each in rounds if (each.verdict is RunVerdict.FAIL) is failed}
        for failed in (True, False)
    )
    return next(iter(of_failed)) if len(of_failed) == 1 and of_others and of_failed.isdisjoint(of_others) else None


def _warmed(story: Story) -> Iterator[str]:
    count = len(story.warming)
    changed = [service for service in story.services if _changed(story, service)]
    for service in changed:
        old, new = (_counted(rounds, service) for rounds in (story.warming, story.rounds))
        yield f"{service} went from {', '.join(old)} to {', '.join(new)} meanwhile; what was seen before is not judged."
    if count and not changed:
        rounds = "1 round is" if count == 1 else f"{count} rounds are"
        yield f"The first {rounds} not judged: {_why_warming(story)}."


def _why_warming(story: Story) -> str:
    if any(each.is_down for each in story.warming):
        return "so answer services that are being started"
    return f"{story.aims.revision} had not answered yet"


def _changed(story: Story, service: str) -> bool:
    old, new = (set(_counted(rounds, service)) for rounds in (story.warming, story.rounds))
    return bool(old and new) and old.isdisjoint(new)


def _restarted(story: Story) -> Iterator[str]:
    for service in story.services:
        times = restarts([replace(each, instances=_only(each, service)) for each in story.rounds])
        if times:
            yield f"{service} was started anew {'once' if times == 1 else f'{times} times'} meanwhile."


def _only(each: Round, service: str) -> Mapping[str, Instance]:
    return {name: instance for name, instance in each.instances.items() if name == service}


def _same_step(story: Story) -> Iterator[str]:
    always = always_failing([each for each in story.rounds if each.verdict in (RunVerdict.PASS, RunVerdict.FAIL)])
    if always and len(story.rounds) > 1:
        more = f" and {len(always) - 1} more steps" if len(always) > 1 else ""
        yield f"{always[0]}{more} failed in every round: this is no matter of chance."


def _than_before(story: Story) -> Iterator[str]:
    before, now = story.before, story.causes
    if before is None or not before.failing or not now:
        return
    if before.causes and set(before.causes).isdisjoint(now):
        yield f"It failed before too, of another cause: {', '.join(before.causes)}."


def _not_started_anew(story: Story) -> Iterator[str]:
    before = story.before
    if before is None or not story.rounds:
        return
    ran = [_ran_before(service, before, story.rounds[-1]) for service in story.services]
    if any(ran) and all(each is not False for each in ran):
        yield "No service was started anew since the baseline: nothing seems to have been deployed."


def _ran_before(service: str, before: Baseline, now: Round) -> bool | None:
    """Whether what answers now was running at the time of the baseline; None where it cannot be told."""
    then, told = before.instances.get(service), now.instances.get(service)
    if then is None or told is None:
        return None
    if then.revision != told.revision:
        return False
    if told.uptime_seconds is None:
        return None
    return told.uptime_seconds > (now.began - before.at).total_seconds() + _SLACK_SECONDS


_REMARKS: Sequence[Callable[[Story], Iterator[str]]] = (
    _announced,
    _at_once,
    _restarted,
    _same_step,
    _than_before,
    _warmed,
    _not_started_anew,
)
