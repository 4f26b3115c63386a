import asyncio

import pytest
import structlog

from prober.publish.web import shell
from prober.publish.web.shell import LARGEST_BODY

RUNS = "/api/v1/chains/validation/runs"


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/api/v1/status", "/static/page.css", "/nothing"])
async def test_every_answer_has_the_safe_headers(client, path):
    """Not stored, not sniffed, and nothing loaded from elsewhere, errors included."""
    answer = await client.get(path)

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; img-src 'self'")
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/api/v1/chains", "/openapi.json", "/nothing"])
async def test_head_is_get_without_the_body(client, path):
    """The same status and length, no content."""
    got, headed = await client.get(path), await client.head(path)

    assert (headed.status_code, headed.content) == (got.status_code, b"")
    assert headed.headers["content-length"] == got.headers["content-length"]


async def test_head_does_not_start_a_run(client, world, bearer):
    """A HEAD of a POST route is refused like a GET."""
    answer = await client.head(RUNS, headers=bearer)

    assert (answer.status_code, world.operator.started) == (405, [])


@pytest.mark.parametrize("path", [RUNS, "/-/reload", "/nothing"])
async def test_a_large_body_is_refused_unread(client, bearer, path):
    """By its announced length."""
    answer = await client.post(path, headers=bearer, content=b"x" * (LARGEST_BODY + 1))

    assert answer.status_code == 413


async def test_a_large_body_of_unknown_length_is_refused_too(client, bearer):
    """Chunked, it is cut off when it has become too long."""

    async def chunks():
        """Twenty kilobytes, bit by bit."""
        for _ in range(20):
            yield b"x" * 1024

    answer = await client.post(RUNS, headers=bearer, content=chunks())

    assert answer.status_code == 413


async def test_only_so_many_are_answered_at_once(client, world, monkeypatch):
    """The next is told to come again, with the safe headers; whoever watches us is answered all the same."""
    monkeypatch.setattr(shell, "MOST_AT_ONCE", 2)
    world.operator.may_answer.clear()
    waiting = [asyncio.create_task(client.get("/probe?chain=validation")) for _ in range(2)]
    while len(world.operator.probes) < 2:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
    answers = [await client.get(path) for path in ("/", "/metrics", "/-/healthy", "/-/ready")]
    world.operator.may_answer.set()
    await asyncio.gather(*waiting)

    assert [503, 503, 200, 200] == [answer.status_code for answer in answers]
    assert ("1", "no-store") == tuple(answers[0].headers[name] for name in ("retry-after", "cache-control"))
    assert 200 == (await client.get("/")).status_code


async def test_a_bug_of_ours_is_a_500_without_our_insides(client, world, monkeypatch):
    """The caller gets one sentence, the log the traceback, the board a count; and the server goes on."""

    def broken():
        """Fail with a secret in hand."""
        msg = "the secret is hunter2"
        raise RuntimeError(msg)

    monkeypatch.setattr(world.board, "now", broken)
    with structlog.testing.capture_logs() as logs:
        answer = await client.get("/")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert [(line["event"], line["path"]) for line in logs] == [("web.request_failed", "/")]
    assert world.board.internal_errors.counts["web",] == 1
    assert (await client.get("/-/healthy")).status_code == 200
