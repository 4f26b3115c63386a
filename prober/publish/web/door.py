"""The door before every route that makes us do something: a bearer token, and nobody's browser against their will."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers

from prober.model.caller import Bearer, Caller, Scope
from prober.publish.web.problems import Problem

_BEARER, _BASIC = "bearer", "basic"


class Door:
    """Lets in who shows the token of somebody who may; without any token configured there is no door: 404."""

    def __init__(self, bearers: Callable[[], Sequence[Bearer]]) -> None:
        """Ask who there is at each request: nothing is remembered of who was let in, so a reload holds at once."""
        self._bearers = bearers
        self._told = False

    def check(self, headers: Headers, scope: Scope, *, takes_basic: bool = False) -> Caller:
        """Who is let in; raises the Problem to answer everyone else with.

        `takes_basic`: the token may come as the password of an address, for programs that can send no header.
        """
        bearers = self._bearers()
        if not bearers:
            self._tell_once()
            raise Problem(404, "nothing can be started here: no trigger token is configured")
        if _is_foreign(headers):
            raise Stranger(403, "a page of another origin may not ask this")
        caller = _shown(headers, bearers, takes_basic=takes_basic)
        if caller is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="prober"'}
            raise Stranger(401, "send the trigger token as `Authorization: Bearer …`", headers=challenge)
        if not caller.may(scope):
            challenge = {"WWW-Authenticate": f'Bearer realm="prober", error="insufficient_scope", scope="{scope}"'}
            said = f"{caller.name!r} may not do this; add {scope!r} to its `may:`"
            raise Stranger(403, said, headers=challenge, name=caller.name)
        return caller

    def _tell_once(self) -> None:
        if not self._told:
            structlog.get_logger("prober.web").warning("web.trigger_disabled", why="no trigger token is configured")
        self._told = True


def shows_token(headers: Headers) -> bool:
    """Whether somebody shows a token, right or wrong; other schemes are for whoever stands before us."""
    return any(each.partition(" ")[0].lower() == _BEARER for each in headers.getlist("authorization"))


class Stranger(Problem):
    """Somebody is not let in; where it is one we know, who asked for what is not theirs to ask, `name` says who."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, name: str = "") -> None:
        """Answer 401 or 403."""
        super().__init__(status, detail, headers=headers)
        self.name = name


def _is_foreign(headers: Headers) -> bool:
    """Browsers send `Origin` with every POST; other programs send none (RFC 6454 §7.3)."""
    origin = headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc != headers.get("host")
    except ValueError:  # no browser sends what is no address
        return True


def _shown(headers: Headers, bearers: Sequence[Bearer], *, takes_basic: bool) -> Caller | None:
    """Who bears the token that is shown. All are compared, each in constant time: an answer's delay tells nothing."""
    shown = _credential(headers, takes_basic=takes_basic)
    found = [bearer.caller for bearer in bearers if bearer.token.matches(shown)]
    return found[0] if found and shown else None  # no token at all is nobody's, whatever a caller's own is


def _credential(headers: Headers, *, takes_basic: bool) -> str:
    """One header, one token: two headers are no agreement."""
    shown = headers.getlist("authorization")
    scheme, _, credential = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    if takes_basic and scheme.lower() == _BASIC:
        return _password(credential)
    return credential if scheme.lower() == _BEARER else ""


def _password(credential: str) -> str:
    """What stands behind the first colon (RFC 7617 §2)."""
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
