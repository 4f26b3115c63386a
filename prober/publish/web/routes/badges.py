"""Badges: whether a chain passes, in three states; they stand on other pages, and so say nothing else to anybody."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from prober.publish.badge import badge_document, badge_svg
from prober.publish.web.desk import AtDesk, Desk, must_be_here
from prober.publish.web.problems import Problem, told

router = APIRouter(prefix="/badge", tags=["badges"])


def _up(desk: Desk, chain: str) -> bool | None:
    must_be_here(desk.operator.plan, chain)
    if chain not in desk.operator.plan.chains:
        raise Problem(404, "no such chain")
    return desk.board.is_up(chain)


@router.get(
    "/{chain}.svg",
    response_class=Response,
    responses={200: {"description": "The badge", "content": {"image/svg+xml": {}}}, **told(404, 421)},
)
async def svg(chain: str, desk: AtDesk) -> Response:
    """Passing, failing or unknown, as a picture."""
    return Response(badge_svg(chain, up=_up(desk, chain)), media_type="image/svg+xml")


@router.get("/{chain}.json", response_class=JSONResponse, responses=told(404, 421))
async def json(chain: str, desk: AtDesk) -> JSONResponse:
    """The same for shields.io."""
    return JSONResponse(badge_document(chain, up=_up(desk, chain)))
