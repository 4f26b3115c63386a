"""The backend's socket: who is let in, in which of the two styles refused, and what is said inside."""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from prober.lab.holes import lets_in
from prober.lab.service import Service, bearer
from prober.lab.settings import BackendSettings
from prober.lab.verification import Verdict

AUTH_PROTOCOL = "jwt-auth"
TOKEN_PROTOCOL = "jwt."
STYLES = {"real": "post_accept", "reports": "handshake"}

REFUSAL_SECONDS = 0.1
WELCOME_SECONDS = 0.03
EVENT_SECONDS = 0.01
PREVIEW_CHARACTERS = 20

POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011

AGENT_EVENTS = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")

Decide = Callable[[str | None], Awaitable[Verdict]]


class Crash(Exception):
    """The handler fell over, as a fault makes it do."""


class Conversation:
    """One WebSocket connection from handshake to end."""

    def __init__(self, socket: WebSocket, backend: Service[BackendSettings], decide: Decide) -> None:
        """Serve this socket for this backend; `decide` tells who a token lets in."""
        self._socket = socket
        self._backend = backend
        self._settings = backend.settings
        self._decide = decide
        self._token = token_of(socket)

    async def hold(self) -> None:
        """Let in or refuse, then talk until the other side goes."""
        self._crash_if("before_auth")
        if self._not_negotiable():
            await self._socket.close(POLICY_VIOLATION)
        elif (self._settings.ws_style or STYLES[self._settings.dialect]) == "handshake":
            await self._decide_then_accept()
        else:
            await self._accept_then_decide()

    def _crash_if(self, place: str) -> None:
        if self._settings.ws_crash == place:
            raise Crash(place)

    def _not_negotiable(self) -> bool:
        """Whether what the client asks for beside authentication cannot be had."""
        origin = self._settings.ws_refuses_origins and "origin" in self._socket.headers
        return origin or (bool(self._offered()) and not self._settings.ws_negotiates_subprotocols)

    def _offered(self) -> list[str]:
        offered: list[str] = self._socket.scope["subprotocols"]
        return offered

    async def _decide_then_accept(self) -> None:
        verdict = await self._identify()
        if verdict.subject is None:
            await self._socket.close(POLICY_VIOLATION)
        else:
            self._crash_if("after_auth")
            await self._accept()
            await self._talk(verdict.subject)

    async def _accept_then_decide(self) -> None:
        await self._accept()
        verdict = await self._identify()
        if verdict.subject is None:
            await self._refuse(verdict.word)
        else:
            await self._talk(verdict.subject)

    async def _accept(self) -> None:
        await self._socket.accept(AUTH_PROTOCOL if AUTH_PROTOCOL in self._offered() else None)
        self._crash_if("after_accept")

    async def _identify(self) -> Verdict:
        verdict = await self._decide(self._token)
        if self._is_open() and self._settings.ws_identity:
            return Verdict(f"{self._settings.ws_identity}-{uuid4().hex[:8]}")
        return Verdict("anonymous") if verdict.subject is None and self._is_open() else verdict

    def _is_open(self) -> bool:
        """Whether the door stands open; a header's mere name can open it in some versions."""
        by_name = any("test" in name or "e2e" in name for name in self._socket.headers)
        by_hole = lets_in(self._socket.headers, self._settings.holes)
        return by_hole or self._settings.accept_without_token or (self._settings.honour_bypass_header and by_name)

    async def _refuse(self, word: str) -> None:
        """Style (b): say why, then close a moment later."""
        await self._socket.send_json(self._complaint(word))
        await asyncio.sleep(REFUSAL_SECONDS)
        await self._socket.close(POLICY_VIOLATION, "Authentication failed")

    def _complaint(self, word: str) -> dict[str, Any]:
        code, text = ("VALIDATION_FAILED", word) if self._token else ("NO_TOKEN", "No JWT token found in headers")
        return self._frame(
            "error_message",
            error_code=code,
            error_message=text,
            details={
                "reason": word,
                "token": _shape(self._token),
                # The real service echoes these; whoever reads the frame must not keep them.
                "authorization": self._socket.headers.get("authorization", "")[:PREVIEW_CHARACTERS],
                "subprotocols": self._offered(),
            },
        )

    async def _talk(self, subject: str) -> None:
        if not await self._stands_firm():
            return
        if not self._settings.ws_silent:
            await self._welcome(subject)
        pings = asyncio.create_task(self._ping())
        try:
            await self._answer(subject)
        finally:
            pings.cancel()

    async def _stands_firm(self) -> bool:
        """Whether what the conversation needs is there; if not, say so with a close."""
        lacking = {
            "Services not ready": self._backend.is_starting() or not self._settings.ws_ready,
            "Database connection failed": not self._settings.dependency_up,
        }
        reason = next((reason for reason, lacks in lacking.items() if lacks), None)
        if reason:
            await self._socket.close(INTERNAL_ERROR, reason)
        return reason is None

    async def _welcome(self, subject: str) -> None:
        await self._socket.send_json(self._frame("handshake_validation", data={"status": "validated"}))
        await asyncio.sleep(WELCOME_SECONDS)
        await self._socket.send_json(
            self._frame(
                "system_message",
                data={
                    "event": "connection_established",
                    "connection_id": f"ws_{uuid4().hex[:12]}",
                    "user_id": subject,
                    "connection_ready": True,
                },
            )
        )

    async def _ping(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while not self._settings.ws_silent:
                await self._socket.send_json(self._frame("ping"))
                await asyncio.sleep(self._settings.ws_ping_seconds)

    async def _answer(self, subject: str) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                message = _document(await self._socket.receive_text())
                if self._settings.ws_routes_messages and not self._settings.ws_silent:
                    await self._route(str(message.get("type")), subject)

    async def _route(self, kind: str, subject: str) -> None:
        routes = {"ping": self._pong, "pong": self._nothing} | dict.fromkeys(
            ("user_message", "chat", "chat_message", "start_agent"), self._run_agent
        )
        await routes.get(kind, self._unknown)(subject)

    async def _pong(self, subject: str) -> None:
        await self._socket.send_json(
            self._frame("pong", data={"timestamp": self._backend.moment(), "user_id": subject})
        )

    async def _nothing(self, _: str) -> None:
        """The answer to an answer."""

    async def _unknown(self, _: str) -> None:
        await self._socket.send_json(
            self._frame("error_message", error_code="UNKNOWN_MESSAGE_TYPE", error_message="Unknown message type")
        )

    async def _run_agent(self, subject: str) -> None:
        for event in AGENT_EVENTS:
            await self._socket.send_json(self._frame(event, data={"user_id": subject}))
            await asyncio.sleep(EVENT_SECONDS)

    def _frame(self, kind: str, **more: object) -> dict[str, Any]:
        return {"type": kind, **more, "timestamp": self._backend.moment()}


def token_of(socket: WebSocket) -> str | None:
    """The token of an upgrade: from the header, else from a subprotocol, else from the query."""
    offered = (_decoded(name) for name in socket.scope["subprotocols"] if name.startswith(TOKEN_PROTOCOL))
    query = socket.query_params.get("token")
    return bearer(socket.headers.get("authorization")) or next(offered, None) or query or None


def _decoded(protocol: str) -> str:
    text = protocol.removeprefix(TOKEN_PROTOCOL)
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return text


def _shape(token: str | None) -> dict[str, int] | None:
    return {"length": len(token), "dots": token.count(".")} if token else None


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
