"""Tests of prober/gather/remote.py; the other prober plays a script."""

import contextlib
import json
import time

import jwt
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from prober.gather import remote
from prober.gather.metadata import HOST_VARIABLE
from prober.gather.remote import Server, asking, is_safe
from prober.model.chain import IdentityToken
from prober.model.errors import AskedInVain, AskedWrongly, IdentityUnavailable, NothingMatched, NotSwitched, PausedThere
from prober.model.secret import Secret
from tests.gather.peers import asgi_peer, raw_peer

DONE = {"state": "done", **dict.fromkeys(remote._WHOLE, "x"), "id": "g1"}
RUNNING = {"id": "g1", "state": "running", "progress": {"judged": 3, "failures": 1}}
TOKEN = "a-token-of-this-test"


class Script:
    """Answers one after the other; the last for ever."""

    def __init__(self, *answers):
        """Each (status, body) or (status, body, headers)."""
        self.answers, self.asked = list(answers), []
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST", "DELETE"])])

    async def _answer(self, request):
        self.asked.append((request.method, request.url.path, dict(request.headers), await request.body()))
        status, body, *headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        text = body if isinstance(body, str) else json.dumps(body)
        return Response(text, status, headers=headers[0] if headers else None, media_type="application/json")

    @property
    def calls(self):
        """Method and path of each request."""
        return [(method, path) for method, path, _, _ in self.asked]


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(remote, "_BETWEEN_LOOKS_SECONDS", 0.01)
    monkeypatch.setattr(remote, "_PATIENCE_SECONDS", 0.05)


@contextlib.asynccontextmanager
async def at(port, within_seconds=10.0, **more):
    """Asks the prober that listens there."""
    url, token = f"http://127.0.0.1:{port}", Secret("t", TOKEN)
    server = Server(url=url, token=token, within_seconds=within_seconds, **more)
    async with asking(server) as there:
        yield there


async def gate(script, told=lambda _gate: None, **more):
    """A gate of `validation`, asked of who plays `script`."""
    async with asgi_peer(script.app) as port, at(port, **more) as there:
        return await there.gate("validation", {"revision": "b2", "rounds": 120}, told)


async def test_a_gate_is_asked_for_and_followed_to_its_end():
    """Once, by a token, with a key of its own; its progress is told."""
    seen, script = [], Script((202, {"id": "g1", "state": "waiting"}), (202, RUNNING), (200, RUNNING), (200, DONE))
    found = await gate(script, seen.append)
    method, path, headers, body = script.asked[0]

    assert found == DONE
    assert (method, path) == ("POST", "/api/v1/gates")
    assert script.calls[1:] == [("GET", "/api/v1/gates/g1")] * 3
    assert json.loads(body) == {"chain": "validation", "revision": "b2", "rounds": 120}
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert len(headers["idempotency-key"]) == 32
    assert [each["state"] for each in seen] == ["waiting", "running", "running"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_what_waiting_may_mend_is_asked_again(status):
    """By the same key, so that it is one gate; `Retry-After` is heeded however often it comes."""
    busy = (status, {"detail": "busy"}, {"Retry-After": "0"})
    script = Script(busy, busy, (202, RUNNING), busy, (200, DONE))

    assert await gate(script) == DONE
    assert len({headers.get("idempotency-key") for method, _, headers, _ in script.asked if method == "POST"}) == 1
    assert script.calls.count(("POST", "/api/v1/gates")) == 3


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(500, {"detail": "broken"})], "500 Internal Server Error: broken"),
        ([(202, {**RUNNING, "state": "aborted", "why": "died_mid_run"})], "the gate was aborted: died_mid_run"),
        ([(200, "<html>")], "what it answered is no gate as this release knows it"),
        ([(200, {"state": "done"})], "what it answered is no gate as this release knows it"),
        ([(202, {"state": "running"})], "what it answered is no gate as this release knows it"),
        ([(302, "")], "what it answered is no gate as this release knows it"),
        ([(202, RUNNING), (404, {"detail": "no gate\x1b[31m"})], "404 Not Found: no gate�[31m"),
    ],
)
async def test_no_verdict_is_no_verdict(answers, said):
    """Whatever else came; and what a server says cannot steer the terminal."""
    with pytest.raises(AskedInVain) as caught:
        await gate(Script(*answers))

    assert caught.value.exit_code == 3
    assert str(caught.value).endswith(f" gave no verdict: {said}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_was_asked_wrongly_is_usage(status):
    """Exit code 2, and what the server says of it; asking again would not help."""
    script = Script((status, {"detail": "this and that"}))
    with pytest.raises(AskedWrongly, match="this and that") as caught:
        await gate(script)

    assert caught.value.exit_code == 2
    assert script.calls.count(("POST", "/api/v1/gates")) == 1


@pytest.mark.parametrize(
    "answers",
    [
        [(409, {"detail": "chain 'validation' is not looked at: auth is paused"})],
        [(202, RUNNING), (200, {**RUNNING, "state": "aborted", "why": "paused"})],
    ],
)
async def test_what_is_paused_there_is_not_enough_evidence(answers):
    """Exit code 4, before it began and while it went on: neither a go nor a no."""
    with pytest.raises(PausedThere, match="paused") as caught:
        await gate(Script(*answers))

    assert caught.value.exit_code == 4


async def test_a_switch_is_pulled_and_lifted_elsewhere():
    """Asked once each; what is said comes back."""
    script = Script((200, {"service": "auth"}), (200, {"lifted": None}), (200, {"pauses": []}))
    async with asgi_peer(script.app) as port, at(port) as there:
        told = [await there.pause("auth", "why", 60.0), await there.resume("*"), await there.pauses()]

    assert [{"service": "auth"}, {"lifted": None}, {"pauses": []}] == told
    assert [("POST", "/api/v1/pauses"), ("DELETE", "/api/v1/pauses/*"), ("GET", "/api/v1/pauses")] == script.calls


@pytest.mark.parametrize(("status", "code"), [(403, 2), (404, 2), (500, 3), (503, 3), (302, 3)])
async def test_who_does_not_say_that_it_is_done_has_not_said_so(status, code):
    """Whoever pulls a switch hears at once that it may not have worked, and why."""
    script = Script((status, {"detail": "this and that"}))
    with pytest.raises(NotSwitched, match="has not said that it is done") as caught:
        async with asgi_peer(script.app) as port, at(port) as there:
            await there.pause("auth", "why", None)

    assert caught.value.exit_code == code
    assert 1 == len(script.calls)


async def test_a_chain_that_is_not_there_matches_nothing():
    """And what is there is told."""
    script = Script((404, {"detail": "no"}), (200, {"chains": [{"name": "validate"}]}))
    with pytest.raises(NothingMatched, match="did you mean validate"):
        await gate(script)


async def test_nobody_there_is_our_own_fault():
    """Exit code 3; it says nothing about the target."""
    async with at(1) as there:
        with pytest.raises(AskedInVain, match=r"127\.0\.0\.1:1 gave no verdict: .*refused") as caught:
            await there.gate("validation", {}, print)

    assert caught.value.exit_code == 3


async def test_a_server_that_goes_silent_does_not_hold_us(monkeypatch):
    """Each answer has a deadline, and so has the whole."""
    monkeypatch.setattr(remote, "_EACH_SECONDS", 0.1)

    async def silent(reader, _writer):
        await reader.read()

    async with raw_peer(silent) as port, at(port) as there:
        with pytest.raises(AskedInVain, match="no answer within 0 seconds"):
            await there.gate("validation", {}, print)


async def test_a_gate_that_never_ends_is_left():
    """After the time that was given."""
    with pytest.raises(AskedInVain, match="none within 0 seconds"):
        await gate(Script((202, RUNNING)), within_seconds=0.3)


async def test_an_endless_answer_is_not_read(monkeypatch):
    """As far as is needed, and no further."""
    monkeypatch.setattr(remote, "_MOST_BYTES", 1024)
    with pytest.raises(AskedInVain, match="longer than 1 KiB"):
        await gate(Script((200, {"x": "y" * 10_000})))


@pytest.mark.parametrize(
    ("url", "allow_http", "safe"),
    [
        ("https://prober.example", False, True),
        ("http://prober.example", False, False),
        ("http://prober.example", True, True),
        ("http://127.0.0.1:9464", False, True),
        ("http://[::1]:9464", False, True),
        ("http://localhost:9464", False, True),
        ("http://localhost.evil.example", False, False),
        ("http://127.0.0.1.evil.example", False, False),
        ("https://a:b@prober.example", False, False),
        ("ftp://prober.example", True, False),
        ("https://", False, False),
        ("https://prober.example:x", False, False),
        ("prober.example", True, False),
    ],
)
def test_a_token_goes_nowhere_unencrypted(url, allow_http, safe):
    """But to this machine, or where somebody gave leave."""
    assert is_safe(url, allow_http=allow_http) is safe


# ── behind a platform that lets in only whom it knows ────────────────────────────────────────────────────────────────

WANTED = IdentityToken(audience="https://prober.staging.example")


class Machine:
    """A metadata server that gives one identity token, and notes what it was asked."""

    def __init__(self, status=200):
        """It answers with this status."""
        self.status, self.asked = status, []
        self.token = jwt.encode({"aud": WANTED.audience, "exp": int(time.time()) + 3600}, "k" * 32)

    async def __call__(self, reader, writer):
        """Answer one request."""
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.token)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + self.token.encode())
        await writer.drain()


@contextlib.asynccontextmanager
async def identified(machine):
    """How a server is asked that stands behind such a platform."""
    async with raw_peer(machine) as port:
        yield {"identity": WANTED, "environ": {HOST_VARIABLE: f"127.0.0.1:{port}"}}


async def test_the_platform_before_a_prober_is_shown_who_we_are():
    """With each request, by one token of this machine; the prober behind it is shown its own, as always."""
    machine, script = Machine(), Script((202, RUNNING), (200, RUNNING), (200, DONE))
    async with identified(machine) as more:
        await gate(script, **more)

    shown = {(headers["x-serverless-authorization"], headers["authorization"]) for _, _, headers, _ in script.asked}
    assert {(f"Bearer {machine.token}", f"Bearer {TOKEN}")} == shown
    assert 1 == len(machine.asked)
    assert "/identity?audience=https%3A%2F%2Fprober.staging.example&" in machine.asked[0]


async def test_without_an_identity_token_nobody_is_asked():
    """At once, and it says why; it would be refused."""
    machine, script = Machine(status=404), Script((200, DONE))
    async with identified(machine) as more:
        with pytest.raises(IdentityUnavailable, match="HTTP 404"):
            await gate(script, **more)

    assert [] == script.asked


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html>Your client does not have permission to get URL", "--identity-from metadata"),
        ('{"detail": "a scope is missing"}', "a scope is missing"),
    ],
)
async def test_a_refusal_is_of_the_platform_or_of_the_prober_behind_it(body, said):
    """The front end passes on under its own name what the prober says; its own page says what would do."""

    async def frontend(reader, writer):
        """Refuse one request."""
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 403 Forbidden\r\nServer: Google Frontend\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(f"{head}{body}".encode())
        await writer.drain()

    async with raw_peer(frontend) as port, at(port) as there:
        with pytest.raises(AskedWrongly, match=said):
            await there.gate("validation", {}, lambda _gate: None)
