"""Faults 41 to 51: the way to the target."""

import errno
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from datetime import UTC, datetime
from typing import Any

import trustme

from tests.matrix import front as fronts
from tests.matrix.expecting import Expected, Seen
from tests.matrix.front import HOST
from tests.matrix.row import Fault, at_target
from tests.matrix.scene import Act, Befalls, Scene
from tests.matrix.target import BACKEND_DOWN, act, backend, connections

#: The lab answers to no other name; the prober looks it up as any.
NAME = "localhost"

_PAST = datetime(2020, 1, 1, tzinfo=UTC)
_DROPPED, _LATE_SECONDS, _SLOW_SECONDS = 0.05, 2.0, 4.0

#: Where nobody may be led by a name: a cloud's metadata service, link-local, and no host at all.
FORBIDDEN = ("169.254.169.254", "fe80::1", "0.0.0.0")  # noqa: S104 - an address to be refused


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _by_name(scene: Scene) -> None:
    """The backend is asked by a name, which the resolver knows."""
    scene.settings["backend_url"] = f"http://{NAME}:{scene.backend.port}"
    scene.named = {NAME: {"addresses": [HOST]}}


def _named(told: Mapping[str, Any]) -> Befalls:
    """The resolver says this, and afterwards what it said before."""

    @asynccontextmanager
    async def befalls(scene: Scene) -> AsyncIterator[None]:
        scene.house.names({NAME: told})
        yield
        scene.house.names(scene.named)

    return befalls


@asynccontextmanager
async def _dead_ipv6(scene: Scene) -> AsyncIterator[None]:
    """The name has two addresses; at the first packets vanish: its queue is full, and nobody accepts."""
    with closing(socket.socket(socket.AF_INET6, socket.SOCK_STREAM)) as dead:
        dead.bind(("::1", scene.backend.port))
        dead.listen(0)
        fillers = [socket.socket(socket.AF_INET6, socket.SOCK_STREAM) for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            if (why := filler.connect_ex(("::1", scene.backend.port))) not in (0, errno.EINPROGRESS):
                scene.complain(f"the address does not swallow packets: {why}")
        scene.house.names({NAME: {"addresses": ["::1", HOST]}})
        yield
        scene.house.names(scene.named)
        for filler in fillers:
            filler.close()


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _context(authority: trustme.CA, name: str = HOST, not_after: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_before=_PAST if not_after else None, not_after=not_after).configure_cert(context)
    return context


def _old() -> ssl.SSLContext:
    """TLS 1.0 and nothing newer, as OpenSSL still speaks it when it is told to."""
    context = _context(trustme.CA())
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):  # deprecated, and that is what it is about
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context


async def _greets_as_of_old(visit: fronts.Visit) -> None:
    """OpenSSL's own answer to a greeting, sent before the line is closed; asyncio closes without it."""
    come, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    greeted = _old().wrap_bio(come, goes, server_side=True)
    come.write(await visit.reader.read(65536))
    with suppress(ssl.SSLError):
        greeted.do_handshake()
    await visit.send(goes.read())


@asynccontextmanager
async def _speaks_as_of_old(scene: Scene) -> AsyncIterator[None]:
    """In place of the backend's TLS."""
    async with scene.backend.with_tls(None), scene.backend.at_first(_greets_as_of_old):
        yield


def _with_tls(scene: Scene) -> None:
    """The backend is asked by TLS, under an authority that the prober trusts."""
    scene.authority = trustme.CA()
    file = scene.folder.with_name(f"{scene.folder.name}-ca.pem")
    scene.authority.cert_pem.write_to_path(str(file))
    scene.settings["service"] = {"ca_file": str(file)}
    scene.tls = _context(scene.authority)


def _presenting(made: Callable[[trustme.CA], ssl.SSLContext]) -> Befalls:
    """Another certificate, or other versions, meanwhile."""

    def befalls(scene: Scene) -> AbstractAsyncContextManager[None]:
        return scene.backend.with_tls(made(scene.authority))

    return befalls


# ── more time ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _patient_with_health(scene: Scene) -> None:
    """Health may take longer than it is late, so that the rest is tried at all."""
    scene.settings["changes"] = {"backend-health": {"timeout": "4s"}}


def _drops(scene: Scene) -> AbstractAsyncContextManager[None]:
    return scene.backend.at_first(fronts.drops(_DROPPED, scene.chance))


def _health(verdict: str, reason: str) -> Seen:
    return Seen(step="backend-health", verdict=verdict, reason=reason)


def _tls(number: int, name: str, mechanism: str, made: Callable[[trustme.CA], ssl.SSLContext]) -> Fault:
    return at_target(number, name, mechanism, act(_presenting(made), _health("fail", "tls"), prepare=_with_tls))


FAULTS: tuple[Fault, ...] = (
    at_target(
        41, "name does not resolve", "The C library's resolver is answered for: no such name.",
        act(_named({"error": "EAI_NONAME"}), _health("fail", "dns"), prepare=_by_name),
    ),
    at_target(
        42, "resolver slow 4 s", "Our resolver answers rightly, four seconds late.",
        act(
            _named({"addresses": [HOST], "seconds": _SLOW_SECONDS}), _health("blind", "own_fault"), run=("blind",),
            prepare=_by_name,
        ), is_ours=True,
    ),
    at_target(
        43, "name resolves to a forbidden address (rebinding)",
        "The name led to the backend; now it leads to link-local, of both families, then to no host at all.",
        *(
            act(_named({"addresses": [to]}), _health("blind", "own_fault"), run=("blind",), prepare=_by_name)
            for to in FORBIDDEN
        ), is_ours=True,
    ),
    at_target(
        44, "5 % connection drops", "One connection of twenty is reset when it comes in.",
        Act(_drops, Expected(run=("fail", "partial"), is_unsteady=True), lambda _: None),
    ),
    at_target(
        45, "half-open (packets vanish: proxy stops reading)",
        "The request arrives; after twenty bytes of the answer nothing comes, and nobody hangs up.",
        act(backend(fronts.half_open), _health("fail", "timeout"), causes=BACKEND_DOWN),
    ),
    at_target(
        46, "latency +2 s", "Each connection to the backend waits two seconds; steps have 1.5 s, its health has four.",
        act(
            connections(fronts.slows(_LATE_SECONDS)), _health("pass", "ok"),
            Seen(step="messages-with-our-token", reason="timeout"), causes=None, prepare=_patient_with_health,
        ),
    ),
    _tls(
        47, "TLS expired certificate", "The certificate ended in 2020.",
        lambda authority: _context(authority, not_after=datetime(2020, 6, 1, tzinfo=UTC)),
    ),
    _tls(48, "TLS wrong name", "The certificate is another host's.", lambda ours: _context(ours, "other.example")),
    _tls(49, "TLS self-signed", "The certificate is of an authority of its own.", lambda _: _context(trustme.CA())),
    at_target(
        50, "TLS 1.0 only", "OpenSSL speaks nothing newer there.",
        act(_speaks_as_of_old, _health("fail", "tls"), prepare=_with_tls),
    ),
    at_target(
        51, "IPv6 dead, IPv4 alive",
        "The name has two addresses; the first swallows packets, and each connection tries it for a second.",
        act(
            _dead_ipv6, _health("pass", "ok"), Seen(step="messages-with-our-token", verdict="pass", status=200),
            Seen(step="websocket-with-our-token", verdict="pass"), prepare=_by_name,
            run=("pass", "partial"),  # the last steps of a chain may find its five seconds spent
        ),
    ),
)  # fmt: skip
