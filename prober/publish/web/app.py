"""The web app, put together: no documentation pages (they load scripts from elsewhere), no cookies, no redirects."""

from fastapi import FastAPI

from prober.publish.board import Board
from prober.publish.feed import Feed
from prober.publish.history import Archive
from prober.publish.metrics import our_version
from prober.publish.web import problems
from prober.publish.web.audit import Audit
from prober.publish.web.desk import Desk
from prober.publish.web.door import Door
from prober.publish.web.operator import Operator
from prober.publish.web.routes import badges, events, evidence, gates, health, metrics, page, probe, runs, status
from prober.publish.web.shell import Shell


def create(
    operator: Operator,
    board: Board,
    history: Archive,
    feed: Feed,
) -> FastAPI:
    """The app that shows `board` and `history` and lets whoever bears a token ask things of `operator`."""
    app = FastAPI(
        title="prober",
        version=our_version(),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=problems.told(413, 503),  # the shell's, of every route
    )
    app.state.desk = Desk(operator, board, history, feed, Door(operator.bearers))
    for family in (page, badges, metrics, health, runs, events, gates, evidence, probe, status):
        app.include_router(family.router)
    problems.install(app)
    app.add_middleware(Shell, board=board)
    app.add_middleware(Audit)  # the last one added is the outermost
    return app
