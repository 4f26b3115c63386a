"""The metrics page, rendered beside the event loop: that of a thousand chains takes longer than a turn may be late.

Neither rendering nor copying holds the loop for long: a page is made, and sent, in small blocks.
"""

import asyncio
from collections.abc import Sequence
from itertools import islice

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from prober.publish.board import Board
from prober.publish.metrics import rendered
from prober.publish.web.body import Accept
from prober.publish.web.desk import AtDesk

router = APIRouter(tags=["prober"])

#: Blocks for which a thread is asked at a time, in a millisecond or two: between them whoever waits for the interpreter
#: has it. A thread that makes them all and gives way in between is first again each time, and held the loop for 50 ms.
_AT_A_TIME = 8


class Blocks(Response):
    """An answer of known length that is sent block by block."""

    def __init__(self, blocks: Sequence[bytes], content_type: str) -> None:
        """Send these."""
        self.blocks = blocks
        headers = {"content-type": content_type, "content-length": str(sum(map(len, blocks)))}
        super().__init__(headers=headers)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send all of it, as fast as it is taken."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for block in self.blocks:
            await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@router.get("/metrics", response_class=Response)
async def metrics(desk: AtDesk, accept: Accept = "") -> Response:
    """Prometheus text, or OpenMetrics where `Accept` asks for it."""
    return await page(desk.board, desk.rendering, accept)


async def page(board: Board, rendering: asyncio.Lock, accept: str) -> Blocks:
    """The page as the board stands now; one at a time, for the threads are shared with those who look names up."""
    async with rendering:
        blocks, content_type = await asyncio.to_thread(rendered, board.snapshot(), accept)
        made: list[bytes] = []
        while some := await asyncio.to_thread(lambda: list(islice(blocks, _AT_A_TIME))):
            made += some
        return Blocks(made, content_type)
