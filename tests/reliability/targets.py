"""Targets that are well throughout: a peer that costs next to nothing, and the lab, where tokens meet real services."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from prober.lab.world import World
from tests.benchmarks.chains import lab_document
from tests.reliability.peer import Peer, peer

Document = dict[str, Any]

#: A key that nobody else has: nothing that the peer is asked for bears a token.
_SECRET = "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6Mf4Hd0Jg"


class Target(Protocol):
    """What a prober may be told to look at."""

    deadline_seconds: ClassVar[float]  # of its longest chain

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that its config wants."""
        ...

    def config(self) -> Document:
        """A config for it, but for where history is kept."""
        ...


@dataclass(frozen=True, slots=True)
class Quick:
    """A peer that is asked for its health by two chains, one of them twice a second."""

    peer: Peer

    deadline_seconds: ClassVar = 1.0

    @property
    def environment(self) -> Mapping[str, str]:
        """The one key there is."""
        return {"JWT": _SECRET}

    def config(self) -> Document:
        """Chains `quick` and `steady`."""
        step = {"name": "health", "probe": "http", "service": "backend", "get": "/health", "shows": "health"}
        return {
            "version": 1,
            "environment": "staging",
            "secrets": {"jwt": "env:JWT"},
            "services": {"backend": {"role": "backend", "url": self.peer.url}},
            "identities": {"tester": {"subject": "staging-e2e-user-001", "email": "tester@staging.example"}},
            "issuers": {"local": {"mint": "local", "secret": "jwt"}},
            "chains": {
                name: {"interval": interval, "deadline": interval, "steps": [step]}
                for name, interval in (("quick", "500ms"), ("steady", "1s"))
            },
        }


#: Steps of the lab's chain that take little time, and still meet both services with good tokens and a bad one.
_FEW_STEPS = (
    *("auth-health", "backend-health", "mint", "auth-validates-own-token", "auth-validates-our-token"),
    *("messages-with-auth-token", "messages-with-our-token", "messages-refuses-forged"),
)


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab, whose chain is taken whole every two seconds, and a few of its steps every second."""

    world: World

    deadline_seconds: ClassVar = 2.0

    @property
    def environment(self) -> Mapping[str, str]:
        """Addresses and keys; a step may take as long as its chain, for the machine is not ours alone."""
        return {**self.world.environment, "LAB_STEP_TIMEOUT": "2s", "LAB_TIMEOUT": "2s"}

    def config(self) -> Document:
        """Chains `quick` and `steady`."""
        document = lab_document()
        steps = document["chains"]["validation"]["steps"]
        few = [step for step in steps if step["name"] in _FEW_STEPS]
        document["chains"] = {
            "quick": {"interval": "1s", "deadline": "1s", "steps": [{**step, "timeout": "1s"} for step in few]},
            "steady": {"interval": "2s", "deadline": "2s", "steps": steps},
        }
        return document


@asynccontextmanager
async def quick() -> AsyncIterator[Quick]:
    """A peer, in a process of its own; gone afterwards."""
    async with peer() as one:
        yield Quick(one)


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    """The lab, running; gone afterwards."""
    async with World() as world:
        yield Lab(world)
