"""The metrics page."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from prober.publish.metrics import render
from prober.publish.web.desk import AtDesk

router = APIRouter(tags=["prober"])


@router.get("/metrics", response_class=Response)
async def metrics(desk: AtDesk, accept: Annotated[str, Header()] = "") -> Response:
    """Prometheus text, or OpenMetrics where `Accept` asks for it."""
    body, content_type = render(desk.registry, accept)
    return Response(body, headers={"content-type": content_type})
