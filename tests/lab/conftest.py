"""A visitor of the lab: small calls that look at one thing each, so that a test reads as its truth."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import ssl
import threading
import time
from dataclasses import dataclass
from uuid import uuid4

import httpx
import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from prober.lab.world import World

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unused over http, and cheaper than one with certificates
SUBJECT = "staging-e2e-user-001"
PATIENCE_SECONDS = 1.0  # who says nothing for so long on a busy machine says nothing
EMAIL = f"{SUBJECT}@staging.example"


@dataclass(frozen=True)
class Heard:
    """What one WebSocket attempt brought: an HTTP refusal, or frames and how it ended."""

    status: int = 101
    body: bytes = b""
    frames: tuple[dict, ...] = ()
    close: int | None = None
    reason: str = ""
    subprotocol: str | None = None

    @property
    def kinds(self):
        """The types of the frames, in order."""
        return [frame["type"] for frame in self.frames]

    @property
    def user(self):
        """Whom the welcome named, if there was one."""
        welcomes = (frame for frame in self.frames if frame["type"] == "system_message")
        return next((frame["data"]["user_id"] for frame in welcomes), None)

    @property
    def words(self):
        """What the error frame said, if there was one."""
        return next((frame["error_message"] for frame in self.frames if frame["type"] == "error_message"), None)


class Visitor:
    """Someone who holds what the world hands to its prober, and looks."""

    def __init__(self, world, client):
        """Visit this world by this client."""
        self.world = world
        self.client = client

    @property
    def env(self):
        """What the prober would be given."""
        return self.world.environment

    def local_token(self, subject=SUBJECT, key=None, **claims):
        """A token signed by the visitor's own copy of the key."""
        now = int(time.time())
        healthy = {
            "sub": subject,
            "iat": now - 30,
            "exp": now + 600,
            "jti": uuid4().hex,
            "iss": "netra-auth-service",
            "aud": "netra-platform",
            "token_type": "access",
            "email": EMAIL,
            "permissions": ["read"],
        }
        kept = {name: value for name, value in (healthy | claims).items() if value is not None}
        return jwt.encode(kept, key or self.env["JWT_SECRET_STAGING"], "HS256")

    def forged(self):
        """The right claims under a key nobody has."""
        return self.local_token(key="f" * 48)

    def expired(self):
        """A token that ended a minute ago."""
        return self.local_token(exp=int(time.time()) - 60)

    async def auth(self, method, path, **more):
        """One call to the auth service."""
        return await self.client.request(method, self.env["AUTH_URL"] + path, **more)

    async def backend(self, method, path, token=None, **more):
        """One call to the backend."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return await self.client.request(method, self.env["BACKEND_URL"] + path, headers=headers, **more)

    async def mint(self, key=None):
        """One call of the bypass mint."""
        key = self.env["E2E_OAUTH_SIMULATION_KEY"] if key is None else key
        headers = {"x-e2e-bypass-key": key} if key else {}
        body = {"email": EMAIL, "user_id": SUBJECT}
        return await self.auth("POST", self.env["LAB_MINT_PATH"], headers=headers, json=body)

    async def minted(self):
        """A token of the auth service, or one that holds nowhere if it gives none."""
        answer = await self.mint()
        return answer.json()["access_token"] if answer.status_code == 200 else "none"

    async def validate(self, token, *, trusted=False, secret=None):
        """What auth says of a token, asked as a user or as a trusted service."""
        headers = {"x-service-id": self.env["SERVICE_ID"], "x-service-secret": secret or self.env["SERVICE_SECRET"]}
        body = {"token": token, "token_type": "access"}
        return await self.auth("POST", "/auth/validate", headers=headers if trusted else {}, json=body)

    async def messages(self, token=None):
        """The backend's read-only route."""
        return await self.backend("GET", "/api/chat/messages", token)

    async def messages_once(self, token):
        """The same route by a connection of its own."""
        headers = {"authorization": f"Bearer {token}", "connection": "close"}
        return await self.client.get(self.env["BACKEND_URL"] + "/api/chat/messages", headers=headers)

    async def prove(self, service, secret=None, nonce=None):
        """A service's keyed proof."""
        nonce = nonce or base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
        url = self.env["AUTH_URL" if service == "auth" else "BACKEND_URL"] + "/internal/secret-proof"
        headers = {"x-service-auth": secret or self.env["SERVICE_SECRET"]}
        body = {"nonce": nonce, "key_id": "jwt", "purpose": "prober-secret-match"}
        return nonce, await self.client.post(url, headers=headers, json=body)

    async def holds_key(self, service, key=None):
        """Whether the service proved to hold this key; nothing if it would not answer."""
        nonce, answer = await self.prove(service)
        if answer.status_code != 200:
            return None
        told = answer.json()
        said = "|".join(
            ("v1", "staging", service, "jwt", "prober-secret-match", nonce, told["nonce"], str(told["minute"]))
        )
        key = (key or self.env["JWT_SECRET_STAGING"]).encode()
        extracted = hmac.new(b"", key, hashlib.sha256).digest()
        derived = hmac.new(extracted, b"prober-secret-match\x01", hashlib.sha256).digest()
        mac = base64.urlsafe_b64encode(hmac.new(derived, said.encode(), hashlib.sha256).digest()).rstrip(b"=")
        return told["mac"] == mac.decode()

    async def hear(self, token=None, *, by="header", say="ping", path="/ws", headers=None, **more):
        """One WebSocket attempt: connect, listen, say something, listen until nothing more comes."""
        url = self.env["BACKEND_URL"].replace("http", "ws", 1) + path
        headers = dict(headers or {})
        if token and by == "header":
            headers["authorization"] = f"Bearer {token}"
        if token and by == "subprotocol":
            encoded = base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()
            more["subprotocols"] = ["jwt-auth", f"jwt.{encoded}"]
        if token and by == "query":
            url += f"?token={token}"
        try:
            async with connect(url, additional_headers=headers, proxy=None, **more) as socket:
                return await _listen(socket, say)
        except InvalidStatus as refused:
            return Heard(refused.response.status_code, bytes(refused.response.body or b""))


async def _listen(socket, say):
    frames = []
    try:
        while True:
            frames.append(json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS)))
            if frames[-1]["type"] == "system_message":
                await socket.send(json.dumps({"type": say}))
            if frames[-1]["type"] in {"pong", "agent_completed"}:
                break
    except TimeoutError:
        pass
    except ConnectionClosed as closed:
        close = closed.rcvd.code if closed.rcvd else 1006
        return Heard(frames=tuple(frames), close=close, reason=closed.rcvd.reason if closed.rcvd else "")
    return Heard(frames=tuple(frames), subprotocol=socket.subprotocol)


@pytest.fixture(scope="session")
def real_world():
    """One world in the real dialect for all tests, in a loop of its own thread; tests reach it by `real`."""
    yield from _run_apart(dialect="real")


@pytest.fixture(scope="session")
def reported_world():
    """One world in the dialect of the reports."""
    yield from _run_apart(dialect="reports")


def _run_apart(**how):
    """A world needs one loop from start to end; a session's tests have many. So it gets a loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(what):
        return asyncio.run_coroutine_threadsafe(what, loop).result(30)

    async def made():
        return World(**how)

    world = do(made())
    do(world.__aenter__())
    try:
        yield _Apart(world, do)
    finally:
        do(world.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Apart:
    """A world that lives in another loop."""

    def __init__(self, world, do):
        self._world = world
        self._do = do

    async def change(self, *names):
        """Change the world from any loop."""
        await asyncio.to_thread(self._do, self._world.change(*names))

    def __getattr__(self, name):
        return getattr(self._world, name)


@pytest.fixture
async def real(real_world):
    """A visitor of the healthy world in the real dialect; healed again afterwards."""
    async with httpx.AsyncClient(trust_env=False, verify=TLS, timeout=10) as client:
        yield Visitor(real_world, client)
    await real_world.change()


@pytest.fixture
async def reported(reported_world):
    """A visitor of the healthy world in the dialect of the reports; healed again afterwards."""
    async with httpx.AsyncClient(trust_env=False, verify=TLS, timeout=10) as client:
        yield Visitor(reported_world, client)
    await reported_world.change()


@pytest.fixture
async def visitor(request, real_world, reported_world):
    """A visitor of the world whose dialect the test names by `indirect`."""
    world = {"real": real_world, "reports": reported_world}[request.param]
    async with httpx.AsyncClient(trust_env=False, verify=TLS, timeout=10) as client:
        yield Visitor(world, client)
    await world.change()


@pytest.fixture
async def visit():
    """Become a visitor of a world of the test's own."""
    async with httpx.AsyncClient(trust_env=False, verify=TLS, timeout=10) as client:
        yield lambda world: Visitor(world, client)
