"""The door before every route that makes us do something: a bearer token, and nobody's browser against their will."""

from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers

from prober.model.secret import Secret
from prober.publish.web.problems import Problem

_SCHEME = "bearer"


class Door:
    """Lets in who shows the token; without a token configured there is no door: 404."""

    def __init__(self, token: Secret | Callable[[], Secret | None] | None) -> None:
        """Ask for `token`; as a function it is called at each request, so that a reload can change it."""
        self._token = token if callable(token) else lambda: token
        self._told = False

    def check(self, headers: Headers) -> None:
        """Return for whoever may enter; raise the Problem to answer everyone else with."""
        token = self._token()
        if token is None:
            self._tell_once()
            raise Problem(404, "nothing can be started here: no trigger token is configured")
        if _is_foreign(headers):
            raise Problem(403, "a page of another origin may not ask this")
        if not _shows(headers, token):
            challenge = {"WWW-Authenticate": 'Bearer realm="prober"'}
            raise Problem(401, "send the trigger token as `Authorization: Bearer …`", headers=challenge)

    def _tell_once(self) -> None:
        if not self._told:
            structlog.get_logger("prober.web").warning("web.trigger_disabled", why="no trigger token is configured")
        self._told = True


def _is_foreign(headers: Headers) -> bool:
    """Browsers send `Origin` with every POST; other programs send none (RFC 6454 §7.3)."""
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _shows(headers: Headers, token: Secret) -> bool:
    """One header, one token: two headers are no agreement. `Secret.matches` takes the same time for every wrong one."""
    shown = headers.getlist("authorization")
    scheme, _, credential = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    return scheme.lower() == _SCHEME and token.matches(credential)
