"""`python -m tests.evaluation.weeks`: how often the alarms are false, how soon they come, and how long they stay.

Runs the program's own alarm code, turn by turn, over made-up histories of one chain that is looked at every 30 s and
held to 95 %: whole weeks at a steady ratio, and six hours at 99 % followed by something worse. Prints a table beside
the figures that the rules were designed by, and ends with 1 where an aim is missed. `--short` is what the tests run.
"""

import argparse
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import mean

from prober.judge.alarm import RULES, Moment, advance, limits
from prober.judge.samples import Samples
from prober.model.alarm import Alarm, AlarmState, Alert, Evidence

INTERVAL_SECONDS = 30.0
THRESHOLD = 0.95
TURNS_A_WEEK = 7 * 24 * 120
TURNS_A_DAY = 24 * 120
TURNS_A_MINUTE = 2
HISTORY = 720
ALERTS = (Alert.PAGE, Alert.TICKET)

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=INTERVAL_SECONDS)

#: Between these lines of a page `--write` puts the table.
MARKS = ("<!-- weeks: begin -->\n", "<!-- weeks: end -->\n")


# ── histories ────────────────────────────────────────────────────────────────────────────────────────────────────────


def steady(success: float, chance: random.Random) -> Iterator[bool]:
    """Whether each turn failed: each for itself."""
    while True:
        yield chance.random() >= success


def in_runs(success: float, chance: random.Random, mean_length: float = 4.0) -> Iterator[bool]:
    """The same share of failures, but they come as runs of two minutes in the mean: real short outages."""
    ends = 1 / mean_length
    begins = (1 - success) * ends / success
    failed = False
    while True:
        failed = chance.random() >= ends if failed else chance.random() < begins
        yield failed


History = Callable[[random.Random], Iterator[bool]]

#: The weeks that are lived through, and how often the design says that each is told falsely: page, ticket.
WEEKS: dict[str, tuple[History, tuple[float, float]]] = {
    "100 %": (lambda chance: steady(1.0, chance), (0.0, 0.0)),
    "99 %": (lambda chance: steady(0.99, chance), (0.0, 0.0)),
    "97 %": (lambda chance: steady(0.97, chance), (0.020, 0.0)),
    "95 %": (lambda chance: steady(0.95, chance), (2.5, 0.42)),
    "99 %, failures in 2-min runs": (lambda chance: in_runs(0.99, chance), (7.7, 0.01)),
}

#: What a chain at 99 % falls to, and the minutes that the design says each takes to be told.
FALLS: dict[float, tuple[float, float]] = {0.90: (103, 265), 0.80: (27, 126), 0.62: (10.6, 65), 0.0: (3.9, 24)}


# ── the program's own alarms ─────────────────────────────────────────────────────────────────────────────────────────


class Chain:
    """One chain that is watched; nothing here decides anything."""

    def __init__(self) -> None:
        """No turn yet."""
        self.at = _BEGIN
        self.samples = Samples(INTERVAL_SECONDS)
        self.alarms = {alert: Alarm(chain="a", alert=alert, severity=RULES[alert].severity) for alert in ALERTS}

    def turn(self, *, failed: bool) -> None:
        """Take one turn."""
        self.at += _STEP
        self.samples.add(self.at, failed=failed)
        evidence, moment = Evidence(*self.samples.counts()), Moment(self.at, INTERVAL_SECONDS)
        for alert, alarm in self.alarms.items():
            self.alarms[alert] = advance(alarm, evidence, limits(THRESHOLD), moment)

    def is_firing(self, alert: Alert) -> bool:
        """Whether somebody is being told."""
        return self.alarms[alert].state is AlarmState.FIRING


def false_episodes(name: str, weeks: int, seed: int) -> dict[Alert, int]:
    """How often each alert began in so many weeks of a history, after six hours to warm up."""
    history, chain = WEEKS[name][0](random.Random(seed)), Chain()
    for failed in islice(history, HISTORY):
        chain.turn(failed=failed)
    seen = {alert: {chain.alarms[alert].episode} for alert in ALERTS}
    for failed in islice(history, weeks * TURNS_A_WEEK):
        chain.turn(failed=failed)
        for alert in ALERTS:
            seen[alert].add(chain.alarms[alert].episode)
    return {alert: len(episodes) - 1 for alert, episodes in seen.items()}


def delay_minutes(alert: Alert, success: float, seed: int) -> float | None:
    """From a fall to the alarm; None where it did not come within a day."""
    chance = random.Random(seed)
    chain = warmed_up(alert, chance)
    for number, failed in enumerate(islice(steady(success, chance), TURNS_A_DAY), start=1):
        chain.turn(failed=failed)
        if chain.is_firing(alert):
            return number / TURNS_A_MINUTE
    return None


def reset_minutes(alert: Alert, seed: int) -> float | None:
    """From the end of an hour at 62 % to the end of the alarm; None where none had begun."""
    chance = random.Random(seed)
    chain = warmed_up(alert, chance)
    for failed in islice(steady(0.62, chance), 120):
        chain.turn(failed=failed)
    if not chain.is_firing(alert):
        return None
    healed = chain.at
    for failed in steady(0.99, chance):
        chain.turn(failed=failed)
        if not chain.is_firing(alert):
            return (chain.at - healed).total_seconds() / 60
    raise AssertionError


def warmed_up(alert: Alert, chance: random.Random) -> Chain:
    """A chain after six hours at 99 % in which nobody was told of anything."""
    while True:
        chain = Chain()
        for failed in islice(steady(0.99, chance), HISTORY):
            chain.turn(failed=failed)
        if not chain.is_firing(alert):
            return chain


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Figures:
    """What was measured."""

    weeks: int
    trials: int
    false: dict[str, dict[Alert, float]] = field(default_factory=dict)  # a week, by history
    delays: dict[float, dict[Alert, tuple[float, float]]] = field(default_factory=dict)  # mean minutes, share told
    resets: dict[Alert, float] = field(default_factory=dict)


#: How many weeks one worker lives through at a time.
_AT_A_TIME = 4


def measure(weeks: int, trials: int, workers: int = 1, seed: int = 1) -> Figures:
    """All figures; the same seed brings the same, whatever the number of workers."""
    figures = Figures(weeks, trials)
    with ProcessPoolExecutor(workers) as pool:
        parts = [(min(_AT_A_TIME, weeks - first), seed + first) for first in range(0, weeks, _AT_A_TIME)]
        lived = {name: [pool.submit(false_episodes, name, *part) for part in parts] for name in WEEKS}
        fallen = {
            (success, alert): [pool.submit(_delays, alert, success, *part) for part in _shared(trials, seed)]
            for success in FALLS
            for alert in ALERTS
        }
        healed = {alert: [pool.submit(_resets, alert, *part) for part in _shared(trials, seed)] for alert in ALERTS}
        for name, done in lived.items():
            found = [each.result() for each in done]
            figures.false[name] = {alert: sum(each[alert] for each in found) / weeks for alert in ALERTS}
        for (success, alert), done in fallen.items():
            told = [minutes for each in done for minutes in each.result() if minutes is not None]
            figures.delays.setdefault(success, {})[alert] = mean(told), len(told) / trials
        for alert, done in healed.items():
            figures.resets[alert] = mean(minutes for each in done for minutes in each.result() if minutes is not None)
    return figures


def _shared(trials: int, seed: int, at_a_time: int = 50) -> list[range]:
    seeds = range(seed, seed + trials)
    return [seeds[first : first + at_a_time] for first in range(0, trials, at_a_time)]


def _delays(alert: Alert, success: float, *seeds: int) -> list[float | None]:
    return [delay_minutes(alert, success, seed) for seed in seeds]


def _resets(alert: Alert, *seeds: int) -> list[float | None]:
    return [reset_minutes(alert, seed) for seed in seeds]


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def table(figures: Figures) -> str:
    """Everything measured beside what the design says, as Markdown."""
    rows = ["| | page | as designed | ticket | as designed |", "|---|---|---|---|---|"]
    for name, (_, designed) in WEEKS.items():
        found = figures.false[name]
        cells = [_rate(found[alert], figures.weeks) for alert in ALERTS]
        rows.append(_row(f"alarms in a week at {name}", cells, designed))
    for success, designed in FALLS.items():
        cells = [_delay(*figures.delays[success][alert]) for alert in ALERTS]
        rows.append(_row(f"minutes until told of a fall to {success:.0%}", cells, designed))
    resets = [f"{figures.resets[alert]:.0f}" for alert in ALERTS]
    rows.append(_row("minutes until over, after an hour at 62%", resets, ("12 + 15", "49 + 15")))
    return "\n".join(rows) + "\n"


def _row(what: str, cells: Sequence[str], designed: Sequence[object]) -> str:
    page, ticket = cells
    return f"| {what} | **{page}** | {designed[0]} | **{ticket}** | {designed[1]} |"


def _rate(rate: float, weeks: int) -> str:
    """Of what never happened it is known only that it is seldom: three over the number, with 95 % confidence."""
    return f"{rate:.3g}" if rate else f"0 (< {3 / weeks:.2g})"


def _delay(minutes: float, share: float) -> str:
    return f"{minutes:.1f}" if share == 1 else f"{minutes:.0f} ({share:.0%} told)"


def missed(figures: Figures) -> list[str]:
    """The aims that do not hold."""
    page = {success: told[Alert.PAGE][0] for success, told in figures.delays.items()}
    aims = {
        "a fall to 62 % pages within 11 min in the mean": page[0.62] <= 11,
        "an outage pages within 4 min in the mean": page[0.0] <= 4,
        "at 97 % fewer than 0.05 false pages a week": figures.false["97 %"][Alert.PAGE] < 0.05,
    }
    return [aim for aim, holds in aims.items() if not holds]


def main(words: Sequence[str] | None = None) -> int:
    """Measure as asked on the command line; 1 if an aim is missed."""
    asked = _parser().parse_args(words)
    weeks, trials = (8, 100) if asked.short else (asked.weeks, asked.trials)
    figures = measure(weeks, trials, asked.workers, asked.seed)
    command = f"python -m tests.evaluation.weeks --weeks {weeks} --trials {trials} --seed {asked.seed}"
    told = f"`{command}`, {datetime.now(UTC).date()}:\n\n{table(figures)}"
    sys.stdout.write(told)
    if asked.write:
        asked.write.write_text(put(asked.write.read_text(encoding="utf-8"), told), encoding="utf-8")
    for aim in missed(figures):
        sys.stdout.write(f"MISSED: {aim}\n")
    return bool(missed(figures))


def put(page: str, told: str) -> str:
    """The page with what is told between its marks."""
    before, _, rest = page.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return f"{before}{MARKS[0]}{told}{MARKS[1]}{after}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.weeks", description=__doc__)
    add = parser.add_argument
    add("--weeks", type=int, default=400, help="of each history")
    add("--trials", type=int, default=1000, help="falls to each ratio")
    add("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes at once")
    add("--seed", type=int, default=1)
    add("--short", action="store_true", help="8 weeks, 100 falls: a minute")
    add("--write", type=Path, metavar="FILE", help="put the table between the marks of this page")
    return parser


if __name__ == "__main__":
    sys.exit(main())
