"""HTTP as a prober needs it: one request, one answer, within bounds, by whichever transport is chosen.

An answer is a fact, whatever its status: nothing is followed, decoded or kept.
"""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import httpx

from prober.gather.clock import PhaseWatch
from prober.gather.evidence import (
    EVENT_BYTES,
    Redact,
    blotting,
    kept_headers,
    shown,
    shown_each,
    shown_json,
    sparing,
)
from prober.gather.switch import Pauses, Switch
from prober.gather.trouble import translate
from prober.gather.wire.dial import dial
from prober.gather.wire.http_call import Answer, RawHeaders, Transport, asked
from prober.gather.wire.http_stock import StockTransport
from prober.gather.wire.lean import LeanTransport
from prober.gather.wire.resolve import endpoint, place, resolve
from prober.gather.wire.tls import tls_context
from prober.model.errors import ProberError
from prober.model.observation import HttpSeen
from prober.model.reach import NOT_BEYOND, Reach
from prober.model.secret import Secret
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose

T = TypeVar("T")

#: More than any answer a condition is asked of; an endless one ends here.
BODY_LIMIT_BYTES = 256 * 1024

_FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, ProberError)

#: A line of a server-sent event that carries data, once its end has come (HTML Living Standard §9.2.5).
_EVENT = re.compile(rb"(?:^|[\r\n])data: ?([^\r\n]*)[\r\n]")


def _user_agent() -> str:
    try:
        return f"prober/{version('post-deploy-prober')}"
    except PackageNotFoundError:  # run from a source tree that was not installed
        return "prober/0"


#: Stable, so that a target's owner can filter us.
USER_AGENT = _user_agent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request, filled in and ready to go; holds secrets, so it is neither shown nor kept."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    ca_file: str | None = None  # None: the operating system's trust store
    stream: bool = False  # read no further than the first event
    keep: bool = False  # take a connection that was kept, if there is one, and keep it
    token: Secret | None = None  # blotted out of the answer: one of no known shape is known to nobody else

    def __repr__(self) -> str:
        return f"Outgoing({self.method})"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came back; `raw` is the unredacted body, for whoever must take a token out of it; it never leaves gather."""

    seen: HttpSeen | Trouble
    raw: bytes = b""

    def __repr__(self) -> str:
        return f"Exchange({self.seen!r})"


#: Where there is nothing to verify, nobody is trusted.
_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


#: What may stand between the wire and the socket. Both see the same (tests/gather/wire); the stock one is slower, and
#: what it sees while our loop is busy looks late.
TRANSPORTS: Mapping[str, Callable[[ssl.SSLContext], Transport]] = {"lean": LeanTransport, "stock": StockTransport}


def chosen(transports: Mapping[str, T]) -> T:
    """The one that PROBER_TRANSPORT names, `lean` where it names none; raises ProberError for an unknown one."""
    name = os.environ.get("PROBER_TRANSPORT", "lean")
    if name not in transports:
        message = f"PROBER_TRANSPORT is {name!r}; known are {' and '.join(transports)}"
        raise ProberError(message)
    return transports[name]


class HttpWire:
    """Sends requests, each on a connection of its own unless it is to be kept, and brings back what was seen."""

    def __init__(
        self,
        redact: Redact,
        user_agent: str = USER_AGENT,
        most_bytes: int = BODY_LIMIT_BYTES,
        reach: Reach = NOT_BEYOND,
        switch: Switch | None = None,
    ) -> None:
        """Blot secrets out by `redact`, be known as `user_agent`, read `most_bytes` of a body, stay within `reach`.

        Nothing goes to what `switch` has paused. `transport` is that of TRANSPORTS which PROBER_TRANSPORT names.
        """
        self._make = chosen(TRANSPORTS)
        self._reach, self._switch = reach, switch or Switch()
        self._redact, self._most_bytes = redact, most_bytes
        self._headers = {"Accept": "*/*", "User-Agent": user_agent}
        self._transports: dict[ssl.SSLContext, Transport] = {_NOBODY: self._make(_NOBODY)}  # what it imports, now
        self._switch.follow(self._let_go)

    async def send(self, outgoing: Outgoing, watch: PhaseWatch) -> Exchange:
        """Exchange one request for its answer, or for what kept us; the caller's deadline is the only one."""
        host, port = endpoint(outgoing.url)
        try:
            async with self._switch.passing(place(host, port)):
                return await self._exchange(outgoing, host, port, watch)
        except _FAILURES as error:
            return Exchange(translate(error, watch.current, self._redact, place(host, port)))
        finally:
            watch.stop()  # of a phase that was cut short; `watch.current` keeps saying which

    async def aclose(self) -> None:
        """Close what is open."""
        self._switch.unfollow(self._let_go)
        for transport in self._transports.values():
            await transport.aclose()

    def _let_go(self, pauses: Pauses) -> None:
        """Hang up what is kept to a place that is paused."""
        for transport in self._transports.values():
            transport.let_go(lambda place: pauses(place) is not None)

    async def _exchange(self, outgoing: Outgoing, host: str, port: int, watch: PhaseWatch) -> Exchange:
        request = asked(
            method=outgoing.method.upper(),
            url=outgoing.url,
            host=host,
            port=port,
            headers={**self._headers, **outgoing.headers},
            body=outgoing.body,
            keep=outgoing.keep,
        )
        begin, addresses = self._transport(outgoing).begin, await resolve(host, port, watch, self._reach)
        answer = await dial(addresses, watch, lambda address, patience: begin(request, address, watch, patience))
        headers = _texts(answer.headers)
        try:
            body = await _read(answer, headers, self._most_bytes, until_event=outgoing.stream)
        finally:
            await answer.aclose()
        watch.leave()
        if body is None:
            return Exchange(_too_large(place(host, port), self._most_bytes))
        return _seen(answer.status, headers, body, blotting(self._redact, outgoing.token))

    def _transport(self, outgoing: Outgoing) -> Transport:
        """One per trust: 59 ms each when it loads the system's store, 834 KiB in any case."""
        trust = tls_context(outgoing.ca_file) if outgoing.url.startswith("https:") else _NOBODY
        if trust not in self._transports:
            self._transports[trust] = self._make(trust)
        return self._transports[trust]


@dataclass(frozen=True, slots=True)
class _Body:
    raw: bytes  # empty when it came encoded, which we asked not to have
    length: int  # as far as we read
    event: str | None = None


def _texts(raw: RawHeaders) -> dict[str, str]:
    """Headers by lower-case name; those that were said more than once are one (RFC 9110 §5.3)."""
    texts = dict[str, str]()
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), _decoded(value)
        texts[key] = f"{texts[key]}, {text}" if key in texts else text
    return texts


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _read(answer: Answer, headers: Mapping[str, str], most_bytes: int, *, until_event: bool) -> _Body | None:
    """The body, as far as its first event if that is all that is wanted; None when it is longer than we read."""
    encoded = headers.get("content-encoding", "identity").lower() != "identity"
    wants_event = until_event and not encoded
    received = bytearray()
    async for chunk in answer.read_body():
        line_start = max(received.rfind(b"\n"), received.rfind(b"\r"), 0)
        received += chunk
        if wants_event and (event := _EVENT.search(received[line_start:])):
            return _Body(bytes(received), len(received), _text(event))
        if len(received) > most_bytes:
            return None
    # The end of the body ends a line too.
    last = _EVENT.search(received + b"\n") if wants_event else None
    return _Body(b"" if encoded else bytes(received), len(received), _text(last))


def _seen(status: int, headers: Mapping[str, str], body: _Body, redact: Redact) -> Exchange:
    kept, text = kept_headers(headers.items()), body.raw.decode(errors="replace")
    redact = sparing((*kept.values(), text), redact)
    seen = HttpSeen(
        status=status,
        headers=shown_each(kept, redact),
        body=shown(text, redact),
        body_bytes=body.length,
        json=shown_json(body.raw, redact),
        first_event=None if body.event is None else shown(body.event, redact, EVENT_BYTES),
    )
    return Exchange(seen, body.raw)


def _text(event: re.Match[bytes] | None) -> str | None:
    return event[1].decode(errors="replace") if event else None


def _too_large(place: str, most_bytes: int) -> Trouble:
    detail = f"the answer of {place} is longer than {most_bytes // 1024} KiB"
    return Trouble(TroubleKind.TOO_LARGE, Whose.TARGET, detail, Phase.TRANSFER)
