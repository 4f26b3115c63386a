"""The web app, put together: no documentation pages (they load scripts from elsewhere), no cookies, no redirects."""

from collections.abc import Callable

from fastapi import FastAPI

from prober.model.secret import Secret
from prober.publish.board import Board
from prober.publish.history import History
from prober.publish.metrics import our_version
from prober.publish.web import problems
from prober.publish.web.desk import Desk
from prober.publish.web.door import Door
from prober.publish.web.operator import Operator
from prober.publish.web.routes import health, metrics, page, runs, status
from prober.publish.web.shell import Shell


def create(
    operator: Operator,
    board: Board,
    history: History,
    trigger_token: Secret | Callable[[], Secret | None] | None,
) -> FastAPI:
    """The app that shows `board` and `history` and lets whoever holds `trigger_token` ask things of `operator`."""
    app = FastAPI(title="prober", version=our_version(), docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.desk = Desk(operator, board, history, Door(trigger_token))
    for family in (page, metrics, health, runs, status):
        app.include_router(family.router)
    problems.install(app)
    app.add_middleware(Shell, board=board)
    return app
