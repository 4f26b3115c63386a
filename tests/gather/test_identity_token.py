"""Identity tokens are at hand when they are wanted, go to their service alone, and are shown to nobody else."""

import asyncio
import contextlib
import time
from dataclasses import replace

import jwt
import pytest

from prober.gather.clock import SystemClock
from prober.gather.identity_token import LAST_SECONDS, PAUSE_SECONDS, RENEW_SECONDS, IdentityTokens
from prober.gather.metadata import HOST_VARIABLE
from prober.gather.runner import Errand, Gatherer
from prober.model.chain import Chain, Expectation, HttpStep, IdentityToken, Request, RouteIssuer, Trigger, WebSocketStep
from prober.model.errors import IdentityUnavailable
from prober.model.verdict import Reason, Verdict
from tests.gather.peers import LOCAL, USER, asgi_peer, keyring, raw_peer, service

AUDIENCE = "https://backend.staging.example"
WANTED = IdentityToken(audience=AUDIENCE)
HEADER = "x-serverless-authorization"
KEY = "k" * 32


def signed(ends_in=3600.0, audience=AUDIENCE, key=KEY):
    """A token of this form; whose key it is only the platform cares."""
    return jwt.encode({"aud": audience, "exp": int(time.time() + ends_in), "sub": "1"}, key, algorithm="HS256")


class Server:
    """A metadata server that tells what it is given, and counts who asks."""

    def __init__(self, *tokens):
        """Give these out one after the other, the last of them from then on."""
        self.tokens, self.asked, self.status, self.held = list(tokens), [], 200, asyncio.Event()
        self.held.set()

    async def __call__(self, reader, writer):
        """Answer one request, unless it is held."""
        asked = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(asked.decode())
        await self.held.wait()
        body = (self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]).encode()
        head = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()


class Wound(SystemClock):
    """A clock that a test winds on."""

    on = 0.0

    def seconds(self):
        """The stopwatch, wound on."""
        return super().seconds() + self.on


@contextlib.asynccontextmanager
async def supplied(server, keys, clock=None):
    """Tokens from this server, for these keys."""
    async with raw_peer(server) as port:
        tokens = IdentityTokens(keys, clock or SystemClock(), {HOST_VARIABLE: f"127.0.0.1:{port}"})
        try:
            yield tokens
        finally:
            await tokens.aclose()


async def test_it_is_asked_for_once_by_all_who_want_it():
    """Ten looks that begin together are one question, for this audience."""
    server, keys, token = Server(signed()), keyring(), signed()
    server.tokens = [token]
    async with supplied(server, keys) as tokens:
        await asyncio.gather(*(tokens.make_ready([WANTED, None]) for _ in range(10)))
        await tokens.make_ready([WANTED])

    assert token == keys.lent(WANTED).reveal()
    assert 1 == len(server.asked)
    assert "/identity?audience=https%3A%2F%2Fbackend.staging.example&format=full HTTP" in server.asked[0]


async def test_it_is_renewed_beside_the_looks():
    """Who looks while the next is fetched goes on with the one that is still good."""
    server, keys, clock = Server(first := signed(), second := signed(7200)), keyring(), Wound()
    async with supplied(server, keys, clock) as tokens:
        await tokens.make_ready([WANTED])
        clock.on = 3600 - RENEW_SECONDS + 1
        server.held.clear()
        await tokens.make_ready([WANTED])
        meanwhile = keys.lent(WANTED).reveal()
        server.held.set()
        clock.on = 3600 - LAST_SECONDS + 1
        await tokens.make_ready([WANTED])

        assert (first, second) == (meanwhile, keys.lent(WANTED).reveal())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("no token at all", "what is there is no signed JWT"),
        ("eyJhbGciOiJub25lIn0.e30.", "what is there is no signed JWT"),
        (signed(audience="https://other.example"), "the token there is for another audience"),
    ],
)
async def test_what_is_no_token_for_us_is_not_sent(said, why):
    """A platform would refuse it, and whoever reads that would look for the fault there; nothing of it is quoted."""
    keys = keyring()
    async with supplied(Server(said), keys) as tokens:
        await tokens.make_ready([WANTED])

    with pytest.raises(IdentityUnavailable) as missing:
        keys.lent(WANTED)
    assert f"identity token for {AUDIENCE} (metadata): {why}" == str(missing.value)


async def test_after_a_failure_nobody_waits_for_a_while():
    """A machine without a metadata server costs one wait, not one for each look; then it is tried again."""
    server, keys, clock = Server(token := signed()), keyring(), Wound()
    server.status = 500
    async with supplied(server, keys, clock) as tokens:
        await tokens.make_ready([WANTED])
        await tokens.make_ready([WANTED])
        asked = len(server.asked)
        server.status, clock.on = 200, PAUSE_SECONDS + 1
        await tokens.make_ready([WANTED])

    assert 1 == asked
    assert token == keys.lent(WANTED).reveal()


async def test_a_failed_renewal_leaves_the_one_that_is_good():
    """The server may be away for minutes before anybody has to know."""
    server, keys, clock = Server(token := signed()), keyring(), Wound()
    async with supplied(server, keys, clock) as tokens:
        await tokens.make_ready([WANTED])
        server.status, clock.on = 500, 3600 - LAST_SECONDS + 1
        await tokens.make_ready([WANTED])

    assert token == keys.lent(WANTED).reveal()


async def test_it_may_come_from_a_file(tmp_path):
    """As something else keeps one fresh there."""
    (tmp_path / "token").write_text(f"{signed()}\n")
    wanted, keys = replace(WANTED, source=f"file:{tmp_path}/token"), keyring()
    tokens = IdentityTokens(keys, SystemClock(), {})
    await tokens.make_ready([wanted])
    await tokens.aclose()

    assert (tmp_path / "token").read_text().strip() == keys.lent(wanted).reveal()


async def test_it_is_blotted_out_of_what_is_shown():
    """Its signature alone is enough to be found; the one before is as good for some minutes."""
    keys = keyring()
    old, new = signed(100), signed(200)
    server, clock = Server(old, new), Wound()
    async with supplied(server, keys, clock) as tokens:
        await tokens.make_ready([WANTED])
        clock.on = 80
        await tokens.make_ready([WANTED])
    signatures = [each.rpartition(".")[2] for each in (old, new)]

    assert "[identity token] [identity token]" == keys.redactor()(" ".join(signatures))


# ── in a run ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def step(port, wanted=WANTED, **more):
    """A look at a service behind a platform."""
    guarded = replace(service(port), identity_token=wanted)
    given = {"name": "messages", "service": guarded, "token": LOCAL, "expect": Expectation(), **more}
    return HttpStep(**given, request=Request(service=guarded, method="GET", path="/messages"))


async def gathered(errand_step, environ):
    """What one look comes to."""
    gatherer = Gatherer(keyring=keyring(), clock=SystemClock(), environ=environ)
    chain = Chain(name="login", steps=(errand_step,), deadline_seconds=10.0)
    try:
        run = await gatherer.run(Errand(run_id="run-1", chain=chain, trigger=Trigger.MANUAL))
    finally:
        await gatherer.aclose()
    return run.results[0]


async def test_each_request_shows_it_beside_the_services_own_token():
    """The platform reads one header, the service the other; what is shown of both are placeholders."""
    heard = []

    async def app(scope, _receive, send):
        heard.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async with asgi_peer(app) as port, raw_peer(Server(token := signed())) as metadata:
        result = await gathered(step(port), {HOST_VARIABLE: f"127.0.0.1:{metadata}"})

    shown = result.observation.sent.headers
    assert Verdict.PASS is result.verdict
    assert f"Bearer {token}" == heard[0][HEADER]
    assert heard[0]["authorization"].startswith("Bearer eyJ")
    assert f"Bearer {{identity:{AUDIENCE}}}" == shown["X-Serverless-Authorization"]
    assert token not in str(result)


async def test_without_one_nothing_is_sent_and_nobody_is_blamed():
    """A request that the platform must refuse would tell nothing of the service: the step is blind."""
    heard = []

    async def app(_scope, _receive, _send):
        heard.append(True)

    async with asgi_peer(app) as port, raw_peer(Server("none")) as metadata:
        result = await gathered(step(port), {HOST_VARIABLE: f"127.0.0.1:{metadata}"})

    assert (Verdict.BLIND, Reason.OWN_FAULT, []) == (result.verdict, result.reason, heard)
    assert result.detail.startswith(f"identity token for {AUDIENCE} (metadata): ")


@pytest.mark.parametrize("kind", ["websocket", "route"])
async def test_no_way_of_asking_forgets_it(kind):
    """Sockets and routes that mint stand behind the platform too."""
    heard = []

    async def handler(reader, writer):
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 403 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with raw_peer(handler) as port, raw_peer(Server(token := signed())) as metadata:
        guarded = replace(service(port), identity_token=WANTED)
        route = RouteIssuer(name="e2e", identity=USER, request=Request(service=guarded, method="POST", path="/mint"))
        looks = {
            "websocket": WebSocketStep(name="socket", service=guarded, path="/ws", token=LOCAL),
            "route": replace(step(port, wanted=None), token=route),
        }
        await gathered(looks[kind], {HOST_VARIABLE: f"127.0.0.1:{metadata}"})

    assert [f"{HEADER}: bearer {token}".lower() in each for each in heard] == [True]
