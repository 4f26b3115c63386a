"""A connection to a caller: who is silent, slow to say what it wants or slow to take its answer makes room."""

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Enough for a scraper, a few people and a pipeline. Beyond it whoever has been waited for longest is let go.
MOST_CONNECTIONS = 128

#: So long a request's head is waited for, all of it, and so long one that does not read its answer: what was lost twice
#: in a row comes within 3 s (RFC 6298 §2), and nobody hangs for 5.
PATIENCE_SECONDS = 4.0

#: As long as nothing of an answer is told.
_MAY_BE_TOLD = (h11.IDLE, h11.SEND_RESPONSE)


class Connection(H11Protocol):
    """uvicorn's, that does not wait for ever.

    By itself it does: for a first request, for one that comes byte by byte, and for who does not read.
    """

    silent_since = 0.0  # by the loop's clock
    _unread = 0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Somebody is there."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """It says something; until that is a whole head, it is still waited for."""
        super().data_received(data)
        if self._is_answered:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """It has its answer, or will once it has read it; now its next request is waited for."""
        super().on_response_complete()
        if not self._is_answered:
            self._wait()

    def pause_writing(self) -> None:
        """It reads more slowly than there is to tell."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        if self._is_answered:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        super().connection_lost(exc)
        self._stop_waiting()

    def send_400_response(self, msg: str) -> None:
        """What it says is no HTTP, or no longer: whoever was about to answer it has nobody to answer.

        By itself uvicorn would answer on top of an answer, or let the app do so: either breaks, and reads as our fault.
        """
        is_begun = self._is_answered and self.cycle.response_started
        if self._is_answered:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in _MAY_BE_TOLD and not is_begun:
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """We serve no WebSocket on purpose; uvicorn would advise the log at each try to install one."""

    @property
    def _is_answered(self) -> bool:
        """Whether it has asked for something that is not wholly told yet."""
        return self.cycle is not None and not self.cycle.response_complete

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self) -> None:
        self._stop_waiting()
        self.silent_since, self._unread = self.loop.time(), self.transport.get_write_buffer_size()
        self._patience = self.loop.call_later(PATIENCE_SECONDS, self._look)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _look(self) -> None:
        """The time is over; a long answer that is read slowly gets more of it."""
        if 0 < self.transport.get_write_buffer_size() < self._unread:
            self._wait()
        else:
            self.transport.abort()

    def _make_room(self) -> None:
        """Who means to ask has its request at hand; who has been silent for longest hardly does."""
        others = (cast("Connection", each) for each in self.connections if each is not self)
        silent = [each for each in others if each.is_silent]
        if silent:
            min(silent, key=lambda each: each.silent_since).transport.abort()

    @property
    def is_silent(self) -> bool:
        """Whether nothing is asked or told here."""
        has_read = not self.transport.get_write_buffer_size()
        return has_read and not self._is_answered and not self.transport.is_closing()
