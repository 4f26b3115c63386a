"""The fault matrix: 70 faults, each classified as expected, the ledger whole after each, nothing of ours on the target.

    python -m tests.matrix                        # all of it, about a quarter of an hour
    python -m tests.matrix --only 30,31           # some of it
    python -m tests.matrix --suspend 20           # the machine sleeps for 20 s instead of ten minutes
    python -m tests.matrix --table                # what is expected, without playing anything

It ends with 1 where anything is not as expected, and where anything could not be done.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.matrix.ours import SUSPENDED, SUSPENDED_SECONDS, suspended
from tests.matrix.page import table
from tests.matrix.playing import lane
from tests.matrix.row import Fault
from tests.matrix.scene import Findings
from tests.matrix.table import FAULTS


@dataclass(slots=True)
class Tally:
    """What came of them."""

    faults: Sequence[Fault]
    found: dict[int, Findings] = field(default_factory=dict)

    def note(self, fault: Fault, found: Findings) -> None:
        """One more is over; a line at once, for who waits."""
        self.found[fault.number] = found
        sys.stdout.write(f"{line(fault, found)}\n")
        sys.stdout.flush()

    @property
    def is_well(self) -> bool:
        """Whether all of them are as expected."""
        return len(self.found) == len(self.faults) and all(found.is_well for found in self.found.values())

    def __str__(self) -> str:
        found, count = list(self.found.values()), len(self.faults)
        expected = sum(not each.wrong and not each.not_done and each.is_classified for each in found)
        not_done = sum(bool(each.not_done) for each in found)
        return (
            f"{expected} of {count} classified as expected; ledger whole after {sum(each.is_whole for each in found)}; "
            f"own faults booked on a target: {sum(len(each.booked) for each in found)}; "
            f"worst deadline overrun {1000 * max((each.overrun_seconds for each in found), default=0.0):.0f} ms; "
            f"worst memory {max((each.memory_mib for each in found), default=0.0):.1f} MiB; "
            f"canary hits {sum(len(each.hits) for each in found)}; not done {not_done}"
        )


def line(fault: Fault, found: Findings) -> str:
    """One fault, and beneath it whatever is wrong."""
    how = "NOT DONE" if found.not_done else "ok" if found.is_well else "WRONG"
    told = (
        f"{fault.number:>2} {fault.family} {fault.name[:58]:<58} {how:<8} {1000 * found.overrun_seconds:>6.0f} ms "
        f"{found.memory_mib:>5.1f} MiB {found.seconds:>4.0f} s  {found.seen or found.not_done}"
    )
    return "\n".join([told, *(f"       ! {each}" for each in [*found.wrong, *found.hits, *found.booked])])


async def main(faults: Sequence[Fault], lanes: int, seed: int, suspend: float) -> Tally:
    """The one that sleeps in a lane of its own, the others side by side."""
    tally = Tally(faults)
    waiting = iter([fault for fault in faults if fault.number != SUSPENDED])
    asleep = [replace(fault, play=suspended(suspend)) for fault in faults if fault.number == SUSPENDED]
    with tempfile.TemporaryDirectory(prefix="prober-matrix-") as folder:
        async with asyncio.TaskGroup() as group:
            group.create_task(lane(asleep, Path(folder), seed, tally.note, suspend))
            for _ in range(lanes):
                group.create_task(lane(waiting, Path(folder), seed, tally.note))
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="numbers, by commas")
    parser.add_argument("--seed", type=int, default=1, help="of what happens by chance (1)")
    parser.add_argument("--lanes", type=int, default=2, help="faults side by side (2)")
    parser.add_argument("--suspend", type=float, default=SUSPENDED_SECONDS, help="seconds of fault 61 (600)")
    parser.add_argument("--table", action="store_true", help="print the table of docs/faults.md")
    given = parser.parse_args()
    if given.table:
        sys.stdout.write(table(FAULTS))
        sys.exit(0)
    only = {int(number) for number in given.only.split(",") if number}
    began = time.monotonic()
    tally = asyncio.run(
        main([f for f in FAULTS if not only or f.number in only], given.lanes, given.seed, given.suspend)
    )
    sys.stdout.write(f"{tally}\nseed {given.seed}, {time.monotonic() - began:.0f} s\n")
    sys.exit(0 if tally.is_well else 1)
