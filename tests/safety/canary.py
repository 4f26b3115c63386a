"""The canary: fresh secrets, every fault there is, every place in which one of them could turn up; none may.

    python -m tests.safety.canary                  # all of it
    python -m tests.safety.canary --every 6        # every sixth fault
    python -m tests.safety.canary --only shouts    # one of them

It ends with 1 where something was found, or where a planted leak was not.
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

import jwt

from prober.demo import known_faults
from prober.lab.world import World
from tests.safety.home import FEW_STEPS, HANDED, Home, Life, home, made_up
from tests.safety.needles import Hit, Needles, searched
from tests.safety.parrot import MANNERS, Manner, Parrot, parrots

#: Commands take seconds each: `run` is given after one fault in so many, all others after one in twice as many.
_COMMANDED = 4

#: Where each secret may go: to which of the two services, by which doors.
_OWNERS: Mapping[str, Callable[[str, str], bool]] = {
    "bypass": lambda who, door: who == "auth" and door.startswith("/auth/e2e"),
    "service": lambda who, door: door == "/internal/secret-proof" or (who == "auth" and door == "/auth/validate"),
}


@dataclass(slots=True)
class Tally:
    """What was searched, and what was found."""

    faults: list[str] = field(default_factory=list)
    sinks: set[str] = field(default_factory=set)
    searches: int = 0
    length: int = 0  # in bytes
    hits: list[tuple[str, Hit]] = field(default_factory=list)
    told: Callable[[str], None] = lambda _: None

    def note(self, fault: str, needles: Needles, sinks: Mapping[str, bytes], *, shapes: bool = True) -> None:
        """Search these sinks after this fault."""
        if fault not in self.faults:
            self.told(f"{self}; now: {fault}")
            self.faults.append(fault)
        self.sinks |= set(sinks)
        self.searches += len(sinks)
        self.length += sum(map(len, sinks.values()))
        self.hits += [(fault, hit) for hit in searched(needles, sinks, shapes=shapes)]

    def __str__(self) -> str:
        return (
            f"{len(self.faults)} faults x {len(self.sinks)} sinks: {self.searches} searches of "
            f"{self.length / 1e6:.1f} MB, {len(self.hits)} hits"
        )


# ── parrots ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def among_parrots(  # noqa: PLR0913 - what is asked of one prober
    folder: Path,
    manners: Sequence[Manner],
    tally: Tally,
    *,
    commands: Callable[[int], Iterable[str]],
    chains: str = "",
    planted: str = "",
) -> None:
    """One prober among services that say back all they are sent, in each of these manners; every sink after each."""
    handed = {name: made_up() for name in HANDED}
    async with parrots(made_up()) as (auth, backend, stranger, told), home(folder, planted) as here:
        here.chains = chains
        here.furnish(handed)
        told["LAB_IDENTITY_TOKEN"] = f"file:{here.folder}/secrets/identity"
        here.keep("identity", _identity_token(told))
        known = {**here.own, **handed, **({"planted": planted} if planted else {})}
        async with here.serving(told) as life:
            for number, manner in enumerate(manners):
                auth.manner = backend.manner = manner
                for each in (auth, backend, stranger):
                    each.heard.clear()
                sinks = {}
                for name in commands(number):
                    sinks |= await getattr(here, name)(told)
                sinks |= await life.sinks()
                needles = Needles(known)
                for token in _tokens(auth, backend):
                    needles.token(token)
                tally.note(manner.name, needles, sinks)
                sent = {f"{who} was sent": _sent(who, each, handed) for who, each in _hosts(auth, backend, stranger)}
                tally.note(manner.name, Needles(known), sent, shapes=False)
                tally.note(manner.name, needles, {"stranger was sent": sent["stranger was sent"]})


def _identity_token(told: Mapping[str, str]) -> str:
    """One for both, as a platform wants to see it; it counts among the tokens that were sent."""
    claims = {"aud": [told["AUTH_URL"], told["BACKEND_URL"]], "exp": time.time() + 3600}
    return jwt.encode(claims, secrets.token_bytes(32), algorithm="HS256")


def _hosts(auth: Parrot, backend: Parrot, stranger: Parrot) -> Sequence[tuple[str, Parrot]]:
    return (("auth", auth), ("backend", backend), ("stranger", stranger))


def _sent(who: str, parrot: Parrot, handed: Mapping[str, str]) -> bytes:
    """What a host was sent, without what is its own."""
    told = []
    for door, said in parrot.heard:
        owned = [handed[name] for name, is_owned in _OWNERS.items() if is_owned(who, door)]
        told.append(reduce(lambda text, value: text.replace(value, ""), owned, said))
    return "\n".join(told).encode()


def _tokens(*hosts: Parrot) -> set[str]:
    """The good tokens that were sent; what is not signed is none."""
    words = (word for each in hosts for _, said in each.heard for word in said.replace('"', " ").split())
    return {word for word in words if word.startswith("eyJ") and word.count(".") == 2 and not word.endswith(".")}


# ── the lab ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def in_the_lab(
    folder: Path, faults: Sequence[str], tally: Tally, *, commands: Callable[[int], Iterable[str]]
) -> None:
    """One prober before the lab, broken in each of these ways; another one where it is the prober that is broken."""
    async with AsyncExitStack() as stack:
        worlds = {each: await stack.enter_async_context(World(dialect=each)) for each in ("real", "reports")}
        lives = _Lives(folder)
        stack.push_async_callback(lives.aclose)
        for number, fault in enumerate(faults):
            world = worlds["reports" if fault.startswith("reported_") else "real"]
            await world.change(fault)
            here, life = await lives.of(world.environment)
            sinks = {}
            for name in commands(number):
                sinks |= await getattr(here, name)(world.environment)
            sinks |= await life.sinks()
            needles = Needles({**here.own, **{f"world: {name}": value for name, value in world._secrets.items()}})
            tally.note(fault, needles, sinks)


class _Lives:
    """The prober that serves now; another when it is to be told something else."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self._told: Mapping[str, str] | None = None
        self._stack = AsyncExitStack()
        self._now: tuple[Home, Life] | None = None

    async def of(self, told: Mapping[str, str]) -> tuple[Home, Life]:
        """One that was told this."""
        if self._now is None or told != self._told:
            await self._stack.aclose()
            self._number += 1
            here = await self._stack.enter_async_context(home(self._folder / str(self._number)))
            here.furnish({name: told[variable] for name, variable in HANDED.items()})
            self._now, self._told = (here, await self._stack.enter_async_context(here.serving(told))), dict(told)
        return self._now

    async def aclose(self) -> None:
        """The last one ends."""
        await self._stack.aclose()


# ── planted leaks ────────────────────────────────────────────────────────────────────────────────────────────────────


async def planted_leaks(folder: Path) -> tuple[set[str], set[str]]:
    """The sinks in which a leak that was planted there is found, and all of them."""
    tally, planted = Tally(), secrets.token_urlsafe(36)
    manner = next(each for each in MANNERS if each.where == "redirect")
    everything = ("once", "gate", "papers")
    await among_parrots(folder, [manner], tally, commands=lambda _: everything, chains=FEW_STEPS, planted=planted)
    return {hit.sink for _, hit in tally.hits if hit.secret == "planted"}, tally.sinks


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sometimes(number: int) -> Iterable[str]:
    if number % _COMMANDED == 0:
        yield "once"
    if number % (2 * _COMMANDED) == 0:
        yield from ("gate", "papers")


def _told(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


async def main(every: int, only: str | None) -> int:
    """All faults, or one in so many, or one; then the planted leaks."""
    manners = [each for each in MANNERS if only in {None, each.name}][::every]
    faults = [each for each in known_faults() if only in {None, each}][::every]
    tally = Tally(told=_told)
    with TemporaryDirectory(prefix="canary-") as folder:
        await among_parrots(Path(folder) / "parrots", manners, tally, commands=_sometimes)
        await in_the_lab(Path(folder) / "lab", faults, tally, commands=_sometimes)
        found, sinks = await planted_leaks(Path(folder) / "leaky")
    for fault, hit in tally.hits:
        sys.stdout.write(f"HIT after {fault!r} in {hit.sink}: {hit.secret} ({hit.form}) …{hit.around}…\n")
    sys.stdout.write(f"{tally}\nplanted leaks found in {len(found)} of {len(sinks)} sinks\n")
    for blind in sorted(sinks - found):
        sys.stdout.write(f"BLIND in {blind}\n")
    return 1 if tally.hits or found != sinks else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.every, given.only)))
