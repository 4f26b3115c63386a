"""The backend: it trusts the auth service's tokens and serves REST, a stream and a WebSocket to who bears one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from prober.lab import process
from prober.lab.holes import NOBODY, lets_in
from prober.lab.service import Service, bearer, detail, document_of
from prober.lab.settings import SERVICE_ID, TEST_SUBJECT, BackendSettings
from prober.lab.verification import Verdict, Verification
from prober.lab.websocket import AGENT_EVENTS, EVENT_SECONDS, Conversation

SERVICE_IDENTITY = f"service:{SERVICE_ID}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way in which the backend says no."""

    status: int
    code: str
    message: str


NOT_AUTHENTICATED = Refusal(403, "AUTH_UNAUTHORIZED", "Not authenticated")
REJECTED = Refusal(401, "AUTH_FAILED", "Invalid or expired token")
REJECTED_AS_REPORTED = Refusal(403, "AUTH_FAILED", "Invalid or expired token")
UNAVAILABLE = Refusal(503, "SERVICE_UNAVAILABLE", "Database connection failed")
STARTING = Refusal(503, "SERVICE_UNAVAILABLE", "Startup in progress")


class Refused(Exception):
    """This request ends here, in this way."""

    def __init__(self, refusal: Refusal, **details: str) -> None:
        """Refuse so, with these details beside the status code."""
        super().__init__(refusal.message)
        self.refusal = refusal
        self.details = details


class Backend(Service[BackendSettings]):
    """The routes of the backend."""

    name = SERVICE_ID
    proof_name = "backend"
    only_in: ClassVar[dict[str, str]] = {
        "/health/ready": "real",
        "/ws/health": "real",
        "/auth/config": "real",
        "/api/circuit-breakers/status": "real",
        "/debug/jwt-secret-hash": "reports",
    }

    def __init__(self, settings: BackendSettings) -> None:
        """Begin to run with these settings."""
        super().__init__(settings)
        self._verification = Verification(self)

    def forget(self) -> None:
        """Drop the verdicts."""
        self._verification.forget()

    def trust_again(self) -> None:
        """Reset the breaker."""
        self._verification.trust_again()

    # Health

    async def get_health(self, _: Request) -> Response:
        """Up, and in what version; says nothing about auth."""
        if self.is_starting():
            body = {"status": "startup_in_progress", "detail": "Startup in progress", "startup_complete": False}
            return JSONResponse(body, 503)
        return JSONResponse(self.health())

    async def get_readiness(self, _: Request) -> Response:
        """Whether what the backend needs is there."""
        ready = self.settings.dependency_up and self.settings.ws_ready and not self.is_starting()
        body = {
            "status": "ready" if ready else "unhealthy",
            "service": self.name,
            "details": {"database": "connected" if self.settings.dependency_up else "unavailable"},
            "timestamp": self.moment(),
        }
        return JSONResponse(body, 200 if ready else 503)

    async def get_breakers(self, _: Request) -> Response:
        """The state of the breaker before the auth service, for anyone to see."""
        breakers = {"auth_service": self._verification.breaker.state()}
        return JSONResponse({"circuit_breakers": breakers, "timestamp": self.moment()})

    async def get_socket_health(self, _: Request) -> Response:
        """What the WebSocket says of itself, and whether its door is open for tests."""
        bypassed = self.settings.accept_without_token or self.settings.honour_bypass_header
        testing = {"auth_bypass_active": bypassed, "headers_supported": self.settings.honour_bypass_header}
        return JSONResponse({"status": "healthy", "service": "websocket", "e2e_testing": testing})

    async def get_auth_config(self, _: Request) -> Response:
        """Auth's configuration, passed on: works only while auth can be reached."""
        try:
            return JSONResponse(await self._verification.config())
        except (httpx.HTTPError, ValueError):
            return detail(503, "Auth service unavailable")

    # Chat

    async def list_messages(self, request: Request) -> Response:
        """The user's messages."""
        subject = await self._user(request)
        message = {"id": "msg_1", "user_id": subject, "content": "Hello", "role": "assistant"}
        return JSONResponse({"messages": [message], "total": 1, "user_id": subject})

    async def add_message(self, request: Request) -> Response:
        """Take a message of the user."""
        subject = await self._user(request)
        if await document_of(request) is None:
            return detail(422, "a JSON object is required")
        return JSONResponse({"id": f"msg_{uuid4().hex[:12]}", "user_id": subject, "status": "received"})

    async def stream(self, request: Request) -> Response:
        """Run the agent and tell of it event by event."""
        subject = await self._user(request)
        self._act_as(SERVICE_IDENTITY if self.settings.stream_identity == "service" else subject)
        return StreamingResponse(self._events(subject), media_type="text/event-stream")

    def _act_as(self, identity: str) -> None:
        """Enter the inner agent call. It wants a user: the service's own identity brings no bearer and is refused."""
        if identity.startswith("service:"):
            raise Refused(NOT_AUTHENTICATED, user=identity)

    async def _events(self, subject: str) -> AsyncIterator[str]:
        for kind in ("stream_start", *AGENT_EVENTS):
            yield f"data: {json.dumps({'type': kind, 'user_id': subject, 'timestamp': self.moment()})}\n\n"
            await asyncio.sleep(EVENT_SECONDS)

    # Who is there

    async def _user(self, request: Request) -> str:
        """The subject of the request's token; refuses the request if there is none."""
        if lets_in(request.headers, self.settings.holes):
            return TEST_SUBJECT
        token = bearer(request.headers.get("authorization"))
        if token is None:
            raise Refused(NOT_AUTHENTICATED)
        if self.is_starting():
            raise Refused(STARTING)
        verdict = await self._decide(token)
        if verdict.subject is None:
            raise Refused(REJECTED_AS_REPORTED if self.settings.dialect == "reports" else REJECTED)
        if not self.settings.dependency_up:
            raise Refused(UNAVAILABLE)
        return verdict.subject

    async def _decide(self, token: str | None) -> Verdict:
        """Who this token lets in: it must hold, and the backend must know the user."""
        verdict = await self._verification.verdict(token)
        nobody = () if "subject_unchecked" in self.settings.holes else (NOBODY,)
        known = not any(name in (verdict.subject or "") for name in (*self.settings.unknown_subjects, *nobody))
        return verdict if known else Verdict(word="Token validation failed")

    async def converse(self, socket: WebSocket) -> None:
        """One WebSocket from handshake to end."""
        await Conversation(socket, self, self._decide).hold()

    # Comparing keys

    async def debug_hash(self, request: Request) -> Response:
        """The hash route of the reports."""
        return self.secret_hash(bearer(request.headers.get("authorization")))

    async def refuse(self, _: Request, refused: Exception) -> Response:
        """A refusal in the backend's own error style."""
        assert isinstance(refused, Refused)  # noqa: S101 - registered for nothing else
        refusal = refused.refusal
        return JSONResponse(
            {
                "error": True,
                "error_code": refusal.code,
                "message": refusal.message,
                "details": {"status_code": refusal.status, **refused.details},
                "trace_id": str(uuid4()),
                "timestamp": self.moment(),
                "response_id": str(uuid4()),
            },
            refusal.status,
        )


def application(service: Backend) -> Starlette:
    """The backend as an ASGI application."""
    answers: dict[tuple[str, str], Callable[..., Any]] = {
        ("GET", "/health"): service.get_health,
        ("GET", "/health/ready"): service.get_readiness,
        ("GET", "/api/circuit-breakers/status"): service.get_breakers,
        ("GET", "/auth/config"): service.get_auth_config,
        ("GET", "/ws/health"): service.get_socket_health,
        ("GET", "/api/chat/messages"): service.list_messages,
        ("POST", "/api/chat/messages"): service.add_message,
        ("POST", "/api/chat/stream"): service.stream,
        ("GET", "/debug/jwt-secret-hash"): service.debug_hash,
        ("POST", "/internal/secret-proof"): service.secret_proof,
    }
    routes = [Route(path, answer, methods=[method]) for (method, path), answer in answers.items()]
    return Starlette(
        routes=[*routes, WebSocketRoute("/ws", service.converse)],
        exception_handlers={**process.ANSWERS_TO_EXCEPTIONS, Refused: service.refuse},
    )


if __name__ == "__main__":
    process.run(lambda document: Backend(BackendSettings.from_document(document)), application)
