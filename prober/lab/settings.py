"""What each service of the lab can be told: its settings, healthy by default, as JSON in and out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

SERVICE_ID = "netra-backend"
TEST_SUBJECT = "staging-e2e-user-001"
ISSUER = "netra-auth-service"

SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeAnswer:
    """What the edge says by itself to whoever asks for a path that begins so."""

    path: str
    status: int
    content_type: str = "text/plain"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Setting = str | int | float | bool | tuple[str, ...] | tuple[EdgeAnswer, ...] | None
Settings = Mapping[str, Setting]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What the auth service and the backend have in common."""

    up: bool = True
    dialect: str = "real"
    environment: str = "staging"
    version: str = "1.4.2"
    revision: str = ""
    jwt_secret: str | None = None
    service_id: str | None = SERVICE_ID
    service_secret: str | None = None
    also_jwt_secrets: tuple[str, ...] = ()
    """Other keys by which tokens hold here too, while the key is rotated; nothing is signed or proven with them."""
    also_service_secrets: tuple[str, ...] = ()
    """Other secrets by which callers are trusted, likewise."""
    bypass_key: str | None = None
    """Of use to the auth service alone; in a backend it only lies there."""
    issuer: str = ISSUER
    check_signature: bool = True
    check_expiry: bool = True
    clock_offset_seconds: float = 0.0
    latency_seconds: float = 0.0
    failure_ratio: float = 0.0
    noise_seed: int | None = None
    startup_seconds: float = 0.0
    crash_after_seconds: float = 0.0
    age_seconds: float = 0.0
    """For how long the process says it ran before it really began."""
    missing_paths: tuple[str, ...] = ()
    reworded: bool = False
    """Whether every text for people is worded differently; codes for machines stay."""
    edge_refused_paths: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    """Ways in which it verifies too little; holes.py lists them."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Settings from a decoded JSON document; a name that is no setting is an error."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
        }
        return cls(**values)

    @classmethod
    def names(cls) -> frozenset[str]:
        """The settings a fault may change."""
        return frozenset(field.name for field in fields(cls))

    def to_document(self) -> dict[str, Any]:
        """These settings as plain values for JSON."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document

    @property
    def effective_jwt_secret(self) -> str | None:
        """The key really used: stripped, and none at all when it is too short, as the real services do."""
        secret = (self.jwt_secret or "").strip()
        return secret if len(secret) >= SHORTEST_SECRET else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings(ServiceSettings):
    """The auth service's settings."""

    revision: str = "auth-00041"
    minting_secret: str | None = None
    """Another key for minting than for checking; none: the same."""
    also_bypass_keys: tuple[str, ...] = ()
    check_service_headers: bool = True
    demand_service_headers: bool = False
    revoked_subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings(ServiceSettings):
    """The backend's settings."""

    revision: str = "backend-00096"
    auth_url: str = ""
    verify: str = "remote"
    """`remote`: ask the auth service. `local`: check with the own key."""
    fallback: str = "none"
    """What to do when auth cannot be reached: `none`, `local` or `emergency`."""
    auth_budget_seconds: float = 0.5
    breaker_recovery_seconds: float = 10.0
    breaker_starts_open: bool = False
    unknown_subjects: tuple[str, ...] = ()
    stream_identity: str = "user"
    """Under whose identity the stream's inner call is made: `user`, or `service`, which is not let in."""
    dependency_up: bool = True
    honour_bypass_header: bool = False
    accept_without_token: bool = False
    ws_style: str | None = None
    """`post_accept`, `handshake`, or none for the dialect's own."""
    ws_identity: str | None = None
    ws_crash: str | None = None
    """Where the handler crashes: `before_auth`, `after_auth` or `after_accept`."""
    ws_ready: bool = True
    ws_silent: bool = False
    ws_routes_messages: bool = True
    ws_negotiates_subprotocols: bool = True
    ws_refuses_origins: bool = False
    ws_ping_seconds: float = 5.0


PROJECT, REGION, NAMESPACE = "lab", "europe-west1", "staging"
CLOUD_RUN_PLACE = f"projects/{PROJECT}/locations/{REGION}/services/{{service}}"
KUBERNETES_PLACE = f"{NAMESPACE}/{{service}}/{{service}}"

#: All that whoever asks the platform may do, unless a right is taken away.
RIGHTS = (
    *("run.services.get", "run.revisions.get", "secretmanager.versions.get"),
    *("deployments", "pods", "secrets"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings(ServiceSettings):
    """The platform's settings: what it has to tell, and to whom."""

    revision: str = "platform-00001"
    token: str = ""
    """Who bears it has the rights."""
    rights: tuple[str, ...] = RIGHTS
    containers: Mapping[str, Any] = field(default_factory=dict)
    """By service; description.py makes them."""
    secrets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideSettings:
    """What the edge does before one of the two services; paths are given as their beginnings."""

    upstream_port: int = 0
    latency_min_seconds: float = 0.0
    latency_max_seconds: float = 0.0
    """Each request and each upgrade waits a random time between these two."""
    noise_seed: int | None = None
    refused_paths: tuple[str, ...] = ()
    """Answered with 403 and the edge's own page."""
    answers: tuple[EdgeAnswer, ...] = ()
    """Answered so, without a word to the service; the first that fits counts."""
    reset_paths: tuple[str, ...] = ()
    """Not answered at all: the connection is reset."""
    cut_paths: tuple[str, ...] = ()
    """The service's answer ends after `cut_after_bytes` of its body, and so does the connection."""
    cut_after_bytes: int = 0
    strip_upgrade_authorization: bool = False
    platform_audience: str = ""
    """For whom an identity token must be that lets a request through; none: whoever comes is let through."""
    platform_invokers: tuple[str, ...] = ()
    """The accounts that may call, where not everybody may."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Settings from a decoded JSON document; a name that is no setting is an error."""
        answers = tuple(EdgeAnswer(**answer) for answer in document.get("answers", ()))
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
        }
        return cls(**{**values, "answers": answers})

    @classmethod
    def names(cls) -> frozenset[str]:
        """The settings a fault may change."""
        return frozenset(field.name for field in fields(cls))


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """The edge's settings: one side a service."""

    up: bool = True
    revision: str = "edge-00007"
    auth: SideSettings = field(default_factory=SideSettings)
    backend: SideSettings = field(default_factory=SideSettings)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Settings from a decoded JSON document; a name that is no setting is an error."""
        sides = {side: SideSettings.from_document(document[side]) for side in ("auth", "backend")}
        return cls(**{**document, **sides})

    def to_document(self) -> dict[str, Any]:
        """These settings as plain values for JSON."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document
