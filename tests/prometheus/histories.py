"""Histories: the turns of one chain as letters, what the built-in alarms make of them, and the series they become.

P passed, F failed, B blind, `-` missed. Turn number n is taken n intervals after the beginning.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from prober.judge.alarms import Alarms
from prober.model.alarm import AlarmState, Alert
from prober.model.chain import Chain, Plan, Trigger
from prober.model.diagnosis import Diagnosis, State
from prober.model.report import Report
from prober.model.verdict import Reason, Run, StepResult, Verdict
from tests.prometheus.programs import binary, environ

#: promtool's clock begins here.
BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
VERDICTS = {"P": Verdict.PASS, "F": Verdict.FAIL, "B": Verdict.BLIND}
WORDS = {"P": "pass", "F": "fail", "B": "blind"}


# ── the built-in alarms ──────────────────────────────────────────────────────────────────────────────────────────────


def is_firing(plan: Plan, turns: str, deploys: Iterable[int] = ()) -> dict[Alert, list[bool]]:
    """Of page and ticket: whether they fire after each turn; the process is restarted in the middle of it."""
    (chain,) = plan.chains.values()
    alarms, fires = Alarms(plan), {Alert.PAGE: [False], Alert.TICKET: [False]}
    for number, letter in enumerate(turns, start=1):
        if number in set(deploys):
            alarms.heed(_report(chain, number, "P", Trigger.DEPLOY))
        if letter != "-":
            alarms.heed(_report(chain, number, letter, Trigger.SCHEDULE))
        for alarm in alarms.of(chain.name):
            if alarm.alert in fires:
                fires[alarm.alert].append(alarm.state is AlarmState.FIRING)
        if number == len(turns) // 2:
            alarms, before = Alarms(plan), alarms.dump()
            alarms.restore(json.loads(json.dumps(before)))
    return fires


def _report(chain: Chain, number: int, letter: str, trigger: Trigger) -> Report:
    at = BEGIN + timedelta(seconds=number * chain.interval_seconds)
    result = StepResult(step=chain.steps[0], verdict=VERDICTS[letter], reason=Reason.OK, detail="")
    run = Run(id=str(number), chain=chain, trigger=trigger, began=at, ended=at, results=(result,))
    healthy = Diagnosis(state=State.HEALTHY)
    return Report(run=run, diagnosis=healthy, matrix=(), controls=(), secrets=(), facts=(), windows=())


# ── the rules ────────────────────────────────────────────────────────────────────────────────────────────────────────

Series = Mapping[str, str]


def series(plan: Plan, turns: str, deploys: Iterable[int] = (), resets: Iterable[int] = ()) -> Series:
    """What Prometheus scrapes of this history, once in an interval; at `resets` the prober is started anew."""
    (chain,) = plan.chains.values()
    runs = f'prober_chain_runs_total{{job="prober",instance="a",chain="{chain.name}"'
    counted = {
        f'{runs},trigger="schedule",verdict="{word}"}}': _counter([each == letter for each in turns], set(resets))
        for letter, word in WORDS.items()
    }
    told = [number in set(deploys) for number in range(1, len(turns) + 1)]
    threshold = f'prober_success_ratio_threshold{{job="prober",instance="a",chain="{chain.name}"}}'
    return {
        **counted,
        f'{runs},trigger="deploy",verdict="pass"}}': _counter(told, set()),
        threshold: f"{chain.threshold}x{len(turns)}",
    }


def _counter(counts: Sequence[bool], resets: set[int]) -> str:
    """A counter's values from before the first turn on."""

    def after(value: int, turn: tuple[int, bool]) -> int:
        number, counts_one = turn
        return counts_one + (0 if number in resets else value)

    return " ".join(map(str, accumulate(enumerate(counts, start=1), after, initial=0)))


def case(name: str, interval_seconds: float, fed: Series, expected: Mapping[str, Mapping[float, int]]) -> Any:
    """One test of promtool: of each alert, how many fire at each second."""
    return {
        "name": name,
        "interval": f"{interval_seconds:g}s",
        "input_series": [{"series": each, "values": values} for each, values in fed.items()],
        "promql_expr_test": [
            {"expr": _count(alert), "eval_time": f"{at:g}s", "exp_samples": _samples(count)}
            for alert, told in expected.items()
            for at, count in told.items()
        ],
    }


def _count(alert: str) -> str:
    return f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'


def _samples(count: int) -> list[dict[str, Any]]:
    return [{"labels": "{}", "value": count}] if count else []


async def promtool(folder: Path, rules: str, cases: Sequence[Any], interval_seconds: float) -> tuple[int, str]:
    """What `promtool test rules` says of these rules in these cases, and its exit code."""
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": f"{interval_seconds:g}s", "tests": list(cases)}
    (folder / "tests.json").write_text(json.dumps(tests), encoding="utf-8")  # JSON is YAML
    process = await asyncio.create_subprocess_exec(
        binary("promtool"),
        *("test", "rules", str(folder / "tests.json")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environ(),
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
