"""What services tell of themselves in passing: version, revision, uptime, clock, certificate."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import jmespath

from prober.model.chain import MintStep, Service
from prober.model.observation import CertificateSeen, HttpSeen, Json, Observation, TokenSeen
from prober.model.report import Facts
from prober.model.verdict import Run, StepResult

T = TypeVar("T")

#: How a place in `tells` says that it means a response header and not the JSON body.
_HEADER = "header:"


def facts(run: Run) -> tuple[Facts, ...]:
    """What each service of the chain told in this run; a later answer outranks an earlier one."""
    services = {result.step.service.name: result.step.service for result in run.results}
    return tuple(_facts(service, _answers(service, run)) for service in services.values())


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
    found = (_at(seen, place) for place in places)
    return next((str(value) for value in found if value is not None), None)


def _at(seen: HttpSeen, place: str) -> Json:
    if place.startswith(_HEADER):
        return seen.headers.get(place.removeprefix(_HEADER).lower())
    return jmespath.search(place, seen.json)


def clock_offset(seen: HttpSeen, observation: Observation | None) -> float | None:
    """The answer's `Date` minus our clock at the middle of the exchange, in seconds.

    The header has whole seconds (RFC 9110 §6.6.1), so half a second is added and the result is good to about ± 0.5 s.
    """
    if observation is None or "date" not in seen.headers:
        return None
    try:
        date = parsedate_to_datetime(seen.headers["date"])
    except ValueError:
        return None
    middle = observation.began.timestamp() + observation.duration_seconds / 2
    return date.timestamp() + 0.5 - middle


def _last(values: Iterator[T | None]) -> T | None:
    return next((value for value in reversed(list(values)) if value is not None), None)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
