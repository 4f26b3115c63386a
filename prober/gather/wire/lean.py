"""LeanTransport: HTTP/1.1 over a line of ours, one connection for each request unless it is kept.

Each phase ends when it really did: what arrived while our loop stood still is as old as the kernel says.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from prober.gather.clock import PhaseWatch
from prober.gather.wire.http_call import Asked
from prober.gather.wire.idle import Idle, Way
from prober.gather.wire.line import Line
from prober.gather.wire.resolve import place
from prober.model.trouble import Phase

#: The most that may come before the end of an answer's headers, those of interim answers included.
HEAD_LIMIT_BYTES = 100 * 1024

#: What a request may hold (RFC 9110 §5.5, §5.6.2); a value that may not is never quoted.
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?"
#: Many at once, each on a line.
_TOKENS, _VALUES = (re.compile(rb"%b(?:\n%b)*" % (shape, shape)) for shape in (_TOKEN, _VALUE))
_TARGET = re.compile(rb"[\x21-\x7e]+")

_FIRST, _FIRST_FINAL = 100, 200

#: To the protocol that the request asked for (RFC 9110 §15.2.2).
_SWITCHING = 101

#: What may be asked once more where nobody knows whether it was done (RFC 9110 §9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT"})

#: The first and the last in the words of httpx, by which gather/trouble.py knows them.
_HUNG_UP = "Server disconnected without sending a response."
_NO_HEAD, _NO_BODY = "no head of an answer", "no body as its head says"
_TOO_LONG = f"headers of more than {HEAD_LIMIT_BYTES // 1024} KiB"
_CUT = "peer closed connection without sending complete message body"


class LeanTransport:
    """Follows nothing, decodes nothing; sends each request on a connection of its own, unless it is to be kept."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """Trust whom `context` trusts, for https."""
        self._context, self._idle = context, Idle()

    async def begin(self, asked: Asked, address: str, watch: PhaseWatch, patience: asyncio.Timeout) -> "LeanAnswer":
        """The answer as far as its head; raises httpx.LocalProtocolError, RemoteProtocolError, OSError."""
        rest: Callable[[Line], None] | None = None
        if asked.keep:
            way = _way(asked, address)
            rest = partial(self._idle.put, way)
            if line := self._idle.take(way):
                patience.reschedule(None)
                answer = LeanAnswer(line, watch, asked, rest)
                try:
                    return await _answered(answer, asked, watch)
                except (httpx.RemoteProtocolError, OSError):  # most likely it hung up while we began to speak
                    if answer.read_bytes or asked.method not in _IDEMPOTENT:
                        raise
        line = await self._connected(asked, address, watch, patience)
        return await _answered(LeanAnswer(line, watch, asked, rest), asked, watch)

    def let_go(self, is_meant: Callable[[str], bool]) -> None:
        """Hang up what is kept to the places that are meant."""
        self._idle.close(is_meant)

    async def aclose(self) -> None:
        """Hang up what is kept."""
        self._idle.close()

    async def _connected(self, asked: Asked, address: str, watch: PhaseWatch, patience: asyncio.Timeout) -> Line:
        watch.enter(Phase.CONNECT)
        line = await Line.to(address, asked.port)
        try:
            watch.leave(line.connected_ago)
            patience.reschedule(None)
            if asked.is_secure:
                watch.enter(Phase.TLS)
                await line.secure(self._context, asked.host)
                watch.leave(line.age_seconds)
        except BaseException:
            line.close()
            raise
        return line


def _way(asked: Asked, address: str) -> Way:
    proven = asked.host if asked.is_secure else ""
    return Way(place(asked.host, asked.port), address, asked.port, proven)


async def _answered(answer: "LeanAnswer", asked: Asked, watch: PhaseWatch) -> "LeanAnswer":
    """What is said to `asked`, as far as its head; hangs up where that is nothing."""
    line = answer.line
    try:
        watch.enter(Phase.REQUEST)
        encoded = _encoded(asked)
        with suppress(ConnectionError):  # who hangs up early may have answered before
            await line.send(encoded)
        watch.enter(Phase.FIRST_BYTE)
        await answer.read_head()
        watch.enter(Phase.TRANSFER, line.age_seconds)
    except BaseException:
        answer.hang_up()
        raise
    return answer


def _encoded(asked: Asked) -> bytes:
    """The request as it is sent."""
    method = asked.method.encode("ascii")
    names, values = zip(*asked.headers, strict=True) if asked.headers else ((), ())
    if not (_are(_TOKENS, (method, *names)) and _are(_VALUES, values) and _TARGET.fullmatch(asked.target)):
        message = "a part of the request holds what it may not"
        raise httpx.LocalProtocolError(message)
    first = b"%b %b HTTP/1.1\r\n" % (method, asked.target)
    return b"".join([first, *[b"%b: %b\r\n" % header for header in asked.headers], b"\r\n", asked.body])


def _are(lines: re.Pattern[bytes], parts: Sequence[bytes]) -> bool:
    """Whether each of `parts` is as one of `lines`; where one holds a line feed, there is a line too many."""
    joined = b"\n".join(parts)
    return joined.count(b"\n") == max(len(parts) - 1, 0) and lines.fullmatch(joined) is not None


class LeanAnswer:
    """An answer as it is read; the parser calls its `on_` methods."""

    def __init__(self, line: Line, watch: PhaseWatch, asked: Asked, rest: Callable[[Line], None] | None = None) -> None:
        """Read `line`, and tell `watch` when the end came; `rest`, where given, takes a line that may go on."""
        self.line, self._watch, self._rest = line, watch, rest
        self._has_body = asked.method != "HEAD"
        self._may_switch = any(name.lower() == b"upgrade" for name, _ in asked.headers)
        self._parser = HttpResponseParser(self)
        self.read_bytes = 0
        self._chunks: list[bytes] = []
        self.status, self.headers = _FIRST, list[tuple[bytes, bytes]]()
        self._is_begun = self._is_whole = False
        self._may_go_on = self._has_more = self._is_put_away = False
        self._broken: Exception | None = None

    async def read_head(self) -> None:
        """Up to the end of the headers of the final answer."""
        while not self._is_begun:
            data = await self.line.receive()
            if not data:
                raise httpx.RemoteProtocolError(_HUNG_UP)
            self.read_bytes += len(data)
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
                self._watch.leave(self.line.age_seconds)
                return
            if self._broken:
                raise httpx.RemoteProtocolError(_NO_BODY) from self._broken
            if data := await self.line.receive():
                self._parse(data)
            else:
                self._end()

    async def aclose(self) -> None:
        """Hang up, unless the line may be kept."""
        if self._is_put_away:  # by now the line may be somebody else's
            return
        if self._rest is not None and self._is_clean:
            self._put_away()
            self._rest(self.line)
        else:
            self.hang_up()

    def hang_up(self) -> None:
        """Nobody reads any more of it."""
        self._put_away()
        self.line.close()

    def _put_away(self) -> None:
        """The parser knows us as we know it: without this both would wait for the garbage collector."""
        self._is_put_away = True
        del self._parser

    @property
    def _is_clean(self) -> bool:
        """Whether all of it was read and nothing else, and the peer means to take another request."""
        return self._is_whole and self._may_go_on and not self._has_more and self._broken is None

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:  # nobody speaks another protocol here, asked for or not
            self._broken = error.with_traceback(None)  # after the end it is nothing to us; its frames know us

    def _check_head(self) -> None:
        if self._broken or self.status < _FIRST:
            raise httpx.RemoteProtocolError(_NO_HEAD) from self._broken
        if self.read_bytes > HEAD_LIMIT_BYTES:
            raise httpx.RemoteProtocolError(_TOO_LONG)

    def _end(self) -> None:
        """The peer hung up: the end of a body that is not measured, and of no other."""
        named = {name.lower(): value.lower() for name, value in self.headers}
        coded = named.get(b"transfer-encoding")
        is_measured = coded.endswith(b"chunked") if coded is not None else b"content-length" in named
        if is_measured:
            raise httpx.RemoteProtocolError(_CUT)
        self._is_whole = True

    def on_message_begin(self) -> None:
        """An answer; after the final one, one too many."""
        self._has_more = self._is_begun

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer, which is nothing to us."""
        if not self._is_begun:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Those of an interim answer are forgotten."""
        if self._is_begun:  # of a second answer that nobody asked for
            return
        self.status = self._parser.get_status_code()
        is_switch = self.status == _SWITCHING and self._may_switch  # no more HTTP comes: it is the answer
        self._is_begun = self.status >= _FIRST_FINAL or is_switch
        if not self._is_begun:
            self.headers = []
        self._is_whole = not self._has_body or is_switch
        self._may_go_on = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self._is_whole:
            self._has_more = True
        else:
            self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The end, unless it was that of an interim answer."""
        self._is_whole = self._is_begun
