"""Kills a real `prober serve` at random moments, and looks each time whether anything is lost.

`python -m tests.reliability.kills --times 500` is the documented form. Each round: a prober is killed with SIGKILL (or,
with `--politely`, told to end by SIGTERM, some twice) within `--within` seconds of its start, or of its first turn,
and another is started at once in the same folder. When that one has looked and is at rest, the file, the books and the
metrics are checked, and it is killed too. Every few rounds begin with an empty folder: some kills hit the making of the
tables. Who is killed looks at a peer that costs next to nothing; who is told to end looks at the lab, where WebSockets
are open and tokens under way.
"""

import argparse
import asyncio
import random
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from tests.reliability.rig import CHAINS, Home, Life, blame, missed
from tests.reliability.targets import Quick, lab, quick

#: A kill comes within so many seconds of the start, if nobody says otherwise.
WITHIN_SECONDS = 3.0

#: What we promise of a machine that is ours alone: from a restart to the first look at the peer.
_PROMISED_SECONDS = 3.0

#: How many are let start before their time begins to run: on a slow machine all others would die too young.
_ONCE_IT_LOOKS = 0.5

#: After so many rounds the folder is emptied.
_ROUNDS_OF_A_FOLDER = 5

#: A slow machine takes longer than the deadline and a second, which the table tells; more is a process that hangs.
_HANGS_SECONDS = 15.0

#: Until a prober heeds SIGTERM, it ends by it like any process; this is the first that it says once it does.
_DIED_OF_SIGTERM, _HEEDS = -15, "history.kept_in"

#: How many are told twice, and within how many seconds: people lose patience, and so do orchestrators.
_TOLD_TWICE, _AGAIN_WITHIN_SECONDS = 0.3, 0.5

#: Why a turn may be missed here. The last two are the machine's doing: it has two cores, and is not ours alone.
EXPLAINED = {"process_down", "died_mid_run", "shutdown", "overrun", "stalled"}


@dataclass(slots=True)
class Tally:
    """What was seen so far."""

    rounds: int = 0
    kills: int = 0
    complaints: list[str] = field(default_factory=list)
    first_probes: list[float] = field(default_factory=list)
    efforts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    in_time: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    expected: int = 0
    recorded: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)  # what the killed one was about

    def __str__(self) -> str:
        rows = [
            ("rounds", self.rounds),
            ("processes ended by us", self.kills),
            ("killed before it opened the store", self.struck["early"]),
            ("killed before it listened", self.struck["opening"]),
            ("killed while it looked", self.struck["looking"]),
            ("slots expected", self.expected),
            ("slots recorded", self.recorded),
            *((f"slots missed: {reason}", count) for reason, count in sorted(self.missed.items())),
            ("slots unexplained", self.expected - self.recorded - self.missed.total()),
        ]
        if self.first_probes:
            late = sum(each >= _PROMISED_SECONDS for each in self.first_probes)
            rows.append(("first probe after a restart", spread(self.first_probes)))
            rows += [("of them, later than 3 s", late), ("CPU time it had taken by then", spread(self.efforts))]
        if self.ends:
            rows.append(("exit after SIGTERM", spread(self.ends)))
            rows += [("of them, within deadline + 1 s", self.in_time), ("exit codes", dict(self.codes))]
        rows.append(("complaints", len(self.complaints)))
        return "\n".join([*(f"{name:<36}{value}" for name, value in rows), *self.complaints])


def added(tallies: Sequence[Tally]) -> Tally:
    """What all of them saw."""
    result = Tally()
    for each in fields(Tally):
        for tally in tallies:
            setattr(result, each.name, getattr(result, each.name) + getattr(tally, each.name))
    return result


def spread(seconds: Sequence[float]) -> str:
    """The middle, the edge and the end of a sample."""
    if len(seconds) < 2:
        return f"{seconds}"
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    return f"p50 {statistics.median(seconds):.2f} s, p99 {p99:.2f} s, max {max(seconds):.2f} s (n={len(seconds)})"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done."""

    times: int = 500
    seed: int = 1
    lanes: int = 1
    within: float = WITHIN_SECONDS
    politely: bool = False


async def lane(number: int, asked: Asked, folder: Path) -> Tally:
    """Its share of the rounds, one after the other."""
    tally = Tally()
    chance = random.Random(f"{asked.seed}/{number}")
    times = asked.times // asked.lanes + (number < asked.times % asked.lanes)
    async with (lab if asked.politely else quick)() as target:
        for round_number in range(times):
            place = folder / f"lane-{number}" / f"{round_number // _ROUNDS_OF_A_FOLDER}"
            before = len(tally.complaints)
            home = Home(place, target)
            known = home.runs() if home.file.exists() else set()
            await _end_one(home, chance, tally, asked)
            await _check_next(home, known, tally)
            tally.rounds += 1
            for complaint in tally.complaints[before:]:
                print(f"lane {number}, round {round_number}: {complaint}", flush=True)  # noqa: T201 - a command of ours
            if (round_number + 1) % _ROUNDS_OF_A_FOLDER == 0 or round_number + 1 == times:
                await _add_up(home, tally)
                shutil.rmtree(place)
    return tally


async def _end_one(home: Home, chance: random.Random, tally: Tally, asked: Asked) -> None:
    """One that is ended at a random moment: of its start, or once it looks."""
    life = await home.live(log="log-ended")
    if chance.random() < _ONCE_IT_LOOKS:
        await life.listens()
    await asyncio.sleep(chance.uniform(0, asked.within))
    tally.struck[_about(life)] += 1
    tally.kills += 1
    await (_tell_to_end(home, life, chance, tally) if asked.politely else life.kill())


async def _tell_to_end(home: Home, life: Life, chance: random.Random, tally: Tally) -> None:
    """By SIGTERM; from the moment on that it heeds that, it leaves with 0, and leaves nothing undone."""
    heeds = _HEEDS in life.said()
    again = asyncio.create_task(_tell_again(life, chance))
    code, seconds = await life.stop()
    await again
    tally.codes[code] += 1
    tally.ends.append(seconds)
    tally.in_time += seconds <= home.target.deadline_seconds + 1
    if code != 0 and (heeds or code != _DIED_OF_SIGTERM):
        tally.complaints.append(f"SIGTERM ended it with {code}: {life.said()[-1500:]}")
    if seconds > _HANGS_SECONDS:
        tally.complaints.append(f"SIGTERM took {seconds:.2f} s")
    if code == 0 and any(account.taken for account in await home.accounts()):
        tally.complaints.append("it left a slot open")
    tally.complaints.extend(_tracebacks(life))


async def _tell_again(life: Life, chance: random.Random) -> None:
    """Some are told once more, while they are about to end."""
    told_twice, after_seconds = chance.random() < _TOLD_TWICE, chance.uniform(0, _AGAIN_WITHIN_SECONDS)
    await asyncio.sleep(after_seconds)
    if told_twice and life.process.returncode is None:
        life.process.send_signal(signal.SIGTERM)


def _about(life: Life) -> str:
    if "listening on" in life.said():
        return "looking"
    return "opening" if life.log.with_name("prober.db").exists() else "early"


def _tracebacks(life: Life) -> Sequence[str]:
    said = life.said()
    return [f"a traceback in its log: {said[-3000:]}"] if re.search(r"Traceback|Task .* destroyed", said) else []


async def _check_next(home: Home, known: set[str], tally: Tally) -> None:
    """Start another at once, and look what is left."""
    life = await home.live(log="log-next")
    try:
        tally.complaints.extend(await _complaints(home, life, known, tally))
    except (TimeoutError, RuntimeError) as error:
        tally.complaints.append(f"{type(error).__name__} {error}: {life.said()[-2000:]}")
    finally:
        await life.kill()
        tally.kills += 1


async def _complaints(home: Home, life: Life, known: set[str], tally: Tally) -> Sequence[str]:
    await life.listens()
    if isinstance(home.target, Quick):
        tally.first_probes.append(await life.first_probe_seconds(home.target.peer))
        tally.efforts.append(life.cpu_seconds())
    page = await life.at_rest(list(CHAINS))
    accounts = await home.accounts()
    reasons = set(missed(accounts))
    checks = {
        "the file is not whole": await asyncio.to_thread(home.is_whole),
        "slots are unexplained": all(account.unexplained == 0 for account in accounts),
        "slots are doubled": all(account.doubled == 0 for account in accounts),
        "slots of the dead are still open": all(account.taken <= 1 for account in accounts),
        "chains are not in the books": {account.chain for account in accounts} == set(CHAINS),
        "a recorded run is not there": home.runs_not_there() == 0,
        "a run that was there is gone": known <= home.runs(),
        "a gap is not explained": reasons <= EXPLAINED,
        "the target is blamed": not blame(page),
    }
    detail = f" ({accounts})"
    return [*(what + detail for what, is_so in checks.items() if not is_so), *_tracebacks(life)]


async def _add_up(home: Home, tally: Tally) -> None:
    """The books of a folder, once nobody lives there; who was killed last has its slot open."""
    for account in await home.accounts():
        tally.expected += account.expected - account.taken
        tally.recorded += account.recorded
    tally.missed.update(missed(await home.accounts()))


async def kills(asked: Asked) -> Tally:
    """So many rounds, in lanes side by side."""
    with tempfile.TemporaryDirectory(prefix="prober-kills-") as folder:
        return added(await asyncio.gather(*(lane(number, asked, Path(folder)) for number in range(asked.lanes))))


def main(words: Sequence[str] | None = None) -> int:
    """Kill, and print what came of it; 1 when there is anything to complain of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=500, help="rounds (500)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    parser.add_argument("--lanes", type=int, default=1, help="side by side (1)")
    parser.add_argument("--politely", action="store_true", help="SIGTERM instead of SIGKILL")
    parser.add_argument("--within", type=float, default=WITHIN_SECONDS, help="seconds from start to kill, at most (3)")
    asked = Asked(**vars(parser.parse_args(words)))
    began = time.monotonic()
    tally = asyncio.run(kills(asked))
    print(f"{tally}\nseed {asked.seed}, {asked.lanes} lanes, {time.monotonic() - began:.0f} s")  # noqa: T201 - a command of ours
    return 1 if tally.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
