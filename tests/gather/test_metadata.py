"""The metadata server is asked as it wants to be, within bounds, and nothing else gets near its address."""

import asyncio

import pytest

from prober.gather import metadata
from prober.gather.clock import SystemClock
from prober.gather.metadata import ADDRESS, HOST_VARIABLE, MetadataServer
from prober.gather.secret_source import Unusable
from prober.model.reach import NOT_BEYOND
from tests.gather.peers import answers, raw_peer

PATH = "instance/service-accounts/default/email"


async def asked(where, path=PATH):
    """What a metadata server at `where` is asked for."""
    server = MetadataServer(str, SystemClock(), {HOST_VARIABLE: where} if where else {})
    try:
        return await server.ask(path)
    finally:
        await server.aclose()


async def test_it_is_asked_with_the_header_it_wants():
    """Without `Metadata-Flavor` it refuses; white space around what it says is no part of it."""
    seen = []
    async with raw_peer(answers(200, b"prober@staging.example\n", seen=seen)) as port:
        text = await asked(f"127.0.0.1:{port}")

    assert "prober@staging.example" == text
    assert seen[0].startswith(b"GET /computeMetadata/v1/instance/service-accounts/default/email HTTP/1.1\r\n")
    assert b"\r\nMetadata-Flavor: Google\r\n" in seen[0]


@pytest.mark.parametrize("status", [302, 403, 404, 500])
async def test_any_other_answer_is_said_without_its_words(status):
    """What it says may quote a credential; a redirect is followed nowhere."""
    async with raw_peer(answers(status, b"secret words", "Location: http://elsewhere.example/")) as port:
        with pytest.raises(Unusable) as refused:
            await asked(f"127.0.0.1:{port}")

    assert f"the metadata server answered HTTP {status}" == str(refused.value)


async def test_where_nobody_listens_that_is_said():
    """A machine outside of the cloud has no such server."""
    async with raw_peer(answers(200)) as port:
        pass
    with pytest.raises(Unusable, match=r"cannot be asked: .*127\.0\.0\.1"):
        await asked(f"127.0.0.1:{port}")


async def test_a_silent_server_is_not_waited_for(monkeypatch):
    """Where the packets are lost nothing answers, ever."""
    monkeypatch.setattr(metadata, "DEADLINE_SECONDS", 0.05)

    async def silent(_reader, _writer):
        await asyncio.Event().wait()

    async with raw_peer(silent) as port:
        with pytest.raises(Unusable, match=r"had no answer within 0\.05 s"):
            await asked(f"127.0.0.1:{port}")


async def test_an_endless_answer_is_not_read():
    """A credential is short."""
    async with raw_peer(answers(200, b"x" * 20_000)) as port:
        with pytest.raises(Unusable, match="longer than 16 KiB"):
            await asked(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("where", "host", "address", "is_within"),
    [
        (ADDRESS, ADDRESS, ADDRESS, True),
        ("metadata.google.internal", "metadata.google.internal", ADDRESS, True),
        (ADDRESS, "169.254.170.2", "169.254.170.2", False),
        ("metadata.google.internal", "metadata.google.internal", "169.254.170.2", False),
        ("10.0.0.7:8080", "10.0.0.7", "10.0.0.7", True),
        ("10.0.0.7:8080", ADDRESS, ADDRESS, False),
    ],
)
def test_its_wire_leads_to_it_and_to_no_other_such_address(where, host, address, is_within):
    """One address is let through, for one wire; a name that leads elsewhere into link-local is not."""
    assert is_within is (metadata._reach(where).why_not(host, address) == "")


def test_what_looks_at_targets_may_not_go_there():
    """The leave is this wire's alone."""
    assert "an address where clouds keep secrets" == NOT_BEYOND.why_not("metadata.google.internal", ADDRESS)
