"""How the backend finds out whether a token holds: by asking the auth service, or by a key of its own."""

import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from prober.lab.breaker import Breaker
from prober.lab.memory import Memory
from prober.lab.service import Service
from prober.lab.settings import BackendSettings
from prober.lab.tokens import check

VERDICT_SECONDS = 300
FAILURES_TO_OPEN = 3
CONNECT_SECONDS = 1.0
READ_SECONDS = 2.0
SERVICE_NAME = "netra-backend"

UNREACHABLE = "auth_service_unreachable"
NOT_TRUSTED = "inter_service_auth_failed"
NO_ANSWER = "token_rejected"
REFUSED = "Token validation failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whom a token names; for a refused one nobody, and the backend's own word for why."""

    subject: str | None = None
    word: str = ""


class Unreachable(Exception):
    """The auth service did not answer, or is not even asked."""


class Verification:
    """The backend's client of the auth service, with all that may stand in for it."""

    def __init__(self, backend: Service[BackendSettings]) -> None:
        """Verify for this backend, under its settings as they are at each moment."""
        self._backend = backend
        # Nothing in the lab is TLS; a context without certificates saves 30 ms of reading them.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(trust_env=False, verify=tls, headers={"user-agent": SERVICE_NAME})
        self._verdicts: Memory[Verdict] = Memory(VERDICT_SECONDS)
        self._emergencies = 0
        self.trust_again()

    @property
    def _settings(self) -> BackendSettings:
        return self._backend.settings

    def forget(self) -> None:
        """Drop the verdicts, as a new process would."""
        self._verdicts.clear()

    def trust_again(self) -> None:
        """Begin anew with the breaker as the settings have it."""
        self.breaker = Breaker(
            FAILURES_TO_OPEN, self._settings.breaker_recovery_seconds, is_open=self._settings.breaker_starts_open
        )

    async def verdict(self, token: str | None) -> Verdict:
        """Whether this token, or its absence, lets someone in."""
        if token is None:
            return await self._without_token()
        if self._settings.verify == "local":
            return self._local(token)
        return self._verdicts.get(token) or await self._remote(token)

    async def config(self) -> dict[str, Any]:
        """The auth service's configuration, passed on."""
        told: dict[str, Any] = (await self._call("GET", "/auth/config", READ_SECONDS)).raise_for_status().json()
        return told

    async def _without_token(self) -> Verdict:
        """In an emergency even nobody is somebody."""
        if self._settings.fallback != "emergency":
            return Verdict(word="no_token")
        try:
            await self._reach()
        except Unreachable:
            return self._emergency()
        return Verdict(word="no_token")

    def _local(self, token: str) -> Verdict:
        rules = self._backend.rules()
        claims = rules and check(token, rules, self._backend.now())
        return Verdict(claims["sub"]) if claims else Verdict(word=REFUSED)

    def _emergency(self) -> Verdict:
        self._emergencies += 1
        return Verdict(f"emergency_user_{self._emergencies:04d}")

    async def _remote(self, token: str) -> Verdict:
        try:
            await self._reach()
            return await self._ask(token)
        except Unreachable:
            stand_ins = {"local": lambda: self._local(token), "emergency": self._emergency}
            return stand_ins.get(self._settings.fallback, lambda: Verdict(word=UNREACHABLE))()

    async def _reach(self) -> None:
        """A look at auth's health before each question, within a budget; a success here does not close the breaker."""
        if self.breaker.is_open:
            raise Unreachable
        if not await self._is_healthy():
            self.breaker.failed()
            raise Unreachable

    async def _is_healthy(self) -> bool:
        try:
            answer = await self._call("GET", "/health", self._settings.auth_budget_seconds)
        except httpx.TransportError:
            return False
        return not answer.is_server_error

    async def _ask(self, token: str) -> Verdict:
        """The question itself; an answer of any kind is remembered, a failure counts for the breaker."""
        body = {"token": token, "token_type": "access"}
        try:
            answer = await self._call("POST", "/auth/validate", READ_SECONDS, self._credentials(), body)
        except httpx.LocalProtocolError as trouble:
            self.breaker.failed()
            return Verdict(word=f"validation_failed_{type(trouble).__name__}: Illegal header")
        except httpx.TransportError as trouble:
            self.breaker.failed()
            raise Unreachable from trouble
        return self._judged(token, answer)

    def _judged(self, token: str, answer: httpx.Response) -> Verdict:
        if answer.is_server_error:
            self.breaker.failed()
            return Verdict(word=NO_ANSWER)
        self.breaker.succeeded()
        return self._verdicts.put(token, self._read(answer))

    def _read(self, answer: httpx.Response) -> Verdict:
        """What auth's answer means here. Its own reason is dropped, as the real backend does."""
        told = answer.json() if answer.is_success else {}
        if told.get("valid"):
            return Verdict(told["user_id"])
        if not self._has_credentials() and (answer.status_code == httpx.codes.UNAUTHORIZED or _blames_request(told)):
            return Verdict(word=NOT_TRUSTED)
        return Verdict(word=REFUSED if answer.is_success else NO_ANSWER)

    def _has_credentials(self) -> bool:
        return bool(self._settings.service_id and self._settings.service_secret)

    def _credentials(self) -> dict[str, str]:
        held = {"x-service-id": self._settings.service_id, "x-service-secret": self._settings.service_secret}
        return {"x-service-name": SERVICE_NAME} | {name: value for name, value in held.items() if value}

    async def _call(
        self,
        method: str,
        path: str,
        read_seconds: float,
        headers: dict[str, str] | None = None,
        body: dict[str, str] | None = None,
    ) -> httpx.Response:
        patience = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, read=read_seconds)
        url = self._settings.auth_url + path
        return await self._http.request(method, url, headers=headers, json=body, timeout=patience)


def _blames_request(told: dict[str, Any]) -> bool:
    return told.get("error") == "invalid_request"
