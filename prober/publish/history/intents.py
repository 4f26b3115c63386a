"""Intents: the books of what was asked for over HTTP; what is in them comes to an end, whoever dies meanwhile.

Each intent is seen to by one instance, which says again and again that it lives; one that has not done so for a while
is taken for dead, and another takes its intents over, once. Times are Unix seconds by the store's clock.
"""

import json
import zlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy import Float, Select, and_, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.model.aims import Aims
from prober.model.chain import Trigger
from prober.model.errors import KeyReused, StoreUnavailable
from prober.model.order import Aborted, Asker, Intent, Kind, Order, OrderState, Outcome, Taken
from prober.publish.history.dialects import NOW, insert
from prober.publish.history.record import packed, unpacked
from prober.publish.history.tables import idempotency_keys, intents, runs

_log = structlog.get_logger("prober.history")

#: Who has said nothing for so long is taken for dead.
LEASE_SECONDS = 30.0

#: A key stands for what was asked under it so long.
KEY_SECONDS = 86_400.0

_OPEN = intents.c.ended.is_(None)

#: An order as this release knows it; what another release wrote beside is let go.
_ORDER, _AIMS = (frozenset(each.name for each in fields(kind)) for kind in (Order, Aims))

#: What releases before this one did not know of an order.
_LATER = frozenset({"checksum"})

#: What comes of an order that another release wrote, or that is damaged.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, zlib.error)

_NOT_READ = "another release wrote this, or it is damaged"

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Intents:
    """The books as one instance writes them; everything raises StoreUnavailable when the store is away."""

    transact: Callable[[Work[Any]], Awaitable[Any]]  # does some work in one transaction
    read: Callable[[Select[Any]], Awaitable[Sequence[Any]]]  # beside whoever writes
    dialect: str
    location: str
    instance: str
    is_shared: bool  # with other instances, which may be alive

    async def used(self, asker: Asker, order: Order) -> Taken | None:
        """What `asker` asked for under its key before; raises KeyReused where that was something else."""
        found = await self.read(_known(asker, NOW[self.dialect])) if asker.key else ()
        return _as_used(found[0], asker, order) if found else None

    async def ask(self, order: Order, asker: Asker, intent_id: str, *, joins: bool = False) -> Taken:
        """Write an order down as `intent_id`, or that it `joins` the one called so; raises KeyReused."""

        async def write(connection: AsyncConnection) -> Taken:
            await self._lock(connection, asker)
            if used := await _used(connection, asker, order):
                return used
            if not joins:
                await self._write(connection, order, asker, intent_id)
            await _remember_key(connection, asker, order, intent_id)
            return Taken(intent_id, Outcome.COALESCED if joins else Outcome.ACCEPTED)

        return await self._done(write)

    async def _lock(self, connection: AsyncConnection, asker: Asker) -> None:
        """Two that use one key at once come one after the other; SQLite has one writer anyway."""
        if asker.key and self.is_shared:
            name = func.hashtext(f"{asker.caller}\n{asker.key}")
            await connection.execute(select(func.pg_advisory_xact_lock(name)))

    async def _write(self, connection: AsyncConnection, order: Order, asker: Asker, intent_id: str) -> None:
        await connection.execute(intents.insert().values(**self._row(_now(connection), order, asker, intent_id)))

    def _row(self, now: Any, order: Order, asker: Asker, intent_id: str) -> Mapping[str, Any]:  # noqa: ANN401 - an expression
        return {
            "id": intent_id,
            "location": self.location,
            "caller": asker.caller,
            "wanted": to_text(order),
            "asked": now,
            "state": OrderState.WAITING,
            "instance": self.instance,
            "expires": now + LEASE_SECONDS,
        }

    async def withdraw(self, order: Order, asker: Asker, intent_id: str) -> bool:
        """See to it that an order of which we do not know whether it got through is not done, and free its key.

        What has not got through is written down as aborted, so that it never can: PostgreSQL may commit what nobody
        waits for any more, and of two rows of one id the later is refused. False where another instance sees to it.
        """

        async def write(connection: AsyncConnection) -> bool:
            row = self._row(_now(connection), order, asker, intent_id)
            over = {"state": OrderState.ABORTED, "why": Aborted.NOT_ANSWERED, "ended": _now(connection)}
            ours = and_(intents.c.instance == self.instance, _OPEN)
            fresh = insert(connection.dialect, intents).values(**{**row, **over})
            done = await connection.execute(fresh.on_conflict_do_update(index_elements=["id"], set_=over, where=ours))
            if done.rowcount:
                await connection.execute(delete(idempotency_keys).where(idempotency_keys.c.intent == intent_id))
            return bool(done.rowcount)

        return await self._done(write)

    async def begin(self, intent_id: str) -> bool:
        """Whether it is still ours to begin: then it is running."""
        return await self._change(intent_id, state=OrderState.RUNNING)

    async def finish(self, intent_id: str, told: Mapping[str, Any]) -> bool:
        """A gate is done, and this is what it came to; whether it was still ours to say."""
        return await self._end(intent_id, state=OrderState.DONE, told=packed(dict(told)))

    async def abort(self, intent_id: str, why: Aborted) -> bool:
        """It came to nothing; whether it was still ours to say."""
        return await self._end(intent_id, state=OrderState.ABORTED, why=why)

    async def _end(self, intent_id: str, **change: object) -> bool:
        return await self._change(intent_id, has_ended=True, **change)

    async def _change(self, intent_id: str, *, has_ended: bool = False, **change: object) -> bool:
        async def write(connection: AsyncConnection) -> bool:
            now = _now(connection)
            times = {"ended": now} if has_ended else {"expires": now + LEASE_SECONDS}
            mine = and_(intents.c.id == intent_id, intents.c.instance == self.instance, _OPEN)
            changed = await connection.execute(update(intents).where(mine).values(**change, **times))
            return bool(changed.rowcount)

        return await self._done(write)

    async def settle(self) -> None:
        """Runs whose report is kept are done, whoever ran them."""

        async def write(connection: AsyncConnection) -> None:
            kept = and_(intents.c.location == self.location, _OPEN, intents.c.id.in_(select(runs.c.id)))
            done = {"state": OrderState.DONE, "ended": _now(connection)}
            await connection.execute(update(intents).where(kept).values(**done))

        await self._done(write)

    async def live(self, ours: Collection[str]) -> None:
        """Say that we still see to these."""

        async def write(connection: AsyncConnection) -> None:
            mine = and_(intents.c.id.in_(list(ours)), intents.c.instance == self.instance, _OPEN)
            until = _now(connection) + LEASE_SECONDS
            await connection.execute(update(intents).where(mine).values(expires=until))

        if ours:
            await self._done(write)

    async def let_go(self) -> None:
        """We see to nothing any more: whoever is there may take it over at once."""

        async def write(connection: AsyncConnection) -> None:
            mine = and_(intents.c.location == self.location, intents.c.instance == self.instance, _OPEN)
            await connection.execute(update(intents).where(mine).values(expires=0.0))

        await self._done(write)

    async def take_over(self, known: Collection[str]) -> Sequence[Intent]:
        """What the dead have left open, ours from now on; and what is ours, and not `known` as its answer was lost."""

        async def write(connection: AsyncConnection) -> Sequence[Intent]:
            now, mine = _now(connection), intents.c.instance == self.instance
            dead = and_(~mine, intents.c.expires < now) if self.is_shared else ~mine
            either = or_(dead, and_(mine, intents.c.id.not_in(list(known))))
            left = and_(intents.c.location == self.location, _OPEN, either)
            ours = update(intents).where(left).values(instance=self.instance, expires=now + LEASE_SECONDS)
            rows = await connection.execute(ours.returning(*intents.c, (now - intents.c.asked).label("age")))
            return sorted(await _readable(connection, rows.all()), key=lambda intent: intent.asked)

        return await self._done(write)

    async def get(self, intent_id: str) -> Intent | None:
        """One of them; None when it is not, or no longer, in the books."""
        age = (cast(NOW[self.dialect], Float) - intents.c.asked).label("age")
        found = await self.read(select(*intents.c, age).where(intents.c.id == intent_id))
        try:
            return _intent(found[0], _as_far_as_it_goes) if found else None
        except UNREADABLE as error:
            raise StoreUnavailable(_NOT_READ) from error

    async def gates(self, limit: int) -> Sequence[Intent]:
        """The gates that are done, the newest first: only of these is kept here what they came to."""
        age = (cast(NOW[self.dialect], Float) - intents.c.asked).label("age")
        done = select(*intents.c, age).where(intents.c.told.is_not(None), intents.c.location == self.location)
        found = await self.read(done.order_by(intents.c.asked.desc()).limit(limit))
        return [intent for intent in map(_intent_or_none, found) if intent is not None]

    async def still_open(self, ours: Collection[str]) -> Collection[str]:
        """Those of them that have not ended."""
        if not ours:
            return ()
        return {row.id for row in await self.read(select(intents.c.id).where(intents.c.id.in_(list(ours)), _OPEN))}

    async def _done(self, work: Work[Result]) -> Result:
        result: Result = await self.transact(work)
        return result


def _now(connection: AsyncConnection) -> Any:  # noqa: ANN401 - an expression
    """Cast, for PostgreSQL's is an exact number, and no float may be added to it."""
    return cast(NOW[connection.dialect.name], Float)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _used(connection: AsyncConnection, asker: Asker, order: Order) -> Taken | None:
    """What a key stands for."""
    found = (await connection.execute(_known(asker, NOW[connection.dialect.name]))).one_or_none()
    return _as_used(found, asker, order) if found else None


def _known(asker: Asker, now: Any) -> Select[Any]:  # noqa: ANN401 - an expression
    fresh = idempotency_keys.c.used > cast(now, Float) - KEY_SECONDS
    return select(idempotency_keys.c.wanted, idempotency_keys.c.intent).where(_under(asker), fresh)


def _as_used(found: Any, asker: Asker, order: Order) -> Taken:  # noqa: ANN401 - a row
    if _order_or_none(found.wanted) != order:
        raise KeyReused(asker.key)
    return Taken(found.intent, Outcome.COALESCED)


async def _remember_key(connection: AsyncConnection, asker: Asker, order: Order, intent_id: str) -> None:
    """What it stood for before has grown too old."""
    if asker.key:
        await connection.execute(delete(idempotency_keys).where(_under(asker)))
        row = {"caller": asker.caller, "key": asker.key, "wanted": to_text(order), "intent": intent_id}
        await connection.execute(idempotency_keys.insert().values(**row, used=_now(connection)))


def _under(asker: Asker) -> Any:  # noqa: ANN401 - a condition
    return and_(idempotency_keys.c.caller == asker.caller, idempotency_keys.c.key == asker.key)


# ── as rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def to_text(order: Order) -> str:
    """An order as JSON; without what it does not say, so that releases that do not know of it can read it."""
    told = asdict(order)
    return json.dumps({name: told[name] for name in told if told[name] or name not in _LATER}, sort_keys=True)


def from_text(text: str) -> Order:
    """The order again, without what this release knows nothing of; raises one of UNREADABLE where that is too much."""
    told = json.loads(text)
    known = {name: told[name] for name in _ORDER & told.keys()}
    aims = told["aims"]
    aims = Aims(**{name: aims[name] for name in _AIMS & aims.keys()}) if aims is not None else None
    return Order(**{**known, "kind": Kind(told["kind"]), "trigger": Trigger(told["trigger"]), "aims": aims})


def _order_or_none(text: str) -> Order | None:
    try:
        return from_text(text)
    except UNREADABLE:
        return None


def _as_far_as_it_goes(text: str) -> Order:
    """The order, or as much of it as tells of what it was: not to be done."""
    if order := _order_or_none(text):
        return order
    try:
        told = json.loads(text)
        return Order(kind=Kind(told["kind"]), chain=told["chain"])
    except UNREADABLE:
        return Order(chain="")


async def _readable(connection: AsyncConnection, rows: Sequence[Any]) -> Sequence[Intent]:
    """Those that this release can do; another comes to nothing, and holds up none of the rest."""
    found = {row.id: _intent_or_none(row) for row in rows}
    lost = [intent_id for intent_id, intent in found.items() if intent is None]
    if lost:
        _log.error("on_demand.order_unreadable", ids=lost)
        over = {"state": OrderState.ABORTED, "why": Aborted.BROKE, "ended": _now(connection)}
        await connection.execute(update(intents).where(intents.c.id.in_(lost)).values(**over))
    return [intent for intent in found.values() if intent is not None]


def _intent_or_none(row: Any) -> Intent | None:  # noqa: ANN401 - a row
    try:
        return _intent(row, from_text)
    except UNREADABLE:
        return None


def _intent(row: Any, read: Callable[[str], Order]) -> Intent:  # noqa: ANN401 - a row
    return Intent(
        id=row.id,
        order=read(row.wanted),
        caller=row.caller,
        asked=datetime.fromtimestamp(row.asked, UTC),
        state=OrderState(row.state),
        why=Aborted(row.why) if row.why else None,
        age_seconds=float(row.age),
        told=unpacked(row.told) if row.told else None,
    )
