"""`gcp:projects/P/secrets/S`: a secret of Google Secret Manager; `…/versions/7` pins one version of it.

Who may read it: `roles/secretmanager.secretAccessor` on that one secret, by Application Default Credentials.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from prober.gather.secret_source import Found, Translation, Unusable, translated
from prober.model.copies import Fetched

V = TypeVar("V")

_PLACE = re.compile(
    r"(?P<secret>projects/[^/]+(?:/locations/(?P<location>[^/]+))?/secrets/[^/]+)(?:/versions/(?P<version>[^/]+))?"
)
_LATEST = "latest"

#: Where something that speaks Secret Manager's REST is instead, for tests; no credentials of ours go there.
_EMULATOR = "SECRET_MANAGER_EMULATOR_HOST"

_SERVICE = "secretmanager.googleapis.com"

#: Of the library's own; ours, which is shorter, is around the whole.
_TIMEOUT_SECONDS = 4.0

_MISSING = 'Google Cloud\'s library is not installed: pip install "post-deploy-prober[gcp]"'
_NOT_TEXT = "is not text"

#: What google.api_core, google.auth and requests raise, by its name or that of a parent, as what it is to us.
_TRANSLATED: Mapping[str, Translation] = {
    "Unauthenticated": (Fetched.REFUSED, "Secret Manager does not know us (HTTP 401)"),
    "Unauthorized": (Fetched.REFUSED, "Secret Manager does not know us (HTTP 401)"),
    "Forbidden": (Fetched.REFUSED, "Secret Manager refuses us (HTTP 403): grant roles/secretmanager.secretAccessor"),
    "NotFound": (Fetched.MISSING, "Secret Manager has no such secret or version (HTTP 404)"),
    "BadRequest": (Fetched.MISSING, "the version is disabled or destroyed (HTTP 400)"),
    "TooManyRequests": (Fetched.AWAY, "Secret Manager is asked too often (HTTP 429)"),
    "ServerError": (Fetched.AWAY, "Secret Manager is out of order (HTTP 5xx)"),
    "DefaultCredentialsError": (Fetched.REFUSED, "there are no credentials of Google Cloud here"),
    "GoogleAuthError": (Fetched.AWAY, "Google Cloud gave no token to ask with"),
    "RetryError": (Fetched.AWAY, "Secret Manager did not answer in time"),
    "Timeout": (Fetched.AWAY, "Secret Manager did not answer in time"),
    "TooManyRedirects": (Fetched.AWAY, "Secret Manager points elsewhere, where nobody follows"),
    "RequestException": (Fetched.AWAY, "Secret Manager cannot be reached"),
    "TooLarge": (Fetched.UNUSABLE, "the answer is too long for a secret"),
}
_UNKNOWN = (Fetched.AWAY, "Secret Manager did not answer as agreed")


class FromGcp:
    """Asks Secret Manager over REST; the client, with its token, is made at the first question and kept."""

    def __init__(self) -> None:
        """Import nothing yet."""
        self._clients: dict[tuple[str, str], Any] = {}

    def __call__(self, place: str, environ: Mapping[str, str]) -> Found:
        """The version that is asked for, under the name to which `latest` resolved; beside a pinned one the newest."""
        named = _PLACE.fullmatch(place)
        if named is None:
            message = "is not a place such as projects/P/secrets/S, or projects/P/secrets/S/versions/7"
            raise Unusable(message)
        wanted = named["version"] or _LATEST
        client = self._client(environ, named["location"] or "")
        version, value = _translated(lambda: _accessed(client, f"{named['secret']}/versions/{wanted}"))
        return Found(value=value, version=version, latest="" if wanted == _LATEST else _newest(client, named["secret"]))

    def _client(self, environ: Mapping[str, str], location: str) -> Any:  # noqa: ANN401 - known once it is imported
        emulator = environ.get(_EMULATOR, "")
        if (emulator, location) not in self._clients:
            self._clients[emulator, location] = _translated(lambda: _made(emulator, location))
        return self._clients[emulator, location]


def _made(emulator: str, location: str) -> Any:  # noqa: ANN401 - as above
    """A client over REST: gRPC would bring a loop and threads of its own."""
    try:
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - optional, and 80 MB
        from google.cloud import secretmanager_v1 as manager  # noqa: PLC0415 - as above
        from google.cloud.secretmanager_v1.services.secret_manager_service import transports  # noqa: PLC0415 - as above

        from prober.gather.secret_session import mended  # noqa: PLC0415 - as above
    except ImportError as error:
        raise Unusable(_MISSING) from error
    make = transports.SecretManagerServiceRestTransport
    host = _SERVICE.replace("secretmanager.", f"secretmanager.{location}.rep.", 1) if location else _SERVICE
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # as Google has it
    transport = make(host=emulator, url_scheme="http", credentials=anonymous) if emulator else make(host=host)
    mended(transport._session)  # noqa: SLF001 - there is no other way to keep it from following redirects
    return manager.SecretManagerServiceClient(transport=transport)


def _accessed(client: Any, name: str) -> tuple[str, str]:  # noqa: ANN401 - as above
    """The version's own number, and its value."""
    answer = client.access_secret_version(request={"name": name}, retry=None, timeout=_TIMEOUT_SECONDS)
    return answer.name.rpartition("/")[2], _text(answer.payload.data)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Unusable(_NOT_TEXT) from None  # the error holds the bytes


def _newest(client: Any, secret: str) -> str:  # noqa: ANN401 - as above
    """What `latest` is now. To be allowed to read it is to be allowed to ask; more would be another role."""
    try:
        return _translated(lambda: _accessed(client, f"{secret}/versions/{_LATEST}"))[0]
    except Unusable:
        return ""


def _translated(ask: Callable[[], V]) -> V:
    return translated(ask, _TRANSLATED, _UNKNOWN)
