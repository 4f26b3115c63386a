"""HTTP as a prober needs it, by httpx's interface for transports; beside lean.py the only module that meets httpx.

A transport is used without httpx's client on top: proxies from the environment, redirects, cookies, netrc and
decoding are all the client's doing, and a probe wants none of them. An answer is a fact, whatever its status.
"""

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import httpx
from httpx import AsyncByteStream

from prober.gather.clock import PhaseWatch
from prober.gather.evidence import EVENT_BYTES, Redact, blotting, shown, shown_headers, shown_json
from prober.gather.switch import Switch
from prober.gather.trouble import translate
from prober.gather.wire.dial import dial
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

#: Each probe opens a connection of its own, so that it shows what connecting takes now; `budget.py` bounds how many.
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=0)

#: The caller's deadline is the true bound; these only keep a forgotten deadline from lasting for ever.
_TIMEOUTS = httpx.Timeout(300.0).as_dict()

_FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, ProberError)

#: A line of a server-sent event that carries data, once its end has come (HTML Living Standard §9.2.5).
_EVENT = re.compile(rb"(?:^|[\r\n])data: ?([^\r\n]*)[\r\n]")


def _user_agent() -> str:
    try:
        return f"prober/{version('post-deploy-prober')}"
    except PackageNotFoundError:  # run from a source tree that was not installed
        return "prober/0"


#: What httpx's `trace` extension tells, as the phase that begins with it, which ends the one before.
_PHASES = {
    "connection.connect_tcp.started": Phase.CONNECT,
    "connection.start_tls.started": Phase.TLS,
    "http11.send_request_headers.started": Phase.REQUEST,
    "http11.receive_response_headers.started": Phase.FIRST_BYTE,
    "http11.receive_response_headers.complete": Phase.TRANSFER,
}

_CONNECTED = "connection.connect_tcp.complete"

#: What ends the phase that is, and begins none.
_ENDS = {_CONNECTED, "connection.start_tls.complete", "http11.receive_response_body.complete"}

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


#: What httpx imports when it first sends something: with what these bring along, 70 modules.
_LEFT_FOR_LATER = ("certifi", "httpcore._async.http11", "httpcore._backends.anyio", "anyio._backends._asyncio")


def _stock(context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """The one of httpx, with all that it imports at its first request.

    Imported now: it took 0.2 s, on a busy machine 0.4 s, which the first look would book on its target.
    """
    for module in _LEFT_FOR_LATER:
        with suppress(ImportError):  # of another release, which will find what it needs
            import_module(module)
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=_LIMITS)


Transport = Callable[[ssl.SSLContext], httpx.AsyncBaseTransport]

#: What may stand between httpx and the socket. Both see the same (tests/gather/wire); the stock one is slower, and what
#: it sees while our loop is busy looks late.
TRANSPORTS: Mapping[str, Transport] = {"lean": LeanTransport, "stock": _stock}


def chosen(transports: Mapping[str, T]) -> T:
    """The one that PROBER_TRANSPORT names, `lean` where it names none; raises ProberError for an unknown one."""
    name = os.environ.get("PROBER_TRANSPORT", "lean")
    if name not in transports:
        message = f"PROBER_TRANSPORT is {name!r}; known are {' and '.join(transports)}"
        raise ProberError(message)
    return transports[name]


class HttpWire:
    """Sends requests, each on a connection of its own, and brings back what was seen."""

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
        self._transports: dict[ssl.SSLContext, httpx.AsyncBaseTransport] = {}

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
        for transport in self._transports.values():
            await transport.aclose()

    async def _exchange(self, outgoing: Outgoing, host: str, port: int, watch: PhaseWatch) -> Exchange:
        call = _Call(self._transport(outgoing), outgoing, self._headers, host, watch)
        response = await dial(await resolve(host, port, watch, self._reach), watch, call.begin)
        async with _put_away(response):
            body = await _read(response, self._most_bytes, until_event=outgoing.stream)
        watch.leave()
        if body is None:
            return Exchange(_too_large(place(host, port), self._most_bytes))
        return _seen(response, body, blotting(self._redact, outgoing.token))

    def _transport(self, outgoing: Outgoing) -> httpx.AsyncBaseTransport:
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


@dataclass(frozen=True, slots=True)
class _Call:
    """One request on its way to one address after the other."""

    transport: httpx.AsyncBaseTransport
    outgoing: Outgoing
    defaults: Mapping[str, str]  # headers, unless the request has its own
    host: str
    watch: PhaseWatch

    async def begin(self, address: str, patience: asyncio.Timeout) -> httpx.Response:
        """The answer as far as its headers."""
        ear = _Ear(self.watch, patience)
        try:
            return await self.transport.handle_async_request(self._request(address, ear))
        except BaseException:
            await ear.hang_up()
            raise

    def _request(self, address: str, ear: "_Ear") -> httpx.Request:
        """To the address that was looked up; the name stays in Host and in the TLS handshake."""
        url = httpx.URL(self.outgoing.url)
        headers = httpx.Headers({"Host": url.netloc.decode("ascii"), **self.defaults})
        headers.update(self.outgoing.headers)
        headers["Accept-Encoding"] = "identity"  # a decoder would have no bound: 64 MiB out of 64 KiB
        return httpx.Request(
            self.outgoing.method,
            url.copy_with(host=address),
            headers=headers,
            content=self.outgoing.body,
            extensions={"timeout": _TIMEOUTS, "trace": ear.hear, "sni_hostname": self.host},
        )


class _Ear:
    """Hears from httpx's `trace` extension how far an exchange is."""

    def __init__(self, watch: PhaseWatch, patience: asyncio.Timeout) -> None:
        """Tell `watch` each phase; `patience` ends once there is a connection."""
        self._watch, self._patience = watch, patience
        self._stream: Any = None

    async def hear(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of `event`."""
        if event in _PHASES:
            self._watch.enter(_PHASES[event], info.get("ago", 0.0))
        if event in _ENDS:
            self._watch.leave(info.get("ago", 0.0))
        if event == _CONNECTED:
            self._patience.reschedule(None)
            self._stream = info["return_value"]

    async def hang_up(self) -> None:
        """Close the connection: httpcore 1.0 leaves it open when it is cancelled in a TLS handshake."""
        if self._stream is not None:
            await self._stream.aclose()


@asynccontextmanager
async def _put_away(response: httpx.Response) -> AsyncIterator[None]:
    """Closed afterwards, also where we are cancelled just then: httpcore 1.0 would keep its connection for ever."""
    try:
        yield
    finally:
        await asyncio.shield(asyncio.create_task(response.aclose()))


def _stream(response: httpx.Response) -> AsyncByteStream:
    assert isinstance(response.stream, AsyncByteStream)  # noqa: S101 - of a transport that is asynchronous
    return response.stream


async def _read(response: httpx.Response, most_bytes: int, *, until_event: bool) -> _Body | None:
    """The body, as far as its first event if that is all that is wanted; None when it is longer than we read."""
    encoded = response.headers.get("content-encoding", "identity").lower() != "identity"
    wants_event = until_event and not encoded
    received = bytearray()
    async for chunk in _stream(response):  # `aiter_raw` would put the answer away by itself
        line_start = max(received.rfind(b"\n"), received.rfind(b"\r"), 0)
        received += chunk
        if wants_event and (event := _EVENT.search(received[line_start:])):
            return _Body(bytes(received), len(received), _text(event))
        if len(received) > most_bytes:
            return None
    # The end of the body ends a line too.
    last = _EVENT.search(received + b"\n") if wants_event else None
    return _Body(b"" if encoded else bytes(received), len(received), _text(last))


def _seen(response: httpx.Response, body: _Body, redact: Redact) -> Exchange:
    seen = HttpSeen(
        status=response.status_code,
        headers=shown_headers(response.headers.items(), redact),
        body=shown(body.raw.decode(errors="replace"), redact),
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
