import asyncio
import errno
import socket
import ssl

import httpx
import pytest
import websockets.exceptions as ws
from dirty_equals import IsStr

from prober.gather.trouble import telling, translate
from prober.model.errors import ProberError, SecretUnavailable
from prober.model.secret import Redactor, Secret
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose

PLACE = "10.0.0.1:443"
OWN, TARGET = Whose.PROBER, Whose.TARGET


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    """`raise outer from inner`."""
    outer.__cause__ = inner
    return outer


def in_context(outer: BaseException, inner: BaseException) -> BaseException:
    """`outer`, raised while `inner` was handled."""
    outer.__context__ = inner
    return outer


def untrusted() -> ssl.SSLCertVerificationError:
    """What OpenSSL says of an old certificate."""
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_message = "certificate has expired"
    return error


TABLE = {
    # name resolution
    "no such name": (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), TroubleKind.DNS, TARGET,
        f"no address for {PLACE}: name or service not known"),
    "resolver down": (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), TroubleKind.DNS, OWN,
        f"our resolver could not look up {PLACE}: temporary failure in name resolution"),
    "no name at all": (UnicodeError("label too long"), TroubleKind.OWN_FAULT, OWN,
        f"what was to be sent to {PLACE} cannot be encoded"),
    # sockets
    "refused": (ConnectionRefusedError(errno.ECONNREFUSED, "x"), TroubleKind.CONNECTION_REFUSED, TARGET,
        f"connection refused by {PLACE}"),
    "reset": (ConnectionResetError(errno.ECONNRESET, "x"), TroubleKind.RESET, TARGET, f"connection cut by {PLACE}"),
    "broken pipe": (BrokenPipeError(errno.EPIPE, "x"), TroubleKind.RESET, TARGET, f"connection cut by {PLACE}"),
    "end": (asyncio.IncompleteReadError(b"", 5), TroubleKind.RESET, TARGET, f"connection cut by {PLACE}"),
    "no route": (OSError(errno.EHOSTUNREACH, "x"), TroubleKind.UNREACHABLE, TARGET,
        f"no way to {PLACE}: no route to host"),
    "no network": (OSError(errno.ENETUNREACH, "x"), TroubleKind.UNREACHABLE, OWN,
        f"this machine has no network to {PLACE}: network is unreachable"),
    "kernel timeout": (TimeoutError(errno.ETIMEDOUT, "x"), TroubleKind.TIMEOUT, TARGET,
        f"no end of waiting for {PLACE}"),
    "out of files": (OSError(errno.EMFILE, "x"), TroubleKind.OWN_FAULT, OWN,
        f"this machine could open no connection to {PLACE}: too many open files"),
    "out of ports": (OSError(errno.EADDRNOTAVAIL, "x"), TroubleKind.OWN_FAULT, OWN,
        f"this machine could open no connection to {PLACE}: cannot assign requested address"),
    "firewall": (PermissionError(errno.EPERM, "x"), TroubleKind.OWN_FAULT, OWN,
        f"this machine does not let us connect to {PLACE}: operation not permitted"),
    "some other": (OSError("connect call failed ('10.0.0.1', 443)"), TroubleKind.UNREACHABLE, TARGET,
        f"no connection to {PLACE}: OSError"),
    # TLS
    "untrusted": (untrusted(), TroubleKind.TLS, TARGET,
        f"the certificate of {PLACE} was not accepted: certificate has expired"),
    "cut in handshake": (ssl.SSLEOFError(8, "EOF occurred"), TroubleKind.RESET, TARGET,
        f"TLS connection cut by {PLACE}"),
    "no TLS": (ssl.SSLError(1, "x"), TroubleKind.TLS, TARGET, f"no TLS with {PLACE}: the handshake failed"),
    # HTTP
    "own pool": (httpx.PoolTimeout("x"), TroubleKind.OWN_FAULT, OWN, "all our own connections were in use"),
    "own protocol": (httpx.LocalProtocolError("Illegal header value b'hunter2'"), TroubleKind.OWN_FAULT, OWN,
        f"what was to be sent to {PLACE} is not valid HTTP"),
    "not HTTP": (httpx.RemoteProtocolError("illegal status line: bytearray(b'SSH')"), TroubleKind.PROTOCOL, TARGET,
        f"what {PLACE} sent is not valid HTTP"),
    "read timeout": (httpx.ReadTimeout("x"), TroubleKind.TIMEOUT, TARGET, f"no end of waiting for {PLACE}"),
    "connect": (httpx.ConnectError("x"), TroubleKind.UNREACHABLE, TARGET, f"no connection to {PLACE}"),
    "read": (httpx.ReadError("x"), TroubleKind.RESET, TARGET, f"connection cut by {PLACE}"),
    "decoding": (httpx.DecodingError("x"), TroubleKind.PROTOCOL, TARGET,
        f"what {PLACE} sent is not encoded as it says"),
    # WebSocket
    "not WebSocket": (ws.InvalidMessage("x"), TroubleKind.PROTOCOL, TARGET,
        f"what {PLACE} answered is not a WebSocket handshake"),
    "hung up on": (caused(ws.InvalidMessage("x"), EOFError()), TroubleKind.RESET, TARGET, f"connection cut by {PLACE}"),
    "bad address": (ws.InvalidURI("x", "y"), TroubleKind.OWN_FAULT, OWN, f"{PLACE} is not a WebSocket address"),
    "big frame": (ws.PayloadTooBig(9, 8), TroubleKind.TOO_LARGE, TARGET,
        f"a message from {PLACE} is longer than we read"),
    "bad frame": (ws.ProtocolError("x"), TroubleKind.PROTOCOL, TARGET, f"what {PLACE} sent is not valid WebSocket"),
    "closed": (ws.ConnectionClosedError(None, None), TroubleKind.RESET, TARGET, f"WebSocket closed by {PLACE}"),
    "two readers": (ws.ConcurrencyError(), TroubleKind.OWN_FAULT, OWN, "two of us read the same WebSocket"),
    # ours
    "no secret": (SecretUnavailable("jwt", "env:JWT", "is not set"), TroubleKind.OWN_SECRET, OWN,
        "secret 'jwt' (env:JWT): is not set"),
    "bad config": (ProberError("ca_file is empty"), TroubleKind.OWN_FAULT, OWN, "ca_file is empty"),
    "a bug": (ZeroDivisionError("x"), TroubleKind.OWN_FAULT, OWN, "ZeroDivisionError in the prober itself"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "kind", "whose", "detail"), TABLE.values(), ids=TABLE.keys())
def test_every_failure_has_a_kind_an_owner_and_a_sentence(error, kind, whose, detail):
    """What went wrong, whose fault it is, and one sentence that quotes nobody."""
    trouble = translate(error, Phase.CONNECT, Redactor(), PLACE)

    assert Trouble(kind, whose, detail, Phase.CONNECT) == trouble


@pytest.mark.parametrize("joined", [caused, in_context])
def test_the_most_specific_link_of_the_chain_wins(joined):
    """What httpx says is ConnectError for refused, unknown and untrusted alike; the truth is further down."""
    error = joined(httpx.ConnectError("All connection attempts failed"), joined(OSError("x"), ConnectionRefusedError()))

    assert TroubleKind.CONNECTION_REFUSED == translate(error, None, Redactor()).kind


def test_a_group_is_as_good_as_its_first_member():
    """Connecting to several addresses at once fails with all their failures in one group."""
    error = caused(OSError("x"), ExceptionGroup("several", [ConnectionRefusedError(), TimeoutError()]))

    assert TroubleKind.CONNECTION_REFUSED == translate(error, None, Redactor()).kind


def test_a_chain_that_bites_its_tail_has_an_end():
    """A circle of causes does not keep us."""
    first, second = ValueError(), ValueError()
    first.__context__, second.__context__ = second, first

    assert TroubleKind.OWN_FAULT == translate(first, None, Redactor()).kind


def test_a_handshake_that_wants_to_read_more_is_no_error():
    """OpenSSL says «want read» at every turn; what came after it is what went wrong."""
    error = in_context(ConnectionResetError(errno.ECONNRESET, "x"), ssl.SSLWantReadError(2, "x"))

    assert TroubleKind.RESET == translate(error, None, Redactor()).kind


def test_the_detail_is_redacted():
    """A secret that found its way into a place or a reason does not leave with it."""
    redact = Redactor([Secret("key", "hunter2hunter2")])

    trouble = translate(ConnectionRefusedError(), None, redact, "host-hunter2hunter2:80")

    assert "connection refused by host-[key]:80" == trouble.detail


def test_without_a_place_it_is_the_target():
    """A sentence never has a hole in it."""
    assert IsStr(regex=r"connection refused by the target") == translate(ConnectionRefusedError(), None, str).detail


@pytest.mark.parametrize(
    "dull",
    [OSError(errno.EHOSTUNREACH, "x"), OSError(errno.ENETUNREACH, "x"), OSError(errno.EADDRNOTAVAIL, "x")],
    ids=["no route", "no network", "no IPv6"],
)
def test_an_answer_tells_more_than_no_way(dull):
    """Of two addresses, the one that refused was reached; that the other cannot be reached from here says nothing."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "x")

    assert refused is telling([dull, refused])
    assert refused is telling([refused, dull])
