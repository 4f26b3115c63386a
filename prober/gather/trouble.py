"""The one table from foreign exceptions (httpx, websockets, ssl, sockets, asyncio) to Trouble.

Rule 1: the most specific row wins, wherever in the chain of causes its exception is found.
Rule 2: each row has a sentence of its own; an exception's text may quote what we sent or what a hostile target said.
"""

import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import httpx
import websockets.exceptions as ws

from prober.model.errors import HeldBack, ProberError, SecretUnavailable
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose

#: «Read more first», which OpenSSL says at every turn of a handshake: an exception, but nothing went wrong.
_NO_ERRORS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)

#: How many links of a chain of causes are looked at; real chains have about five.
_LINKS = 32


@dataclass(frozen=True, slots=True)
class _Row:
    """What an exception means; `sentence` may hold `{at}`, the place we talked to, and `{why}`, a few words on it."""

    error: type[BaseException] | tuple[type[BaseException], ...]
    kind: TroubleKind
    whose: Whose
    sentence: str
    numbers: frozenset[int] = frozenset()  # of an OSError; empty: any
    says: str = ""  # a part of the exception's text, for libraries that tell two things by one class

    def fits(self, error: BaseException) -> bool:
        """Whether this row speaks of `error`."""
        return (
            isinstance(error, self.error)
            and (not self.numbers or getattr(error, "errno", None) in self.numbers)
            and self.says in str(error)
        )


#: Not every C library knows all three.
_NO_ADDRESS = frozenset(getattr(socket, name, 0) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY"))

_T, _P = Whose.TARGET, Whose.PROBER

#: Read from the top: what was wrong on the wire, then what a library made of it, then the catch-all of each library.
_TABLE = (
    # our own errors, which speak for themselves
    _Row(SecretUnavailable, TroubleKind.OWN_SECRET, _P, "{why}"),
    _Row(HeldBack, TroubleKind.OWN_PAUSE, _P, "{why}"),
    _Row(ProberError, TroubleKind.OWN_FAULT, _P, "{why}"),
    # names; no address is the answer of the name's owner, anything else is our resolver failing (getaddrinfo(3))
    _Row(
        socket.gaierror,
        TroubleKind.DNS,
        _T,
        "no address for {at}: {why}",
        _NO_ADDRESS,
    ),
    _Row(socket.gaierror, TroubleKind.DNS, _P, "our resolver could not look up {at}: {why}"),
    _Row(UnicodeError, TroubleKind.OWN_FAULT, _P, "what was to be sent to {at} cannot be encoded"),
    # TLS; a handshake that just ends is a reset
    _Row(ssl.SSLCertVerificationError, TroubleKind.TLS, _T, "the certificate of {at} was not accepted: {why}"),
    _Row((ssl.SSLEOFError, ssl.SSLZeroReturnError), TroubleKind.RESET, _T, "TLS connection cut by {at}"),
    _Row(ssl.SSLError, TroubleKind.TLS, _T, "no TLS with {at}: {why}"),
    # limits of ours, below TLS since an SSLError has numbers of its own; EADDRNOTAVAIL: no local port left (connect(2))
    _Row(
        OSError,
        TroubleKind.OWN_FAULT,
        _P,
        "this machine could open no connection to {at}: {why}",
        frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}),
    ),
    _Row(
        OSError,
        TroubleKind.OWN_FAULT,
        _P,
        "this machine does not let us connect to {at}: {why}",
        frozenset({errno.EACCES, errno.EPERM}),
    ),
    # sockets
    _Row(ConnectionRefusedError, TroubleKind.CONNECTION_REFUSED, _T, "connection refused by {at}"),
    _Row((ConnectionError, EOFError), TroubleKind.RESET, _T, "connection cut by {at}"),
    _Row(
        OSError,
        TroubleKind.UNREACHABLE,
        _P,
        "this machine has no network to {at}: {why}",
        frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EAFNOSUPPORT}),
    ),
    _Row(
        OSError,
        TroubleKind.UNREACHABLE,
        _T,
        "no way to {at}: {why}",
        frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN}),
    ),
    # HTTP
    _Row(httpx.PoolTimeout, TroubleKind.OWN_FAULT, _P, "all our own connections were in use"),
    _Row(
        (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL),
        TroubleKind.OWN_FAULT,
        _P,
        "what was to be sent to {at} is not valid HTTP",
    ),
    _Row(
        httpx.RemoteProtocolError,
        TroubleKind.RESET,
        _T,
        "connection closed by {at} before an answer",
        says="disconnected without",
    ),
    _Row(
        httpx.RemoteProtocolError,
        TroubleKind.RESET,
        _T,
        "connection closed by {at} in the middle of the answer",
        says="peer closed connection",
    ),
    _Row(httpx.RemoteProtocolError, TroubleKind.PROTOCOL, _T, "what {at} sent is not valid HTTP"),
    _Row(httpx.DecodingError, TroubleKind.PROTOCOL, _T, "what {at} sent is not encoded as it says"),
    # WebSocket
    _Row(ws.InvalidURI, TroubleKind.OWN_FAULT, _P, "{at} is not a WebSocket address"),
    _Row(ws.ConcurrencyError, TroubleKind.OWN_FAULT, _P, "two of us read the same WebSocket"),
    _Row(ws.PayloadTooBig, TroubleKind.TOO_LARGE, _T, "a message from {at} is longer than we read"),
    _Row(ws.ConnectionClosed, TroubleKind.RESET, _T, "WebSocket closed by {at}"),
    _Row(ws.InvalidHandshake, TroubleKind.PROTOCOL, _T, "what {at} answered is not a WebSocket handshake"),
    _Row(ws.WebSocketException, TroubleKind.PROTOCOL, _T, "what {at} sent is not valid WebSocket"),
    # what is left of each library, when it gave no cause
    _Row((TimeoutError, httpx.TimeoutException), TroubleKind.TIMEOUT, _T, "no end of waiting for {at}"),
    _Row(httpx.ConnectError, TroubleKind.UNREACHABLE, _T, "no connection to {at}"),
    _Row(httpx.NetworkError, TroubleKind.RESET, _T, "connection cut by {at}"),
    _Row(OSError, TroubleKind.UNREACHABLE, _T, "no connection to {at}: {why}"),
    _Row(BaseException, TroubleKind.OWN_FAULT, _P, "{why} in the prober itself"),
)


def translate(
    error: BaseException, phase: Phase | None, redact: Callable[[str], str], at: str = "the target"
) -> Trouble:
    """Say what `error` means: `at` is the place we talked to, as a person would write it (`127.0.0.1:8080`)."""
    row, found = _find(error)
    return Trouble(row.kind, row.whose, redact(row.sentence.format(at=at, why=_why(found))), phase)


def telling(errors: Sequence[Exception]) -> Exception:
    """The error that says most when several addresses failed: the target's before ours, any answer before no way."""
    return min(errors, key=_dullness)


def _dullness(error: Exception) -> tuple[bool, bool]:
    row, _ = _find(error)
    return row.whose is Whose.PROBER, row.kind is TroubleKind.UNREACHABLE


def _find(error: BaseException) -> tuple[_Row, BaseException]:
    chain = tuple(islice(_chain(error), _LINKS))
    return next((row, link) for row in _TABLE for link in chain if row.fits(link))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from; a group is as good as its first member."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if not isinstance(link, _NO_ERRORS):
            yield link
        link = link.exceptions[0] if isinstance(link, BaseExceptionGroup) else link.__cause__ or link.__context__


#: How the library at hand puts the cause in words that quote nothing of what was sent.
_WORDS: tuple[tuple[type[BaseException], Callable[..., str]], ...] = (
    (ProberError, str),
    (ssl.SSLCertVerificationError, lambda error: getattr(error, "verify_message", "it could not be verified")),
    (ssl.SSLError, lambda error: (getattr(error, "reason", None) or "the handshake failed").replace("_", " ").lower()),
    (socket.gaierror, lambda error: (error.strerror or "no reason given").lower()),
    (OSError, lambda error: os.strerror(error.errno).lower() if error.errno else type(error).__name__),
    (BaseException, lambda error: type(error).__name__),
)


def _why(error: BaseException) -> str:
    """The cause in a few words."""
    return next(words(error) for kind, words in _WORDS if isinstance(error, kind))
