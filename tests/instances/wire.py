"""A wire between one instance and the database that can be cut in each of three ways, and mended."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HOST = "127.0.0.1"

#: Closing sends a reset and no goodbye.
_RESET = struct.pack("ii", 1, 0)


class Wire:
    """Listens on a port of its own and passes on what comes."""

    def __init__(self, to_port: int) -> None:
        """Not laid yet."""
        self._to_port, self.port = to_port, 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._countdown: tuple[bytes, int] | None = None
        self._counted: asyncio.StreamReader | None = None  # who said the word; what others say meanwhile does not count

    async def mend(self) -> None:
        """Connections can be made, and what is under way flows."""
        self._countdown = self._counted = None
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._join, HOST, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    @property
    def is_silent(self) -> bool:
        """Whether nothing gets through."""
        return not self._flows.is_set()

    def swallow(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self._flows.clear()

    def swallow_after(self, word: bytes, packets: int) -> None:
        """Once somebody says `word`, so many packets of theirs get through, that one included, and then nothing."""
        self._countdown, self._counted = (word, packets), None

    def _count_down(self, who: asyncio.StreamReader, data: bytes) -> None:
        if self._countdown is None:
            return
        word, left = self._countdown
        if self._counted is None and word in data:
            self._counted = who
        if self._counted is who:
            if not left:
                self.swallow()
            self._countdown = word, left - 1

    async def refuse(self) -> None:
        """Connections end, and new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.close()

    def reset(self) -> None:
        """Connections are torn; new ones can be made at once."""
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        there = None
        try:
            await self._flows.wait()
            back, there = await asyncio.open_connection(HOST, self._to_port)
            self._writers.add(there)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, there, is_said=True))
                both.create_task(self._pass_on(back, writer))
        except* OSError:
            pass  # torn
        finally:
            for each in filter(None, (writer, there)):
                self._writers.discard(each)
                each.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_said: bool = False
    ) -> None:
        while data := await reader.read(65536):
            if is_said and not writer.is_closing():  # what is torn may still have something to read
                self._count_down(reader, data)
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def aclose(self) -> None:
        """Take it away."""
        self._flows.set()
        await self.refuse()


@asynccontextmanager
async def wired(to_port: int) -> AsyncIterator[Wire]:
    """A wire to a port of loopback."""
    wire = Wire(to_port)
    await wire.mend()
    try:
        yield wire
    finally:
        await wire.aclose()
