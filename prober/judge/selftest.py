"""The self-test judged: what must be found of services whose temper is known, and what follows when it is not found."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from prober.model.report import Report
from prober.model.selftest import Temper
from prober.model.trouble import Whose
from prober.model.verdict import Reason, Run, RunVerdict, StepResult, Verdict

Fate = tuple[Verdict, Reason]

_HOLDS: Fate = (Verdict.PASS, Reason.OK)
_REFUSED: Fate = (Verdict.FAIL, Reason.REFUSED)
_OPEN: Fate = (Verdict.FAIL, Reason.ACCEPTED)
_MOOT: Fate = (Verdict.SKIP, Reason.UNPAIRED)


class Truth(NamedTuple):
    """What each step comes to, by the temper of the service it looks at."""

    careful: Fate
    refusing: Fate
    open: Fate


_GOOD_TOKEN = Truth(_HOLDS, _REFUSED, _HOLDS)
_BAD_TOKEN = Truth(_HOLDS, _MOOT, _OPEN)

#: By step of the self-test's chain, which is in prober/selftest/exam.py.
TRUTHS: Mapping[str, Truth] = {
    "mint": Truth(_HOLDS, (Verdict.FAIL, Reason.STATUS), _HOLDS),
    "minted-token": Truth(_HOLDS, (Verdict.SKIP, Reason.NEEDS), _HOLDS),
    "our-token": _GOOD_TOKEN,
    "our-token-on-a-socket": _GOOD_TOKEN,
    "no-token": _BAD_TOKEN,
    "forged-token": _BAD_TOKEN,
    "expired-token": _BAD_TOKEN,
    "forged-token-on-a-socket": _BAD_TOKEN,
}

_RUNS: Mapping[Temper, RunVerdict] = {
    Temper.CAREFUL: RunVerdict.PASS,
    Temper.REFUSING: RunVerdict.FAIL,
    Temper.OPEN: RunVerdict.FAIL,
}


def complaints(temper: Temper, report: Report) -> Iterator[str]:
    """Everything that was found otherwise than it is, one sentence each."""
    found, wanted = report.run.verdict, _RUNS[temper]
    if found is not wanted:
        yield f"{temper} services: the run is {found}, and must be {wanted}"
    results = {result.step.name: result for result in report.run.results}
    for step, truth in TRUTHS.items():
        yield from _complaint(temper, step, results.get(step), getattr(truth, temper))


def _complaint(temper: Temper, step: str, result: StepResult | None, wanted: Fate) -> Iterator[str]:
    if result is None:
        yield f"{temper} services: {step} was not looked at"
    elif (result.verdict, result.reason) != wanted:
        found = f"{result.verdict} ({result.reason})"
        yield f"{temper} services: {step} is {found}, and must be {wanted[0]} ({wanted[1]}): {result.detail}"


def distrusted(run: Run) -> Run:
    """The run as it is; but where our judgement was in doubt when it ended, nothing that it saw is held true.

    The observations go too: whatever is read, counted or compared from them would rest on the same judgement.
    """
    if not run.doubt:
        return run
    return run.with_results(tuple(_distrusted(result, run.doubt) for result in run.results))


def _distrusted(result: StepResult, doubt: str) -> StepResult:
    detail = f"the prober cannot trust its own verdict, {result.verdict} ({result.detail}): {doubt}"
    return replace(
        result,
        verdict=Verdict.BLIND,
        reason=Reason.OWN_SELFTEST,
        detail=detail,
        outcome=None,
        origin=Whose.PROBER,
        observation=None,
    )
