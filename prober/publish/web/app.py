"""The web apps, put together: no documentation pages (they load scripts from elsewhere), no cookies, no redirects."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from prober.publish.board import Board
from prober.publish.feed import Feed
from prober.publish.history import Archive
from prober.publish.metrics import our_version
from prober.publish.web import problems
from prober.publish.web.audit import Audit
from prober.publish.web.desk import Desk
from prober.publish.web.door import Door
from prober.publish.web.operator import Operator
from prober.publish.web.routes import (
    badges,
    events,
    evidence,
    gates,
    health,
    metrics,
    page,
    pauses,
    probe,
    runs,
    status,
)
from prober.publish.web.shell import Shell

#: What a Prometheus asks for, and whoever watches us: balancers do so where people ask, too.
_METRICS, _HEALTH = (metrics.router,), (health.router,)
_ASKED = tuple(family.router for family in (page, badges, runs, events, gates, evidence, probe, status, pauses))


def create(operator: Operator, board: Board, history: Archive, feed: Feed, *, has_metrics: bool = True) -> FastAPI:
    """The app that shows `board` and `history` and lets whoever bears a token ask things of `operator`."""
    desk = Desk(operator, board, history, feed, Door(operator.bearers), has_metrics=has_metrics)
    return _put_together(desk, (*_ASKED, *_HEALTH, health.admin, *(_METRICS if has_metrics else ())))


def create_for_metrics(operator: Operator, board: Board, history: Archive, feed: Feed) -> FastAPI:
    """The app of an address of its own for those who scrape and watch us: nothing can be started there."""
    desk = Desk(operator, board, history, feed, Door(operator.bearers))
    return _put_together(desk, (*_METRICS, *_HEALTH), described_at=None)


def _put_together(desk: Desk, routers: Sequence[APIRouter], described_at: str | None = "/openapi.json") -> FastAPI:
    app = FastAPI(
        title="prober",
        version=our_version(),
        openapi_url=described_at,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=problems.told(413, 503),  # the shell's, of every route
    )
    app.state.desk = desk
    for router in routers:
        app.include_router(router)
    problems.install(app)
    app.add_middleware(Shell, board=desk.board)
    app.add_middleware(Audit)  # the last one added is the outermost
    return app
