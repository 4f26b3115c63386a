import asyncio

from prober.gather.look import look
from prober.model.chain import Request, StreamStep
from tests.gather.peers import LOCAL, kit
from tests.gather.scripted import answers, peer, silent

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


async def test_the_first_event_is_enough():
    """A stream that never ends is looked at for as long as its first event takes."""
    async with peer(answers(EVENTS, b'data: {"type":"stream_start"}\n\n', then=silent)) as here, kit() as tools:
        request = Request(service=here.service(), method="POST", path="/api/chat/stream", json={"message": "hi"})
        step = StreamStep(name="stream", service=here.service(), request=request, token=LOCAL, deadline_seconds=10)
        async with asyncio.timeout(8):
            observation = await look(step, tools)

    assert (200, '{"type":"stream_start"}') == (observation.seen.status, observation.seen.first_event)
    assert b"Authorization: Bearer eyJ" in here.requests[0]
