"""The catalogue: every failure a named switch, told as the settings it changes.

A fault is data. The services know settings only, so faults combine by merging and none is a branch in the code.
A secret is never written here: `other:jwt` stands for a second random secret, made by the world that plays the fault.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from prober.lab.platform import CALLER, NOT_THERE
from prober.lab.settings import TEST_SUBJECT, Settings

NOTHING: Settings = {}
DOWN: Settings = {"up": False}

#: A prober that shows the platform who it is.
WITH_IDENTITY: Mapping[str, str] = {"LAB_IDENTITY_TOKEN": "metadata", "GCE_METADATA_HOST": "server:metadata"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can break, and the settings that break it."""

    name: str
    family: str
    about: str
    auth: Settings = field(default_factory=dict)
    backend: Settings = field(default_factory=dict)
    twin: Settings = field(default_factory=dict)
    """What a second instance of the backend, on the same port, has otherwise than the first."""
    auth_edge: Settings = field(default_factory=dict)
    """What the edge does before the auth service."""
    backend_edge: Settings = field(default_factory=dict)
    """What the edge does before the backend."""
    prober: Mapping[str, str] = field(default_factory=dict)
    """Changes in the environment handed to the prober."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of the incident reports as it was told: faults in the dialect of the reports."""

    name: str
    about: str
    faults: tuple[str, ...]
    report: str
    dialect: str = "reports"


class UnknownFault(ValueError):
    """A name that is neither fault nor scenario."""

    def __init__(self, name: str, near: tuple[str, ...]) -> None:
        """Complain of this name; `near` are names that may have been meant."""
        super().__init__(name, near)
        self.name = name
        self.near = near

    def __str__(self) -> str:
        """The complaint as a sentence."""
        hint = f"; did you mean {' or '.join(self.near)}?" if self.near else ""
        return f'no fault or scenario is named "{self.name}"{hint}'


FAULTS: tuple[Fault, ...] = (
    # Family X, the edge and the network
    Fault(
        "auth_unreachable_from_prober", "X", "Only the prober's own way to the auth service is broken, in TLS.",
        prober={"AUTH_URL": "tls:auth"},
    ),
    Fault(
        "edge_blocks_request", "X", "Something before the backend refuses API and socket with a page of its own.",
        backend_edge={"refused_paths": ("/api/", "/ws")},
    ),
    Fault(
        "platform_refuses_everybody", "X", "The platform lets nobody through to the backend without an identity token.",
        backend_edge={"platform_audience": "url:backend"},
    ),
    Fault(
        "platform_hides_service", "X", "The platform says that there is no such service as the backend.",
        backend_edge={"answers": (replace(NOT_THERE, path="/"),)},
    ),
    Fault(
        "stale_revision", "X", "A deploy was announced and the old revision still serves.",
        prober={"BACKEND_REVISION": "backend-00097"},
    ),
    Fault(
        "mixed_revisions", "X", "Two revisions of the backend serve at once, and the newer one holds another key.",
        twin={"revision": "backend-00097", "verify": "local", "jwt_secret": "other:jwt"},
    ),
    # Family B, the process
    Fault("backend_down", "B", "The backend does not listen.", backend=DOWN),
    Fault(
        "backend_warming_up", "B", "The backend listens but is still starting; it heals by itself after eight seconds.",
        backend={"startup_seconds": 8.0},
    ),
    Fault(
        "backend_dependency_down", "B", "The backend is alive and its database is not.",
        backend={"dependency_up": False},
    ),
    Fault(
        "backend_crash_loop", "B", "The backend crashes two seconds after each start.",
        backend={"crash_after_seconds": 2.0, "age_seconds": 0.0},
    ),
    # Family M, minting
    Fault("bypass_key_absent", "M", "The auth service was deployed without its bypass key.", auth={"bypass_key": None}),
    Fault(
        "bypass_key_mismatch", "M", "The auth service holds another bypass key than the prober.",
        auth={"bypass_key": "other:bypass"},
    ),
    Fault(
        "bypass_key_not_sent", "M", "The prober has no bypass key to send.",
        prober={"E2E_OAUTH_SIMULATION_KEY": ""},
    ),
    Fault(
        "mint_route_missing", "M", "The auth service's build has no bypass route.",
        auth={"missing_paths": ("/auth/e2e/test-auth", "/auth/e2e-test-auth")},
    ),
    Fault(
        "token_signing_broken", "M", "The auth service has no key to sign with or to check by.",
        auth={"jwt_secret": None},
    ),
    # Family D, trust in tokens
    Fault(
        "jwt_secret_drift", "D", "The backend checks tokens itself, by another key than auth signs with.",
        backend={"verify": "local", "jwt_secret": "other:jwt"},
    ),
    Fault(
        "jwt_secret_drift_latent", "D", "The backend holds another key, unnoticed while it asks auth.",
        backend={"jwt_secret": "other:jwt"},
    ),
    Fault(
        "prober_secret_wrong", "D", "The prober signs with a key that nobody else has.",
        prober={"JWT_SECRET_STAGING": "third:jwt"},
    ),
    Fault(
        "auth_disagrees_with_itself", "D", "The auth service signs with one key and checks by another.",
        auth={"minting_secret": "other:jwt"},
    ),
    Fault(
        "claims_rejected", "D", "The auth service now issues and accepts another issuer name.",
        auth={"issuer": "netra-auth-service-v2"},
    ),
    Fault(
        "prober_clock_ahead", "D", "The prober's clock is two minutes ahead of both services.",
        auth={"clock_offset_seconds": -120.0}, backend={"clock_offset_seconds": -120.0},
    ),
    Fault(
        "prober_clock_behind", "D", "The prober's clock is an hour behind both services.",
        auth={"clock_offset_seconds": 3600.0}, backend={"clock_offset_seconds": 3600.0},
    ),
    Fault(
        "service_clock_skew", "D", "The auth service's clock is five seconds ahead of a backend that checks itself.",
        auth={"clock_offset_seconds": 5.0}, backend={"verify": "local"},
    ),
    Fault(
        "verifier_clock_far_ahead", "D", "Auth's clock is twenty minutes ahead: short tokens are born dead.",
        auth={"clock_offset_seconds": 1200.0},
    ),
    Fault(
        "test_user_unknown", "D", "The backend's database has no such test user.",
        backend={"unknown_subjects": (TEST_SUBJECT,)},
    ),
    Fault("test_user_revoked", "D", "The test user was revoked.", auth={"revoked_subjects": (TEST_SUBJECT,)}),
    # Family E, service to service
    Fault(
        "service_credentials_missing", "E", "The backend has no service credentials and auth demands them.",
        auth={"demand_service_headers": True}, backend={"service_id": None, "service_secret": None},
    ),
    Fault(
        "service_credentials_missing_tolerated", "E", "The backend has no service credentials and auth does not mind.",
        backend={"service_id": None, "service_secret": None},
    ),
    Fault(
        "service_credentials_absent_at_auth", "E", "The auth service has no service secret to compare with.",
        auth={"service_secret": None},
    ),
    Fault(
        "service_secret_drift_at_auth", "E", "The auth service holds a stale service secret.",
        auth={"service_secret": "other:service"},
    ),
    Fault(
        "service_secret_drift_at_backend", "E", "The backend holds a stale service secret.",
        backend={"service_secret": "other:service"},
    ),
    Fault(
        "service_id_drift_at_auth", "E", "The auth service expects another service id.",
        auth={"service_id": "netra-backend-v2"},
    ),
    Fault(
        "service_id_drift_at_backend", "E", "The backend sends another service id.",
        backend={"service_id": "netra-backend-old"},
    ),
    Fault(
        "service_header_illegal", "E", "The service secret ends in a newline: auth strips it, no header may carry it.",
        auth={"service_secret": "newline:service"}, backend={"service_secret": "newline:service"},
    ),
    Fault(
        "service_identity_regression", "E", "A new backend revision acts as itself where it should act as the user.",
        backend={"revision": "backend-00097", "stream_identity": "service"},
    ),
    # Family F, the way from backend to auth
    Fault("auth_down", "F", "The auth service does not listen; the backend is strict.", auth=DOWN),
    Fault(
        "auth_down_local_fallback", "F", "The auth service does not listen; the backend checks by its own key instead.",
        auth=DOWN, backend={"fallback": "local"},
    ),
    Fault(
        "auth_down_emergency_identity", "F", "The auth service does not listen; the backend lets everybody in instead.",
        auth=DOWN, backend={"fallback": "emergency"},
    ),
    Fault(
        "auth_slower_than_budget", "F", "The auth service is healthy but slower than the backend waits.",
        auth={"latency_seconds": 0.7},
    ),
    Fault(
        "backend_cannot_reach_auth", "F", "The backend's packets to the auth service go nowhere.",
        backend={"auth_url": "blackhole:auth"},
    ),
    Fault(
        "platform_refuses_backend", "F", "Auth is not public, the prober may call it, and the backend may not.",
        auth_edge={"platform_audience": "url:auth", "platform_invokers": (CALLER,)},
        backend={"auth_url": "url:auth"},
        prober=WITH_IDENTITY,
    ),
    Fault(
        "breaker_open", "F", "The backend's breaker is still open from trouble that is over.",
        backend={"breaker_starts_open": True, "breaker_recovery_seconds": 3600.0},
    ),
    Fault(
        "validate_route_missing", "F", "The auth service's build has no validation route.",
        auth={"missing_paths": ("/auth/validate",)},
    ),
    # Family G, the WebSocket
    Fault(
        "upgrade_header_stripped", "G", "The load balancer drops the Authorization header of an upgrade.",
        backend_edge={"strip_upgrade_authorization": True},
    ),
    Fault(
        "subprotocol_not_negotiated", "G", "The socket refuses whoever offers a subprotocol.",
        backend={"ws_negotiates_subprotocols": False},
    ),
    Fault(
        "ws_crash_before_auth", "G", "The socket's handler crashes before it looks at the token.",
        backend={"ws_crash": "before_auth"},
    ),
    Fault(
        "ws_crash_after_auth", "G", "The socket's handler crashes once a token was found good.",
        backend={"ws_crash": "after_auth", "ws_style": "handshake"},
    ),
    Fault(
        "ws_crash_after_accept", "G", "The socket's handler crashes just after it accepted.",
        backend={"ws_crash": "after_accept"},
    ),
    Fault(
        "ws_not_ready", "G", "The socket accepts and closes because its services are not ready.",
        backend={"ws_ready": False},
    ),
    Fault("ws_silent_after_accept", "G", "The socket accepts and says nothing.", backend={"ws_silent": True}),
    Fault(
        "ws_router_dead", "G", "The socket welcomes but answers no message.",
        backend={"ws_routes_messages": False},
    ),
    Fault(
        "ws_origin_refused", "G", "The socket refuses every upgrade that names an origin.",
        backend={"ws_refuses_origins": True},
    ),
    Fault("ws_path_missing", "G", "The backend's build has no socket route.", backend={"missing_paths": ("/ws",)}),
    # Family H, too permissive
    Fault(
        "ws_open_to_anyone", "H", "The socket lets in whoever knocks.",
        backend={"accept_without_token": True},
    ),
    Fault(
        "bypass_header_honoured", "H", "A header whose name speaks of tests opens the socket.",
        backend={"honour_bypass_header": True},
    ),
    Fault(
        "signature_unchecked", "H", "Nobody checks signatures.",
        auth={"check_signature": False}, backend={"check_signature": False},
    ),
    Fault(
        "expiry_unchecked", "H", "Nobody checks expiry.",
        auth={"check_expiry": False}, backend={"check_expiry": False},
    ),
    Fault(
        "demo_identity", "H", "The socket lets in whoever knocks, under a demo identity.",
        backend={"accept_without_token": True, "ws_identity": "demo-user"},
    ),
    Fault(
        "service_credentials_unchecked", "H", "The auth service does not look at service credentials.",
        auth={"check_service_headers": False},
    ),
    # Family P, the prober itself
    Fault(
        "platform_refuses_prober", "P", "The backend is not public, and the prober's account may not call it.",
        backend_edge={"platform_audience": "url:backend"}, prober=WITH_IDENTITY,
    ),
    Fault(
        "identity_token_rejected", "P", "The platform knows the backend by another address than our tokens name.",
        backend_edge={"platform_audience": "https://backend.run.example", "platform_invokers": (CALLER,)},
        prober=WITH_IDENTITY,
    ),
)  # fmt: skip

#: What nobody can see from outside, or not whole: the platform must be asked.
ONLY_THE_PLATFORM_SHOWS: tuple[Fault, ...] = (
    Fault(
        "backend_port_wrong", "B", "Requests for the backend are sent to a port at which nobody listens.",
        backend_edge={"upstream_port": "unheard:backend"},
    ),
    Fault(
        "jwt_secret_missing_latent", "D", "The backend has no signing key, unnoticed while it asks auth.",
        backend={"jwt_secret": None},
    ),
    Fault(
        "bypass_key_at_backend", "H", "The bypass key lies in the backend's environment, and nothing heeds it yet.",
        backend={"bypass_key": "same:bypass"},
    ),
)  # fmt: skip

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "reported_service_secret_missing", "403 everywhere: the backend was deployed without its service secret.",
        ("service_credentials_missing",), "000_362c345fa9655a6c",
    ),
    Scenario(
        "reported_auth_down_fallback", "Auth is down and the backend falls back to a key that is another one.",
        ("auth_down_local_fallback", "jwt_secret_drift_latent"), "001_6128513312e05bff",
    ),
    Scenario(
        "reported_jwt_secret_drift", "The backend checks tokens by another key than auth signs with.",
        ("jwt_secret_drift",), "002_7ca86bc570518e7e",
    ),
    Scenario(
        "reported_identity_regression", "Since a deploy the backend acts as itself where it should act as the user.",
        ("service_identity_regression",), "003_584ee244ec2b5c4b",
    ),
    Scenario(
        "reported_bypass_key_missing", "Tests cannot get tokens: the auth service has no bypass key.",
        ("bypass_key_absent",), "004_ed59614454a7dd4b",
    ),
)  # fmt: skip

_FAULTS = {fault.name: fault for fault in (*FAULTS, *ONLY_THE_PLATFORM_SHOWS)}
_SCENARIOS = {scenario.name: scenario for scenario in SCENARIOS}


def catalogue() -> tuple[Fault | Scenario, ...]:
    """All there is to choose from: the faults, then the scenarios."""
    return (*FAULTS, *ONLY_THE_PLATFORM_SHOWS, *SCENARIOS)


def expand(named: Iterable[str | Fault]) -> tuple[tuple[Fault, ...], str | None]:
    """The faults behind these names of faults and scenarios, and the dialect a scenario forces, if any does.

    A fault that is in no catalogue may stand for itself.
    """
    faults: dict[str, Fault] = {}
    dialect = None
    for each in named:
        scenario = None if isinstance(each, Fault) else _SCENARIOS.get(each)
        dialect = scenario.dialect if scenario else dialect
        faults |= {fault.name: fault for fault in map(_fault, scenario.faults if scenario else (each,))}
    return tuple(faults.values()), dialect


def merged(healthy: Settings, *changes: Settings) -> dict[str, object]:
    """Settings with these changes made one after the other; paths add up, anything else is replaced."""
    settings: dict[str, object] = dict(healthy)
    for change in changes:
        for name, value in change.items():
            before = settings.get(name)
            settings[name] = (*before, *value) if isinstance(value, tuple) and isinstance(before, tuple) else value
    return settings


def _fault(name: str | Fault) -> Fault:
    if isinstance(name, Fault):
        return name
    if name not in _FAULTS:
        raise UnknownFault(name, tuple(get_close_matches(name, [*_FAULTS, *_SCENARIOS])))
    return _FAULTS[name]
