"""The two services of docs/adapt.md, as real servers: other paths, claims, header names and keys than the lab's.

`accounts` mints at /v2/test-login, is asked at /v2/introspect (RFC 7662) by clients that name themselves, and is up at
/livez. `orders` takes the token in X-Access-Token, asks accounts about each, and is up at /ping. `Faults` breaks them.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx
import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CLIENT = "orders"


@dataclass
class Faults:
    """What is wrong; nothing at first."""

    orders_has_no_credentials: bool = False
    orders_checks_nothing: bool = False
    accounts_forgot_the_test_login: bool = False


@dataclass
class Shop:
    """Both services, while they run."""

    faults: Faults = field(default_factory=Faults)
    key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    test_key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    urls: dict[str, str] = field(default_factory=dict)
    client: httpx.AsyncClient = field(init=False)  # by which orders asks accounts

    @property
    def environment(self) -> dict[str, str]:
        """What the page's probes.yaml wants set."""
        return {
            "ACCOUNTS_URL": self.urls["accounts"],
            "ORDERS_URL": self.urls["orders"],
            "SHOP_JWT_KEY": self.key,
            "SHOP_CLIENT_SECRET": self.client_secret,
            "SHOP_TEST_KEY": self.test_key,
        }

    # ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_login(self, request: Request) -> Response:
        """A token for a test user, for who brings the test key."""
        if self.faults.accounts_forgot_the_test_login:
            return JSONResponse({"error": "not_found"}, 404)
        if not secrets.compare_digest(request.headers.get("x-test-key", ""), self.test_key):
            return JSONResponse({"error": "forbidden"}, 403)
        now = int(time.time())
        claims = {"iss": "accounts", "aud": "shop", "sub": (await request.json())["login"], "scope": "orders:read"}
        token = jwt.encode({**claims, "iat": now, "exp": now + 300}, self.key, "HS512")
        return JSONResponse({"data": {"jwt": token}})

    async def introspect(self, request: Request) -> Response:
        """Whether a token is good; told to clients that name themselves."""
        who, secret = request.headers.get("x-client-id"), request.headers.get("x-client-secret", "")
        if who != CLIENT or not secrets.compare_digest(secret, self.client_secret):
            return JSONResponse({"error": "invalid_client"}, 401)
        token = parse_qs((await request.body()).decode()).get("token", [""])[0]
        try:
            claims = jwt.decode(token, self.key, ["HS512"], audience="shop", issuer="accounts")
        except jwt.PyJWTError:
            return JSONResponse({"active": False})
        return JSONResponse({"active": True, "sub": claims["sub"]})

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def list_orders(self, request: Request) -> Response:
        """The bearer's orders, once accounts says that the token is good."""
        if self.faults.orders_checks_nothing:
            return JSONResponse({"orders": []})
        credentials = {"X-Client-Id": CLIENT, "X-Client-Secret": self.client_secret}
        token = request.headers.get("x-access-token", "")
        told = await self.client.post(
            f"{self.urls['accounts']}/v2/introspect",
            data={"token": token},
            headers={} if self.faults.orders_has_no_credentials else credentials,
        )
        if told.status_code != 200:
            return JSONResponse({"error": "inter_service_auth_failed"}, 401)
        return JSONResponse({"orders": []}) if told.json()["active"] else JSONResponse({"error": "invalid_token"}, 401)

    async def is_up(self, _request: Request) -> Response:
        """Both are, as long as they run."""
        return JSONResponse({"ok": True})


@asynccontextmanager
async def running() -> AsyncIterator[Shop]:
    """Both on free ports of this machine."""
    shop = Shop()
    accounts = [
        Route("/livez", shop.is_up),
        Route("/v2/test-login", shop.test_login, methods=["POST"]),
        Route("/v2/introspect", shop.introspect, methods=["POST"]),
    ]
    orders = [Route("/ping", shop.is_up), Route("/v1/orders", shop.list_orders)]
    async with (
        httpx.AsyncClient(trust_env=False) as shop.client,
        _served(accounts) as accounts_url,
        _served(orders) as orders_url,
    ):
        shop.urls.update(accounts=accounts_url, orders=orders_url)
        yield shop


@asynccontextmanager
async def _served(routes: list[Route]) -> AsyncIterator[str]:
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off", date_header=False)
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    task = asyncio.create_task(server.serve(sockets=[socket]))
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
