"""What should hold: services, issuers of tokens, and chains of steps with their expectations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from prober.model.alarm import Alerting, Maintenance
from prober.model.caller import Admission
from prober.model.heartbeat import Heartbeat
from prober.model.notice import Receiver
from prober.model.platform import Platform
from prober.model.reach import NOT_BEYOND, Reach
from prober.model.shard import Shard


class Role(StrEnum):
    """The part a service plays for tokens; what the diagnosis reasons about, whatever the service is called."""

    AUTH = "auth"
    BACKEND = "backend"
    OTHER = "other"


class Shows(StrEnum):
    """What a plain request of a step tells about its service, passed or failed; the diagnosis reasons with it."""

    HEALTH = "health"  # it is up
    READINESS = "readiness"  # what it needs is there
    AUTH_PATH = "auth_path"  # a backend reaches the auth service
    BREAKER = "breaker"  # a backend's circuit breaker for the auth service is closed
    REVISION = "revision"  # the announced revision is the one that answers


class Trigger(StrEnum):
    """What started a run; only scheduled runs count towards the success ratio."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    DEPLOY = "deploy"
    BURST = "burst"
    START = "start"  # the first look after a start, before the chain's turn comes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tells:
    """Where a service's answers tell version, revision and uptime: JMESPath into a JSON body, or a header's name."""

    version: tuple[str, ...] = ()
    revision: tuple[str, ...] = ()
    uptime: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityToken:
    """What a platform wants to see of a caller before it lets a request through to a service: who we are, signed."""

    audience: str
    source: str = "metadata"  # the metadata server of this machine; or `file:PATH`
    header: str = "X-Serverless-Authorization"  # beside the Authorization that is meant for the service itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of the environment under test."""

    name: str
    role: Role
    url: str  # without a trailing slash
    websocket_url: str
    ca_file: str | None = None  # None: the operating system's trust store
    tells: Tells = Tells()
    identity_token: IdentityToken | None = None  # None: whoever knows the address may call
    platform: Platform | None = field(default=None, hash=False)  # None: nobody can be asked how it is configured


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A test user: the only subjects tokens are minted for."""

    name: str
    subject: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; strings may hold `{token}`, `{subject}`, `{email}`, `{secret:NAME}`, filled in when sent."""

    service: Service
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, object] | None = None
    form: Mapping[str, str] | None = None  # instead of json, as OAuth's endpoints want it (RFC 6749 §4.4.2)
    keeps_connection: bool = False  # False: shows what connecting costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Whoever makes a token for a test user; subtypes say how."""

    how: ClassVar[str]
    name: str
    identity: Identity
    good: ClassVar[bool] = True  # False: made to be refused


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalIssuer(Issuer):
    """We mint it ourselves, with our copy of the signing key."""

    how = "local"
    variant: str = ""  # `second` for another subject, `backdated` for an iat long past; empty: the usual one
    secret: str
    algorithm: str = "HS256"
    lifetime_seconds: float = 300.0
    backdate_seconds: float = 30.0  # iat = now − this: a verifier without leeway refuses an iat even 1 s ahead
    claims: Mapping[str, object] = field(default_factory=dict)
    key_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteIssuer(Issuer):
    """A route of a service mints it: bypass, dev login, or any other."""

    how = "route"
    request: Request
    token_at: str = "access_token"  # JMESPath into the JSON answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ResignedIssuer(Issuer):
    """The claims of a token that a route minted, signed anew with our copy of the key: tells claims from keys."""

    how = "resigned"
    like: LocalIssuer
    route: RouteIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgedIssuer(Issuer):
    """Right claims, fresh random key: must be refused (CWE-347)."""

    how = "forged"
    good = False
    like: LocalIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredIssuer(Issuer):
    """Right key, `exp` an hour ago: must be refused (RFC 7519 §4.1.4)."""

    how = "expired"
    good = False
    like: LocalIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class TamperedIssuer(Issuer):
    """A good token with one thing wrong: must be refused."""

    how = "tampered"
    good = False
    control: str  # its name in model/controls.py
    like: LocalIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoofedIssuer(Issuer):
    """Headers that some service may trust, and no token: must be refused."""

    how = "spoofed"
    good = False
    control: str = "spoofed"  # its name in model/controls.py
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoToken(Issuer):
    """No token at all: must be refused."""

    how = "none"
    good = False


class Want(StrEnum):
    """What is expected of whoever is asked."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What should be seen; judge/verdict.py holds one small function per field."""

    want: Want = Want.ACCEPTED
    statuses: tuple[int, ...] = ()  # empty: 2xx when accepted, 401 or 403 when refused
    close_codes: tuple[int, ...] = (1008, 3000, 3003, 4401, 4403)  # a refusal after accept
    json: Mapping[str, object] = field(default_factory=dict)  # JMESPath → the value it must have
    accepted_json: Mapping[str, object] = field(default_factory=dict)  # controls: what a good token meets at this door
    first_event: str | None = None  # streamed answers: text the first event must contain
    days_left: float = 14.0  # certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A place in a chain: which look to take, what it needs first, how long it may take, what is expected."""

    kind: ClassVar[str]
    name: str
    service: Service
    needs: tuple[str, ...] = ()  # steps that must have passed
    after: tuple[str, ...] = ()  # steps that must be over, whatever they came to
    deadline_seconds: float = 5.0
    expect: Expectation = Expectation()
    token: Issuer | None = None
    is_follow_up: bool = False  # taken only when its answer would decide between causes

    @property
    def is_control(self) -> bool:
        """A control is an ordinary step with a bad token that must be refused."""
        return self.expect.want is Want.REFUSED

    @property
    def door(self) -> tuple[str, ...]:
        """What this step knocks at; a control proves something only beside a good token at the same door."""
        return (self.kind, self.service.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpStep(Step):
    """One request, one answer."""

    kind = "http"
    request: Request
    shows: Shows | None = None

    @property
    def door(self) -> tuple[str, ...]:
        """The same method and path of the same service."""
        return (self.kind, self.service.name, self.request.method, self.request.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStep(HttpStep):
    """A streamed answer (server-sent events): the status, and the first event."""

    kind = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class MintStep(Step):
    """The issuer named by `token` mints a token; as a control, it asks with a wrong key and must get none."""

    kind = "mint"

    @property
    def door(self) -> tuple[str, ...]:
        """The route that mints."""
        if not isinstance(self.token, RouteIssuer):
            return (self.kind, self.service.name)
        return (self.kind, self.service.name, self.token.request.method, self.token.request.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateStep(HttpStep):
    """The auth service is asked directly whether a token is good."""

    kind = "validate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsStep(HttpStep):
    """The auth service is asked as the backend would ask it, with our copy of the service credentials."""

    kind = "service_credentials"


class Carrier(StrEnum):
    """Where on a WebSocket handshake the token travels."""

    HEADER = "header"
    SUBPROTOCOL = "subprotocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketStep(Step):
    """A WebSocket to its depth: handshake, welcome, identity, ping, grace for a late 1008, deliberate close."""

    kind = "websocket"
    path: str
    carrier: Carrier = Carrier.HEADER
    subprotocols: tuple[str, ...] = ("jwt-auth", "jwt.{token:base64url}")  # used by the subprotocol carrier
    headers: Mapping[str, str] = field(default_factory=dict)
    welcome: Mapping[str, object] = field(default_factory=dict)  # JMESPath → value that marks the welcome frame
    identity_at: tuple[str, ...] = ("user_id",)  # JMESPath into the welcome, first hit wins
    ping: str = '{"type":"ping"}'  # empty: none is sent
    pong: Mapping[str, object] = field(default_factory=lambda: {"type": "pong"})  # JMESPath → value that marks the pong
    grace_seconds: float = 0.3  # how long to listen for a late close once all is well

    @property
    def door(self) -> tuple[str, ...]:
        """The same socket, whichever way the token travels."""
        return (self.kind, self.service.name, self.path)


class Proof(StrEnum):
    """How two parties show that they hold the same secret."""

    KEYED = "proof"  # HMAC over a nonce with a derived key; nothing replayable leaves anyone
    HASH = "hash"  # a plain hash the service already shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A holder of a copy of a secret: a service that can be asked, or (request None) the prober itself."""

    name: str
    request: Request | None = None
    hash_at: str = "hash"  # JMESPath into the answer of a plain hash endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMatchStep(Step):
    """Compare every pair of parties' copies of one secret."""

    kind = "secret_match"
    secret: str
    method: Proof
    parties: tuple[Party, ...]
    algorithm: str = "md5"  # plain hashes: how the services make them
    encoding: str = "hex"  # plain hashes: how they write them, hex, base64 or base64url
    length: int = 16  # plain hashes: how many characters they show
    environment: str = ""  # bound into the keyed proof


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpStep(Step):
    """A TCP connection can be made."""

    kind = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsStep(Step):
    """A TLS handshake succeeds and the certificate lasts."""

    kind = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformStep(Step):
    """The platforms are asked how these services are configured; `service` is the first of them."""

    kind = "platform"
    services: tuple[Service, ...]


#: A chain whose last run ended longer ago than this many of its intervals says nothing of what holds now.
STALE_INTERVALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Steps in an order given by what they need, turned over every interval."""

    name: str
    steps: tuple[Step, ...]
    interval_seconds: float = 30.0
    deadline_seconds: float = 20.0
    jitter_seconds: float = 0.0  # a random delay of each turn, so that nothing beats in step
    threshold: float = 0.95
    pace_seconds: float = 0.0  # at most one step starts per this time

    def step(self, name: str) -> Step:
        """The step called `name`; raises StopIteration for a name the config build would have refused."""
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where slots and runs are written down, and for how long."""

    file: str = "prober.db"  # SQLite; not used with a database
    database_secret: str | None = None  # the name of the secret that holds the address of a PostgreSQL
    seconds: float = 30 * 86400.0
    mebibytes: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The most that each host gets from us, whatever started it: so many requests at once, and so many a second."""

    requests_per_second: float = 20.0
    burst: int = 60
    shared_by: Mapping[str, int] = field(default_factory=dict)  # by host, how many shards ask it, where several do

    def share(self, host: str) -> float:
        """How much of a host's budget is this instance's."""
        return 1 / self.shared_by.get(host, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one valid config says: what to probe, with what, and who may ask."""

    environment: str
    services: Mapping[str, Service]
    issuers: Mapping[str, Issuer]
    secrets: Mapping[str, str]  # name → reference (`env:NAME`, `gcp:projects/…`), never a value
    chains: Mapping[str, Chain]
    admission: Admission = Admission()  # who may ask something over HTTP
    alerting: Alerting = Alerting()
    maintenance: tuple[Maintenance, ...] = ()
    secrets_refresh_seconds: float = 60.0  # from one question to the sources of secrets to the next
    secrets_overlap_seconds: float = 600.0  # for how long a version counts after a newer one was seen
    selftest_seconds: float = 600.0  # from one self-test to the next
    heartbeat: Heartbeat | None = None
    receivers: Mapping[str, Receiver] = field(default_factory=dict)  # who is told when an alert fires
    external_url: str | None = None  # where people reach this prober
    location: str = "main"  # where this instance looks from
    history: Keeping = Keeping()
    load: Load = Load()
    reach: Reach = NOT_BEYOND
    shard: Shard | None = None  # None: this instance has all chains
    elsewhere: Mapping[str, Shard] = field(default_factory=dict)  # by name, which shard has the chains we have not

    @property
    def references(self) -> Mapping[str, str]:
        """Where everything is that must not be shown: the secrets, and the addresses of receivers and heartbeat."""
        heartbeat = {self.heartbeat.secret: self.heartbeat.url} if self.heartbeat else {}
        return {**self.secrets, **{each.secret: each.url for each in self.receivers.values()}, **heartbeat}

    @property
    def shortest_interval_seconds(self) -> float:
        """Of the chain that turns most often; 0 where there is none."""
        return min((chain.interval_seconds for chain in self.chains.values()), default=0.0)
