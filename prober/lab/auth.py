"""The auth service: it mints tokens, says whether they hold, and knows the services that may ask."""

import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from prober.lab import process
from prober.lab.memory import Memory
from prober.lab.service import Service, bearer, detail, document_of
from prober.lab.settings import AuthSettings
from prober.lab.tokens import PERMISSIONS, Claims, Rules, check, mint, number

NEGATIVES_SECONDS = 60
REVOKED_SECONDS = 24 * 3600
EXPIRES_IN_AS_TOLD = 900

MESSAGES = {
    "missing_token": "Token is required",
    "invalid_token": "Invalid or expired token",
    "invalid_service_id": "Invalid service ID: expected '{expected}'",
    "invalid_service_secret": "Invalid service secret",
    "service_not_configured": "Service authentication not configured",
    "invalid_request": "Request is malformed or lacks service credentials",
    "validation_error": "Token validation error",
}


class Unusable(Exception):
    """There is no key to sign with."""


class Auth(Service[AuthSettings]):
    """The routes of the auth service."""

    name = "auth-service"
    proof_name = "auth"
    only_in: ClassVar[dict[str, str]] = {
        "/auth/config": "real",
        "/auth/e2e/test-auth": "real",
        "/auth/dev/login": "real",
        "/auth/e2e-test-auth": "reports",
        "/auth/dev-login": "reports",
        "/debug/jwt-secret-hash": "reports",
    }

    def __init__(self, settings: AuthSettings) -> None:
        """Begin to run with these settings."""
        super().__init__(settings)
        self._negatives: Memory[bool] = Memory(NEGATIVES_SECONDS)
        self._revoked: Memory[bool] = Memory(REVOKED_SECONDS)

    def forget(self) -> None:
        """Drop the remembered refusals and revocations."""
        self._negatives.clear()
        self._revoked.clear()

    def own_service_secret(self) -> str | None:
        """Without white space at its ends: the auth service strips its secrets, the backend does not."""
        return (self.settings.service_secret or "").strip() or None

    # Health and configuration

    async def get_health(self, _: Request) -> Response:
        """Up, and in what version."""
        return JSONResponse(self.health() | {"database_status": "connected"})

    async def get_config(self, _: Request) -> Response:
        """What the front end needs to know; the backend passes it on."""
        return JSONResponse(
            {
                "development_mode": False,
                "google_client_id": "lab",
                "endpoints": {"validate_token": "/auth/validate", "refresh": "/auth/refresh", "logout": "/auth/logout"},
            }
        )

    # Minting

    async def mint_by_bypass(self, request: Request) -> Response:
        """Tokens for end-to-end tests, for those who show the bypass key."""
        refused = self._bypass_refused(request.headers.get("x-e2e-bypass-key"))
        body = await document_of(request)
        if refused or body is None or not isinstance(body.get("email"), str) or not body["email"]:
            return refused or detail(422, "email is required")
        return self._session(self._tester(body), str(body["email"]))

    def _tester(self, body: dict[str, Any]) -> str:
        """Whom a test token names: as asked in the reports' dialect, from the address in the real one."""
        local_part = str(body["email"]).partition("@")[0]
        return str(body.get("user_id") or local_part) if self.settings.dialect == "reports" else f"e2e-{local_part}"

    def _bypass_refused(self, shown: str | None) -> Response | None:
        key = self.settings.bypass_key
        if self.settings.environment == "production":
            return detail(403, "E2E test authentication is not available in production")
        if not shown:
            return detail(401, "E2E bypass key required")
        if not key:
            return detail(503, "E2E authentication not configured")
        known = (
            any(_same(shown, each) for each in (key, *self.settings.also_bypass_keys))
            or "bypass_unchecked" in self.settings.holes
        )
        return None if known else detail(401, "Invalid E2E bypass key")

    async def mint_for_developer(self, request: Request) -> Response:
        """Tokens for developers, who have to show nothing; the reports' dialect only."""
        body = await document_of(request)
        if body is None or body.get("provider") != "test" or not isinstance(body.get("email"), str):
            return detail(422, "email and provider 'test' are required")
        return self._session(self._tester(body), str(body["email"]))

    async def refuse_developer(self, _: Request) -> Response:
        """The real service knows developers at home only."""
        return detail(403, "Dev login is only available in development environment")

    async def create_token(self, request: Request) -> Response:
        """A token for anyone who asks: a hole of the real service, kept as it is."""
        body = await document_of(request)
        if body is None or not isinstance(body.get("user_id"), str) or not body["user_id"]:
            return detail(422, "user_id is required")
        return self._session(str(body["user_id"]), str(body.get("email", "")))

    async def mint_for_service(self, request: Request) -> Response:
        """A token for a service that knows its id and secret."""
        body = await document_of(request)
        if body is None:
            return detail(422, "service_id and service_secret are required")
        error = self._service_error(str(body.get("service_id")), str(body.get("service_secret")))
        if error:
            return detail(401, self._message(error))
        token = mint(f"service:{body['service_id']}", "", replace(self._signing(), token_type="service"), self.now())
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": EXPIRES_IN_AS_TOLD})

    async def refresh(self, request: Request) -> Response:
        """A new session for a refresh token."""
        body, rules = await document_of(request) or {}, self.rules()
        token = str(body.get("refresh_token"))
        claims = rules and check(token, replace(rules, token_type="refresh"), self.now())
        refused = detail(401, "Invalid or expired refresh token")
        return self._session(claims["sub"], claims.get("email", "")) if claims else refused

    def _session(self, subject: str, email: str) -> Response:
        rules, now = self._signing(), self.now()
        return JSONResponse(
            {
                "access_token": mint(subject, email, rules, now),
                "refresh_token": mint(subject, email, replace(rules, token_type="refresh"), now),
                "token_type": "Bearer",
                "expires_in": EXPIRES_IN_AS_TOLD,
                "user": {"id": subject, "email": email, "name": "E2E Test User", "permissions": list(PERMISSIONS)},
            }
        )

    def _signing(self) -> Rules:
        secret = self.settings.minting_secret or self.settings.effective_jwt_secret
        if secret is None:
            raise Unusable
        return Rules(secret, self.settings.issuer)

    # Validating

    async def validate(self, request: Request) -> Response:
        """Whether a token holds; says 200 to everything but, in the reports' dialect, an untrusted service."""
        distrusted = self._caller_error(request)
        if distrusted:
            return self._invalid(distrusted, status=401 if self.settings.dialect == "reports" else 200)
        body = await document_of(request)
        malformed = self._body_error(body)
        claims = None if malformed else self._claims(str((body or {})["token"]))
        return JSONResponse(_valid(claims)) if claims else self._invalid(malformed or self._why_not())

    def _caller_error(self, request: Request) -> str | None:
        given = request.headers.get("x-service-id"), request.headers.get("x-service-secret")
        if all(given):
            return self._service_error(str(given[0]), str(given[1]))
        # Users and services call the same route. Only who presents itself as a service can be asked for credentials,
        # so that a user's direct call keeps working while the backend's is refused.
        asked = self.settings.demand_service_headers and "x-service-name" in request.headers
        return "invalid_request" if asked else None

    def _service_error(self, service_id: str, secret: str) -> str | None:
        """Why this service is not trusted; nothing if it is, or if nobody looks."""
        if not self.settings.check_service_headers or "credentials_unchecked" in self.settings.holes:
            return None
        if not (self.settings.service_id and self.settings.service_secret):
            return "service_not_configured"
        if not _same(service_id, self.settings.service_id):
            return "invalid_service_id"
        return None if self.knows_service_secret(secret) else "invalid_service_secret"

    @staticmethod
    def _body_error(body: dict[str, Any] | None) -> str | None:
        if body is None:
            return "invalid_request"
        return None if isinstance(body.get("token"), str) and body["token"] else "missing_token"

    def _why_not(self) -> str:
        return "invalid_token" if self.rules() else "validation_error"

    def _invalid(self, error: str, status: int = 200) -> Response:
        return JSONResponse({"valid": False, "error": error, "message": self._message(error)}, status)

    def _message(self, error: str) -> str:
        return MESSAGES[error].format(expected=self.settings.service_id)

    def _claims(self, token: str) -> Claims | None:
        """The claims of a token that holds, is not revoked, and was not refused a moment ago."""
        rules = self.rules()
        if rules is None or self._negatives.get(token):
            return None
        claims = check(token, rules, self.now())
        if claims is None or self._is_revoked(token, claims):
            self._negatives.put(token, value=True)
            return None
        return claims

    def _is_revoked(self, token: str, claims: Claims) -> bool:
        by_subject = any(name in claims["sub"] for name in self.settings.revoked_subjects)
        return by_subject or bool(self._revoked.get(token))

    async def me(self, request: Request) -> Response:
        """Who the bearer is; the one route that answers a bad token with 401."""
        token = bearer(request.headers.get("authorization"))
        claims = self._claims(token) if token else None
        refused = detail(401, MESSAGES["invalid_token"] if token else "Not authenticated")
        return JSONResponse(_person(claims) | {"id": claims["sub"]}) if claims else refused

    async def logout(self, request: Request) -> Response:
        """Revoke the bearer's token."""
        token = bearer(request.headers.get("authorization"))
        if token is None:
            return detail(401, "Not authenticated")
        self._revoked.put(token, value=True)
        return JSONResponse({"success": True, "message": "Logged out"})

    async def check_blacklist(self, request: Request) -> Response:
        """Whether a token was revoked. An untrusted service is told that it was not: the real one fails open."""
        body = await document_of(request) or {}
        trusted = self._caller_error(request) is None
        return JSONResponse({"blacklisted": trusted and bool(self._revoked.get(str(body.get("token"))))})

    # Comparing keys

    async def debug_hash(self, request: Request) -> Response:
        """The hash route of the reports."""
        return self.secret_hash(request.headers.get("x-service-auth"))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _person(claims: Claims) -> dict[str, Any]:
    return {
        "user_id": claims["sub"],
        "email": claims.get("email"),
        "permissions": claims.get("permissions", []),
    }


def _valid(claims: Claims) -> dict[str, Any]:
    return {"valid": True} | _person(claims) | {"expires_at": number(claims.get("exp"))}


def application(service: Auth) -> Starlette:
    """The auth service as an ASGI application."""
    answers: dict[tuple[str, str], Callable[..., Any]] = {
        ("GET", "/health"): service.get_health,
        ("GET", "/auth/health"): service.get_health,
        ("GET", "/auth/config"): service.get_config,
        ("POST", "/auth/e2e/test-auth"): service.mint_by_bypass,
        ("POST", "/auth/e2e-test-auth"): service.mint_by_bypass,
        ("POST", "/auth/dev-login"): service.mint_for_developer,
        ("POST", "/auth/dev/login"): service.refuse_developer,
        ("POST", "/auth/create-token"): service.create_token,
        ("POST", "/auth/service-token"): service.mint_for_service,
        ("POST", "/auth/refresh"): service.refresh,
        ("POST", "/auth/validate"): service.validate,
        ("GET", "/auth/me"): service.me,
        ("POST", "/auth/logout"): service.logout,
        ("POST", "/auth/check-blacklist"): service.check_blacklist,
        ("GET", "/debug/jwt-secret-hash"): service.debug_hash,
        ("POST", "/internal/secret-proof"): service.secret_proof,
    }
    routes = [Route(path, answer, methods=[method]) for (method, path), answer in answers.items()]
    return Starlette(routes=routes, exception_handlers=process.ANSWERS_TO_EXCEPTIONS)


if __name__ == "__main__":
    process.run(lambda document: Auth(AuthSettings.from_document(document)), application)
