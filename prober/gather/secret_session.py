"""A session of requests for the library of a manager: bounded answers, no redirects, nothing of the environment.

Both libraries of managers speak through requests, which follows redirects with credentials in odd headers, takes
proxies and `~/.netrc` from the environment, and reads answers without end.
"""

from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter, Retry

#: A secret of Google's may have 64 KiB, in base64; Vault's answers hold all keys of a path.
LARGEST_BYTES = 1024 * 1024

#: To connect, and from one piece of an answer to the next; how long all of it may take is its caller's deadline.
TIMEOUT_SECONDS = (1.0, 3.0)

_PIECE_BYTES = 16 * 1024


class TooLarge(Exception):
    """An answer that no secret manager gives."""

    def __str__(self) -> str:
        return f"its answer is longer than {LARGEST_BYTES // 1024} KiB"


class Session(Protocol):
    """What of a session is mended; Google's is one of its own, and signs what it sends."""

    trust_env: bool
    max_redirects: int

    def mount(self, prefix: Any, adapter: Any) -> None:  # noqa: ANN401 - as requests has it
        """Have what begins so go through `adapter`."""
        ...


class _Bounded(HTTPAdapter):
    """Reads so much of an answer and no more; only connecting is tried again, since nothing was asked by then."""

    def __init__(self) -> None:
        again = Retry(total=2, connect=2, read=False, status=False, other=False, redirect=False, backoff_factor=0.1)
        super().__init__(max_retries=again)

    def send(self, request: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as requests has it
        response = super().send(request, *args, **{**options, "stream": True, "timeout": TIMEOUT_SECONDS})
        pieces, size = [], 0
        for piece in response.iter_content(_PIECE_BYTES):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_BYTES:
                response.close()
                raise TooLarge
        response._content = b"".join(pieces)  # noqa: SLF001 - requests itself keeps it there, without a bound
        return response


def mended(session: Session) -> None:
    """Have `session` read bounded answers, follow nowhere, and take nothing from the environment."""
    session.trust_env = False
    session.max_redirects = 0
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Bounded())


def bounded() -> requests.Session:
    """A session that is so from the start."""
    session = requests.Session()
    mended(session)
    return session
