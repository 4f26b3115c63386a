"""StockTransport: HTTP as httpx has it; what it sees while our loop is busy looks late.

The transport is used without httpx's client on top: proxies from the environment, redirects, cookies, netrc and
decoding are all the client's doing, and a probe wants none of them.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

import httpx

from prober.gather.clock import PhaseWatch
from prober.gather.wire.http_call import Asked
from prober.model.trouble import Phase

#: Each probe opens a connection of its own, so that it shows what connecting takes now; `budget.py` bounds how many.
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=0)

#: The caller's deadline is the true bound; these only keep a forgotten deadline from lasting for ever.
_TIMEOUTS = httpx.Timeout(300.0).as_dict()

#: What httpx imports when it first sends something: with what these bring along, 70 modules.
_LEFT_FOR_LATER = ("certifi", "httpcore._async.http11", "httpcore._backends.anyio", "anyio._backends._asyncio")

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


class StockTransport:
    """Sends each request on a connection of its own, also one whose connection may be kept."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """Trust whom `context` trusts, and import all that httpx imports at its first request.

        It took 0.2 s, on a busy machine 0.4 s, which the first look would book on its target.
        """
        for module in _LEFT_FOR_LATER:
            with suppress(ImportError):  # of another release, which will find what it needs
                import_module(module)
        self._transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=_LIMITS)

    async def begin(self, asked: Asked, address: str, watch: PhaseWatch, patience: asyncio.Timeout) -> "StockAnswer":
        """The answer as far as its head; raises what httpx raises."""
        ear = _Ear(watch, patience)
        try:
            return StockAnswer(await self._transport.handle_async_request(_request(asked, address, ear)))
        except BaseException:
            await ear.hang_up()
            raise

    def let_go(self, is_meant: Callable[[str], bool]) -> None:
        """Nothing is kept."""

    async def aclose(self) -> None:
        """Close what is open."""
        await self._transport.aclose()


class StockAnswer:
    """An answer as far as its head."""

    def __init__(self, response: httpx.Response) -> None:
        """Give what `response` says."""
        self._response = response
        self.status, self.headers = response.status_code, response.headers.raw

    async def read_body(self) -> AsyncIterator[bytes]:
        """What comes of the body, as it comes; `aiter_raw` would put the answer away by itself."""
        assert isinstance(self._response.stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
        async for chunk in self._response.stream:
            yield chunk

    async def aclose(self) -> None:
        """Hang up, also where we are cancelled just then: httpcore 1.0 would keep its connection for ever."""
        await asyncio.shield(asyncio.create_task(self._response.aclose()))


def _request(asked: Asked, address: str, ear: "_Ear") -> httpx.Request:
    """To the address that was looked up; the name stays in Host and in the TLS handshake."""
    extensions = {"timeout": _TIMEOUTS, "trace": ear.hear, "sni_hostname": asked.host}
    url = httpx.URL(asked.url).copy_with(host=address)
    return httpx.Request(asked.method, url, headers=[*asked.headers], content=asked.body, extensions=extensions)


class _Ear:
    """Hears from httpx's `trace` extension how far an exchange is."""

    def __init__(self, watch: PhaseWatch, patience: asyncio.Timeout) -> None:
        """Tell `watch` each phase; `patience` ends once there is a connection."""
        self._watch, self._patience = watch, patience
        self._stream: Any = None

    async def hear(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of `event`."""
        if event in _PHASES:
            self._watch.enter(_PHASES[event])
        if event in _ENDS:
            self._watch.leave()
        if event == _CONNECTED:
            self._patience.reschedule(None)
            self._stream = info["return_value"]

    async def hang_up(self) -> None:
        """Close the connection: httpcore 1.0 leaves it open when it is cancelled in a TLS handshake."""
        if self._stream is not None:
            await self._stream.aclose()
