"""The shape of probes.yaml: what may be written where, and its JSON Schema. The only place that knows pydantic.

Whatever hangs on more than one place of the file (references, circles, controls) is judged in checks.py.
A `${VARIABLE}` may stand for any value: the JSON Schema allows it, and what it becomes is held to the same shape.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from prober.config import values
from prober.config.docstrings import of_fields
from prober.config.problems import Finding, finding_of
from prober.config.values import default_of
from prober.model.alarm import Alerting
from prober.model.caller import Admission
from prober.model.chain import (
    Chain,
    Expectation,
    IdentityToken,
    Keeping,
    Load,
    LocalIssuer,
    Party,
    Plan,
    RouteIssuer,
    SecretMatchStep,
    WebSocketStep,
)
from prober.model.controls import SPOOFED, TAMPERED
from prober.model.platform import Platform

METHODS = ("get", "post", "put", "head")

F = TypeVar("F", bound="Form")

# ── single values ──────────────────────────────────────────────────────────────────────────────────────────────────


def _schema(**schema: object) -> WithJsonSchema:
    """A JSON Schema, or any text with a variable in it."""
    return WithJsonSchema({"anyOf": [schema, {"type": "string", "pattern": r"\$\{"}]})


def _called(wrong: str) -> str:
    """What a value is, out of what is said of one that is none: `is not a header's name`."""
    return wrong.removeprefix("is not ").removeprefix("an ").removeprefix("a ")


def _text(pattern: str, wrong: str, wanted: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """Text of one form."""
    schema = _schema(title=_called(wrong), type="string", pattern=f"^(?:{pattern})$")
    return BeforeValidator(values.matching(pattern, wrong, wanted)), schema


def _integer(least: int, most: int, wrong: str, wanted: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """A whole number within a range."""
    schema = _schema(title=_called(wrong), type="integer", minimum=least, maximum=most)
    return BeforeValidator(values.whole(least, most, wrong, wanted)), schema


_SECONDS = PlainSerializer(values.duration_text, return_type=str)
_DURATION = _schema(
    title="duration", type="string", pattern=r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$", examples=["30s", "250ms", "5m"]
)
_RATIO = {
    "title": "ratio",
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$|^[01]?(\.[0-9]+)?$|\$\{"},
    ],
}

Duration = Annotated[float, BeforeValidator(values.seconds), _SECONDS, _DURATION]
SomeTime = Annotated[float, BeforeValidator(values.some_seconds), _SECONDS, _DURATION]
Moment = Annotated[
    datetime,
    BeforeValidator(values.moment),
    PlainSerializer(values.moment_text, return_type=str),
    _schema(title="moment", type="string", format="date-time", examples=["2026-11-22T09:00:00Z"]),
]
Ratio = Annotated[
    float,
    BeforeValidator(values.ratio),
    PlainSerializer(values.percentage, return_type=str),
    WithJsonSchema(_RATIO),
]
Number = Annotated[float, BeforeValidator(values.number), _schema(title="number", type="number")]
Flag = Annotated[bool, _schema(title="true or false", type="boolean")]
Version = Annotated[
    int,
    BeforeValidator(values.whole(1, 1, "is not a version we know", "write version: 1")),
    WithJsonSchema({"const": 1}),
]
Status = Annotated[int, *_integer(100, 599, "is not an HTTP status", "write a number such as 200")]
CloseCode = Annotated[
    int,
    BeforeValidator(values.close_code),
    _schema(title="close code", type="integer", minimum=1000, maximum=4999),
]
Mebibytes = Annotated[int, *_integer(16, 1_000_000, "is not a size in MiB", "write one of 16 or more, such as 1024")]
Rate = Annotated[
    float,
    BeforeValidator(values.rate),
    _schema(title="requests a second", type="number", exclusiveMinimum=0, maximum=10000),
]
Burst = Annotated[int, *_integer(10, 10_000, "is not a number of requests", "write one of 10 or more, such as 60")]
Count = Annotated[int, *_integer(1, 1000, "is not a number of times", "write one from 1 to 1000, such as 6")]
Length = Annotated[int, *_integer(4, 128, "is not a number of characters", "write one from 4 to 128, such as 16")]
Algorithm = Annotated[str, BeforeValidator(values.algorithm), _schema(enum=list(values.ALGORITHMS))]
Url = Annotated[
    str,
    BeforeValidator(values.url(("http", "https"))),
    _schema(title="http or https address", type="string", pattern="^https?://[^@?#]+$"),
]
Link = Annotated[str, *_text(r"https?://[!-?A-~]+", "is not a link", "write one such as https://wiki.example/page")]
WebSocketUrl = Annotated[
    str,
    BeforeValidator(values.url(("ws", "wss"))),
    _schema(title="ws or wss address", type="string", pattern="^wss?://[^@?#]+$"),
]
_NAME = r"[a-z][a-z0-9-]{0,62}"
Name = Annotated[str, *_text(_NAME, "is not a name", "write lower-case letters, digits and hyphens")]
Environment = Annotated[str, *_text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "is not a name", "write one such as staging")]
Text = Annotated[str, *_text(r"[^\x00-\x1f\x7f]+", "is not text in one line", "write some text in one line")]
_PART = r"[A-Za-z0-9._:-]+"
Reference = Annotated[
    str,
    *_text(
        r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\x00-\x1f\x7f]+"
        rf"|gcp:projects/{_PART}(?:/locations/{_PART})?/secrets/{_PART}(?:/versions/(?:latest|[1-9][0-9]*))?"
        rf"|vault:{_PART}(?:/{_PART})+#{_PART}(?:@[1-9][0-9]*)?",
        "is not a reference",
        "write env:NAME, file:PATH, gcp:projects/P/secrets/S or vault:MOUNT/PATH#KEY, never the secret itself",
    ),
]
_PART = r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?"
CloudRunPlace = Annotated[
    str,
    *_text(
        rf"(?:projects/{_PART}/locations/{_PART}/services/{_PART})?",
        "is no service of Cloud Run",
        "write projects/PROJECT/locations/REGION/services/NAME, or nothing",
    ),
]
KubernetesPlace = Annotated[
    str,
    *_text(
        rf"(?:{_PART}/{_PART}(?:/{_PART})?)?",
        "is no deployment",
        "write NAMESPACE/DEPLOYMENT or NAMESPACE/DEPLOYMENT/CONTAINER, or nothing",
    ),
]
EnvironmentName = Annotated[
    str, *_text(r"[A-Za-z_][A-Za-z0-9_.-]{0,252}", "is no name of a setting", "write one such as SERVICE_SECRET")
]
Port = Annotated[int, *_integer(1, 65535, "is no port", "write one from 1 to 65535, such as 8080")]
HttpPath = Annotated[str, *_text(r"/[!-\[\]-~]*", "is not a path", "write one that begins with /, such as /health")]
_HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
HeaderName = Annotated[str, *_text(_HEADER_NAME, "is not a header's name", "write X-Some-Name")]
IdentityHeader = Annotated[
    str,
    *_text(
        rf"(?![Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Aa][Tt][Ii][Oo][Nn]$){_HEADER_NAME}",
        "is not a header for it",
        "write X-Serverless-Authorization; in Authorization travel the service's own tokens",
    ),
]
IdentitySource = Annotated[
    str, *_text(r"metadata|none|file:[^\x00-\x1f\x7f]+", "is not where one is", "write metadata, file:PATH or none")
]
HeaderValue = Annotated[str, *_text(r"[ -~]*", "is not a header's value", "write visible ASCII in one line")]
Expression = Annotated[
    str, *_text(r"[^\x00-\x1f\x7f]{1,500}", "is not an expression", "write JMESPath, such as data.user_id")
]


#: JSON Schema looks at keys apart from values; and a variable is no key.
_BY_NAME = Field(json_schema_extra={"propertyNames": {"pattern": f"^(?:{_NAME})$"}})
Headers = Annotated[
    dict[HeaderName, HeaderValue], Field(json_schema_extra={"propertyNames": {"pattern": f"^(?:{_HEADER_NAME})$"}})
]

_MANY = values.one_or_many
Texts = Annotated[tuple[Text, ...], BeforeValidator(_MANY, json_schema_input_type=Text | tuple[Text, ...])]
Names = Annotated[tuple[Name, ...], BeforeValidator(_MANY, json_schema_input_type=Name | tuple[Name, ...])]
Statuses = Annotated[tuple[Status, ...], BeforeValidator(_MANY, json_schema_input_type=Status | tuple[Status, ...])]
CloseCodes = Annotated[
    tuple[CloseCode, ...], BeforeValidator(_MANY, json_schema_input_type=CloseCode | tuple[CloseCode, ...])
]
EnvironmentNames = Annotated[
    tuple[EnvironmentName, ...],
    BeforeValidator(_MANY, json_schema_input_type=EnvironmentName | tuple[EnvironmentName, ...]),
]
_NETWORK = Annotated[
    str, BeforeValidator(values.network), _schema(title="network", type="string", pattern="^[a-z0-9.:/]+$")
]
Addresses = Annotated[
    tuple[_NETWORK, ...], BeforeValidator(_MANY, json_schema_input_type=_NETWORK | tuple[_NETWORK, ...])
]
_SeverityWord = Literal["page", "ticket"]
Severities = Annotated[
    tuple[_SeverityWord, ...],
    BeforeValidator(_MANY, json_schema_input_type=_SeverityWord | tuple[_SeverityWord, ...]),
    Field(min_length=1),
]
_ScopeWord = Literal["read", "run", "admin"]
Scopes = Annotated[
    tuple[_ScopeWord, ...],
    BeforeValidator(_MANY, json_schema_input_type=_ScopeWord | tuple[_ScopeWord, ...]),
    Field(min_length=1),
]
Expressions = Annotated[
    tuple[Expression, ...], BeforeValidator(_MANY, json_schema_input_type=Expression | tuple[Expression, ...])
]


# ── forms ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Form(BaseModel):
    """What every part of the file has in common: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,  # only the whole document is read: readers of its parts would be made at every start
    )


def _usual(form: type[F]) -> F:
    """A form of which nothing was written; made without its reader, which nobody needs."""
    return form.model_construct()


class TellsForm(Form):
    """Where a service's answers tell its version, revision and uptime: JMESPath into the body, or `header:NAME`."""

    version: Expressions = ()
    """Where the version stands; the first that is there."""
    revision: Expressions = ()
    """Where the revision stands, by which one deploy is told from the next."""
    uptime: Expressions = ()
    """Where the seconds since its start stand: a crash loop is seen by them."""


Ping = Text | Literal[False]
Pong = dict[Expression, Any] | Text


class SocketForm(Form):
    """How a service's sockets greet; a step may say otherwise for its own."""

    welcome: dict[Expression, Any] = {}
    """JMESPath into a frame, and the value that marks it as the welcome."""
    identity: Expressions = default_of(WebSocketStep, "identity_at")
    """Where the welcome names the user; the first that is there."""
    ping: Ping = default_of(WebSocketStep, "ping")
    """The frame to send once the welcome came; `false` sends none."""
    pong: Pong = "pong"
    """What marks the answer: JMESPath into a frame, and its value; a text is the frame's `type`."""


class IdentityTokenForm(Form):
    """How we show a platform who we are, such as Cloud Run where a service is not public: a token that Google signs."""

    audience: Text | None = None
    """For whom the token is; the service's `url` unless written, as Cloud Run wants it."""
    source: IdentitySource = Field(default=default_of(IdentityToken, "source"), alias="from")
    """The metadata server, a file that something else keeps fresh, or none, where this environment needs no token."""
    header: IdentityHeader = default_of(IdentityToken, "header")
    """Where it travels. `Authorization` belongs to the service's own tokens."""


class PlatformForm(Form):
    """Whom to ask how a service is configured (docs/attestation.md): names and versions, never values."""

    cloud_run: CloudRunPlace = ""
    """`projects/PROJECT/locations/REGION/services/NAME`; empty: not asked."""
    kubernetes: KubernetesPlace = ""
    """`NAMESPACE/DEPLOYMENT` or `NAMESPACE/DEPLOYMENT/CONTAINER`; empty: not asked."""
    api: Url | None = None
    """Where the API is; Google's, or that of the cluster we run in, unless written."""
    secrets_api: Url = "https://secretmanager.googleapis.com"
    """Cloud Run: where `version: latest` is asked about."""
    token_file: Text = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
    """Kubernetes: our service account's token."""
    ca_file: Text | None = None
    """Kubernetes: whom to trust at `api`; the cluster's own authorities unless `api` is written."""
    versions: Flag = default_of(Platform, "asks_versions")
    """The metadata of secrets may be asked for too: of Kubernetes' Secrets and pods, of versions in Secret Manager."""
    names: dict[Literal["jwt_secret", "service_id", "service_secret", "bypass_key"], EnvironmentNames] = {}
    """Under which names the service reads these, the one that wins first; none: it does without."""
    requires: EnvironmentNames = ()
    """Further names that must be set."""
    forbids: EnvironmentNames = ()
    """Further names that must not be set."""
    port: Port | None = default_of(Platform, "port")
    """The port at which the service listens."""

    @model_validator(mode="after")
    def _is_one(self) -> "PlatformForm":
        if self.cloud_run and self.kubernetes:
            raise values.Flaw(wrong="names two platforms", wanted="keep cloud_run: or kubernetes:", bare=True)
        return self


class ServiceForm(Form):
    """One service of the environment under test."""

    role: Literal["auth", "backend", "other"]
    """The part it plays for tokens: `auth` mints and validates them, `backend` trusts them."""
    url: Url
    """Where it is, without a path of its own: `https://auth.staging.example`."""
    websocket_url: WebSocketUrl | None = None
    """Where its sockets are; `url` with ws instead of http unless written."""
    ca_file: Text | None = None
    """A bundle of certificates to trust for it, instead of the operating system's."""
    allow_http: Flag = False
    """Tokens and secrets may travel to it unencrypted; loopback addresses need no leave."""
    identity_token: IdentityTokenForm | None = None
    """Shown to the platform before the service, with each request and handshake; where there is none, none is sent."""
    tells: TellsForm = _usual(TellsForm)
    socket: SocketForm = _usual(SocketForm)
    platform: PlatformForm = _usual(PlatformForm)


class IdentityForm(Form):
    """A test user: tokens are minted for nobody else."""

    subject: Text
    """The `sub` of its tokens."""
    email: Text
    """Its address, for claims and for routes that mint."""


class RequestForm(Form):
    """One HTTP request; its texts may hold `{token}`, `{subject}`, `{email}` and `{secret:NAME}`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [method]} for method in METHODS]})

    get: HttpPath | None = None
    """The path to ask with GET; exactly one of `get`, `post`, `put` and `head` is written."""
    post: HttpPath | None = None
    """The path to ask with POST."""
    put: HttpPath | None = None
    """The path to ask with PUT."""
    head: HttpPath | None = None
    """The path to ask with HEAD."""
    headers: Headers = {}
    """Headers to send, by name."""
    body: dict[str, Any] | None = Field(default=None, alias="json")
    """The body, sent as JSON."""
    form: dict[str, Text] | None = None
    """The body, sent as a form: what the token and introspection endpoints of OAuth want."""
    connection: Literal["fresh", "kept"] = "fresh"
    """`fresh`: a connection of its own, which shows what connecting takes now; `kept`: one that an earlier request
    has kept, if there is one, and afterwards kept for the next."""

    @model_validator(mode="after")
    def _has_one_body(self) -> "RequestForm":
        if self.body is not None and self.form is not None:
            raise values.Flaw(wrong="has two bodies", wanted="keep json: or form:", bare=True)
        return self

    @model_validator(mode="after")
    def _asks_once(self) -> "RequestForm":
        if len([method for method in METHODS if getattr(self, method) is not None]) != 1:
            raise values.Flaw(
                wrong="needs exactly one request", wanted="write get:, post:, put: or head: with a path", bare=True
            )
        return self

    @property
    def asks(self) -> tuple[str, str]:
        """The method and the path."""
        return next((method.upper(), path) for method in METHODS if (path := getattr(self, method)) is not None)


# ── issuers ────────────────────────────────────────────────────────────────────────────────────────────────────────


class LocalIssuerForm(Form):
    """We mint the token ourselves, with our copy of the signing key."""

    mint: Literal["local"]
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""
    secret: Name
    """The name of the signing key under `secrets:`."""
    algorithm: Algorithm = default_of(LocalIssuer, "algorithm")
    """How it is signed."""
    lifetime: SomeTime = default_of(LocalIssuer, "lifetime_seconds")
    """From `iat` to `exp`."""
    backdate: Duration = default_of(LocalIssuer, "backdate_seconds")
    """How long ago `iat` is: a verifier without leeway refuses one that is a second ahead of its clock."""
    claims: dict[str, Any] = {}
    """Further claims; `sub`, `iat`, `exp` and `jti` are made for each token."""
    key_id: Text | None = None
    """The `kid` of its header; none unless written."""


class RouteIssuerForm(RequestForm):
    """A route of a service mints the token: a bypass for tests, a dev login, or any other."""

    mint: Literal["route"]
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""
    service: Name
    """The service that has the route."""
    token_at: Expression = default_of(RouteIssuer, "token_at")
    """JMESPath to the token in the JSON answer."""


class SecondIssuerForm(Form):
    """Like another local issuer, for another test user: tells an unknown user from a refused service."""

    mint: Literal["second"]
    identity: Name
    """The other test user, of `identities:`."""
    like: Name
    """The local issuer that it follows in all but the user."""


class BackdatedIssuerForm(Form):
    """Like another local issuer, with `iat` long past: tells clocks from keys."""

    mint: Literal["backdated"]
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""
    like: Name
    """The local issuer that it follows in all but the time of issue."""
    backdate: Duration = 600.0
    """How long ago `iat` is."""


class ResignedIssuerForm(Form):
    """The claims of a token that a route minted, signed anew with our copy of the key: tells claims from keys."""

    mint: Literal["resigned"]
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""
    like: Name
    """The local issuer whose key signs."""
    route: Name
    """The issuer with `mint: route` whose claims are taken."""


class ForgedIssuerForm(Form):
    """Right claims, signed with a fresh random key: must be refused."""

    mint: Literal["forged"]
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""
    like: Name
    """The local issuer whose tokens it imitates."""


class ExpiredIssuerForm(Form):
    """The right key, but `exp` an hour ago: must be refused."""

    mint: Literal["expired"]
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""
    like: Name
    """The local issuer whose tokens it imitates."""


class TamperedIssuerForm(Form):
    """A good token with one thing wrong; docs/controls.md tells which there are. Must be refused."""

    mint: Literal[TAMPERED]  # type: ignore[valid-type] # the table of controls is the only list of them
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""
    like: Name
    """The local issuer whose tokens it imitates."""


class SpoofedIssuerForm(Form):
    """Headers that some service may trust, and no token: must be refused."""

    mint: Literal[SPOOFED]  # type: ignore[valid-type] # the table of controls is the only list of them
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""
    headers: Headers = {}
    """The headers, with `{subject}`, `{email}` and `{random}`; a usual set unless written."""


class NoTokenForm(Form):
    """No token at all: must be refused."""

    mint: Literal["none"]
    identity: Name | None = None
    """The test user, of `identities:`; its model's, or else the first there is, unless written."""


IssuerForm = Annotated[
    LocalIssuerForm
    | RouteIssuerForm
    | SecondIssuerForm
    | BackdatedIssuerForm
    | ResignedIssuerForm
    | ForgedIssuerForm
    | ExpiredIssuerForm
    | TamperedIssuerForm
    | SpoofedIssuerForm
    | NoTokenForm,
    Field(discriminator="mint"),
]

# ── steps ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_NORMAL = Expectation()


class ExpectForm(Form):
    """What an answer should be; `accepted` and `refused` alone are short for `want:`."""

    want: Literal["accepted", "refused"] = "accepted"
    """Whether the token is to be let in."""
    status: Statuses = ()
    """Statuses that will do: 2xx unless written, and 401 or 403 for a refusal."""
    body: dict[Expression, Any] = Field(default={}, alias="json")
    """JMESPath into the JSON answer, and the value it must have."""


class StreamExpectForm(ExpectForm):
    """What a streamed answer should be."""

    first_event: Text | None = None
    """Text that the first event must contain."""


class SocketExpectForm(Form):
    """What a WebSocket should do."""

    want: Literal["accepted", "refused"] = "accepted"
    """Whether the token is to be let in."""
    status: Statuses = ()
    """Of a handshake that is refused: 401 or 403 unless written."""
    close: CloseCodes = _NORMAL.close_codes
    """Close codes that are a refusal, when the socket was accepted first."""


class MintExpectForm(Form):
    """What a route that mints should do."""

    want: Literal["accepted", "refused"] = "accepted"
    """Whether it is to give a token."""


class CertificateExpectForm(Form):
    """How long a certificate should last."""

    days_left: Number = _NORMAL.days_left
    """At least so many days."""


_Word = Literal["accepted", "refused"]
_LONG = values.spelled_out
Expect = Annotated[ExpectForm, BeforeValidator(_LONG, json_schema_input_type=_Word | ExpectForm)]
StreamExpect = Annotated[StreamExpectForm, BeforeValidator(_LONG, json_schema_input_type=_Word | StreamExpectForm)]
MintExpect = Annotated[MintExpectForm, BeforeValidator(_LONG, json_schema_input_type=_Word | MintExpectForm)]
SocketExpect = Annotated[SocketExpectForm, BeforeValidator(_LONG, json_schema_input_type=_Word | SocketExpectForm)]


class StepForm(Form):
    """A place in a chain."""

    name: Name
    """What it is called in reports and metrics; once in a chain."""
    needs: Names = ()
    """Steps that must have passed before this one is taken."""
    after: Names = ()
    """Steps that must be over before this one is taken, whatever they came to."""
    timeout: SomeTime | None = None
    """How long it may take; 5s, or the chain's deadline where that is less, unless written."""
    follow_up: Flag = False
    """Take this step only when its answer would decide between causes that fit equally well."""

    @model_validator(mode="after")
    def _has_one_kind_of_tokens(self) -> "StepForm":
        if getattr(self, "token", None) and getattr(self, "tokens", None):
            raise values.Flaw(wrong="has two places for its tokens", wanted="keep token: or tokens:", bare=True)
        return self


class AskingForm(StepForm, RequestForm):
    """What the steps that send one HTTP request have in common."""

    service: Name
    """The service to ask."""
    token: Name | None = None
    """The issuer of the token; where the request names no `{token}`, it is sent as `Authorization: Bearer`."""
    tokens: Names = ()
    """Several issuers, in place of `token`: one step for each, called after the step and the issuer."""


class HttpForm(AskingForm):
    """One request, one answer."""

    probe: Literal["http"]
    shows: Literal["health", "readiness", "auth_path", "breaker", "revision"] | None = None
    """What this request tells of its service: that it is up, that what it needs is there, that it reaches the auth
    service, that its breaker for it is closed, or that the announced revision is the one that answers."""
    expect: Expect = _usual(ExpectForm)


class StreamForm(AskingForm):
    """A streamed answer: the status and the first event."""

    probe: Literal["stream"]
    expect: StreamExpect = _usual(StreamExpectForm)


class ValidateForm(AskingForm):
    """The auth service is asked directly whether a token is good."""

    probe: Literal["validate"]
    expect: Expect = _usual(ExpectForm)

    @model_validator(mode="after")
    def _asks_about_a_token(self) -> "ValidateForm":
        if self.token is None and not self.tokens:
            raise values.Flaw(
                wrong="asks about no token", wanted='add "token: NAME" with a name from `issuers:`', bare=True
            )
        return self


class CredentialsForm(AskingForm):
    """The auth service is asked as the backend would ask it, with our copy of the service credentials."""

    probe: Literal["service_credentials"]
    expect: Expect = _usual(ExpectForm)


class MintForm(StepForm):
    """A route of a service mints a token."""

    probe: Literal["mint"]
    token: Name
    """The issuer; one with `mint: route`."""
    expect: MintExpect = _usual(MintExpectForm)
    """`refused` where the issuer asks with a wrong key."""


class WebSocketForm(StepForm):
    """A WebSocket to its depth: handshake, welcome, identity, ping and a deliberate close."""

    probe: Literal["websocket"]
    service: Name
    """The service whose socket it is."""
    path: HttpPath
    """Where the socket is."""
    token: Name | None = None
    """The issuer of the token."""
    tokens: Names = ()
    """Several issuers, in place of `token`: one step for each, called after the step and the issuer."""
    carrier: Literal["header", "subprotocol"] = "header"
    """Where the token travels: as `Authorization: Bearer`, or in one of the subprotocols."""
    subprotocols: Texts = default_of(WebSocketStep, "subprotocols")
    """What is offered where the token travels as a subprotocol."""
    headers: Headers = {}
    """Further headers of the handshake, such as `Origin`."""
    welcome: dict[Expression, Any] | None = None
    """JMESPath into a frame, and the value that marks the welcome; as the service's `socket` says unless written."""
    identity: Expressions | None = None
    """Where the welcome names the user; as the service's `socket` says unless written."""
    ping: Ping | None = None
    """The frame to send once the welcome came, `false` for none; as the service's `socket` says unless written."""
    pong: Pong | None = None
    """JMESPath into a frame, and the value that marks the answer; as the service's `socket` says unless written."""
    grace: Duration = default_of(WebSocketStep, "grace_seconds")
    """How long to listen for a late close once all is well."""
    expect: SocketExpect = _usual(SocketExpectForm)


class PartyForm(Form):
    """A holder of a copy of a secret: a service that can be asked, or, with nothing written, the prober itself."""

    ask: HttpPath | None = None
    """The path; asked with POST for a proof, with GET for a hash."""
    service: Name | None = None
    """The service to ask; the one with the party's name unless written."""
    headers: Headers = {}
    """Headers to send, by name; a service shows this to nobody without credentials."""
    hash: Expression = default_of(Party, "hash_at")
    """JMESPath to the hash in the JSON answer."""


class SecretMatchForm(StepForm):
    """Compare the copies of one secret, pair by pair, without any of them leaving its place."""

    probe: Literal["secret_match"]
    secret: Name
    """The secret to compare, of `secrets:`."""
    method: Annotated[Literal["proof", "hash"], _schema(enum=["proof", "hash"])]
    """`proof`: a keyed proof that is worth nothing to anyone else; `hash`: a plain hash the services already show."""
    algorithm: Literal["md5", "sha1", "sha256", "sha512"] = default_of(SecretMatchStep, "algorithm")
    """Of a plain hash."""
    encoding: Literal["hex", "base64", "base64url"] = default_of(SecretMatchStep, "encoding")
    """How a plain hash is written."""
    length: Length = default_of(SecretMatchStep, "length")
    """How many characters of a plain hash are shown."""
    parties: Annotated[dict[Name, PartyForm], Field(min_length=1), _BY_NAME]
    """Who holds a copy, by name; a name alone (`prober: {}`) is this prober."""


class TcpForm(StepForm):
    """A TCP connection can be made."""

    probe: Literal["tcp"]
    service: Name
    """The service to connect to."""


class TlsForm(StepForm):
    """A TLS handshake succeeds and the certificate lasts."""

    probe: Literal["tls"]
    service: Name
    """The service whose certificate it is."""
    expect: CertificateExpectForm = _usual(CertificateExpectForm)


class PlatformStepForm(StepForm):
    """The platforms are asked how services are configured; without any to ask, the step is no part of the chain."""

    probe: Literal["platform"]
    services: Names = ()
    """Which services; all that have a platform unless written."""


AnyStepForm = Annotated[
    HttpForm
    | StreamForm
    | ValidateForm
    | CredentialsForm
    | MintForm
    | WebSocketForm
    | SecretMatchForm
    | TcpForm
    | TlsForm
    | PlatformStepForm,
    Field(discriminator="probe"),
]
AnyAskingForm = HttpForm | StreamForm | ValidateForm | CredentialsForm
AnyBearingForm = AnyAskingForm | WebSocketForm


class ChainForm(Form):
    """Steps in an order given by what they need, taken anew every interval."""

    interval: SomeTime = default_of(Chain, "interval_seconds")
    """From one turn to the next."""
    deadline: SomeTime | None = None
    """How long a turn may take; 20s, or the interval where that is less, unless written."""
    jitter: Duration = default_of(Chain, "jitter_seconds")
    """A random delay of each turn, so that nothing beats in step."""
    pace: Duration = default_of(Chain, "pace_seconds")
    """At most one step starts in this time; 0s holds up none."""
    threshold: Ratio = default_of(Chain, "threshold")
    """The share of its turns that must pass."""
    controls: Literal["staging", "opt-in"] = "staging"
    """`opt-in`: controls that may leave something behind, or reach out, may be tried too (docs/controls.md)."""
    steps: Annotated[tuple[AnyStepForm, ...], Field(min_length=1)]
    """What is looked at; whatever waits for nothing in common runs together."""


class CallerForm(Form):
    """One who may ask something over HTTP (docs/http.md)."""

    name: Name
    """What the log calls it."""
    secret: Name
    """The name of the secret that holds the token."""
    may: Scopes = ("run",)
    """`run`: have chains run and deploys judged; `admin`: have the config taken up; `read`: only read."""


class TriggerForm(Form):
    """Who may start runs from outside, and how often (docs/http.md)."""

    secret: Name | None = None
    """The name of the secret whose bearer may do everything."""
    callers: tuple[CallerForm, ...] = ()
    """Others, each with a token of its own."""
    per_minute: Count = default_of(Admission, "per_minute")
    """How often each may ask, in the long run."""
    burst: Count = default_of(Admission, "burst")
    """How often at once, after a time of silence."""
    reading: Literal["open", "token"] = "open"
    """`token`: reports, too, are only for who bears one."""


class AlertsForm(Form):
    """How people are told that a chain fails too often (docs/alerting.md)."""

    deploy_grace: Duration = default_of(Alerting, "deploy_grace_seconds")
    """No page begins for so long after a deploy was seen."""
    page: Flag = default_of(Alerting, "page")
    """Whether an outage, or a ratio surely below the threshold, pages."""
    ticket: Flag = default_of(Alerting, "ticket")
    """Whether a ratio that stays a little below the threshold makes a ticket."""
    team: Text | None = None
    """Whom it concerns: a label of every alert."""
    runbook_url: Link | None = None
    """What to do; every alert links to it. A folder such as docs/ if it ends in `/`, else a page (docs/alerting.md)."""
    dashboard_url: Link | None = None
    """Where to look: an annotation of every alert."""


class MaintenanceForm(Form):
    """A time in which chains are expected to fail: nothing new is told, and its turns are no evidence afterwards."""

    chains: Names = ()
    """Whose; all of them unless written."""
    begins: Moment = Field(alias="from")
    """When it begins."""
    ends: Moment = Field(alias="until")
    """When it is over."""


class ReceiverForm(Form):
    """Who is told when an alert fires, and when it is over."""

    name: Name
    """What metrics and `prober notify --test` call it."""
    url: Reference
    """Where the address is (docs/notifications.md); it holds tokens, so it is a secret."""
    chains: Names = ()
    """Of which chains they are told; of all unless written."""
    severities: Severities = ("page", "ticket")
    """Of which alerts: `page` is for now, `ticket` for working hours; of both unless written."""


class HeartbeatForm(Form):
    """Who is called after completed rounds, and raises the alarm when no call comes."""

    url: Reference
    """Where the address is; who knows it can beat in our place, so it is a secret."""
    method: Literal["get", "post"] = "get"
    """How it is called."""


class SelfTestForm(Form):
    """The prober's test of its own judgement."""

    interval: SomeTime = default_of(Plan, "selftest_seconds")
    """From one to the next; the first comes before anything else is looked at."""


class LoadForm(Form):
    """The most that each host gets from this prober, whatever starts it: schedule, deploys, people."""

    requests_per_second: Rate = default_of(Load, "requests_per_second")
    """In the long run."""
    burst: Burst = default_of(Load, "burst")
    """Requests at once, before the rate holds."""


class HistoryForm(Form):
    """Where slots and runs are written down, and for how long."""

    file: Text = default_of(Keeping, "file")
    """A SQLite file, for one instance; from the working directory."""
    database: Name | None = None
    """Instead, for several instances: the secret that holds a PostgreSQL's address, with user and password."""
    keep: SomeTime = default_of(Keeping, "seconds")
    """For how long."""
    keep_mib: Mebibytes = default_of(Keeping, "mebibytes")
    """In how many MiB; the oldest is let go first."""


class Document(Form):
    """What to probe, with what, how often, and what should hold."""

    version: Version
    """Of this form of file: 1."""
    environment: Environment
    """What is looked at, as reports, metrics and alerts call it."""
    location: Name = default_of(Plan, "location")
    """Where this instance looks from; instances of one location share its turns, those of others take their own."""
    history: HistoryForm = _usual(HistoryForm)
    secrets: Annotated[dict[Name, Reference], _BY_NAME] = {}
    """Where our copies of keys and tokens are, by name; never the secrets themselves."""
    secrets_refresh: SomeTime = default_of(Plan, "secrets_refresh_seconds")
    """From one question to the sources of secrets to the next: has one been rotated?"""
    secrets_overlap: Duration = default_of(Plan, "secrets_overlap_seconds")
    """For how long a version of a secret still counts after a newer one was seen."""
    trigger: TriggerForm | None = None
    alerts: AlertsForm = _usual(AlertsForm)
    maintenance: tuple[MaintenanceForm, ...] = ()
    """Times in which nothing new is told."""
    selftest: SelfTestForm = _usual(SelfTestForm)
    budget: LoadForm = _usual(LoadForm)
    heartbeat: HeartbeatForm | None = None
    addresses: Addresses = ()
    """Where names may lead beside the open internet: `private`, `loopback`, or networks such as 10.1.0.0/16."""
    services: Annotated[dict[Name, ServiceForm], Field(min_length=1), _BY_NAME]
    """Whom we look at, by name."""
    identities: Annotated[dict[Name, IdentityForm], _BY_NAME] = {}
    """Test users, by name: as whom we ask."""
    issuers: Annotated[dict[Name, IssuerForm], _BY_NAME] = {}
    """Where tokens come from, good and bad ones, by name."""
    chains: Annotated[dict[Name, ChainForm], Field(min_length=1), _BY_NAME]
    """What should hold, by name."""
    external_url: Url | None = None
    """Where people reach this prober; notices link to it."""
    notify: tuple[ReceiverForm, ...] = ()
    """Who is told of alerts, where no Alertmanager does it."""


# ── in and out ─────────────────────────────────────────────────────────────────────────────────────────────────────


def read(
    value: object, raw: object, most: int = 300
) -> tuple[Document | None, list[Finding], list[Sequence[str | int]]]:
    """The document, or a finding for each flaw of its shape, `most` at most; `raw` is the document before variables.

    Returns:
        The document if it has no flaw, the findings, and the locations they are about.
    """
    try:
        return Document.model_validate(value), [], []
    except ValidationError as error:
        errors = error.errors(include_url=False)
        findings = [finding_of(cast("Mapping[str, Any]", each), raw, known_keys) for each in errors[:most]]
        return None, findings, [each["loc"] for each in errors]


@cache
def json_schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of the file, for editors and for checks elsewhere."""
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "probes.yaml"}
    schema = Document.model_json_schema(by_alias=True)
    for form in _forms(Form):
        _explain(form, schema if form is Document else schema["$defs"].get(form.__name__, {}))
    return {**schema, **about}


def _forms(form: type[Form]) -> Iterable[type[Form]]:
    """All that are made of `form`."""
    for each in form.__subclasses__():
        yield each
        yield from _forms(each)


def _explain(form: type[Form], schema: Mapping[str, Any]) -> None:
    """Say of each key what stands below it here: pydantic would read this file for it at every start."""
    texts = of_fields(form)
    for name, field in form.model_fields.items() if schema else ():
        if texts[name]:
            schema["properties"][field.alias or name]["description"] = texts[name]


def dumped(document: Document) -> dict[str, Any]:
    """The document as plain values, every default written out."""
    return document.model_dump(mode="json", by_alias=True, exclude_none=True)


def known_keys(location: Sequence[object]) -> list[str]:
    """The keys that may stand at one of pydantic's locations: walks the JSON Schema along it."""
    schema = json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    nodes: list[Mapping[str, Any]] = [schema]
    for part in location:
        nodes = [inner for node in nodes for inner in _within(node, part, definitions)]
    options = (option for node in nodes for option in _options(node, definitions))
    return [key for option in options for key in option.get("properties", {})]


def _options(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """A node, with its reference followed and its alternatives beside it."""
    followed = definitions[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    yield followed
    for inner in followed.get("anyOf", ()):
        yield from _options(inner, definitions)


def _within(node: Mapping[str, Any], part: object, definitions: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Where one part of a location leads: a key, an item, or one of several forms by its tag."""
    for option in _options(node, definitions):
        tagged = option.get("discriminator", {}).get("mapping", {})
        steps = (
            option.get("properties", {}).get(part),
            option.get("additionalProperties") if isinstance(part, str) else option.get("items"),
            {"$ref": tagged[part]} if part in tagged else None,
        )
        yield from (step for step in steps if isinstance(step, dict))
