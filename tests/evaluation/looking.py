"""One case looked at: a world of its own, broken so, and one `prober run` against it."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from prober.app import Prober
from prober.judge.rounds import settled
from prober.judge.signals import issuer_role
from prober.lab.noise import Noise
from prober.lab.world import World
from prober.model.chain import HttpStep, MintStep, Role, Shows, StreamStep, WebSocketStep
from prober.model.observation import HttpSeen, Stage, TokenSeen, WebSocketSeen
from prober.model.report import Report
from prober.model.signal import Readings
from prober.model.trend import Past
from prober.model.trouble import Trouble
from prober.model.verdict import Outcome, StepResult, Verdict
from tests.evaluation.cases import Case, Kind, Variation, variation
from tests.evaluation.outside import OUTSIDE
from tests.evaluation.records import Record
from tests.evaluation.varied import CHAIN, write_config


async def look(case: Case) -> Record:
    """Start the case's world, look once, end it."""
    varied, began, rounds = variation(case), time.monotonic(), Rounds()
    with tempfile.TemporaryDirectory(prefix="evaluation-") as folder:
        config = write_config(Path(folder) / "probes.yaml", varied)
        async with _world(case, varied) as world:
            prober = Prober(config, world.environment, extra=[rounds])
            try:
                (report,) = await prober.once((CHAIN,))
            finally:
                await prober.aclose()
    return _record(case, varied, report, rounds, time.monotonic() - began)


class Rounds:
    """A sink that keeps the readings of every round."""

    name = "rounds"

    def __init__(self) -> None:
        self.readings: list[Readings] = []

    async def write(self, report: Report) -> None:
        """Keep them."""
        self.readings.append(report.readings)

    def together(self) -> Readings:
        """What all rounds say, as the diagnosis saw it."""
        *before, newest = self.readings
        return settled(newest, Past(rounds=tuple(before), is_burst=True))


# ── where the lab is met ─────────────────────────────────────────────────────────────────────────────────────────────


def _world(case: Case, varied: Variation) -> World:
    """The one place that knows how the lab is told to be broken and to be noisy."""
    unknown = {fault.name: fault for fault in OUTSIDE} if case.kind is Kind.OUTSIDE else {}
    faults = [unknown.get(name, name) for name in case.faults]
    noise = Noise(latency=varied.latency, failures=varied.failures, reworded=varied.reworded, seed=varied.chance)
    return World(faults, case.dialect, noise=noise)


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def _record(case: Case, varied: Variation, report: Report, rounds: Rounds, seconds: float) -> Record:
    readings = rounds.together()
    return Record(
        case=case,
        state=str(report.diagnosis.state),
        causes={named.cause.name: str(named.confidence) for named in report.diagnosis.causes},
        verdict=str(report.run.verdict),
        readings={str(signal): reading.value for signal, reading in readings.items()},
        abnormal=tuple(str(signal) for signal, reading in readings.items() if not reading.normal),
        codes=tuple(dict.fromkeys(_complaints(report))),
        reworded=varied.reworded,
        failures=varied.failures,
        latency=varied.latency[1],
        rounds=len(rounds.readings),
        seconds=round(seconds, 2),
    )


def _complaints(report: Report) -> Iterator[str]:
    """What failed, by place and code; and which doors let whom in."""
    for result in report.run.results:
        if result.step.is_control and result.outcome is Outcome.ACCEPTED and result.step.token:
            yield f"{_place(result)} lets {issuer_role(result.step.token)} in"
        elif result.verdict in (Verdict.FAIL, Verdict.BLIND) and (code := _code(result)):
            yield f"{_place(result)} {code}"


def _place(result: StepResult) -> str:
    step = result.step
    if isinstance(step, HttpStep) and step.shows is Shows.HEALTH:
        return f"{step.service.role} health"
    named = {MintStep: "mint", WebSocketStep: "socket", StreamStep: "stream"}
    return named.get(type(step), "rest" if step.service.role is Role.BACKEND else str(step.service.role))


def _code(result: StepResult) -> str:
    match result.observation.seen if result.observation else None:
        case HttpSeen(status=status) | TokenSeen(answer=HttpSeen(status=status)):
            return str(status)
        case WebSocketSeen(stage=Stage.HANDSHAKE, status=status):
            return str(status)
        case WebSocketSeen(close_code=code):
            return str(code or "silent")
        case Trouble(kind=kind):
            return str(kind)
    return ""
