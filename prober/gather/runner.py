"""Drive one walk: do the steps it asks for, all that may go at once, within the chain's deadline; cancel the rest."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from prober.gather.budget import Budget, asked, services_asked, services_of
from prober.gather.clock import Clock, PhaseWatch, apart
from prober.gather.hands import Hand, Hands
from prober.gather.identity_token import IdentityTokens
from prober.gather.kit import Kit
from prober.gather.look import look
from prober.gather.pace import Pace
from prober.gather.platforms.credentials import Credentials
from prober.gather.secrets import Keyring
from prober.gather.stalls import Stalls, Unwatched
from prober.gather.switch import Switch
from prober.gather.tokens import Mints
from prober.gather.wire.http import HttpWire, Outgoing
from prober.gather.wire.websocket import WebSocketWire
from prober.judge.walk import Walk
from prober.model.chain import Chain, Issuer, Load, Step, Trigger
from prober.model.errors import MintRefused
from prober.model.observation import HttpSeen, Observation
from prober.model.reach import NOT_BEYOND, Reach
from prober.model.secret import Secret
from prober.model.slot import Slot
from prober.model.trouble import Trouble
from prober.model.verdict import Run, StepResult

Told = Callable[[StepResult], None]

#: Tells why our own judgement is not to be trusted now; empty: it is.
Doubt = Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One turn to take: which chain, under which id, and who asked."""

    run_id: str
    chain: Chain
    trigger: Trigger
    reason: str = ""
    revision: str = ""
    slot: Slot | None = None
    told: Told = lambda _result: None  # called with each step's result as it comes
    doubt: Doubt = lambda: ""  # asked when the run is over


@dataclass(frozen=True, slots=True)
class _Occasion:
    """What all looks of one run have in common."""

    run_id: str
    is_scheduled: bool
    apart_seconds: float  # the wall clock of the stopwatch, when it began


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """One run while it is driven; it knows nobody who knows it, so that all of it goes as soon as the run is over."""

    walk: Walk
    errand: Errand
    pace: Pace
    occasion: _Occasion
    group: asyncio.TaskGroup


class Gatherer:
    """Looks at the world, one chain at a time or many at once; owns the wires."""

    def __init__(  # noqa: PLR0913 - each is a part of the world
        self,
        *,
        keyring: Keyring,
        clock: Clock,
        stalls: Stalls | None = None,
        budget: Budget | None = None,
        reach: Reach = NOT_BEYOND,
        switch: Switch | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Share one set of wires, which stay within `reach`, between all runs.

        `stalls` knows when we stood still, `budget` what hosts can bear, `switch` what is paused, and `environ` where
        the metadata server is that makes our identity tokens.
        """
        self._reach = reach
        self._budget, self._switch = budget or Budget(Load()), switch or Switch()
        self._keyring, self._clock, self._stalls = keyring, clock, stalls or Unwatched()
        self._http = HttpWire(keyring.redactor(), reach=reach, switch=self._switch)
        self._sockets = WebSocketWire(keyring.redactor(), reach, self._switch)
        self._mints = Mints(self._http, keyring, clock)
        self._identity_tokens = IdentityTokens(keyring, clock, environ or {})
        self._hands = Hands(keyring, clock)
        self._credentials = Credentials(keyring, clock, environ or {})

    async def run(self, errand: Errand) -> Run:
        """Take one turn; ends within the chain's deadline, every step accounted for."""
        await self._keyring.prime()  # once; later it is a look at a table
        began, started, moment = self._clock.now(), self._clock.seconds(), self._stalls.now()
        walk = Walk(errand.chain)
        try:
            async with asyncio.timeout(errand.chain.deadline_seconds):
                await self._drive(walk, errand)
        except TimeoutError:
            walk.abandon(self._stalls.since(moment))
        return Run(
            id=errand.run_id,
            chain=errand.chain,
            trigger=errand.trigger,
            began=began,
            ended=began + self._since(started),
            results=walk.results(),
            reason=errand.reason,
            revision=errand.revision,
            doubt=errand.doubt(),
            copies=tuple(copy for copy in self._keyring.copies() if copy.version),
            slot=errand.slot,
        )

    async def follow_up(self, run: Run, steps: Sequence[Step]) -> Run:
        """Take `steps` after a run, at its pace and within what its deadline leaves; those it had are second looks."""
        left = run.chain.deadline_seconds - (run.ended - run.began).total_seconds()
        if left <= 0:
            return run
        started, occasion = self._clock.seconds(), self._occasion(run.id, run.trigger)
        pace, seen = Pace(run.chain.pace_seconds, self._clock), list[StepResult]()

        async def take(step: Step) -> None:
            await pace.turn()
            seen.append(await self._look(step, occasion))

        with suppress(TimeoutError):
            async with asyncio.timeout(left), asyncio.TaskGroup() as group:
                for step in steps:
                    group.create_task(take(step), name=f"{run.id}:{step.name}")
        had = {result.step.name for result in run.results}
        return replace(
            run,
            ended=run.ended + self._since(started),
            results=(*run.results, *(result for result in seen if result.step.name not in had)),
            second_looks=tuple(result for result in seen if result.step.name in had),
        )

    def _since(self, started: float) -> timedelta:
        """By the stopwatch: a wall clock that is set meanwhile makes no run longer, or end before it began."""
        return timedelta(seconds=self._clock.seconds() - started)

    async def _drive(self, walk: Walk, errand: Errand) -> None:
        """Start what may go, at the chain's pace, and look again each time something ends."""
        pace = Pace(errand.chain.pace_seconds, self._clock)
        occasion = self._occasion(errand.run_id, errand.trigger)
        async with asyncio.TaskGroup() as group:
            self._start(_UnderWay(walk, errand, pace, occasion, group))

    def _start(self, going: _UnderWay) -> None:
        for step in going.walk.ready():
            going.group.create_task(self._take(step, going), name=f"{going.errand.run_id}:{step.name}")

    async def _take(self, step: Step, going: _UnderWay) -> None:
        await going.pace.turn()
        while (result := going.walk.record(await self._look(step, going.occasion))) is None:
            pass  # looked at once more, at once
        going.errand.told(result)
        self._start(going)

    def _occasion(self, run_id: str, trigger: Trigger) -> _Occasion:
        return _Occasion(run_id, trigger is Trigger.SCHEDULE, apart(self._clock))

    async def _look(self, step: Step, occasion: _Occasion) -> StepResult:
        """Look with the versions of our secrets that the service takes, and once more only where it takes others."""
        return await self._hands.look(step, lambda hand: self._look_once(step, occasion, hand))

    async def _look_once(self, step: Step, occasion: _Occasion, hand: Hand) -> Observation:
        """Look once its hosts may be asked."""
        await self._budget.spend(asked(step), scheduled=occasion.is_scheduled)  # before anything is timed
        if wanted := [service.identity_token for service in services_asked(step) if service.identity_token]:
            await self._identity_tokens.make_ready(wanted)
        kit = Kit(
            http=self._http,
            sockets=self._sockets,
            mints=Mints(self._http, hand, self._clock),
            keyring=hand,
            credentials=self._credentials,
            clock=self._clock,
            watch=PhaseWatch(self._clock),
            run_id=occasion.run_id,
            stalls=self._stalls,
            reach=self._reach,
            switch=self._switch,
            apart_seconds=occasion.apart_seconds,
        )
        return await look(step, kit)

    async def knock(self, method: str, url: Secret) -> HttpSeen | Trouble:
        """Call an address that is no target of ours, and see what it answers; the caller's deadline is the only one.

        Raises ValueError for what is no address of HTTP.
        """
        if not _is_address(url.reveal()):
            message = f"{url!r} is no address that begins with http:// or https://"
            raise ValueError(message)
        call = Outgoing(method=method, url=url.reveal(), headers={}, body=b"" if method == "POST" else None)
        return (await self._http.send(call, PhaseWatch(self._clock))).seen

    async def mint(self, issuer: Issuer) -> str:
        """A token of `issuer`, for a person to use; raises MintRefused when the issuer's route gives none."""
        await self._identity_tokens.make_ready(service.identity_token for service in services_of(issuer))
        await self._keyring.prime()
        minted = await self._mints.mint(issuer, PhaseWatch(self._clock), "mint")
        if minted.token is None:
            raise MintRefused(issuer.name, minted.missing.detail if minted.missing else "it makes none")
        return minted.token.secret.reveal()

    async def aclose(self) -> None:
        """Close the wires."""
        await self._identity_tokens.aclose()
        await self._http.aclose()
        await self._credentials.aclose()


def _is_address(url: str) -> bool:
    """Whether it can be called at all; what the library says of one that cannot be quotes it."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no number for a port, or brackets with no address between them
        return False
