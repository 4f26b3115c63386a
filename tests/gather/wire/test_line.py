import asyncio
import contextlib
import errno
import os
import socket
import ssl
import threading
import time

import pytest
import trustme

from prober.gather.wire import line as line_module
from prober.gather.wire.line import CHUNK_BYTES, Line
from tests.gather.scripted import peer, server_tls


async def echoes(reader, writer, _here):
    """Say everything once more, and hang up at its end."""
    while said := await reader.read(CHUNK_BYTES):
        writer.write(said)
        await writer.drain()


@pytest.fixture(scope="module")
def authority():
    """An authority that nobody knows."""
    return trustme.CA()


@pytest.fixture
def context(authority):
    """Whoever trusts it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_what_arrived_while_the_loop_stood_still_is_as_old_as_it_is():
    """The answer is there for a long time when we come to read it; the kernel knows since when."""
    listening = socket.create_server(("127.0.0.1", 0))
    said = threading.Event()

    def answer():
        caller, _ = listening.accept()
        caller.sendall(b"here")
        said.set()
        caller.recv(1)
        caller.close()

    there = threading.Thread(target=answer, daemon=True)
    there.start()
    line = await Line.to("127.0.0.1", listening.getsockname()[1])
    said.wait(5)
    since = time.monotonic()
    time.sleep(0.2)  # noqa: ASYNC251 - the loop stands still on purpose
    read, waited = await line.receive(), time.monotonic() - since
    line.close()
    there.join(5)
    listening.close()

    assert b"here" == read
    assert waited <= line.age_seconds + 0.005
    assert line.age_seconds < waited + 5


@pytest.mark.skipif(line_module._STAMPS is None, reason="only Linux stamps what arrives")
def test_the_kernel_goes_on_stamping_between_lines():
    """Else it began anew for each, a moment too late for what comes at once."""
    with socket.socket(fileno=os.dup(line_module._keep_stamping())) as nobodys:
        assert 1 == nobodys.getsockopt(socket.SOL_SOCKET, line_module._STAMPS)
    assert line_module._keep_stamping() == line_module._keep_stamping()


async def test_a_connection_is_as_old_as_the_kernel_says():
    """The peer accepted at once, and we came late to see it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connecting = asyncio.create_task(Line.to(*listening.getsockname()))
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - the loop stands still on purpose
        line = await connecting

        assert 0.25 <= line.connected_ago < 5
        line.close()


async def test_where_nobody_listens_the_refusal_is_told():
    """As the system says it; a socket that stayed open would be an error here."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        _, port = once.getsockname()

    with pytest.raises(ConnectionRefusedError) as told:
        await Line.to("127.0.0.1", port)

    assert (errno.ECONNREFUSED, "Connection refused") == told.value.args


async def test_whoever_is_cancelled_while_connecting_leaves_the_loop_as_it_was():
    """A peer whose queue is full answers nothing; who waits for it no longer watches no socket."""
    with contextlib.ExitStack() as open_now:
        full = open_now.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = open_now.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        watched = dict(asyncio.get_running_loop()._selector.get_map())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await Line.to(*full.getsockname())

        assert watched == dict(asyncio.get_running_loop()._selector.get_map())


def test_where_the_kernel_cannot_tell_the_stopwatch_counts():
    """Kernels that imitate Linux do not all know the question, and a connection is one all the same."""
    with socket.socket(type=socket.SOCK_DGRAM) as no_tcp:
        assert 0.0 == line_module.connected_ago(no_tcp, 1.0)


async def test_what_had_to_be_sent_again_is_no_wait_of_ours():
    """Whoever takes no call at first keeps us waiting: that is a finding."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, socket.socket() as first:
        first.connect(listening.getsockname())
        second = asyncio.create_task(Line.to(*listening.getsockname()))
        await asyncio.sleep(0.2)
        listening.accept()[0].close()
        line = await second

        assert 0 == line.connected_ago
        line.close()


async def test_what_is_not_read_yet_is_seen_at_a_glance():
    """Nobody waits: it is there, it is not, or there will be no more."""
    go, sent = asyncio.Event(), asyncio.Event()

    async def script(_reader, writer, _here):
        """Say one thing, and hang up when asked."""
        writer.write(b"one")
        await writer.drain()
        sent.set()
        await go.wait()

    async with peer(script) as here:
        line = await Line.to("127.0.0.1", here.port)
        await sent.wait()
        first, second = line.glance(), line.glance()
        go.set()
        last = await line.receive()

        assert (b"one", None, b"", b"") == (first, second, last, line.glance())
        line.close()


async def test_a_glance_sees_through_tls(authority, context):
    """A part of a record is nothing yet."""
    async with peer(echoes, tls=server_tls(authority, "localhost")) as here:
        line = await Line.to("127.0.0.1", here.port)
        await line.secure(context, "localhost")
        nothing = line.glance()
        await line.send(b"again")
        async with asyncio.timeout(5):
            while (seen := line.glance()) is None:
                await line._readable()
        line.close()

    assert (None, b"again") == (nothing, seen)


async def test_what_was_read_grows_older():
    """Its age is that of now, not that of the moment at which it was read."""
    async with peer(echoes) as here:
        line = await Line.to("127.0.0.1", here.port)
        await line.send(b"again")
        await line.receive()
        since = line.age_seconds
        time.sleep(0.05)  # noqa: ASYNC251 - the loop stands still on purpose

        assert since + 0.05 <= line.age_seconds
        line.close()


async def test_what_is_read_at_once_has_no_age():
    """Nothing waits but for us."""
    async with peer(echoes) as here:
        line = await Line.to("127.0.0.1", here.port)
        await line.send(b"again")

        assert b"again" == await line.receive()
        assert 0 <= line.age_seconds < 1
        line.close()


@pytest.mark.parametrize("size", [1, 3 * CHUNK_BYTES])
async def test_under_tls_the_same_is_said(authority, context, size):
    """More than one record, more than one read."""
    async with peer(echoes, tls=server_tls(authority, "localhost")) as here:
        line = await Line.to("127.0.0.1", here.port)
        await line.secure(context, "localhost")
        said, heard = b"x" * size, b""
        sending = asyncio.create_task(line.send(said))
        while len(heard) < size:
            heard += await line.receive()
        await sending
        line.close()

    assert said == heard


async def test_whoever_cannot_prove_a_name_is_told_why(authority, context):
    """The handshake ends with an alert, not with silence."""
    told = []

    async def script(reader, _writer, _here):
        """Whatever is read after the handshake began is its end."""
        with pytest.raises(ssl.SSLError) as failed:
            await reader.read(1)
        told.append(failed.value)

    async with peer(script, tls=server_tls(authority, "other.test")) as here:
        line = await Line.to("127.0.0.1", here.port)
        with pytest.raises(ssl.SSLCertVerificationError):
            await line.secure(context, "localhost")
        line.close()


async def test_the_end_is_empty_and_closing_twice_is_closing_once():
    """Whoever hung up says nothing more, however often it is asked."""

    async def script(_reader, _writer, _here):
        """Hang up."""

    async with peer(script) as here:
        line = await Line.to("127.0.0.1", here.port)

        assert [b"", b""] == [await line.receive(), await line.receive()]
        line.close()
        await line.aclose()


async def test_whoever_is_cancelled_while_waiting_leaves_the_loop_as_it_was():
    """The next one can wait on the same line."""

    async def script(reader, writer, _here):
        """Answer what is asked."""
        await reader.read(1)
        writer.write(b"late")
        await writer.drain()
        await reader.read()

    async with peer(script) as here:
        line = await Line.to("127.0.0.1", here.port)
        waiting = asyncio.create_task(line.receive())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await line.send(b"?")

        assert b"late" == await line.receive()
        line.close()
