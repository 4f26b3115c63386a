"""`vault:MOUNT/PATH#KEY`: one key of a secret of HashiCorp Vault's KV version 2; `@3` behind it pins a version.

Where and as whom, by Vault's own variables: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT; VAULT_TOKEN or VAULT_TOKEN_FILE,
or VAULT_ROLE_ID with VAULT_SECRET_ID or VAULT_SECRET_ID_FILE, or VAULT_KUBERNETES_ROLE. What it takes to read one
secret: `read` on MOUNT/data/PATH.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from prober.gather.secret_source import Found, Unusable
from prober.gather.vault_pass import Pass, let_in, told
from prober.model.copies import Fetched

_PLACE = re.compile(r"(?P<mount>[^/#@]+)/(?P<path>[^#@]+)#(?P<key>[^#@]+)(?:@(?P<version>[1-9][0-9]*))?")

_NO_TEXT = "holds no text under that key"


class FromVault:
    """Asks Vault; the token to ask with is kept for half of its life, then renewed, or another one is asked for."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """Import nothing yet; `seconds` is the stopwatch by which tokens grow old."""
        self._seconds = seconds
        self._pass: Pass | None = None

    def __call__(self, place: str, environ: Mapping[str, str]) -> Found:
        """The key's value, and the version of the secret that it is of; beside a pinned one the newest."""
        named = _PLACE.fullmatch(place)
        if named is None:
            message = "is not a place such as secret/staging/auth#jwt_secret"
            raise Unusable(message)
        answer, token = self._read(environ, named, named["version"])
        return Found(
            value=_value(answer, named["key"]),
            version=_version(answer),
            latest=self._newest(environ, named) if named["version"] else "",
            credentials=(token,),
        )

    def _newest(self, environ: Mapping[str, str], named: re.Match[str]) -> str:
        """Beside a pinned one; who may read it may ask. Empty where the newest was deleted, or cannot be told."""
        try:
            return _version(self._read(environ, named, None)[0])
        except Unusable:
            return ""

    def _read(self, environ: Mapping[str, str], named: re.Match[str], version: str | None) -> tuple[Any, str]:
        """What Vault answers, and the token that it was asked with; with another one where a lent one has ended."""
        held = self._held(environ)
        try:
            return _answer(held, named, version), held.token
        except Unusable as error:
            if error.outcome is not Fetched.REFUSED or not held.is_lent:
                raise
        self._pass = None
        held = self._held(environ)
        return _answer(held, named, version), held.token

    def _held(self, environ: Mapping[str, str]) -> Pass:
        held = self._pass
        if held is None or not held.is_good(environ, self._seconds()):
            held = self._pass = let_in(environ, self._seconds())
        return held


def _answer(held: Pass, named: re.Match[str], version: str | None) -> Any:  # noqa: ANN401 - JSON
    read = held.client.secrets.kv.v2.read_secret_version
    return told(
        lambda: read(
            path=named["path"],
            mount_point=named["mount"],
            version=int(version) if version else None,
            raise_on_deleted_version=True,
        )["data"]
    )


def _value(answer: Any, key: str) -> str:  # noqa: ANN401 - JSON
    value = answer["data"].get(key) if isinstance(answer.get("data"), dict) else None
    if not isinstance(value, str):
        raise Unusable(_NO_TEXT, Fetched.MISSING)
    return value


def _version(answer: Any) -> str:  # noqa: ANN401 - JSON
    return str(told(lambda: answer["metadata"]["version"]))
