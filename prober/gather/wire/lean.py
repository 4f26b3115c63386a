"""LeanTransport: HTTP/1.1 over a line of ours, one connection for each request.

Each phase ends when it really did: what arrived while our loop stood still is as old as the kernel says.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from prober.gather.clock import PhaseWatch
from prober.gather.wire.http_call import Asked
from prober.gather.wire.line import Line
from prober.model.trouble import Phase

#: The most that may come before the end of an answer's headers, those of interim answers included.
HEAD_LIMIT_BYTES = 100 * 1024

#: What a request may hold (RFC 9110 §5.5, §5.6.2); a value that may not is never quoted.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_TARGET = re.compile(rb"[\x21-\x7e]+")

_FIRST, _FIRST_FINAL = 100, 200

#: The first and the last in the words of httpx, by which gather/trouble.py knows them.
_HUNG_UP = "Server disconnected without sending a response."
_NO_HEAD, _NO_BODY = "no head of an answer", "no body as its head says"
_TOO_LONG = f"headers of more than {HEAD_LIMIT_BYTES // 1024} KiB"
_CUT = "peer closed connection without sending complete message body"


class LeanTransport:
    """Sends each request on a connection of its own; follows nothing, decodes nothing, keeps nothing."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """Trust whom `context` trusts, for https."""
        self._context = context

    async def begin(self, asked: Asked, address: str, watch: PhaseWatch, patience: asyncio.Timeout) -> "LeanAnswer":
        """The answer as far as its head; raises httpx.LocalProtocolError, RemoteProtocolError, OSError."""
        watch.enter(Phase.CONNECT)
        line = await Line.to(address, asked.port)
        try:
            watch.leave(line.connected_ago)
            patience.reschedule(None)
            if asked.is_secure:
                watch.enter(Phase.TLS)
                await line.secure(self._context, asked.host)
                watch.leave(line.age_seconds)
            watch.enter(Phase.REQUEST)
            encoded = _encoded(asked)
            with suppress(ConnectionError):  # who hangs up early may have answered before
                await line.send(encoded)
            watch.enter(Phase.FIRST_BYTE)
            answer = LeanAnswer(line, watch, has_body=asked.method != "HEAD")
            await answer.read_head()
            watch.enter(Phase.TRANSFER, line.age_seconds)
        except BaseException:
            line.close()
            raise
        return answer

    async def aclose(self) -> None:
        """Nothing is left open."""


def _encoded(asked: Asked) -> bytes:
    """The request as it is sent."""
    method = asked.method.encode("ascii")
    parts = [(method, _TOKEN), (asked.target, _TARGET)]
    parts += [each for name, value in asked.headers for each in ((name, _TOKEN), (value, _VALUE))]
    if not all(shape.fullmatch(part) for part, shape in parts):
        message = "a part of the request holds what it may not"
        raise httpx.LocalProtocolError(message)
    first = b"%b %b HTTP/1.1\r\n" % (method, asked.target)
    return b"".join([first, *(b"%b: %b\r\n" % header for header in asked.headers), b"\r\n", asked.body])


class LeanAnswer:
    """An answer as it is read; the parser calls its `on_` methods."""

    def __init__(self, line: Line, watch: PhaseWatch, *, has_body: bool) -> None:
        """Read `line`, and tell `watch` when the end came."""
        self._line, self._watch, self._has_body = line, watch, has_body
        self._parser = HttpResponseParser(self)
        self._read_bytes = 0
        self._chunks: list[bytes] = []
        self.status, self.headers = _FIRST, list[tuple[bytes, bytes]]()
        self._is_begun = self._is_whole = False
        self._broken: Exception | None = None

    async def read_head(self) -> None:
        """Up to the end of the headers of the final answer."""
        while not self._is_begun:
            data = await self._line.receive()
            if not data:
                raise httpx.RemoteProtocolError(_HUNG_UP)
            self._read_bytes += len(data)
            self._parse(data)
            if not self._is_begun:
                self._check_head()

    async def read_body(self) -> AsyncIterator[bytes]:
        """What comes of the body, as it comes."""
        while True:
            chunks, self._chunks = self._chunks, []
            for chunk in chunks:
                yield chunk
            if self._is_whole:
                self._watch.leave(self._line.age_seconds)
                return
            if self._broken:
                raise httpx.RemoteProtocolError(_NO_BODY) from self._broken
            if data := await self._line.receive():
                self._parse(data)
            else:
                self._end()

    async def aclose(self) -> None:
        """Hang up."""
        self._line.close()

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:  # nobody asked for another protocol
            self._broken = error  # after the end it is nothing to us

    def _check_head(self) -> None:
        if self._broken or self.status < _FIRST:
            raise httpx.RemoteProtocolError(_NO_HEAD) from self._broken
        if self._read_bytes > HEAD_LIMIT_BYTES:
            raise httpx.RemoteProtocolError(_TOO_LONG)

    def _end(self) -> None:
        """The peer hung up: the end of a body that is not measured, and of no other."""
        named = {name.lower(): value.lower() for name, value in self.headers}
        coded = named.get(b"transfer-encoding")
        is_measured = coded.endswith(b"chunked") if coded is not None else b"content-length" in named
        if is_measured:
            raise httpx.RemoteProtocolError(_CUT)
        self._is_whole = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer, which is nothing to us."""
        if not self._is_begun:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Those of an interim answer are forgotten."""
        if self._is_begun:  # of a second answer that nobody asked for
            return
        self.status = self._parser.get_status_code()
        self._is_begun = self.status >= _FIRST_FINAL
        if not self._is_begun:
            self.headers = []
        self._is_whole = not self._has_body

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if not self._is_whole:
            self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The end, unless it was that of an interim answer."""
        self._is_whole = self._is_begun
