"""Who we are to a platform: an access token of the metadata server, or the token mounted into our pod.

No token is shown, kept in a file of ours, or outlives its time.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

from prober.gather.clock import Clock
from prober.gather.metadata import MetadataServer
from prober.gather.platforms.asking import Unread, number, text
from prober.gather.secret_source import Unusable
from prober.gather.secrets import Keyring
from prober.gather.secrets.file import from_file
from prober.model.secret import Secret

_PATH = "instance/service-accounts/default/token"

#: A token is not used in the last of its seconds: it would be over on the way.
_SPARE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Held:
    token: Secret
    until_seconds: float  # by the stopwatch


class Credentials:
    """Borrows tokens as they are needed, and has each blotted out of whatever is shown."""

    def __init__(self, keyring: Keyring, clock: Clock, environ: Mapping[str, str]) -> None:
        """Hold none yet; the metadata server is where `environ` says."""
        self._keyring, self._clock = keyring, clock
        self._server = MetadataServer(keyring.redactor(), clock, environ)
        self._borrowed: _Held | None = None
        self._mounted: dict[str, Secret] = {}
        self._asking = asyncio.Lock()

    async def borrowed(self) -> Secret:
        """An access token of the metadata server, asked for when the last one runs out; raises Unread."""
        async with self._asking:
            if self._borrowed is None or self._borrowed.until_seconds <= self._clock.seconds():
                self._borrowed = await self._borrow()
            return self._borrowed.token

    def mounted(self, path: str) -> Secret:
        """The token in the file at `path`, read anew since it rotates; raises Unread."""
        try:
            value = from_file(path, {}).value
        except Unusable as error:
            message = f"our service account's token {error}"
            raise Unread(message) from error
        held = self._mounted.get(path)
        if held is None or not held.matches(value):
            held = self._mounted[path] = self._known(value)
        return held

    def forget(self) -> None:
        """Borrow anew next time: a platform did not know the token any more."""
        self._borrowed = None

    async def aclose(self) -> None:
        """Close the wire."""
        await self._server.aclose()

    async def _borrow(self) -> _Held:
        try:
            answer = _parsed(await self._server.ask(_PATH))
        except Unusable as error:
            message = f"no access token: {error}"
            raise Unread(message) from error
        value, lasts = text(answer, "access_token"), number(answer, "expires_in")
        if not value or lasts is None:
            message = "the metadata server gave no access token"
            raise Unread(message)
        return _Held(self._known(value), self._clock.seconds() + lasts - _SPARE_SECONDS)

    def _known(self, value: str) -> Secret:
        token = Secret("access token", value)
        self._keyring.heed(token)
        return token


def _parsed(answer: str) -> object:
    """What the server answered; None for what is no JSON."""
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return None
