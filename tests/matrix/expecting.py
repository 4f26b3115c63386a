"""What is expected of a fault, and whether a report meets it: pure, so that it can be tested without one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Document = dict[str, Any]

VERDICTS = frozenset({"pass", "fail", "blind", "skip"})

#: By how much a step, or a run, may miss its deadline (promise R4).
LATE_SECONDS = 0.25

#: Over baseline (promise R5).
MOST_MIB = 32.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one step must have come to; None where the step has no such thing, or where it says nothing of the fault."""

    step: str
    verdict: str = "fail"
    reason: str | None = None
    status: int | None = None
    close_code: int | None = None
    stage: str | None = None

    def unmet(self, report: Document) -> Iterator[str]:
        """How a report differs from it."""
        told = next((step for step in report["steps"] if step["name"] == self.step), None)
        if told is None:
            yield f"{self.step} is not in the report"
            return
        seen = {name: told[key] for name, key in _KEYS.items() if getattr(self, name) is not None}
        wanted = {name: getattr(self, name) for name in seen}
        if seen != wanted:
            yield f"{self.step}: {_words(seen)} instead of {_words(wanted)} ({told['detail']})"

    def __str__(self) -> str:
        return f"{self.step} {_words({name: value for name in _KEYS if (value := getattr(self, name)) is not None})}"


_KEYS = {
    "verdict": "verdict",
    "reason": "reason",
    "status": "status",
    "close_code": "closeCode",
    "stage": "stage",
}


def _words(told: Mapping[str, object]) -> str:
    return " ".join(str(value) for value in told.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the runs under a fault must come to."""

    run: tuple[str, ...] = ("fail",)
    steps: tuple[Seen, ...] = ()
    causes: frozenset[str] | None = frozenset()  # all that may be named, and must be; None: the diagnosis is not asked
    is_unsteady: bool = False  # it comes and goes: one run of several shows it, and each is classified

    def unmet(self, report: Document) -> list[str]:
        """How a report differs, its causes left out."""
        wrong = [] if report["run"]["verdict"] in self.run else [f"run {report['run']['verdict']}, not {self.run}"]
        return [*wrong, *(complaint for seen in self.steps for complaint in seen.unmet(report))]

    def uncaused(self, report: Document) -> list[str]:
        """How the diagnosis differs."""
        named = causes(report)
        return [] if self.causes in (None, named) else [f"named {_set(named)}, not {_set(self.causes or ())}"]

    def __str__(self) -> str:
        told = "; ".join(map(str, self.steps)) or f"run {' or '.join(self.run)}"
        return told + ("" if not self.causes else f"; {_set(self.causes)}")


def _set(names: Sequence[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def causes(report: Document) -> frozenset[str]:
    """The causes that a report names."""
    return frozenset(cause["name"] for cause in report["diagnosis"]["causes"])


def unclassified(report: Document, known: Sequence[str]) -> list[str]:
    """Steps of the chain without exactly one classified result."""
    names = [step["name"] for step in report["steps"]]
    wrong = [f"{name} has {names.count(name)} results" for name in known if names.count(name) != 1]
    return wrong + [f"{step['name']} is {step['verdict']}" for step in report["steps"] if _is_unknown(step)]


def _is_unknown(step: Document) -> bool:
    return step["verdict"] not in VERDICTS or not step["reason"] or not step["detail"]


def overruns(report: Document, deadlines: Mapping[str, float], chain_seconds: float) -> Iterator[float]:
    """By how many seconds each step, and the run, outlived its deadline; negative: it did not."""
    for step in report["steps"]:
        if step["durationSeconds"] is not None:
            yield step["durationSeconds"] - deadlines[step["name"]]
    yield _seconds(report["run"]) - chain_seconds


def _seconds(run: Document) -> float:
    began, ended = (datetime.fromisoformat(run[name]) for name in ("started", "ended"))
    return (ended - began).total_seconds()


def own_booked(report: Document) -> list[str]:
    """What a report holds against the target, where the fault is our own."""
    return [
        f"{step['name']}: {step['reason']}: {step['detail']}" for step in report["steps"] if step["verdict"] == "fail"
    ]
