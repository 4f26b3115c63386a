"""What services tell of themselves in passing: version, revision, uptime, clock, certificate."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from prober.judge.dig import dig
from prober.judge.signals import Sign, clock, deploy, revision, uptime
from prober.model.chain import MintStep, Role, Service
from prober.model.facts import Facts
from prober.model.observation import CertificateSeen, HttpSeen, Json, Observation, TokenSeen
from prober.model.trend import Past
from prober.model.verdict import Run, StepResult

T = TypeVar("T")

#: How a place in `tells` says that it means a response header and not the JSON body.
_HEADER = "header:"


def facts(run: Run) -> tuple[Facts, ...]:
    """What each service of the chain told in this run; a later answer outranks an earlier one."""
    services = {result.step.service.name: result.step.service for result in run.results}
    return tuple(_facts(service, _answers(service, run)) for service in services.values())


# ── as readings ──────────────────────────────────────────────────────────────────────────────────────────────────────


def facts_of_role(run: Run, past: Past) -> Iterator[tuple[Sign, Sequence[str]]]:
    """What the services of a role tell in passing, as answers to the diagnosis' questions, with who showed it."""
    services = {result.step.service.name: result.step.service for result in run.results}
    for service in services.values():
        if service.role is not Role.OTHER:
            yield from _revisions(service, run, past)
            yield from _uptimes(service, run, past)
            yield from _clocks(service, run)


def _revisions(service: Service, run: Run, past: Past) -> Iterator[tuple[Sign, Sequence[str]]]:
    told = _told_by(service, run, service.tells.revision)
    if len(set(told.values())) > 1:
        yield Sign(revision(service.role), "mixed"), tuple(told)
    before = past.well.get(service.name)
    if told and before and before.revision:
        changed = before.revision not in told.values()
        yield Sign(deploy(service.role), "changed" if changed else "unchanged"), tuple(told)


#: Up for less than this is `young`: it may just have been deployed, or have crashed a moment ago.
YOUNG_SECONDS = 60.0
#: Two looks at an uptime differ by how long the answers took.
_UPTIME_SLACK_SECONDS = 3.0


def _uptimes(service: Service, run: Run, past: Past) -> Iterator[tuple[Sign, Sequence[str]]]:
    told = {step: _number(text) for step, text in _told_by(service, run, service.tells.uptime).items()}
    seconds = {step: value for step, value in told.items() if value is not None}
    if not seconds:
        return
    before = past.latest.get(service.name)
    least = min(seconds.values())
    if before and before.uptime_seconds is not None and least < before.uptime_seconds - _UPTIME_SLACK_SECONDS:
        value = "reset"
    else:
        value = "young" if least < YOUNG_SECONDS else "steady"
    yield Sign(uptime(service.role), value), tuple(seconds)


_FAR_SECONDS = 60.0


def _clocks(service: Service, run: Run) -> Iterator[tuple[Sign, Sequence[str]]]:
    """The quickest answer tells best: half its time, and the header's whole second, is how far off it may be."""
    looks = [
        (result.observation.duration_seconds, offset, result.step.name)
        for result in _answers(service, run)
        if result.observation and (seen := _http(result.observation))
        if (offset := clock_offset(seen, result.observation)) is not None
    ]
    if looks:
        took, offset, step = min(looks)
        yield Sign(clock(service.role), _clock_value(offset, slack=_CLOCK_SLACK_SECONDS + took / 2)), (step,)


_CLOCK_SLACK_SECONDS = 1.5


def _clock_value(offset: float, slack: float) -> str:
    if abs(offset) <= slack:
        return "ok"
    far = "far_" if abs(offset) > _FAR_SECONDS else ""
    return far + ("ahead" if offset > 0 else "behind")


def _told_by(service: Service, run: Run, places: Sequence[str]) -> dict[str, str]:
    """What each step's answer told at one of these places."""
    if not places:
        return {}
    answers = ((result.step.name, _http(result.observation)) for result in _answers(service, run))
    found = ((step, _told(seen, places)) for step, seen in answers if seen)
    return {step: text for step, text in found if text is not None}


# ── finding them ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _answers(service: Service, run: Run) -> tuple[StepResult, ...]:
    return tuple(r for r in run.results if _answerer(r) is service and r.observation)


def _answerer(result: StepResult) -> Service:
    """Who answered a step: minting is answered by the issuer's service, whatever the step is filed under."""
    step = result.step
    request = getattr(step.token, "request", None) if isinstance(step, MintStep) else None
    return request.service if request else step.service


def _facts(service: Service, answers: Sequence[StepResult]) -> Facts:
    told = [(answer, seen) for answer in answers if (seen := _http(answer.observation))]
    return Facts(
        service=service.name,
        version=_last(_told(seen, service.tells.version) for _, seen in told),
        revision=_last(_told(seen, service.tells.revision) for _, seen in told),
        uptime_seconds=_number(_last(_told(seen, service.tells.uptime) for _, seen in told)),
        clock_offset_seconds=_last(clock_offset(seen, answer.observation) for answer, seen in told),
        certificate_not_after=_last(_certificate(answer.observation) for answer in answers),
    )


def _http(observation: Observation | None) -> HttpSeen | None:
    match observation.seen if observation else None:
        case HttpSeen() as seen:
            return seen
        case TokenSeen(answer=answer):
            return answer
    return None


def _certificate(observation: Observation | None) -> datetime | None:
    seen = observation.seen if observation else None
    return seen.not_after if isinstance(seen, CertificateSeen) else None


def _told(seen: HttpSeen, places: Sequence[str]) -> str | None:
    for place in places:
        if (value := _at(seen, place)) is not None:
            return str(value)
    return None


def _at(seen: HttpSeen, place: str) -> Json:
    if place.startswith(_HEADER):
        return seen.headers.get(place.removeprefix(_HEADER).lower())
    return dig(place, seen.json)


def clock_offset(seen: HttpSeen, observation: Observation | None) -> float | None:
    """The answer's `Date` minus our clock at the middle of the exchange, in seconds.

    The header has whole seconds (RFC 9110 §6.6.1), so half a second is added and the result is good to about ± 0.5 s.
    """
    if observation is None or "date" not in seen.headers:
        return None
    middle = observation.began.timestamp() + observation.duration_seconds / 2
    try:
        date = parsedate_to_datetime(seen.headers["date"])
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp() + 0.5 - middle
    except (ValueError, TypeError, OverflowError):  # whatever a stranger's clock may say
        return None


def _last(values: Iterator[T | None]) -> T | None:
    return next((value for value in reversed(list(values)) if value is not None), None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
