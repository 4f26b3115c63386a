"""Builders with sane defaults for the values that flow; what a test does not care about it does not have to say."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from prober.model.chain import (
    Carrier,
    Chain,
    CredentialsStep,
    Expectation,
    ExpiredIssuer,
    ForgedIssuer,
    HttpStep,
    Identity,
    LocalIssuer,
    MintStep,
    NoToken,
    Party,
    PlatformStep,
    Proof,
    Request,
    Role,
    RouteIssuer,
    SecretMatchStep,
    Service,
    Shows,
    Step,
    StreamStep,
    Tells,
    Trigger,
    ValidateStep,
    Want,
    WebSocketStep,
)
from prober.model.observation import (
    HttpSeen,
    Initiator,
    Match,
    Observation,
    Pair,
    PlatformSeen,
    SecretsSeen,
    Seen,
    Stage,
    TokenSeen,
    WebSocketSeen,
)
from prober.model.platform import (
    FORBIDDEN,
    REQUIRED,
    Configuration,
    Platform,
    PlatformKind,
    Source,
    Variable,
)
from prober.model.token import TokenTraits
from prober.model.trouble import Trouble, TroubleKind, Whose
from prober.model.verdict import Run

NOON = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)
SUBJECT = "staging-e2e-user-001"
USER = Identity(name="e2e", subject=SUBJECT, email="e2e@staging.example")

AUTH = Service(
    name="auth",
    role=Role.AUTH,
    url="http://auth.test",
    websocket_url="ws://auth.test",
    tells=Tells(version=("header:x-service-version",), revision=("revision",), uptime=("uptime_seconds",)),
)
BACKEND = Service(name="backend", role=Role.BACKEND, url="http://backend.test", websocket_url="ws://backend.test")

LOCAL = LocalIssuer(name="local", identity=USER, secret="jwt")
ROUTE = RouteIssuer(
    name="auth", identity=USER, request=Request(service=AUTH, method="POST", path="/auth/e2e/test-auth")
)
FORGED = ForgedIssuer(name="forged", identity=USER, like=LOCAL)
EXPIRED = ExpiredIssuer(name="expired", identity=USER, like=LOCAL)
NONE = NoToken(name="none", identity=USER)

ACCEPTED = Expectation()
REFUSED = Expectation(want=Want.REFUSED)
VALID = Expectation(json={"valid": True, "user_id": SUBJECT})


def request(service: Service = BACKEND, method: str = "GET", path: str = "/api/chat/messages") -> Request:
    """A request nobody sends."""
    return Request(service=service, method=method, path=path)


def http_step(name: str = "messages", **more: Any) -> HttpStep:
    """`GET /api/chat/messages` with our own token, unless said otherwise."""
    given = {"service": BACKEND, "token": LOCAL, "request": request(more.get("service", BACKEND))}
    return HttpStep(name=name, **{**given, **more})


def health_step(service: Service = AUTH, **more: Any) -> HttpStep:
    """A service's health check."""
    given = {"name": f"{service.name}-health", "service": service, "request": request(service, path="/health")}
    return HttpStep(**{**given, "shows": Shows.HEALTH, **more})


def validate_step(name: str = "validate", **more: Any) -> ValidateStep:
    """The auth service asked directly."""
    asked = request(AUTH, "POST", "/auth/validate")
    return ValidateStep(name=name, **{"service": AUTH, "token": LOCAL, "request": asked, "expect": VALID, **more})


def credentials_step(name: str = "service-credentials", **more: Any) -> CredentialsStep:
    """The auth service asked as the backend would ask it."""
    asked = request(AUTH, "POST", "/auth/validate")
    return CredentialsStep(name=name, **{"service": AUTH, "token": LOCAL, "request": asked, "expect": VALID, **more})


def stream_step(name: str = "stream", **more: Any) -> StreamStep:
    """A streamed answer."""
    asked = request(BACKEND, "POST", "/api/chat/stream")
    return StreamStep(name=name, **{"service": BACKEND, "token": LOCAL, "request": asked, **more})


def websocket_step(name: str = "websocket", carrier: Carrier = Carrier.HEADER, **more: Any) -> WebSocketStep:
    """A WebSocket with our own token."""
    return WebSocketStep(name=name, **{"service": BACKEND, "token": LOCAL, "path": "/ws", "carrier": carrier, **more})


def mint_step(name: str = "mint", **more: Any) -> MintStep:
    """A token asked of the bypass route."""
    return MintStep(name=name, **{"service": AUTH, "token": ROUTE, **more})


def secret_match_step(name: str = "secret-match") -> SecretMatchStep:
    """Prober, auth and backend compared."""
    parties = (
        Party(name="prober"),
        Party(name="auth", request=request(AUTH)),
        Party(name="backend", request=request(BACKEND)),
    )
    return SecretMatchStep(name=name, service=AUTH, secret="jwt", method=Proof.KEYED, parties=parties)


def platform(role: str = "backend", **more: Any) -> Platform:
    """A platform that nobody asks, about a service of this role that listens at 8080."""
    place = f"projects/p/locations/l/services/{role}"
    given = {"kind": PlatformKind.CLOUD_RUN, "place": place, "api": "http://platform.test", "port": 8080}
    wanted = {"required": REQUIRED.get(role, ()), "forbidden": FORBIDDEN.get(role, ())}
    return Platform(**{**given, **wanted, **more})


def platform_step(name: str = "configuration", **more: Any) -> PlatformStep:
    """The platform asked about auth and backend."""
    services = tuple(replace(each, platform=platform(each.name)) for each in (AUTH, BACKEND))
    return PlatformStep(name=name, **{"service": services[0], "services": services, **more})


def configuration(service: str = "backend", **settings: Any) -> Configuration:
    """What a service needs, each from version 2 of the secret of its name; None is not set, `=text` a literal."""
    given = {"port": 8080, "revisions": ("7",)}
    more = {name: settings.pop(name) for name in ("port", "revisions", "unsure", "is_complete") if name in settings}
    usual = {"JWT_SECRET": "2", "SERVICE_ID": "2", "SERVICE_SECRET": "2"}
    usual |= {"E2E_OAUTH_SIMULATION_KEY": "2"} if service == "auth" else {}
    found = {name: version for name, version in (usual | settings).items() if version is not None}
    return Configuration(service=service, variables=tuple(_variable(*each) for each in found.items()), **given | more)


def _variable(name: str, version: str) -> Variable:
    if version.startswith("="):
        return Variable(name=name, source=Source.LITERAL, alike=hash(version))
    return Variable(name=name, source=Source.SECRET, secret=f"projects/p/secrets/{name}", version=version)


def platform_seen(**configurations: Configuration) -> PlatformSeen:
    """Auth and backend as they should be, but for what is given."""
    usual = {name: configuration(name) for name in ("auth", "backend")}
    return PlatformSeen(configurations=tuple((usual | configurations).values()))


def chain(*steps: Step, **more: Any) -> Chain:
    """A chain of these steps."""
    return Chain(**{"name": "validation", "steps": steps, **more})


def traits(issuer: str = "local", subject: str | None = SUBJECT) -> TokenTraits:
    """The shape the incident reports saw: 373 characters, two dots."""
    return TokenTraits(
        length=373,
        dots=2,
        prefix="eyJhbGciOiJI",
        has_bearer_prefix=False,
        algorithm="HS256",
        key_id=None,
        claims=("exp", "iat", "sub"),
        lifetime_seconds=330.0,
        issuer=issuer,
        subject=subject,
    )


def http(status: int = 200, json: Any = None, **more: Any) -> HttpSeen:
    """An HTTP answer."""
    body = more.pop("body", "" if json is None else str(json))
    return HttpSeen(status=status, headers=more.pop("headers", {}), body=body, body_bytes=len(body), json=json, **more)


def welcomed(**more: Any) -> WebSocketSeen:
    """A WebSocket on which all went well and which we closed."""
    given = {"identity": SUBJECT, "ponged": True, "close_code": 1000, "initiator": Initiator.CLIENT}
    return WebSocketSeen(stage=Stage.WELCOMED, status=101, **{**given, **more})


def refused_late(code: int = 1008, **more: Any) -> WebSocketSeen:
    """A WebSocket that was accepted, then closed by the server before any welcome."""
    return WebSocketSeen(stage=Stage.POST_ACCEPT, status=101, close_code=code, initiator=Initiator.SERVER, **more)


def refused_early(status: int = 403) -> WebSocketSeen:
    """A WebSocket refused in the handshake."""
    return WebSocketSeen(stage=Stage.HANDSHAKE, status=status)


def minted() -> TokenSeen:
    """A token was minted."""
    return TokenSeen(traits=traits("auth"))


def trouble(kind: TroubleKind = TroubleKind.CONNECTION_REFUSED, whose: Whose = Whose.TARGET) -> Trouble:
    """Something kept us from looking."""
    return Trouble(kind, whose, f"{kind} in a test")


def secrets_seen(**matches: Match) -> SecretsSeen:
    """Pairs by name, e.g. `auth_backend=Match.EQUAL`."""
    pairs = (Pair(secret="jwt", left=left, right=right, match=match) for (left, right), match in _pairs(matches))
    return SecretsSeen(pairs=tuple(pairs))


def _pairs(matches: Mapping[str, Match]) -> list[tuple[tuple[str, str], Match]]:
    return [(tuple(name.split("_", 1)), match) for name, match in matches.items()]


def look(seen: Seen | Trouble, **more: Any) -> Observation:
    """An observation of `seen` at noon that took ten milliseconds."""
    return Observation(**{"seen": seen, "began": NOON, "duration_seconds": 0.01, "token": traits(), **more})


def run(chain_: Chain, *results: Any, **more: Any) -> Run:
    """A finished run with these results."""
    return Run(
        **{
            "id": "run-1",
            "chain": chain_,
            "trigger": Trigger.SCHEDULE,
            "began": NOON,
            "ended": NOON,
            "results": results,
            **more,
        }
    )
