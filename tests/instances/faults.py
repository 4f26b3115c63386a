"""What may befall instances and their database, by name: each fault begins, lasts, and is over."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from tests.instances.crew import CLAIM_SECONDS, SWEEP_SECONDS, Crew, paused, until

_LASTS_SECONDS = 6.0


async def killed(crew: Crew) -> None:
    """Whoever does most is killed, and comes back."""
    victim = crew.busiest()
    await victim.kill()
    crew.note()
    await asyncio.sleep(CLAIM_SECONDS + 2 * SWEEP_SECONDS)
    await crew.start(victim)


async def stopped_past_its_claims(crew: Crew) -> None:
    """One stands still for longer than its claims live, and goes on."""
    with paused(crew, crew.busiest()):
        await asyncio.sleep(CLAIM_SECONDS + 2 * SWEEP_SECONDS)


async def stopped_inside_a_claim(crew: Crew) -> None:
    """One stands still while it holds the lock of a chain; the database frees the others."""
    victim = crew.busiest()
    victim.wire.swallow_after(b"FOR UPDATE", 2)  # it is prepared, it is executed; what comes next is not heard
    victim.wire.reset()  # a fresh connection prepares its statements anew
    if not await until(lambda: victim.wire.is_silent, _LASTS_SECONDS):
        message = "no claim was made"
        raise RuntimeError(message)
    with paused(crew, victim):
        await asyncio.sleep(1)
        if crew.sql(_HELD) == "0":
            message = "no lock was held"
            raise RuntimeError(message)
        await asyncio.sleep(_LASTS_SECONDS + 1)
        held = crew.sql(_HELD)
    await victim.wire.mend()
    if held != "0":
        message = "the lock is held on and on"
        raise RuntimeError(message)


#: Transactions that wait for somebody who says nothing.
_HELD = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '0.8 s'"
)


async def refused(crew: Crew) -> None:
    """The database refuses one of them."""
    wire = crew.busiest().wire
    await wire.refuse()
    await asyncio.sleep(_LASTS_SECONDS)
    await wire.mend()


async def swallowed(crew: Crew) -> None:
    """What one of them says to the database goes nowhere."""
    wire = crew.busiest().wire
    wire.swallow()
    await asyncio.sleep(2 * _LASTS_SECONDS)
    await wire.mend()


async def torn(crew: Crew) -> None:
    """The connections of all of them are reset, again and again."""
    for _ in range(10):
        for each in crew.instances:
            each.wire.reset()
        await asyncio.sleep(_LASTS_SECONDS / 10)


async def clock_ahead(crew: Crew) -> None:
    """The wall clock of one is set five minutes ahead, and right again."""
    await _clock(crew, 300)


async def clock_behind(crew: Crew) -> None:
    """The wall clock of one is set five minutes back, and right again."""
    await _clock(crew, -300)


async def _clock(crew: Crew, seconds: float) -> None:
    victim = crew.busiest()
    victim.set_clock(seconds)
    await asyncio.sleep(_LASTS_SECONDS)
    victim.set_clock(0)
    await asyncio.sleep(1)


async def backends_terminated(crew: Crew) -> None:
    """The database throws everybody out."""
    for _ in range(3):
        crew.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid != pg_backend_pid()"
        )
        await asyncio.sleep(1)


async def rolled(crew: Crew) -> None:
    """All are restarted, one after the other."""
    for each in crew.instances:
        await each.stop()
        crew.note()
        await crew.start(each)


async def reloaded(crew: Crew) -> None:
    """One learns of another interval, and back."""
    victim = crew.busiest()
    for interval in (2.0, 1.0):
        victim.configure(crew.peer.port, interval)
        victim.reload()
        await asyncio.sleep(_LASTS_SECONDS / 2)


Fault = Callable[[Crew], Awaitable[None]]

#: What may happen to a database that others use too.
FAULTS: Mapping[str, Fault] = {
    fault.__name__: fault
    for fault in (
        killed,
        stopped_past_its_claims,
        stopped_inside_a_claim,
        refused,
        swallowed,
        torn,
        clock_ahead,
        clock_behind,
        backends_terminated,
        rolled,
        reloaded,
    )
}


async def restarted(crew: Crew) -> None:
    """The database is stopped for a while."""
    crew.postgres.stop("fast")
    await asyncio.sleep(_LASTS_SECONDS)
    crew.postgres.start()
    await asyncio.sleep(_LASTS_SECONDS)


async def database_paused(crew: Crew) -> None:
    """The database stands still for longer than anybody waits."""
    with crew.postgres.paused():
        await asyncio.sleep(2 * _LASTS_SECONDS)
    await asyncio.sleep(_LASTS_SECONDS)


#: What happens to everybody who uses the server.
SERVER_FAULTS: Mapping[str, Fault] = {fault.__name__: fault for fault in (restarted, database_paused)}
