"""Identity tokens: what a platform wants to see before it lets us through to a service, at hand when a look begins.

Rule 1: fetched before anything is timed, once for all who want it, and renewed beside the looks before it ends.
Rule 2: whatever keeps us from having one is ours, and never the service's.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import jwt

from prober.gather.clock import Clock
from prober.gather.metadata import MetadataServer
from prober.gather.secret_source import Unusable
from prober.gather.secrets import Keyring
from prober.gather.secrets.file import from_file
from prober.model.chain import IdentityToken
from prober.model.errors import IdentityUnavailable
from prober.model.secret import Secret

#: The server itself makes a new one when the old has less than this left (Google Cloud, «Get an ID token»).
RENEW_SECONDS = 300.0

#: One with less than this left may end on its way: then a look waits for the next.
LAST_SECONDS = 30.0

#: One that ends sooner by our clock is used for so long nevertheless: it may be our clock that is wrong.
LEAST_SECONDS = 60.0

#: After a failure nobody asks again, or waits, for so long.
PAUSE_SECONDS = 10.0

_FROM_SERVER = "metadata"
_PATH = "instance/service-accounts/default/identity?audience={}&format=full"
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_NOT_SIGNED = "what is there is no signed JWT"


@dataclass(slots=True)
class _State:
    """What is known of one token."""

    ends: float = 0.0  # by the stopwatch; 0: there is none
    again: float = 0.0  # not asked for before
    fetching: asyncio.Task[None] | None = None


class IdentityTokens:
    """Keeps a keyring supplied with the identity tokens that services' platforms want to see."""

    def __init__(self, keyring: Keyring, clock: Clock, environ: Mapping[str, str]) -> None:
        """Lend to `keyring`; the metadata server is where `environ` says."""
        self._keyring, self._clock, self._environ = keyring, clock, environ
        self._server = MetadataServer(keyring.redactor(), clock, environ)
        self._states: dict[IdentityToken, _State] = {}

    async def make_ready(self, wanted: Iterable[IdentityToken | None]) -> None:
        """Have each of them, or why there is none, in the keyring; waits only where there is none that is good."""
        for each in filter(None, wanted):
            state = self._states.setdefault(each, _State())
            self._renew(each, state)
            if state.fetching and state.ends - self._clock.seconds() < LAST_SECONDS:
                await asyncio.wait([state.fetching])  # whoever is cancelled meanwhile leaves it to the others

    async def aclose(self) -> None:
        """Stop fetching."""
        under_way = [state.fetching for state in self._states.values() if state.fetching]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._server.aclose()

    def _renew(self, wanted: IdentityToken, state: _State) -> None:
        """Begin to fetch the next one where it is time."""
        now = self._clock.seconds()
        if state.fetching is None and now >= state.again and state.ends - now < RENEW_SECONDS:
            state.fetching = asyncio.create_task(self._fetch(wanted, state), name="identity-token")

    async def _fetch(self, wanted: IdentityToken, state: _State) -> None:
        try:
            token = await self._found(wanted)
            left = _left(token, wanted, self._clock.now().timestamp())
        except Unusable as error:
            state.again = self._clock.seconds() + PAUSE_SECONDS
            if self._clock.seconds() > state.ends:
                self._keyring.lend(wanted, IdentityUnavailable(wanted.audience, wanted.source, str(error)))
        else:
            now = self._clock.seconds()
            state.ends, state.again = now + left, now + min(PAUSE_SECONDS, left)
            self._keyring.lend(wanted, Secret("identity token", token))
        finally:
            state.fetching = None

    async def _found(self, wanted: IdentityToken) -> str:
        if wanted.source == _FROM_SERVER:
            return await self._server.ask(_PATH.format(quote(wanted.audience, safe="")))
        return from_file(wanted.source.partition(":")[2], self._environ).value


def _left(token: str, wanted: IdentityToken, now: float) -> float:
    """For how many seconds to use `token`; raises Unusable for what is none, or is for somebody else.

    Its signature is for the platform to check; of what it says we only use when it ends.
    """
    try:
        claims = jwt.decode(token if _FORM.fullmatch(token) else "", options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise Unusable(_NOT_SIGNED) from None  # the error may quote it
    audience = claims.get("aud")
    if wanted.audience not in (audience if isinstance(audience, list) else [audience]):
        message = "the token there is for another audience"
        raise Unusable(message)
    ends = claims.get("exp")
    return max(LEAST_SECONDS, ends - now if isinstance(ends, int | float) else 0.0)
