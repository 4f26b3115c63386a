"""Tests of prober/publish/web/connection.py: raw sockets that are silent or slow, against the real server."""

import asyncio
import contextlib
import socket
import time

import httpx
import pytest
import pytest_asyncio

from prober.publish.document import document
from prober.publish.web import connection
from prober.publish.web.server import serve
from tests.publish import builders as p

HEAD = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.asynccontextmanager
async def serving(app):
    """The server, going; its port."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    going = asyncio.create_task(serve(app, "127.0.0.1", 0, ready.set_result, stop))
    try:
        yield int((await ready).rpartition(":")[2])
    finally:
        stop.set()
        await going


@contextlib.asynccontextmanager
async def caller(port):
    """One end of a connection: what it hears, and what it says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def dropped(reader):
    """How many seconds until the other end is gone; what it said before is passed over."""
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            while await reader.read(65536):
                pass
    return time.monotonic() - began


async def dribble(writer, data, seconds=0.05):
    """Byte by byte, until the other end is gone."""
    with contextlib.suppress(ConnectionError):
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(seconds)


@pytest.fixture
def soon(monkeypatch):
    """A server of little patience."""
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.4)


async def ask(port, path="/-/healthy"):
    """Its status, and how long it took."""
    began = time.monotonic()
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}{path}")
    return answer.status_code, time.monotonic() - began


async def slow_callers(port, silent, dribbling, seconds):
    """What a scrape is answered while so many say nothing, or a byte now and then; and how many are still there."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(silent + dribbling)]
        until, seen = time.monotonic() + seconds, []
        while time.monotonic() < until:
            for each in sockets[silent:]:
                with contextlib.suppress(OSError):
                    each.send(b"G")
            seen += [await ask(port, path) for path in ("/metrics", "/-/healthy", "/-/ready")]
            await asyncio.sleep(0.1)
        return seen, sum(map(is_there, sockets))


def is_there(there):
    """Whether the other end has not gone."""
    there.setblocking(False)
    try:
        return there.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


@pytest.mark.parametrize(
    ("silent", "dribbling", "seconds"),
    [pytest.param(200, 50, 1.5, id="short"), pytest.param(400, 100, 60, id="long", marks=pytest.mark.long)],
)
@pytest.mark.timeout(120)
async def test_the_silent_shut_nobody_out(world, silent, dribbling, seconds):
    """However many there are: a scrape and the questions after our health are answered within a second.

    Those that have been silent for longest are let go, so that no more are held than may be.
    """
    async with serving(world.app) as port:
        seen, there = await slow_callers(port, silent, dribbling, seconds)

    assert {200} == {status for status, _ in seen}
    assert max(took for _, took in seen) < 1.0
    assert there <= connection.MOST_CONNECTIONS


async def test_who_says_nothing_is_let_go(world, soon):
    """After a while."""
    async with serving(world.app) as port, caller(port) as (reader, _):
        assert 0.3 < await dropped(reader) < 2


async def test_who_says_it_byte_by_byte_is_let_go(world, soon):
    """The whole head is waited for, not the next byte."""
    async with serving(world.app) as port, caller(port) as (reader, writer):
        dribbling = asyncio.create_task(dribble(writer, HEAD))

        assert 0.3 < await dropped(reader) < 1.2
        await dribbling


async def test_the_next_request_has_no_more_time_than_the_first(world, soon):
    """Whoever was answered once may hold a connection no longer."""
    async with serving(world.app) as port, caller(port) as (reader, writer):
        writer.write(HEAD)
        await reader.readuntil(b"healthy\n")
        dribbling = asyncio.create_task(dribble(writer, HEAD))

        assert 0.3 < await dropped(reader) < 1.2
        await dribbling


async def test_nor_has_a_body_that_nobody_wants(world, soon):
    """The answer was given without it."""
    async with serving(world.app) as port, caller(port) as (reader, writer):
        writer.write(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        await reader.readuntil(b"\r\n")
        dribbling = asyncio.create_task(dribble(writer, b"x" * 100))

        assert 0.3 < await dropped(reader) < 1.2
        await dribbling


async def test_a_connection_serves_one_request_after_the_other(world, soon):
    """Also two that are sent at once, and one that follows while the patience for the first goes on."""
    async with serving(world.app) as port, caller(port) as (reader, writer):
        writer.write(HEAD * 2)
        for pause in (0, 0.25, 0.25, 0.25):
            await asyncio.wait_for(reader.readuntil(b"healthy\n"), 2)
            await asyncio.sleep(pause)
            writer.write(HEAD)

        assert b"healthy\n" in await asyncio.wait_for(reader.readuntil(b"healthy\n"), 2)


async def test_who_waits_for_an_answer_is_not_let_go(world, soon):
    """We owe it something, and not the reverse."""
    world.operator.probed = document(p.build_report())
    world.operator.may_answer.clear()
    async with serving(world.app) as port:
        asking = asyncio.create_task(ask(port, "/probe?chain=validation"))
        await asyncio.sleep(1)
        world.operator.may_answer.set()

        assert 200 == (await asking)[0]


async def much(_scope, _receive, send):
    """An answer that no buffer of the system holds."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % (32 << 20))]})
    await send({"type": "http.response.body", "body": b"x" * (32 << 20)})


async def stream(_scope, _receive, send):
    """One in pieces, each sent when there is room for it."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(64):
        await send({"type": "http.response.body", "body": b"x" * (1 << 20), "more_body": True})


@pytest.mark.parametrize("app", [much, stream])
async def test_who_does_not_read_is_let_go(app, soon):
    """Its answer would be kept for it for ever."""
    async with serving(app) as port:
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            deaf.sendall(HEAD)
            await asyncio.sleep(1.5)
            deaf.settimeout(5)
            heard = await asyncio.to_thread(everything, deaf)

    assert 0 < heard < 32 << 20


def everything(there, pause_seconds=0.0, after=3 << 20):
    """How much was to be read, with a pause after each few MiB."""
    heard, until_pause = 0, after
    with contextlib.suppress(ConnectionError):
        while part := there.recv(1 << 20):
            heard += len(part)
            until_pause -= len(part)
            if until_pause <= 0 < pause_seconds:
                time.sleep(pause_seconds)
                until_pause = after
    return heard


async def test_who_reads_slowly_gets_it_all(soon):
    """As long as it goes on, however long that takes."""
    async with serving(much) as port:
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            began = time.monotonic()
            heard = await asyncio.to_thread(everything, slow, 0.15)

    assert heard > 32 << 20
    assert time.monotonic() - began > 3 * connection.PATIENCE_SECONDS


#: A call whose body is waited for, in chunks.
CALL = b"POST /api/v1/gates HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest_asyncio.fixture
async def unhandled():
    """What the event loop was told of, and nobody has handled."""
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    return told


async def broken_off(port, bearer, more):
    """What is answered to a body that begins and then goes on so; None: the caller is gone."""
    async with caller(port) as (reader, writer):
        writer.write(CALL % bearer["Authorization"].removeprefix("Bearer ").encode() + b"1\r\n{\r\n")
        await asyncio.sleep(0.1)
        if more is None:
            return b""
        writer.write(more)
        return await asyncio.wait_for(reader.read(), 2)


@pytest.mark.parametrize(("more", "answer"), [(b"no chunk\r\n", b"HTTP/1.1 400 "), (None, b"")])
async def test_a_body_that_is_none_is_no_fault_of_ours(world, bearer, unhandled, more, answer):
    """Whether it is no HTTP any more, or its caller is gone: nothing of ours breaks, and nothing is begun."""
    async with serving(world.app) as port:
        told = await broken_off(port, bearer, more)
        await asyncio.sleep(0.1)

    assert told.startswith(answer)
    assert 1 >= told.count(b"HTTP/1.1 ")
    assert [] == unhandled
    assert {0} == set(world.board.snapshot().internal_errors.counts.values())


@pytest.mark.parametrize("app", ["ours", stream])
async def test_what_follows_an_answer_and_is_no_http_ends_the_connection(world, app, unhandled):
    """There is no answer to an answer: of a request that is told, or while it is told, nothing more is said."""
    async with serving(world.app if app == "ours" else app) as port, caller(port) as (reader, writer):
        writer.write(b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        told = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
        writer.write(b"no chunk\r\n")
        with contextlib.suppress(ConnectionError):
            told += await asyncio.wait_for(reader.read(-1 if app == "ours" else 80 << 20), 5)

    assert 1 == told.count(b"HTTP/1.1 ")
    assert [] == unhandled
