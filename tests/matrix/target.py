"""Faults 1 to 40: the target's own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from prober.lab.child import Child
from prober.lab.faults import Fault as LabFault
from prober.lab.settings import BackendSettings
from prober.lab.world import HASH_PATH, PROOF_PATH
from tests.matrix import front as fronts
from tests.matrix.expecting import Document, Expected, Seen
from tests.matrix.front import Front, Manner, Visit
from tests.matrix.row import Fault, at_target
from tests.matrix.scene import Act, Befalls, Scene

_API, _MESSAGES, _HEALTH, _SOCKET = "/api/", "/api/chat/messages", "/health", "/ws"
_SLOW_START_SECONDS = 30.0

BACKEND_DOWN = frozenset({"backend_down"})

#: What nothing tells apart in the services of the reports, which refuse with the same empty words (tests/stories).
SPEECHLESS = frozenset({"service_credentials_missing", "service_secret_drift_at_backend", "service_header_illegal"})


# ── ways to break ────────────────────────────────────────────────────────────────────────────────────────────────────


def lab(*faults: str | LabFault) -> Befalls:
    """The lab is told to be broken so, and to be well again."""

    @asynccontextmanager
    async def befalls(scene: Scene) -> AsyncIterator[None]:
        await scene.world.change(*faults)
        yield
        await scene.world.change()

    return befalls


def settings(name: str, **places: dict[str, Any]) -> LabFault:
    """A fault that is in no catalogue, told as settings of the lab."""
    return LabFault(name, "X", "of the fault matrix alone", **places)


def backend(manner: Manner, *paths: str) -> Befalls:
    """What stands before the backend behaves so."""
    return lambda scene: scene.backend.behaving(manner, *paths)


def connections(manner: Manner) -> Befalls:
    """Whoever connects to the backend meets this."""
    return lambda scene: scene.backend.at_first(manner)


def refused(scene: Scene) -> AbstractAsyncContextManager[None]:
    """Nobody listens."""
    return scene.backend.closed()


def act(befalls: Befalls, *steps: Seen, **more: Any) -> Act:
    """What befalls, and what is expected of it."""
    prepare = more.pop("prepare", _nothing)
    return Act(befalls, Expected(steps=steps, **more), prepare)


def _nothing(_scene: Scene) -> None:
    """A scene as it is."""


def with_step(step: Document) -> Callable[[Scene], None]:
    """A chain with one step more."""

    def prepare(scene: Scene) -> None:
        scene.settings["more"] = (step,)

    return prepare


def _redirects(where: Callable[[Front], str]) -> Befalls:
    """The API redirects; a stranger listens where it may lead, and hears nothing, and nothing is asked twice."""

    @asynccontextmanager
    async def befalls(scene: Scene) -> AsyncIterator[None]:
        stranger = Front(scene.backend.upstream)
        await stranger.open()
        location = where(stranger)
        scene.checks.append(lambda: [f"followed to {path}" for path in stranger.asked])
        scene.checks.append(
            lambda: [f"followed to {path}" for path in scene.backend.asked if path.startswith("/login")]
        )
        try:
            async with scene.backend.behaving(fronts.answers("302 Found", b"", f"Location: {location}"), _API):
                yield
        finally:
            await stranger.close()

    return befalls


@asynccontextmanager
async def _loops(scene: Scene) -> AsyncIterator[None]:
    """Asked for itself, it names itself; each look asks once."""
    once = fronts.answers("302 Found", b"", f"Location: {_MESSAGES}")
    began = len(scene.backend.asked)
    async with scene.backend.behaving(once, _MESSAGES):
        yield
    asked = [path for path in scene.backend.asked[began:] if path == _MESSAGES]
    # eight looks of a run meet this route at most, follow-ups and second looks among them
    most = 12 * (scene.found.runs.total() + 4)
    scene.checks.append(lambda: [f"asked {len(asked)} times"] if len(asked) > most else [])


async def _adds_credentials(visit: Visit) -> None:
    """What stands before the backend shows the service secret for whoever asks: so the hash is everybody's."""
    secret = visit.front.secret
    head = b"\r\n".join(
        line for line in visit.head.split(b"\r\n") if not line.lower().startswith((b"authorization", b"x-service-auth"))
    )
    line = f"\r\nAuthorization: Bearer {secret}\r\nX-Service-Auth: {secret}\r\n\r\n".encode()
    await fronts.passes(Visit(visit.front, visit.reader, visit.writer, head.removesuffix(b"\r\n\r\n") + line))


@asynccontextmanager
async def _hash_for_all(scene: Scene) -> AsyncIterator[None]:
    scene.backend.secret = scene.world.environment["SERVICE_SECRET"]
    async with scene.backend.behaving(_adds_credentials, HASH_PATH):
        yield


#: Of the chain, where the hash is asked for without credentials.
_KNOCKS_AT_HASH = {
    "name": "hash-refuses-anybody",
    "probe": "http",
    "service": "backend",
    "get": HASH_PATH,
    "expect": {"status": 401},
}

_FOREIGN = "https://evil.example"

#: Of the chain, where a foreign page opens the socket. A control is a bad token, so the handshake is asked for by hand.
_FROM_A_FOREIGN_PAGE = {
    "name": "handshake-refuses-foreign-page",
    "probe": "http",
    "service": "backend",
    "get": _SOCKET,
    "headers": {
        "Origin": _FOREIGN,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
    "expect": {"status": 403},
}


async def _guards_origin(visit: Visit) -> None:
    """Pages of others are refused, as an edge does that knows its own."""
    if f"origin: {_FOREIGN}".encode() in visit.head.lower():
        await fronts.answers("403 Forbidden", b'{"error":"origin"}', "Content-Type: application/json")(visit)
        return
    await fronts.passes(visit)


def _with_guard(scene: Scene) -> None:
    """It stands there from the beginning."""
    with_step(_FROM_A_FOREIGN_PAGE)(scene)
    scene.backend.manner, scene.backend.paths = _guards_origin, (_SOCKET,)


def _guard_is_off(scene: Scene) -> AbstractAsyncContextManager[None]:
    """The guard that stands there otherwise lets everybody pass."""
    return scene.backend.behaving(fronts.passes, _SOCKET)


@asynccontextmanager
async def _one_of_three(scene: Scene) -> AsyncIterator[None]:
    """Three processes on the backend's one port, among which the kernel shares connections out."""
    await scene.world.change("mixed_revisions")
    third = Child("prober.lab.backend", scene.world._secret("third replica"))
    third.keep_ports(scene.world._backend.ports)
    try:
        healthy = scene.world._broken(scene.world._backend_settings().to_document())
        await third.be(BackendSettings.from_document(healthy).to_document())
        yield
    finally:
        await third.close()
        await scene.world.change()


@asynccontextmanager
async def _heals_by_itself(scene: Scene) -> AsyncIterator[None]:
    """A deploy whose new process is of no use for a while; nobody mends anything."""
    await scene.world.change(settings("slow_start", backend={"startup_seconds": _SLOW_START_SECONDS}))
    yield


def _ws(**more: Any) -> Seen:
    return Seen(step="websocket-with-our-token", **more)


def _health(reason: str, status: int | None = None) -> Seen:
    return Seen(step="backend-health", reason=reason, status=status)


def _messages(reason: str, status: int | None = None) -> Seen:
    return Seen(step="messages-with-our-token", reason=reason, status=status)


_json = "Content-Type: application/json"

FAULTS: tuple[Fault, ...] = (
    at_target(
        1, "connection refused", "Nobody listens on the backend's port: the kernel refuses.",
        act(refused, _health("connection_refused"), causes=BACKEND_DOWN),
    ),
    at_target(
        2, "accept then silence", "The backend's port accepts and never answers.",
        act(connections(fronts.silent), _health("timeout"), causes=BACKEND_DOWN),
    ),
    at_target(
        3, "accept then RST", "The backend's port accepts and resets (SO_LINGER 0).",
        act(connections(fronts.resets), _health("reset"), causes=BACKEND_DOWN),
    ),
    at_target(
        4, "HTTP 500", "Each answer of the backend is a 500 in JSON.",
        act(
            backend(fronts.answers("500 Internal Server Error", b'{"error":"x"}', _json)),
            _health("status", 500), causes=BACKEND_DOWN,
        ),
    ),
    at_target(
        5, "HTTP 503 + Retry-After", "Each answer of the backend is a 503 with Retry-After, as a gateway's.",
        act(
            backend(fronts.answers("503 Service Unavailable", b"try later", "Retry-After: 30")),
            _health("status", 503), causes=BACKEND_DOWN,
        ),
    ),
    at_target(
        6, "200 with `valid:false`", "The test user's tokens are revoked: auth says so in a 200.",
        act(
            lab("test_user_revoked"), Seen(step="auth-validates-own-token", reason="refused", status=200),
            causes=frozenset({"test_user_revoked"}),
        ),
    ),
    at_target(
        7, "200 with error body", "The backend's health says 200 and an error.",
        act(
            backend(fronts.answers("200 OK", b'{"error":"database gone"}', _json), _HEALTH), _health("condition", 200),
        ),
    ),
    at_target(
        8, "200 empty body", "The backend's health says 200 and nothing.",
        act(backend(fronts.answers("200 OK"), _HEALTH), _health("condition", 200)),
    ),
    at_target(
        9, "200 wrong content type / HTML", "The backend's health is a page.",
        act(
            backend(fronts.answers("200 OK", b"<html><h1>healthy</h1></html>", "Content-Type: text/html"), _HEALTH),
            _health("condition", 200),
        ),
    ),
    at_target(
        10, "truncated JSON", "The edge cuts the backend's health after 20 bytes of its body.",
        act(
            lab(settings("cut", backend_edge={"cut_paths": (_HEALTH,), "cut_after_bytes": 20})), _health("reset"),
            causes=BACKEND_DOWN,
        ),
    ),
    at_target(
        11, "401 on good token (secret differs at the auth service)",
        "Auth signs and checks by another key than the backend, which checks by itself.",
        act(
            lab(settings("auth_key", auth={"jwt_secret": "other:jwt"}, backend={"verify": "local"})),
            Seen(step="messages-with-auth-token", reason="refused", status=401),
            Seen(step="secret-match", reason="mismatch"),
        ),
    ),
    at_target(
        12, "403 on good token at the backend, service credentials missing",
        "The backend has no service credentials; in the dialect of the reports, which says 403 without a word.",
        act(lab("reported_service_secret_missing"), _messages("refused", 403), causes=SPEECHLESS), dialect="reports",
    ),
    at_target(
        13, "403 because the service secret is wrong", "The backend holds a stale service secret; as 12.",
        act(lab("service_secret_drift_at_backend"), _messages("refused", 403), causes=SPEECHLESS), dialect="reports",
    ),
    at_target(
        14, "WS 403 before accept, bypass key missing",
        "Auth has no bypass key; the socket refuses whoever brings no token in the handshake.",
        act(
            lab("reported_bypass_key_missing"), Seen(step="mint", reason="status", status=503),
            Seen(step="websocket-refuses-no-token", verdict="pass", status=403, stage="handshake"),
            causes=frozenset({"bypass_key_absent"}),
        ), dialect="reports",
    ),
    at_target(
        15, "WS accept then 1008", "The socket accepts, then refuses a good token, for the backend's key is another.",
        act(
            lab("jwt_secret_drift"), _ws(reason="refused", close_code=1008, stage="post_accept"),
            causes=frozenset({"jwt_secret_drift"}),
        ),
    ),
    at_target(
        16, "WS accept then 1011", "The socket accepts and closes, because its services are not ready.",
        act(
            lab("ws_not_ready"), _ws(reason="closed", close_code=1011, stage="post_accept"),
            causes=frozenset({"ws_not_ready"}),
        ),
    ),
    at_target(
        17, "WS accept, no message", "The socket accepts and says nothing.",
        act(
            lab("ws_silent_after_accept"), _ws(reason="silent", stage="post_accept"),
            causes=frozenset({"ws_silent_after_accept"}),
        ),
    ),
    at_target(
        18, "WS abrupt TCP close (1006)", "The line is cut once the service has accepted; there is no close frame.",
        act(
            backend(fronts.cuts_socket, _SOCKET), _ws(reason="closed", close_code=1006, stage="post_accept"),
            causes=frozenset({"ws_crash_after_accept"}),
        ),
    ),
    at_target(
        19, "secret differs in one of 3 replicas",
        "Three instances of the backend behind one address; the newest revision holds another key.",
        act(
            _one_of_three, Seen(step="backend-revision", reason="condition"),
            causes=frozenset({"mixed_revisions"}), is_unsteady=True,
        ),
    ),
    at_target(
        20, "secret with trailing newline on one side", "The backend's service secret ends in a newline.",
        act(
            lab("service_header_illegal"), _ws(reason="refused", close_code=1008),
            causes=frozenset({"service_header_illegal"}),
        ),
    ),
    at_target(
        21, "target clock +10 min / -10 min (exp / iat refused)", "Auth's clock is ahead, then behind, by ten minutes.",
        act(
            lab(settings("ahead", auth={"clock_offset_seconds": 600.0})),
            Seen(step="auth-validates-our-token", reason="refused"), causes=frozenset({"verifier_clock_far_ahead"}),
        ),
        act(
            lab(settings("behind", auth={"clock_offset_seconds": -600.0})),
            Seen(step="auth-validates-our-token", reason="refused"),
        ),
    ),
    at_target(
        22, "test user missing", "The backend knows no such user.",
        act(lab("test_user_unknown"), _messages("refused", 401), causes=frozenset({"test_user_unknown"})),
    ),
    at_target(
        23, "test user disabled", "Auth has revoked the test user.",
        act(
            lab("test_user_revoked"), Seen(step="auth-validates-own-token", reason="refused"),
            _messages("refused", 401), causes=frozenset({"test_user_revoked"}),
        ),
    ),
    at_target(
        24, "auth service down, backend falls back to local key", "Auth does not listen; the backend checks by itself.",
        act(
            lab("auth_down_local_fallback"), Seen(step="auth-health", reason="status", status=503),
            Seen(step="messages-with-our-token", verdict="pass", status=200),
            causes=frozenset({"auth_down_local_fallback"}),
        ),
    ),
    at_target(
        25, "debug/hash endpoint absent (404)", "The backend's build has no route to compare secrets by.",
        act(
            lab(settings("no_proof", backend={"missing_paths": (HASH_PATH, PROOF_PATH)})),
            Seen(step="secret-match", verdict="skip", reason="unavailable"), run=("partial",),
        ),
    ),
    at_target(
        26, "hash endpoint open to everyone",
        "What stands before the backend adds the service secret to whatever asks for the hash.",
        act(
            _hash_for_all, Seen(step="hash-refuses-anybody", reason="status", status=200),
            prepare=with_step(_KNOCKS_AT_HASH),
        ), dialect="reports",
    ),
    at_target(
        27, "redirect to login page", "The API redirects to /login; nobody goes there.",
        act(_redirects(lambda _: "/login"), _messages("status", 302)),
    ),
    at_target(
        28, "redirect to another origin", "The API redirects to a stranger, who listens, and hears nothing.",
        act(_redirects(lambda stranger: f"{stranger.url}/login"), _messages("status", 302)),
    ),
    at_target(
        29, "redirect loop", "A route redirects to itself; each look asks once.",
        act(_loops, _messages("status", 302)),
    ),
    at_target(
        30, "drip body", "A body comes a byte at a time.",
        act(backend(fronts.drips, _MESSAGES), _messages("timeout")),
    ),
    at_target(
        31, "endless body", "A body never ends, and comes as fast as it is read.",
        act(backend(fronts.endless, _MESSAGES), _messages("too_large")),
    ),
    at_target(
        32, "gzip bomb", "64 KiB that are 64 MiB: we ask for no encoding and unpack none.",
        act(backend(fronts.bombs, _HEALTH), _health("condition", 200)),
    ),
    at_target(
        33, "300 kB headers", "A good answer under 300 kB of headers.",
        act(backend(fronts.fat_headers, _MESSAGES), _messages("protocol")),
    ),
    at_target(
        34, "WS message flood", "Messages without end, as fast as they are read.",
        act(backend(fronts.floods, _SOCKET), _ws(reason="too_large")),
    ),
    at_target(
        35, "WS 64 MiB message", "One message of 64 MiB, sent to whoever reads it.",
        act(backend(fronts.sends_64_mib, _SOCKET), _ws(reason="too_large")),
    ),
    at_target(
        36, "slow start: 30 s of 503 after deploy", "The backend begins anew: 503 for 30 s; then it heals by itself.",
        act(
            _heals_by_itself, _health("status", 503),
            causes=frozenset({"backend_warming_up"}),
        ),
    ),
    at_target(
        37, "429 on our own traffic", "The API answers 429 with Retry-After.",
        act(
            backend(fronts.answers("429 Too Many Requests", b'{"error":"slow down"}', _json, "Retry-After: 60"), _API),
            _messages("status", 429),
        ),
    ),
    at_target(
        38, "identity of the wrong user in the reply (cross-user leak)",
        "The socket welcomes whoever comes as another.",
        act(lab("demo_identity"), _ws(reason="identity", stage="welcomed"), causes=frozenset({"demo_identity"})),
    ),
    at_target(
        39, "accepts forged token (fail open)", "Nobody checks signatures.",
        act(
            lab("signature_unchecked"), Seen(step="messages-refuses-forged", reason="accepted"),
            causes=frozenset({"signature_unchecked"}),
        ),
    ),
    at_target(
        40, "accepts cross-origin WS",
        "The guard that refuses handshakes of foreign pages lets all pass; no control of ours is about origins.",
        act(
            _guard_is_off, Seen(step="handshake-refuses-foreign-page", reason="status", status=101),
            prepare=_with_guard,
        ),
    ),
)  # fmt: skip
