"""Thousands of callers that nobody should be, at the door of a real `prober serve`: it answers or ends, and goes on.

python -m tests.fuzzing.raw --connections 5000 --seed 1
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.fuzzing.callers import TOKEN, WRONG, End, Piece, caller
from tests.live import HOST, Served, samples, serving, total
from tests.reliability.peer import peer
from tests.reliability.targets import Document, Quick

#: From the last byte of either side on, until the other end is gone, or for who is answered until it has been.
MOST_SECONDS = 5.0

#: More than the prober held once it had met a tenth of them; and at any moment.
MOST_MEBIBYTES, MOST_MEBIBYTES_EVER = 32, 96

#: So many are there at once: fewer than the prober has room for, so that none is let go to make some.
_LANES = 100

#: Who has been answered, and is told nothing more for so long, has been told all.
_QUIET_SECONDS = 0.1

#: Beyond what may be; by then it is known to hang.
_HANGING_SECONDS = MOST_SECONDS + 3

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Door(Quick):
    """A prober with little to do, whose door is shut even to those who only want to read."""

    def config(self) -> Document:
        """Two chains; whoever bears the token may do all there is to do, as often as it likes."""
        config = Quick.config(self)
        config["secrets"]["trigger"] = "env:TRIGGER"
        caller = {"name": "all", "secret": "trigger", "may": ["read", "run", "admin"]}
        config["trigger"] = {"callers": [caller], "reading": "token", "per_minute": 1000, "burst": 1000}
        for chain in config["chains"].values():
            chain.update(interval="5s", deadline="2s")
        return config


@dataclass(slots=True)
class Findings:
    """What became of all of them."""

    connections: Counter[str] = field(default_factory=Counter)  # by kind
    answers: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0  # ended without a word
    good: int = 0  # requests in between that were answered as they should be
    shed: int = 0  # 503 because too many were there
    slowest_seconds: float = 0.0
    slowest_good_seconds: float = 0.0
    mebibytes: float = 0.0  # more than after the first tenth
    mebibytes_ever: float = 0.0
    wrong: list[str] = field(default_factory=list)  # each with the seed that brings it again

    def __str__(self) -> str:
        rows = [
            ("connections", self.connections.total()),
            *((f"  {kind}", count) for kind, count in sorted(self.connections.items())),
            *((f"answered {status}", count) for status, count in sorted(self.answers.items())),
            ("  of them to shed load", self.shed),
            ("ended without an answer", self.unanswered),
            ("slowest to end", f"{self.slowest_seconds:.2f} s of {MOST_SECONDS} s"),
            ("good requests in between", f"{self.good}, the slowest {self.slowest_good_seconds:.2f} s"),
            ("memory", f"{self.mebibytes:+.1f} MiB of {MOST_MEBIBYTES}, at most {self.mebibytes_ever:+.1f} MiB"),
            ("wrong", len(self.wrong)),
        ]
        return "\n".join([*(f"{name:<28}{value}" for name, value in rows), *self.wrong[:30]])


async def examine(connections: int, seed: int) -> Findings:
    """Have so many callers at the door of a prober of their own."""
    with tempfile.TemporaryDirectory(prefix="prober-raw-") as name:
        folder = Path(name)
        async with peer() as target:
            config, door = folder / "probes.yaml", Door(target)
            config.write_text(json.dumps(door.config()), encoding="utf-8")
            environment = {**door.environment, "TRIGGER": TOKEN}
            async with serving(config, environment, folder / "log") as served:
                findings = await _besieged(served, connections, seed)
        findings.wrong += complaints((folder / "log").read_text(encoding="utf-8"))
    return findings


async def _besieged(served: Served, connections: int, seed: int) -> Findings:
    findings, seeds = Findings(), iter(range(seed * 1_000_003, seed * 1_000_003 + connections))
    await _good(served, findings)
    await _crowd(served, _first(seeds, connections // 10 if connections > _LANES else 0), findings)
    before = _memory(served.pid, "VmRSS")
    async with _watched(served, findings):
        await _crowd(served, seeds, findings)
    await _good(served, findings)
    findings.mebibytes = _memory(served.pid, "VmRSS") - before
    findings.mebibytes_ever = _memory(served.pid, "VmHWM") - before
    findings.wrong += [f"internal error: {each}" for each in await _internal_errors(served)]
    if findings.mebibytes > MOST_MEBIBYTES or findings.mebibytes_ever > MOST_MEBIBYTES_EVER:
        findings.wrong.append("it takes more memory than it may")
    return findings


def _first(seeds: Iterator[int], count: int) -> Iterator[int]:
    return iter([next(seeds) for _ in range(count)])


async def _crowd(served: Served, seeds: Iterator[int], findings: Findings) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(_LANES):
            group.create_task(_lane(served, seeds, findings))


async def _lane(served: Served, seeds: Iterator[int], findings: Findings) -> None:
    for seed in seeds:
        await _one(served, seed, findings)


# ── one caller ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _one(served: Served, seed: int, findings: Findings) -> None:
    made = caller(seed)
    reader, writer = await _connected(served, f"127.0.{seed >> 8 & 255}.{seed & 255 or 1}")
    try:
        told, seconds = await _told(reader, writer, made.pieces)
    finally:
        writer.transport.abort()
    statuses = [int(status) for status in _STATUS.findall(told)]
    findings.connections[made.kind] += 1
    findings.answers.update(statuses)
    findings.unanswered += not statuses
    findings.slowest_seconds = max(findings.slowest_seconds, seconds)
    findings.shed += told.count(b"requests are being answered")
    where = f"{made.kind}, seed {seed}"
    if seconds > MOST_SECONDS:
        findings.wrong.append(f"{where}: no end after {seconds:.1f} s")
    if any(status >= 500 for status in statuses) and b"requests are being answered" not in told:
        findings.wrong.append(f"{where}: answered {statuses}: {told[-200:]!r}")
    if made.is_stranger and any(status < 400 for status in statuses):
        findings.wrong.append(f"{where}: a stranger was let in: {statuses} for {made.pieces!r}"[:500])


async def _connected(served: Served, source: str = HOST) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Each from an address of its own: who guesses too often at a token is answered 429 whatever it shows."""
    parts = urlsplit(served.url)
    async with asyncio.timeout(_HANGING_SECONDS):
        return await asyncio.open_connection(parts.hostname, parts.port, local_addr=(source, 0))


async def _told(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: Sequence[Piece]
) -> tuple[bytes, float]:
    """All that is answered, and how many seconds nobody said anything before it was over."""
    hearing = asyncio.create_task(_heard(reader, patient=End.MUTE in pieces))
    with suppress(ConnectionError):
        for piece in pieces:
            await _said(writer, piece)
    began = time.monotonic()
    if End.CUT in pieces:
        hearing.cancel()
        await asyncio.wait([hearing])
        return b"", 0.0
    told, last, over = await hearing
    return told, over - max(began, min(last, over)) if over > began else 0.0


async def _said(writer: asyncio.StreamWriter, piece: Piece) -> None:
    match piece:
        case bytes():
            writer.write(piece)
            with suppress(TimeoutError):  # whoever refuses to read all of it has answered
                await asyncio.wait_for(writer.drain(), 0.5)
        case float():
            await asyncio.sleep(piece)
        case End.CUT:
            writer.transport.abort()
        case End.HALF:
            writer.write_eof()


async def _heard(reader: asyncio.StreamReader, *, patient: bool) -> tuple[bytes, float, float]:
    """What is answered, when its last came, and when it was over: at the end, or for the less patient at rest."""
    told, last = bytearray(), time.monotonic()
    while True:
        is_enough = bool(_STATUS.search(told)) and not patient
        try:
            chunk = await asyncio.wait_for(reader.read(65536), _QUIET_SECONDS if is_enough else _HANGING_SECONDS)
        except TimeoutError:
            return bytes(told), last, last if is_enough else time.monotonic()
        except ConnectionError:
            chunk = b""
        if not chunk:
            return bytes(told), last, time.monotonic()
        told += chunk
        last = time.monotonic()


# ── those who ask as they should ─────────────────────────────────────────────────────────────────────────────────────

#: What is asked in between, with which token, and the answer that it has to get.
_GOOD = (
    *(("/-/healthy", "", 200), ("/metrics", "", 200)),
    *(("/api/v1/runs", TOKEN, 200), ("/api/v1/runs", WRONG, 401), ("/api/v1/runs", "", 401)),
)


@asynccontextmanager
async def _watched(served: Served, findings: Findings) -> Iterator[None]:
    async def watch() -> None:
        while True:
            await _good(served, findings)
            await asyncio.sleep(0.25)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _good(served: Served, findings: Findings) -> None:
    for target, token, wanted in _GOOD:
        began = time.monotonic()
        status = await _asked(served, target, token)
        seconds = time.monotonic() - began
        findings.slowest_good_seconds = max(findings.slowest_good_seconds, seconds)
        findings.good += status == wanted
        if status not in {wanted, 429 if wanted == 401 else wanted}:
            findings.wrong.append(f"a good request for {target} was answered {status} after {seconds:.1f} s")


async def _asked(served: Served, target: str, token: str) -> int:
    """The status, or 0."""
    shown = f"Authorization: Bearer {token}\r\n" if token else ""
    try:
        async with asyncio.timeout(MOST_SECONDS):
            reader, writer = await _connected(served)
            try:
                writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{shown}\r\n".encode())
                found = _STATUS.match(await reader.read())
            finally:
                writer.close()
    except (TimeoutError, ConnectionError):
        return 0
    return int(found[1]) if found else 0


# ── the prober itself ────────────────────────────────────────────────────────────────────────────────────────────────


def complaints(log: str) -> Sequence[str]:
    """What it says of itself that it should not have to."""
    wrong = ("Traceback", '"exception"', '"ERROR"', '"CRITICAL"', "Fatal error", "never retrieved")
    return [f"log: {line[:300]}" for line in log.splitlines() if any(each in line for each in wrong)][:20]


async def _internal_errors(served: Served) -> Sequence[str]:
    page = await served.page()
    if not total(page, "prober_trigger_requests_total"):
        return ["no call was counted"]
    return [str(each) for each in samples(page, "prober_internal_errors_total") if each.value]


def _memory(pid: int, what: str) -> float:
    """In MiB, by the kernel."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


def main(words: Sequence[str] | None = None) -> int:
    """Let them come, and print what became of it; 1 when anything did that may not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=5000, help="how many (5000)")
    parser.add_argument("--seed", type=int, default=1, help="which (1)")
    findings = asyncio.run(examine(**vars(parser.parse_args(words))))
    print(findings)  # noqa: T201 - a command of ours
    return int(bool(findings.wrong))


if __name__ == "__main__":
    sys.exit(main())
