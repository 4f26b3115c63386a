"""Floods a real `prober serve` with calls for runs, and looks what its target sees of it.

`python -m tests.reliability.flood --calls 5000 --seconds 10` is the documented form. Each call is for another revision,
so that none is served by another's run. Every answer is 202, or 429 with `Retry-After`. With `--unpaced` the caller may
ask a thousand times a minute: what holds then is the bound of all that is asked for, and the budget of the target.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from prober.model.chain import Load
from tests.live import samples, total
from tests.reliability.peer import Peer, peer
from tests.reliability.promises import TOKEN, Taking
from tests.reliability.rig import CHAINS, Home, Life, living
from tests.reliability.targets import Document, Quick

#: Callers keep so many connections open.
_CONNECTIONS = 20

#: Turns that come at their time, on a machine that others use too: a bucket of the histogram of lateness.
ON_TIME_SECONDS = "1.0"


class Calm(Taking):
    """The peer, looked at less often: on a busy machine a turn takes its time."""

    def config(self) -> Document:
        """Its chains turn every two seconds, and a caller may ask as often as it may unless somebody says otherwise."""
        config = Quick.config(self)
        config["secrets"]["trigger"] = "env:TRIGGER"
        config["trigger"] = {"secret": "trigger"}
        for chain in config["chains"].values():
            chain.update(interval="2s", deadline="2s")
        return config


class Unpaced(Calm):
    """The same, by a prober that bears with any caller."""

    def config(self) -> Document:
        """As often as can be said."""
        config = Calm.config(self)
        config["trigger"].update(per_minute=1000, burst=1000)
        return config


@dataclass(slots=True)
class Seen:
    """What came of it."""

    answers: Counter[int] = field(default_factory=Counter)
    without_again: int = 0  # 429 that does not say when to ask again
    seconds: float = 0.0  # all the calls took
    slowest_seconds: float = 0.0
    at_target: int = 0  # requests that the target got meanwhile
    allowed: float = 0.0  # by its budget
    turns: float = 0.0
    turns_on_time: float = 0.0
    turns_missed: Counter[str] = field(default_factory=Counter)  # by reason

    def __str__(self) -> str:
        rows = [
            *((f"answered {status}", count) for status, count in sorted(self.answers.items())),
            ("429 without Retry-After", self.without_again),
            ("calls took", f"{self.seconds:.1f} s, the slowest {self.slowest_seconds:.2f} s"),
            ("requests at the target", f"{self.at_target}, its budget allows {self.allowed:.0f}"),
            ("turns on schedule", f"{self.turns:.0f}, missed {dict(self.turns_missed)}"),
            (f"of them at most {ON_TIME_SECONDS} s late", f"{self.turns_on_time:.0f}"),
        ]
        return "\n".join(f"{name:<32}{value}" for name, value in rows)


async def _caller(url: str, numbers: Sequence[int], pace: float, seen: Seen) -> None:
    """One connection, one call after the other, each at its time or as soon as may be."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    began = time.monotonic()
    try:
        for place, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, began + place * pace - time.monotonic()))
            asked = time.monotonic()
            writer.write(_request(parts.netloc, number))
            async with asyncio.timeout(30):
                status, headers = await _answer(reader)
            seen.slowest_seconds = max(seen.slowest_seconds, time.monotonic() - asked)
            seen.answers[status] += 1
            seen.without_again += status == 429 and b"retry-after" not in headers
    finally:
        writer.close()


def _request(host: str, number: int) -> bytes:
    body = json.dumps({"revision": f"r{number}"}).encode()
    head = f"POST /api/v1/chains/steady/runs HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    headers = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = headers.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(headers.split(maxsplit=2)[1]), headers


async def flood(calls: int, seconds: float, *, unpaced: bool = False) -> Seen:
    """So many calls within so many seconds."""
    with tempfile.TemporaryDirectory(prefix="prober-flood-") as folder:
        async with peer() as target, living(Home(Path(folder), (Unpaced if unpaced else Calm)(target))) as life:
            await life.at_rest(list(CHAINS))
            return await _flooded(life, target, calls, seconds)


async def _flooded(life: Life, target: Peer, calls: int, seconds: float) -> Seen:
    seen, before, asked_before = Seen(), await life.page(), len(await target.asked())
    began = time.monotonic()
    lanes = [range(lane, calls, _CONNECTIONS) for lane in range(_CONNECTIONS)]
    pace = seconds * _CONNECTIONS / calls
    await asyncio.gather(*(_caller(life.url, lane, pace, seen) for lane in lanes))
    seen.seconds = time.monotonic() - began
    seen.at_target = len(await target.asked()) - asked_before
    load = Load()
    seen.allowed = load.burst + load.requests_per_second * (time.monotonic() - began)
    after = await life.page()
    seen.turns = _more(before, after, "prober_schedule_lateness_seconds_count")
    seen.turns_on_time = _more(before, after, "prober_schedule_lateness_seconds_bucket", le=ON_TIME_SECONDS)
    for each in samples(after, "prober_slots_missed_total"):
        seen.turns_missed[each.labels["reason"]] += int(each.value - total(before, each.name, **each.labels))
    seen.turns_missed = +seen.turns_missed
    return seen


def _more(before: str, after: str, name: str, **labels: str) -> float:
    if not list(samples(after, name, **labels)):
        message = f"there is no {name} {labels}"
        raise AssertionError(message)
    return total(after, name, **labels) - total(before, name, **labels)


def main(words: Sequence[str] | None = None) -> int:
    """Flood, and print what came of it; 1 when the target or the schedule felt it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000, help="how many (5000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="within so many seconds (10)")
    parser.add_argument("--unpaced", action="store_true", help="let the caller ask as often as it likes")
    seen = asyncio.run(flood(**vars(parser.parse_args(words))))
    print(seen)  # noqa: T201 - a command of ours
    return int(seen.at_target > seen.allowed or bool(seen.turns_missed) or seen.without_again > 0)


if __name__ == "__main__":
    sys.exit(main())
