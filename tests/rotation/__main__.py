"""Minutes of rotations under load, and what the prober counted of them.

    python -m tests.rotation --minutes 3 --chains 6

Every secret is rotated in every order, as services read it anew and by restarts, also while its source is away. No
failure may be counted. Then one service is left behind, and that must be one.
"""

import argparse
import asyncio
import itertools
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.rotation.playing import SERVICES, Move, failures, rotate
from tests.rotation.rig import Rig

_SECRETS = (("jwt",), ("service",), ("bypass",), ("jwt", "service", "bypass"))


def moves():
    """Every one, again and again; one in three while the source is away."""
    kinds = itertools.product(_SECRETS, (SERVICES, SERVICES[::-1]), (False, True))
    for turn, (secrets, order, by_restart) in enumerate(itertools.cycle(list(kinds))):
        yield Move(secrets, order, by_restart=by_restart, pause_seconds=turn % 4, source_away=turn % 3 == 2)


async def play(minutes, chains, overlap_seconds):
    """Print what came of it; whether all was as it must be."""
    rig, good = Rig(overlap_seconds, 5, chains), True
    with tempfile.TemporaryDirectory() as folder:
        async with rig.running(Path(folder)):
            await rig.turns(2)
            start, until, count = await rig.counted(), time.monotonic() + minutes * 60, 0
            for move in moves():
                before = await rig.counted()
                await rotate(rig, move)
                bad = failures(before, await rig.counted())
                count, good = count + 1, good and not bad
                _say(f"{'BAD' if bad else 'ok '} {move} {dict(bad) or ''}")
                if time.monotonic() > until:
                    break
            end = await rig.counted()
            _sum_up(f"{count} rotations in {minutes:g} min", start, end)
            good = await _left_behind(rig, overlap_seconds) and good
            _keep(Path(folder) / "prober.log", good=good)
    return good


def _say(text):
    print(text, flush=True)  # noqa: T201 - a command of ours


def _keep(log, *, good):
    """Whatever went wrong is read there."""
    if not good:
        kept = Path(tempfile.gettempdir()) / "rotation.log"
        kept.write_text(log.read_text())
        _say(f"the log is in {kept}")


def _sum_up(what, start, end):
    steps, runs = end["steps"] - start["steps"], end["runs"] - start["runs"]
    _say(f"{what}: {sum(runs.values())} runs {dict(runs)}, {sum(steps.values())} steps {dict(steps)}")
    _say(f"sources asked: {dict(end['fetches'] - start['fetches'])}; failures counted: {steps['fail']}")


async def _left_behind(rig, overlap_seconds):
    """For each secret, one service that stays behind; None of them may pass once the overlap is over."""
    seen = Counter()
    for service, name in (("auth", "jwt"), ("backend", "service"), ("auth", "bypass")):
        before = await rig.counted()
        rig.rotate(name)
        for each in SERVICES:
            await (rig.fall_behind if each == service else rig.move_on)(each, name)
        await asyncio.sleep(overlap_seconds + 1)
        await rig.turns(2)
        after = await rig.counted()
        named = sorted(after["causes"])
        bad = failures(before, after)
        _say(f"left behind: {service} with {name}: {dict(bad)}, causes {named}")
        seen[bool(bad)] += 1
        await rig.follow(service, name)
        await rig.turns(2)
    return not seen[False]


def main():
    """Exit with 1 where a failure was counted that was none, or none where one was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--chains", type=int, default=6)
    parser.add_argument("--overlap", type=float, default=30)
    given = parser.parse_args()
    raise SystemExit(not asyncio.run(play(given.minutes, given.chains, given.overlap)))


if __name__ == "__main__":
    main()
