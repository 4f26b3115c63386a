"""What both services are: settings that can change while they run, a clock, health, and the key's proof."""

import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from prober.lab import proof
from prober.lab.memory import Memory
from prober.lab.settings import ServiceSettings
from prober.lab.tokens import Rules

S = TypeVar("S", bound=ServiceSettings)

NONCE_SECONDS = 600


class Service(Generic[S]):
    """A service with settings of one kind; subclasses add the routes."""

    name: str = ""
    proof_name: str = ""
    only_in: ClassVar[dict[str, str]] = {}
    """Paths that exist in one dialect only."""

    def __init__(self, settings: S) -> None:
        """Begin to run with these settings."""
        self.settings = settings
        self.begun = self.applied = time.monotonic()
        self._nonces: Memory[bool] = Memory(NONCE_SECONDS)

    def change(self, document: Mapping[str, Any]) -> None:
        """Go on with these settings; if they are other ones, what was remembered under the old is forgotten."""
        settings = self.settings.from_document(document)
        if settings != self.settings:
            self.settings = settings
            self.applied = time.monotonic()
            self.forget()
        self.trust_again()

    def forget(self) -> None:
        """Drop whatever a newly started process would not know."""

    def trust_again(self) -> None:
        """Try others again that failed: being told settings, the same or not, means that the world has changed."""

    def is_starting(self) -> bool:
        """Whether the settings in force are too new for the service to be of use."""
        return time.monotonic() - self.applied < self.settings.startup_seconds

    def now(self) -> float:
        """The time by this service's clock."""
        return time.time() + self.settings.clock_offset_seconds

    def moment(self) -> str:
        """The time by this service's clock, as ISO 8601 of a fixed width."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="microseconds")

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer carries."""
        told = {
            "date": format_datetime(datetime.fromtimestamp(self.now(), UTC), usegmt=True),
            "x-service-name": self.name,
            "x-service-version": self.settings.version,
            "x-service-revision": self.settings.revision,
        }
        return [(name.encode(), value.encode()) for name, value in told.items()]

    def rules(self) -> Rules | None:
        """What tokens are checked by here; nothing without a usable key."""
        given = self.settings
        secret = given.effective_jwt_secret
        if not secret:
            return None
        return Rules(
            secret,
            given.issuer,
            given.check_signature,
            given.check_expiry,
            holes=given.holes,
            also=given.also_jwt_secrets,
        )

    def health(self) -> dict[str, Any]:
        """What the health route says of every service."""
        return {
            "status": "healthy",
            "service": self.name,
            "version": self.settings.version,
            "revision": self.settings.revision,
            "timestamp": self.moment(),
            "uptime_seconds": round(self.settings.age_seconds + time.monotonic() - self.begun, 3),
            "environment": self.settings.environment,
        }

    def lacks(self, path: str) -> bool:
        """Whether this path does not exist in this dialect or build."""
        return path in self.settings.missing_paths or self.only_in.get(path, self.settings.dialect) != (
            self.settings.dialect
        )

    def knows_service_secret(self, given: str | None) -> bool:
        """Whether the caller holds this service's own copy of the service secret, or one that counts beside it."""
        own = filter(None, (self.own_service_secret(), *self.settings.also_service_secrets))
        return any(hmac.compare_digest(each.encode(), str(given or "").encode()) for each in own)

    def own_service_secret(self) -> str | None:
        """This service's own copy, as it uses it."""
        return self.settings.service_secret

    def secret_hash(self, given: str | None) -> Response:
        """The old way to compare keys: the start of a plain hash, for those who know the service secret."""
        secret = self.settings.effective_jwt_secret
        if not self.knows_service_secret(given):
            return detail(401, "Invalid service credentials")
        if secret is None:
            return detail(503, "JWT secret not configured")
        return JSONResponse({"hash": proof.md5_start(secret), "algorithm": "md5", "length": 16})

    async def secret_proof(self, request: Request) -> Response:
        """The better way to compare keys: a proof that is worth nothing to anyone else and never twice the same."""
        if not self.knows_service_secret(request.headers.get("x-service-auth")):
            return detail(401, "Invalid service credentials")
        asked = await document_of(request)
        if asked is None or not proof.is_wanted(asked):
            return detail(422, "nonce (32 bytes, base64url), key_id and purpose are required")
        return self._prove(str(asked["nonce"]))

    def _prove(self, nonce: str) -> Response:
        secret = self.settings.effective_jwt_secret
        if secret is None:
            return detail(503, "JWT secret not configured")
        if self._nonces.get(nonce):
            return detail(409, "Nonce already used")
        self._nonces.put(nonce, value=True)
        return JSONResponse(proof.answer(secret, self.settings.environment, self.proof_name, nonce, self.now()))


def detail(status: int, text: str) -> Response:
    """A refusal in the framework's own style."""
    return JSONResponse({"detail": text}, status)


async def document_of(request: Request) -> dict[str, Any] | None:
    """The body as a JSON object, or nothing if it is none."""
    try:
        document = await request.json()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def bearer(header: str | None) -> str | None:
    """The token of an `Authorization: Bearer` header, if there is a usable one."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
