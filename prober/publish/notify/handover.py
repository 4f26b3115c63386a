"""Handing over: one message, one address, one courier process, within a deadline that nobody can stretch.

A process rather than a thread, since a thread cannot be ended: a service that drips its answer would hold it for good.
And since apprise's HTTP library takes proxies and passwords (`~/.netrc`) from the environment: a courier's has none.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from prober.model.secret import Secret
from prober.publish.notify.message import Message

#: For starting a process, for apprise, and for the service's answer.
PATIENCE_SECONDS = 20.0

_ANSWER_BYTES = 4096

#: What the courier is told of our surroundings: where programs are, and whose certificates to trust.
_PASSED_ON = ("PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")

_TOO_LATE = "no answer within {seconds:g} s"
_BROKE = "our courier broke off; this is the prober's own fault, or the answer was far too large"


@dataclass(frozen=True, slots=True)
class Handed:
    """Whether a message was taken, and if not, why: a sentence of ours that quotes neither address nor answer."""

    taken: bool
    why: str = ""


def can_hand_over() -> bool:
    """Whether apprise, which is an extra, is installed here."""
    return find_spec("apprise") is not None


async def hand_over(url: Secret, message: Message, patience_seconds: float = PATIENCE_SECONDS) -> Handed:
    """Send `message` to `url`; never raises for anything the service does."""
    letter = {"url": url.reveal(), "title": message.title, "body": message.body, "tone": message.tone}
    process = await _courier()
    try:
        async with asyncio.timeout(patience_seconds):
            return _handed(await _exchange(process, json.dumps(letter).encode()))
    except TimeoutError:
        return Handed(taken=False, why=_TOO_LATE.format(seconds=patience_seconds))
    finally:
        await _ended(process)


async def _courier() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "prober.publish.notify.courier"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # apprise may put an address there
        env=_surroundings(os.environ),
    )


def _surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """No proxies, no home with passwords in it, no secrets of ours; and our own code where we found it."""
    kept = {name: environ[name] for name in _PASSED_ON if name in environ}
    return {**kept, "HOME": os.devnull, "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


async def _exchange(process: asyncio.subprocess.Process, letter: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        return b""
    process.stdin.write(letter)
    process.stdin.close()
    return await process.stdout.read(_ANSWER_BYTES)


def _handed(answer: bytes) -> Handed:
    try:
        told = json.loads(answer)
        return Handed(taken=told["taken"] is True, why=str(told["why"]))
    except (ValueError, KeyError, TypeError):
        return Handed(taken=False, why=_BROKE)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """No courier outlives its errand."""
    if process.returncode is None:
        process.kill()
    await process.wait()
