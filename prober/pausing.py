"""What operators have stopped: in force here at once, written down, known to all who share a store, until it is lifted.

Rule 1: a pause is in force before anything is asked of a disk or a network, and is never taken back because they fail.
Rule 2: it ends when it is lifted in the store, or its time is over; a restart, a reload or a new config ends none.
Rule 3: where nobody can tell what was paused, everything is.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

import structlog

from prober.gather.budget import hosts, hosts_of
from prober.gather.switch import Switch
from prober.model.chain import Plan
from prober.model.errors import NothingMatched, StoreUnavailable
from prober.model.pause import EVERYTHING, OURSELVES, Pause, Pulled, Stopped
from prober.supervisor import supervised

_log = structlog.get_logger("prober.pausing")

#: So often what others have paused or lifted is asked for, and what the store has not taken is offered to it again.
LOOK_SECONDS = 1.0

#: A disk that hangs is waited for so long, and so are exchanges that were cut off.
_DISK_SECONDS = 2.0
_QUIET_SECONDS = 2.0

_UNKNOWN = "the store is away, and nothing here tells what was paused before"
_UNREADABLE = "the file beside the store that tells what was paused cannot be read"


class Books(Protocol):
    """The store's word on what is paused (publish/history/paused.py); everything raises StoreUnavailable."""

    @property
    def is_shared(self) -> bool: ...  # noqa: D102 - told there

    async def all(self) -> Sequence[Pause]: ...  # noqa: D102

    async def put(self, pause: Pause) -> None: ...  # noqa: D102

    async def lift(self, service: str) -> None: ...  # noqa: D102


class Copy(Protocol):
    """The same in a file of our own; raises OSError, and ValueError where it makes no sense."""

    def read(self) -> tuple[Mapping[str, Pause], Mapping[str, Pause]] | None: ...  # noqa: D102 - told there

    def write(self, known: Iterable[Pause], owed: Iterable[Pause]) -> None: ...  # noqa: D102


class Pausing:
    """Pulls the switch and lifts it, for operators here and elsewhere."""

    def __init__(
        self, switch: Switch, plan: Callable[[], Plan], told: Callable[[Stopped], None], failed: Callable[[], None]
    ) -> None:
        """Pull `switch` by the services and chains of `plan`; `told` hears what follows, `failed` of faults of ours."""
        self._switch, self._plan, self._told, self._failed = switch, plan, told, failed
        self._now: Callable[[], datetime] | None = None
        self._books: Books | None = None
        self._copy: Copy | None = None
        self._known: dict[str, Pause] = {}  # as the store has them
        self._owed: dict[str, Pause] = {}  # in force here, and not surely in the store
        self._held: Pause | None = None  # as long as we cannot tell what was paused
        self._has_heard = False  # what the store knows, since we began
        self._at_the_store = asyncio.Lock()  # one question at a time, so that no old answer undoes a newer word
        self._looking: asyncio.Task[NoReturn] | None = None
        self._copying: asyncio.Task[None] | None = None
        self._away_because = ""
        self._stopped = Stopped()

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self, books: Books, copy: Copy, now: Callable[[], datetime]) -> None:
        """Take up what was paused before; returns once that is in force, and goes on hearing of others."""
        self._books, self._copy, self._now = books, copy, now
        await self._take_up_copy(copy, is_shared=books.is_shared)
        self._heed()
        await self._look()
        self._looking = supervised("pauses", self._keep_looking, self._failed)

    async def aclose(self) -> None:
        """Hear of nobody any more; what is paused stays so."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def heed(self, pauses: Iterable[Pause], now: Callable[[], datetime]) -> None:
        """Go by `pauses`, which others keep: for a process that writes nothing down."""
        self._known, self._now = {pause.service: pause for pause in pauses}, now
        self._heed()

    async def _take_up_copy(self, copy: Copy, *, is_shared: bool) -> None:
        """Of a store that is ours alone the file knows all; of one that is shared others may know better."""
        try:
            found = await asyncio.to_thread(copy.read)
        except (OSError, ValueError) as error:
            _log.error("pausing.copy_unreadable", why=str(error))
            self._held = self._holding(_UNREADABLE)
            return
        if found is not None:
            known, owed = map(dict, found)
            self._known, self._owed = (known, owed) if is_shared else ({}, {**known, **owed})
        elif is_shared:
            self._held = self._holding(_UNKNOWN)

    def _holding(self, why: str) -> Pause:
        return Pause(service=EVERYTHING, reason=why, by=OURSELVES, since=self._time())

    def _time(self) -> datetime:
        assert self._now is not None  # noqa: S101 - set by whoever opened us; for the type checker
        return self._now()

    # ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def stopped(self) -> Stopped:
        """All that is paused now."""
        return self._stopped

    # ── the switch ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def pull(self, service: str, *, reason: str, by: str, seconds: float | None = None) -> Pulled:
        """Stop what we send to `service`, now; once this returns nothing of it is under way here any more.

        Raises NothingMatched for a service that is not configured.
        """
        self._known_service(service)
        before, now = self._in_force().get(service), self._time()
        pause = Pause(
            service=service,
            reason=reason,
            by=by,
            since=before.since if before else now,
            until=now + timedelta(seconds=seconds) if seconds is not None else None,
            places=self._places_of(service) | (before.places if before else frozenset()),
        )
        self._owed[service] = pause
        self._heed()
        _log.warning("pausing.pulled", service=service, by=by, reason=reason, until=pause.until and str(pause.until))
        await self._write_copy()
        why = await self._offer()
        is_quiet = await self._switch.quiet(_QUIET_SECONDS)
        if not is_quiet:
            self._failed()
            _log.error("pausing.not_quiet", service=service)
        return Pulled(pause=pause, unwritten_because=why, lingers=not is_quiet)

    async def lift(self, service: str, *, by: str) -> Pause | None:
        """Send to `service` again; the pause that was in force, None where none was.

        Raises:
            StoreUnavailable: it could not be lifted in the store, and so is still in force.
            NothingMatched: no such service.
        """
        if service not in {**self._known, **self._owed}:
            self._known_service(service)
        async with self._at_the_store:
            await self._opened().lift(service)
            owed, known = self._owed.pop(service, None), self._known.pop(service, None)
            await self._write_copy()
        self._heed()
        lifted = owed or known
        _log.warning("pausing.lifted", service=service, by=by, was_paused=lifted is not None)
        return lifted

    def _known_service(self, service: str) -> None:
        services = self._plan().services
        if service != EVERYTHING and service not in services:
            raise NothingMatched(service, tuple(services), what="service")

    def adopt(self) -> None:
        """The config is another: what is paused stays so, under whatever name and at whatever address it is now."""
        self._heed()

    # ── what is in force ─────────────────────────────────────────────────────────────────────────────────────────────

    def _in_force(self) -> dict[str, Pause]:
        if self._now is None:
            return {}
        now = self._now()
        held = {EVERYTHING: self._held} if self._held else {}
        return {name: each for name, each in {**held, **self._known, **self._owed}.items() if each.holds(now)}

    def _places_of(self, service: str) -> frozenset[str]:
        found = self._plan().services.get(service)
        return hosts_of(found) if found else frozenset()

    def _heed(self) -> None:
        """Hold the switch to what is in force, and tell what follows from it."""
        pauses, plan = self._in_force(), self._plan()
        everything = pauses.get(EVERYTHING)
        by_place = {place: each for each in pauses.values() for place in each.places | self._places_of(each.service)}

        def at(places: Iterable[str]) -> Pause | None:
            return everything or next((by_place[place] for place in sorted(places) if place in by_place), None)

        self._switch.adopt(lambda place: at([place]))
        services = {name: at(hosts_of(service)) for name, service in plan.services.items()}
        chains = {name: at(hosts(chain)) for name, chain in plan.chains.items()}
        self._stopped = Stopped(
            pauses=tuple(pauses.values()),
            services={name: pause for name, pause in services.items() if pause},
            chains={name: pause for name, pause in chains.items() if pause},
        )
        self._told(self._stopped)

    # ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _opened(self) -> Books:
        if self._books is None:
            why = "it was never opened"
            raise StoreUnavailable(why)
        return self._books

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        """Offer the store what it has not taken, hear what others have said, and end what has run out."""
        books, before = self._opened(), {**self._known, **self._owed}
        if self._owed:
            await self._offer()
        is_news = await self._hear(books) if books.is_shared or not self._has_heard else False
        if is_news or {**self._known, **self._owed} != before:
            await self._write_copy()
        if tuple(self._in_force().values()) != self._stopped.pauses:
            self._heed()

    async def _hear(self, books: Books) -> bool:
        """Whether the store was heard for the first time; who shares one keeps a copy from then on, be it empty."""
        with contextlib.suppress(StoreUnavailable):
            async with self._at_the_store:
                told = {pause.service: pause for pause in await books.all()}
                self._known, self._held = told, None
            is_first, self._has_heard = not self._has_heard, True
            return is_first and books.is_shared
        return False

    async def _offer(self) -> str:
        """Write down what is owed; why that could not be done, empty where it was."""
        async with self._at_the_store:
            try:
                for service, pause in list(self._owed.items()):
                    await self._opened().put(pause)
                    self._known[service] = pause
                    if self._owed.get(service) is pause:  # else it was said anew meanwhile
                        del self._owed[service]
            except StoreUnavailable as error:
                self._note_away(error.why)
                return error.why
        self._note_away("")
        await self._write_copy()
        return ""

    def _note_away(self, why: str) -> None:
        if why and not self._away_because:
            _log.error("pausing.not_written", why=why, services=sorted(self._owed))
        self._away_because = why

    async def _write_copy(self) -> None:
        """A disk that fails or hangs costs the copy, and no pause."""
        if self._copy is None:
            return
        writing = self._copying = asyncio.create_task(self._copied(self._copy, self._copying), name="copy of pauses")
        await asyncio.wait([writing], timeout=_DISK_SECONDS)
        why = str(writing.exception() or "") if writing.done() else "the disk hangs"
        if why:
            self._failed()
            _log.error("pausing.copy_not_written", why=why)

    async def _copied(self, copy: Copy, before: "asyncio.Task[None] | None") -> None:
        """One after the other: what was known before must not overtake what is known now."""
        if before is not None:
            await asyncio.wait([before])
        await asyncio.to_thread(copy.write, list(self._known.values()), list(self._owed.values()))
