import asyncio
import ssl

import pytest

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire.http_call import asked
from prober.gather.wire.http_stock import StockTransport
from prober.model.trouble import Phase
from tests.gather.scripted import OK, answers, peer


def ask(here):
    """A request to a peer."""
    return asked(method="GET", url=here.url, host="127.0.0.1", port=here.port, headers={}, body=None)


async def test_it_gives_what_was_answered():
    """And ends our patience once there is a connection."""
    transport, watch = StockTransport(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)), PhaseWatch(SystemClock())
    async with peer(answers(OK)) as here, asyncio.timeout(30) as patience:
        answer = await transport.begin(ask(here), "127.0.0.1", watch, patience)
        body = b"".join([chunk async for chunk in answer.read_body()])
        await answer.aclose()
        left = patience.when()
    await transport.aclose()

    assert (200, b"hi", None) == (answer.status, body, left)
    assert [Phase.CONNECT, Phase.REQUEST, Phase.FIRST_BYTE, Phase.TRANSFER] == [*watch.durations]


async def test_who_is_cut_short_leaves_nothing_behind():
    """The peer, which says nothing, sees us go."""
    transport, watch = StockTransport(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)), PhaseWatch(SystemClock())
    left = asyncio.Event()

    async def until_the_end(reader, _writer, _here):
        """Read, say nothing, and note when the other leaves."""
        await reader.read()
        left.set()

    async with peer(until_the_end) as here:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), asyncio.timeout(None) as patience:
                await transport.begin(ask(here), "127.0.0.1", watch, patience)
        await asyncio.wait_for(left.wait(), 5)
    await transport.aclose()

    assert Phase.FIRST_BYTE is watch.current
