"""The WebSocket probe: handshake, welcome, identity, ping and pong, grace for a late 1008, deliberate close.

A 101 proves nothing (RFC 6455 §4.2.2): some backends accept first and refuse with 1008 a moment later, so what counts
is the welcome. The probe gives up a little before the step's deadline, so that «accepted, then silent» comes back as
what was seen and not as a bare timeout.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from prober.gather.clock import PhaseWatch
from prober.gather.evidence import (
    BODY_BYTES,
    Redact,
    blotting,
    kept_headers,
    shown,
    shown_each,
    shown_headers,
    sparing,
)
from prober.gather.exchange import mint
from prober.gather.kit import Glance, Kit
from prober.gather.render import Fill, handshake
from prober.gather.token import Token
from prober.gather.wire.websocket import Refused, Socket
from prober.gather.wire.websocket_call import Call
from prober.judge.dig import dig
from prober.model.chain import WebSocketStep
from prober.model.observation import Initiator, Stage, WebSocketSeen
from prober.model.trouble import Phase, Trouble

#: Of the step's deadline; the rest is for our close. Whichever of the two leaves more time to listen is kept.
_LISTENING_SHARE = 0.8
_CLOSING_SECONDS = 0.5
_CLOSING_SHARE = 0.1  # the peer may take this part of the deadline to answer our close,
_LONGEST_CLOSE_SECONDS = 0.25  # but never longer

_MOST_FRAMES = 32  # are named
_NAME_BYTES = 64
_IDENTITY_BYTES = 256

#: Where error frames hold the code and the text, and in which parts of the frame; the first hit wins.
_CODES = ("error_code", "code")
_MESSAGES = ("error_message", "message", "error")
_PARTS = ("data", "payload", "details", "error")

Frame = Mapping[str, Any]


async def look_websocket(step: WebSocketStep, kit: Kit) -> Glance:
    """What the socket did with the token; without the token it wants nothing is sent."""
    until = asyncio.get_running_loop().time() + _listening_seconds(step.deadline_seconds)
    token = await mint(step, kit)
    if isinstance(token, Trouble):
        return Glance(token)
    redact = blotting(kit.keyring.redactor(), token.secret if token else None)
    async with kit.sockets.open(_call(step, kit, token), kit.watch) as opened:
        seen = await _visited(opened, step, kit.watch, until, redact) if isinstance(opened, Socket) else opened
    return Glance(_refusal(seen, redact) if isinstance(seen, Refused) else seen, token.traits if token else None)


def _listening_seconds(deadline_seconds: float) -> float:
    return max(deadline_seconds - _CLOSING_SECONDS, deadline_seconds * _LISTENING_SHARE)


def _call(step: WebSocketStep, kit: Kit, token: Token | None) -> Call:
    fill = Fill(kit.keyring, step.token.identity if step.token else None, token)
    return replace(
        handshake(step, fill, run_id=kit.run_id),
        open_seconds=step.deadline_seconds,
        close_seconds=min(_LONGEST_CLOSE_SECONDS, step.deadline_seconds * _CLOSING_SHARE),
    )


def _refusal(refused: Refused, redact: Redact) -> WebSocketSeen:
    return WebSocketSeen(
        stage=Stage.HANDSHAKE,
        status=refused.status,
        body=shown(refused.body, redact),
        headers=shown_headers(refused.headers.items(), redact),
    )


async def _visited(
    socket: Socket, step: WebSocketStep, watch: PhaseWatch, until: float, redact: Redact
) -> WebSocketSeen | Trouble:
    """Talk for as long as there is time, close, and give what was seen."""
    visit = _Visit(step, socket, watch)
    try:
        async with asyncio.timeout_at(until):
            await visit.talk()
    except TimeoutError:
        visit.gave_up = True
    with watch.phase(Phase.CLOSE):
        await socket.close()
    return visit.seen(redact)


@dataclass(slots=True)
class _Visit:
    """The conversation over one socket, and the notes taken during it; not redacted until `seen`."""

    step: WebSocketStep
    socket: Socket
    watch: PhaseWatch
    frames: list[str] = field(default_factory=list)
    welcome: Frame | None = None
    error: Frame = field(default_factory=dict)
    ponged: bool | None = None
    other_answer: str | None = None
    gave_up: bool = False  # time was up before the conversation was over

    async def talk(self) -> None:
        """Welcome, ping and pong, then silence for the grace; returns early when the socket ends."""
        self.watch.enter(Phase.WELCOME)
        self.welcome = await self._first(self._is_welcome)
        if self.welcome is None:
            return
        if self.step.ping and not await self._pinged():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self.step.grace_seconds):
                await self._first(lambda _: False)

    async def _pinged(self) -> bool:
        """Ping as the service's own clients do; `ponged` stays None when the socket ends first, which tells more."""
        self.watch.enter(Phase.PONG)
        await self.socket.send(self.step.ping)
        self.ponged = False
        pong = await self._first(self._is_pong)
        self.ponged = None if pong is None else True
        return pong is not None

    def _is_pong(self, frame: Frame) -> bool:
        if all(dig(path, frame) == value for path, value in self.step.pong.items()):
            return True
        if self.other_answer is None and _may_be_pong(frame):
            self.other_answer = _name("", frame)
        return False

    async def _first(self, wanted: Callable[[Frame], bool]) -> Frame | None:
        """The first frame that is wanted; None when the socket ends before it comes. The phase ends when it came."""
        frame = await self._next()
        while frame is not None and not wanted(frame):
            frame = await self._next()
        self.watch.leave(self.socket.age_seconds)
        return frame

    async def _next(self) -> Frame | None:
        """What comes next, noted; None at the end."""
        message = await self.socket.receive()
        if message is None:
            return None
        frame = _parsed(message)
        self._note(_name(message, frame), frame)
        return frame

    def _note(self, name: str, frame: Frame) -> None:
        if len(self.frames) < _MOST_FRAMES:
            self.frames.append(name)
        if _is_error(frame):
            self.error = frame

    def _is_welcome(self, frame: Frame) -> bool:
        """All configured conditions hold on this one frame; without conditions, whatever comes first but an error."""
        if not self.step.welcome:
            return not _is_error(frame)
        return all(dig(path, frame) == value for path, value in self.step.welcome.items())

    @property
    def _is_over(self) -> bool:
        """Everything that was wanted came."""
        return self.welcome is not None and self.ponged is not False and not (self.step.ping and self.ponged is None)

    def seen(self, redact: Redact) -> WebSocketSeen | Trouble:
        """The notes, redacted; Trouble when the peer broke the protocol, or said too much to ever hear it out."""
        complaint = self.socket.complaint
        if complaint is not None and not (self.socket.is_overrun and self._is_over):
            return complaint
        code, reason, initiator = self._close()
        kept, subprotocol, identity = (
            kept_headers(self.socket.headers.items()),
            self.socket.subprotocol,
            self._identity(),
        )
        error_code, error_message = (_in_parts(self.error, names) for names in (_CODES, _MESSAGES))
        said = (subprotocol, identity, error_code, error_message, self.other_answer, reason)
        redact = sparing((*kept.values(), *self.frames, *filter(None, said)), redact)
        return WebSocketSeen(
            stage=Stage.POST_ACCEPT if self.welcome is None else Stage.WELCOMED,
            status=self.socket.status,
            headers=shown_each(kept, redact),
            subprotocol=_shown(subprotocol, redact, _NAME_BYTES),
            frames=tuple(shown(name, redact, _NAME_BYTES) for name in self.frames),
            identity=_shown(identity, redact, _IDENTITY_BYTES),
            error_code=_shown(error_code, redact, _NAME_BYTES),
            error_message=_shown(error_message, redact),
            ponged=self.ponged,
            other_answer=_shown(self.other_answer, redact, _NAME_BYTES) if self.ponged is False else None,
            close_code=code,
            close_reason=shown(reason, redact),
            initiator=initiator,
        )

    def _close(self) -> tuple[int | None, str, Initiator]:
        """How it ended; a socket that we closed out of impatience was never closed, as far as the peer goes."""
        ending = self.socket.ending
        if ending is None or (self.gave_up and ending.initiator is Initiator.CLIENT):
            return None, "", Initiator.NONE
        return ending.code, ending.reason, ending.initiator

    def _identity(self) -> str | None:
        found = (dig(path, self.welcome) for path in self.step.identity_at)
        return next(filter(None, map(_text, found)), None)


def _parsed(message: str | bytes) -> Frame:
    try:
        frame = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return frame if isinstance(frame, dict) else {}


def _name(message: str | bytes, frame: Frame) -> str:
    """The frame's `type`; in brackets, what it is otherwise."""
    if frame:
        return _text(frame.get("type")) or f"(json: {', '.join(sorted(map(str, frame)))})"
    return "(text)" if isinstance(message, str) else "(binary)"


def _may_be_pong(frame: Frame) -> bool:
    """Whether this could answer a ping where frames are named in another way; what is pushed is no answer."""
    named = _text(frame.get("type"))
    return bool(frame) and not _is_error(frame) and (named is None or "pong" in named.lower())


def _is_error(frame: Frame) -> bool:
    """Whether the frame reports an error: by its type, or by a field that only errors have."""
    return "error" in (_text(frame.get("type")) or "") or any(
        part.get("error_code") or part.get("error") for part in _parts(frame)
    )


def _in_parts(frame: Frame, names: tuple[str, ...]) -> str | None:
    """The first of `names` that holds a text or number, in the frame or in a part of it."""
    found = (_text(part.get(name)) for part in _parts(frame) for name in names)
    return next(filter(None, found), None)


def _parts(frame: Frame) -> Iterator[Frame]:
    yield frame
    yield from (frame[name] for name in _PARTS if isinstance(frame.get(name), dict))


def _text(value: object) -> str | None:
    """A text, or a whole number as text: user ids and error codes come as either."""
    is_plain = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if is_plain else None


def _shown(text: str | None, redact: Redact, most_bytes: int = BODY_BYTES) -> str | None:
    return None if text is None else shown(text, redact, most_bytes)
