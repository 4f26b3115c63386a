"""The metrics page, rendered beside the event loop: that of thirty chains takes longer than a turn may be late."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import Response

from prober.publish.board import Board
from prober.publish.metrics import render
from prober.publish.web.body import Accept
from prober.publish.web.desk import AtDesk

router = APIRouter(tags=["prober"])


@router.get("/metrics", response_class=Response)
async def metrics(desk: AtDesk, accept: Accept = "") -> Response:
    """Prometheus text, or OpenMetrics where `Accept` asks for it."""
    return await page(desk.board, desk.rendering, accept)


async def page(board: Board, rendering: asyncio.Lock, accept: str) -> Response:
    """The page as the board stands now; one at a time, for the threads are shared with those who look names up."""
    async with rendering:
        body, content_type = await asyncio.to_thread(render, board.snapshot(), accept)
    return Response(body, headers={"content-type": content_type})
