"""Line: one connected socket, in the clear or under TLS, read when asked; it knows how old what it reads is.

Bytes wait in the kernel until somebody asks for them, with the time of their arrival. So a loop that stands still makes
nothing look late: what it reads afterwards is as old as it is.
"""

import asyncio
import errno
import os
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TypeVar

T = TypeVar("T")

#: What `connect` says of a connection that will be one soon (connect(2)).
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EINTR})

#: Read at once; what is beyond waits in the kernel, which holds the peer back.
CHUNK_BYTES = 64 * 1024

#: socket(7), SO_TIMESTAMPNS: each read tells when its newest byte came. Numbers of Linux, where Python has no names.
_STAMPS = 35 if sys.platform == "linux" else None
_TIMESPEC = struct.Struct("@ll")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size) if _STAMPS else 0

#: struct tcp_info of linux/tcp.h: the 16th number is the round trip in microseconds, the 24th what was sent again.
_TCP_INFO = struct.Struct("@8B24I")
_ROUND_TRIP, _SENT_AGAIN = 8 + 15, 8 + 23


def connected_ago(connected: socket.socket, spent_seconds: float) -> float:
    """How long ago the peer had accepted, of the seconds that connecting took us: the kernel timed the handshake.

    0 where it cannot tell, or where something had to be sent again, which is a wait of the target's or the way's.
    """
    if not _STAMPS:
        return 0.0
    told = b""
    with suppress(OSError):
        told = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    if len(told) < _TCP_INFO.size:
        return 0.0
    numbers = _TCP_INFO.unpack(told)
    is_sure = numbers[_ROUND_TRIP] and not numbers[_SENT_AGAIN]
    return max(spent_seconds - numbers[_ROUND_TRIP] / 1e6, 0.0) if is_sure else 0.0


def _stamp(sock: socket.socket) -> None:
    if _STAMPS:
        with suppress(OSError):  # a kernel that has none
            sock.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)


@cache
def _keep_stamping() -> int:
    """Have the kernel stamp from now on, by a socket that nobody uses; gives its number.

    It begins for the first socket that wants stamps, a moment later, and ends with the last: each first answer might
    come without.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobodys:
        _stamp(nobodys)
        return nobodys.detach()


class Line:
    """A socket that does not block and is connected, and the only one who reads it."""

    __slots__ = ("_came", "_incoming", "_loop", "_outgoing", "_since", "_socket", "_tls", "connected_ago")

    def __init__(self, unconnected: socket.socket) -> None:
        """Take `unconnected` over: it is closed with the line."""
        self._socket, self._loop = unconnected, asyncio.get_running_loop()
        self._tls: ssl.SSLObject | None = None
        self._since, self._came = time.time(), time.monotonic()
        #: For how long, when we noticed, the connection had been one.
        self.connected_ago = 0.0
        unconnected.setblocking(False)  # noqa: FBT003 - the standard library's own way to say it
        unconnected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _keep_stamping()
        _stamp(unconnected)

    @classmethod
    async def to(cls, address: str, port: int) -> "Line":
        """A line to an address, no name; raises OSError."""
        line, began = cls(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)), time.monotonic()
        try:
            await line._connect(address, port)
            line.connected_ago = connected_ago(line._socket, time.monotonic() - began)
        except BaseException:
            line.close()
            raise
        return line

    @property
    def age_seconds(self) -> float:
        """How long ago the newest byte of the latest read came; where nobody can tell, how long ago it was read."""
        return time.monotonic() - self._came

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Shake hands with whoever can prove to be `name`; raises ssl.SSLError, or OSError where the peer goes away."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        try:
            await self._through_tls(self._tls.do_handshake)
        finally:
            self._hand_out()  # the alert that says why not

    async def send(self, data: bytes) -> None:
        """All of it; raises OSError."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        await self._loop.sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """What there is, up to CHUNK_BYTES, once there is anything; nothing at the end. Raises OSError."""
        if self._tls is None:
            return await self._read()
        tls = self._tls
        try:
            return await self._through_tls(lambda: tls.read(CHUNK_BYTES))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # most peers just hang up
            return b""

    def glance(self) -> bytes | None:
        """What `receive` would give at once; None where it would have to wait. Raises OSError."""
        if self._tls is None:
            return self._read_now()
        while True:
            try:
                return self._tls.read(CHUNK_BYTES)
            except ssl.SSLWantReadError:
                data = self._read_now()
                if data is None:
                    return None
                self._take_in(data)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def close(self) -> None:
        """Say goodbye where TLS wants it, and hang up; more than once is once."""
        if self._tls is not None:
            with suppress(OSError, ValueError):  # ValueError: an object that never shook hands
                self._tls.unwrap()
            self._hand_out()
        self._tls = None
        self._socket.close()

    async def aclose(self) -> None:
        """The same, for those who wait for it."""
        self.close()

    async def _connect(self, address: str, port: int) -> None:
        """As the loop's own does, in half the time: it need not find out whether this is an address."""
        failure = self._socket.connect_ex((address, port))
        if failure in _UNDER_WAY:
            await self._ready(self._loop.add_writer, self._loop.remove_writer)
            failure = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            raise OSError(failure, os.strerror(failure))

    async def _through_tls(self, step: Callable[[], T]) -> T:
        """What `step` gives once the peer has said enough."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                if self._outgoing.pending:
                    await self._loop.sock_sendall(self._socket, self._outgoing.read())
                self._take_in(await self._read())

    def _take_in(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _hand_out(self) -> None:
        """As much as goes at once: nobody waits for it."""
        if self._tls is not None and self._outgoing.pending:
            with suppress(OSError):
                self._socket.send(self._outgoing.read())

    async def _read(self) -> bytes:
        while (data := self._read_now()) is None:
            await self._readable()
        return data

    def _read_now(self) -> bytes | None:
        try:
            data, notes, _, _ = self._socket.recvmsg(CHUNK_BYTES, _ROOM)
        except (BlockingIOError, InterruptedError):
            return None
        self._note_age(notes)
        return data

    def _note_age(self, notes: list[tuple[int, int, bytes]]) -> None:
        now = time.time()
        age = next((now - _seconds(data) for _, kind, data in notes if kind == _STAMPS), 0.0)
        is_true = 0.0 <= age <= now - self._since  # unless somebody set the clock
        self._came = time.monotonic() - (age if is_true else 0.0)

    async def _readable(self) -> None:
        await self._ready(self._loop.add_reader, self._loop.remove_reader)

    async def _ready(self, begin: Callable[..., None], end: Callable[[int], object]) -> None:
        """Wait until the socket may be used as the loop watches it for from `begin` to `end`."""
        waiting, number = self._loop.create_future(), self._socket.fileno()  # of a socket asyncio would print, twice
        begin(number, _wake, waiting)
        try:
            await waiting
        finally:
            end(number)


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def _seconds(stamp: bytes) -> float:
    seconds, nanoseconds = map(int, _TIMESPEC.unpack_from(stamp))
    return seconds + nanoseconds / 1e9
