"""Notifier: posts each notice to every receiver that wants it, and hands the letters over until each is taken.

Every letter is handed over at least once, and twice only if we die between handing it over and writing that down.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from prober.model.alarm import Severity
from prober.model.errors import SecretUnavailable
from prober.model.notice import Delivery, Kind, Letter, Notice, Receiver
from prober.model.secret import Secret
from prober.publish.notify.handover import PATIENCE_SECONDS, Handed, hand_over
from prober.publish.notify.message import Message, written
from prober.publish.notify.outbox import REMEMBERED, Outbox, is_hopeless, wait_after

_log = structlog.get_logger("prober.notify")

#: How long a claim lasts: well beyond a hand-over and writing it down.
CLAIM = timedelta(seconds=3 * PATIENCE_SECONDS)

#: To as many receivers at once, one letter each: one that hangs holds up no other. Each takes 70 MB while it goes on.
AT_ONCE = 4

#: How often to look for letters that are due again, or that another instance posted and never handed over.
LOOK_SECONDS = 5.0

_OUTBOX_SECONDS = 10.0
_FORGET_EVERY = timedelta(hours=1)
_NOT_CONFIGURED = "no such receiver is configured any more"


class Addresses(Protocol):
    """Who is configured now; a reload changes it."""

    def receivers(self) -> Mapping[str, Receiver]:
        """By name."""
        ...

    def url(self, receiver: Receiver) -> Secret:
        """The address of one of them; raises SecretUnavailable."""
        ...


class HandOver(Protocol):
    """The way out, as handover.py has it."""

    async def __call__(self, url: Secret, message: Message) -> Handed:
        """Send one message; never raises for anything the service does."""
        ...


class Notifier:
    """Keeps no letter itself: what is under way is in the outbox, so that it survives us where the outbox does."""

    def __init__(
        self,
        outbox: Outbox,
        addresses: Addresses,
        on_told: Callable[[str, Delivery], None],
        *,
        now: Callable[[], datetime],
        way_out: HandOver = hand_over,
    ) -> None:
        """Post to `outbox`, hand over by `way_out`; `on_told` hears of each try, whom it was for and how it ended.

        `now` tells what time it is for everybody who uses the same outbox.
        """
        self._outbox, self._addresses, self._on_told = outbox, addresses, on_told
        self._now, self._way_out = now, way_out
        self._news = asyncio.Event()  # a letter was posted, or a receiver is free again
        self._trying: dict[str, asyncio.Task[None]] = {}  # by receiver
        self._forgot: datetime | None = None

    async def tell(self, notices: Iterable[Notice], receivers: Mapping[str, Receiver] | None = None) -> int:
        """Post `notices` to whoever wants them, of `receivers` or of those configured now; how many letters were new.

        Raises what the outbox raises.
        """
        count = 0
        for notice in notices:
            for receiver in (self._addresses.receivers() if receivers is None else receivers).values():
                if receiver.wants(notice):
                    count += await self._outbox.put(Letter(to=receiver.name, notice=notice, posted=self._now()))
        if count:
            self._news.set()
        return count

    async def run(self) -> None:
        """Hand letters over until cancelled; an outbox that fails is asked again later."""
        try:
            while True:
                self._news.clear()  # before we look: what is posted meanwhile ends the wait
                await self._begin_or_log()
                await self._wait()
        finally:
            trying = tuple(self._trying.values())
            for task in trying:
                task.cancel()
            await asyncio.gather(*trying, return_exceptions=True)

    async def _begin_or_log(self) -> None:
        try:
            await self._begin()
        except Exception:  # noqa: BLE001 - whatever a database comes up with; being told must go on
            _log.exception("notify.outbox_failed")

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._news.wait()
        except TimeoutError:
            return

    async def turn(self) -> int:
        """Try the letters that are due, one a receiver, at most `AT_ONCE`; how many there were."""
        begun = await self._begin()
        await asyncio.gather(*begun)
        return len(begun)

    async def _begin(self) -> list[asyncio.Task[None]]:
        """Begin to try what is due, as far as receivers are free and there is room."""
        now, begun = self._now(), []
        await self._forget(now)
        while len(self._trying) < AT_ONCE and (letter := await self._next(now)):
            begun.append(asyncio.create_task(self._try(letter), name=f"letter:{letter.to}"))
            self._trying[letter.to] = begun[-1]
            begun[-1].add_done_callback(partial(self._tried, letter.to))
        return begun

    async def _next(self, now: datetime) -> Letter | None:
        async with asyncio.timeout(_OUTBOX_SECONDS):
            letters = await self._outbox.due(now, now + CLAIM, 1, tuple(self._trying))
        return letters[0] if letters else None

    def _tried(self, receiver: str, task: asyncio.Task[None]) -> None:
        del self._trying[receiver]
        self._news.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("notify.outbox_failed", exc_info=error)

    async def _forget(self, now: datetime) -> None:
        if self._forgot is None or now - self._forgot >= _FORGET_EVERY:
            self._forgot = now
            async with asyncio.timeout(_OUTBOX_SECONDS):
                await self._outbox.forget(now - REMEMBERED)

    async def _try(self, letter: Letter) -> None:
        receiver = self._addresses.receivers().get(letter.to)
        handed = await self._hand(receiver, letter.notice) if receiver else Handed(taken=False, why=_NOT_CONFIGURED)
        delivery = self._delivery(letter, handed, is_known=receiver is not None)
        async with asyncio.timeout(_OUTBOX_SECONDS):
            await self._write_down(letter, delivery)
        _log_try(letter, handed, delivery)
        self._on_told(letter.to, delivery)

    async def _hand(self, receiver: Receiver, notice: Notice) -> Handed:
        try:
            url = self._addresses.url(receiver)
        except SecretUnavailable as error:
            return Handed(taken=False, why=str(error))
        return await self._way_out(url, written(notice))

    def _delivery(self, letter: Letter, handed: Handed, *, is_known: bool) -> Delivery:
        if handed.taken:
            return Delivery.TAKEN
        return Delivery.GIVEN_UP if not is_known or is_hopeless(letter, self._now()) else Delivery.FAILED

    async def _write_down(self, letter: Letter, delivery: Delivery) -> None:
        if delivery is Delivery.FAILED:
            await self._outbox.failed(letter.key, self._now() + wait_after(letter.tries + 1))
        else:
            await self._outbox.over(letter.key, self._now())

    async def sample(self, names: Iterable[str], environment: str, link: str) -> dict[str, Handed]:
        """Send a sample to each of these receivers, past the outbox, and tell whether each took it."""
        known, notice = self._addresses.receivers(), sample_of(environment, link, self._now())
        return {name: await self._hand(known[name], notice) for name in names}


_EVENTS: Mapping[Delivery, tuple[str, str]] = {
    Delivery.TAKEN: ("info", "notify.letter_taken"),
    Delivery.FAILED: ("warning", "notify.letter_failed"),
    Delivery.GIVEN_UP: ("error", "notify.letter_given_up"),
}


def _log_try(letter: Letter, handed: Handed, delivery: Delivery) -> None:
    level, event = _EVENTS[delivery]
    fields = {"receiver": letter.to, "chain": letter.notice.chain, "alert": letter.notice.alert}
    more = {"episode": letter.notice.episode, "kind": letter.notice.kind.value, "tries": letter.tries + 1}
    getattr(_log, level)(event, **fields, **more, why=handed.why)


def sample_of(environment: str, link: str, at: datetime) -> Notice:
    """A notice of nothing, by which a receiver can be tried."""
    return Notice(
        environment=environment,
        chain="none",
        alert="Sample",
        severity=Severity.TICKET,
        episode=f"{at:%Y%m%dT%H%M%S}",
        kind=Kind.SAMPLE,
        since=at,
        link=link,
    )
