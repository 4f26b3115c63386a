"""One look: the probe for the step, its deadline, and every failure turned into Trouble."""

import asyncio
import socket
import threading

import pytest

from prober.gather.look import PROBES, look
from prober.model.chain import HttpStep, LocalIssuer, MintStep, Request, Role, Service, Step, TcpStep
from prober.model.observation import HttpSeen, TcpSeen, TokenSeen
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from tests.gather.peers import LOCAL, NOON, USER, StillClock, answers, kit, raw_peer, request, service

BODILESS = answers(200, b"{}")


def step(port, **more):
    """A request to a peer on this machine."""
    return HttpStep(**{"name": "messages", "service": service(port), "request": request(port, method="GET"), **more})


def kinds(parent=Step):
    """Every kind of step there is; dataclasses with slots are made twice, so by name."""
    return {kind.__name__ for sub in parent.__subclasses__() for kind in (sub, *sub.__subclasses__())}


async def silence(_reader, _writer):
    """Accept and never answer."""
    await asyncio.Event().wait()


def test_every_kind_of_step_has_its_probe():
    """A step that can be configured has its line in the table."""
    assert kinds() == {kind.__name__ for kind in PROBES}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (step, HttpSeen),
        (lambda port: TcpStep(name="tcp", service=service(port)), TcpSeen),
        (lambda port: MintStep(name="mint", service=service(port), token=LOCAL), TokenSeen),
    ],
    ids=["http", "tcp", "mint"],
)
async def test_the_step_chooses_the_probe(make, expected):
    """By its kind alone."""
    async with raw_peer(BODILESS) as port, kit() as tools:
        observation = await look(make(port), tools)

    assert expected is type(observation.seen)


async def test_a_look_is_dated_and_timed():
    """When it began by the wall clock, how long it and its phases took by the stopwatch."""
    async with raw_peer(BODILESS) as port, kit(StillClock()) as tools:
        observation = await look(step(port), tools)

    assert (NOON, 0.0) == (observation.began, observation.duration_seconds)
    assert {Phase.CONNECT, Phase.FIRST_BYTE} <= observation.phases.keys()


async def test_the_tokens_shape_is_kept():
    """What was sent can be shown by its shape; the token itself is nowhere in the observation."""
    sent = []
    async with raw_peer(answers(200, b"{}", seen=sent)) as port, kit() as tools:
        observation = await look(step(port, token=LOCAL), tools)

    token = sent[0].partition(b"Bearer ")[2].partition(b"\r\n")[0].decode()
    assert (len(token), 2) == (observation.token.length, observation.token.dots)
    assert token not in repr(observation)


async def test_the_deadline_ends_a_look():
    """And it says in which phase; whoever does not answer is the one to blame."""
    async with raw_peer(silence) as port, kit() as tools:
        observation = await look(step(port, deadline_seconds=0.3), tools)

    detail = "no end within 0.3 s, in phase first_byte"
    assert Trouble(TroubleKind.TIMEOUT, Whose.TARGET, detail, Phase.FIRST_BYTE) == observation.seen
    assert 0.3 <= observation.duration_seconds < 1.5
    assert observation.phases[Phase.FIRST_BYTE] > 0.02


async def test_a_missing_secret_is_our_own_fault():
    """The target was never asked."""
    async with kit() as tools:
        issuer = LocalIssuer(name="local", identity=USER, secret="nowhere")
        observation = await look(step(9, token=issuer), tools)

    assert (TroubleKind.OWN_SECRET, Whose.PROBER) == (observation.seen.kind, observation.seen.whose)
    assert "nowhere" in observation.seen.detail


async def test_a_bug_of_ours_is_our_own_fault():
    """It is not booked on the target, does not stop the other steps, and tells no value that could be secret."""
    async with kit() as tools:
        issuer = LocalIssuer(name="local", identity=USER, secret="jwt", claims={"bad": {1, 2}})  # a set is no JSON
        observation = await look(step(9, token=issuer), tools)

    assert Trouble(TroubleKind.OWN_FAULT, Whose.PROBER, "TypeError in the http probe") == observation.seen


async def test_a_cancelled_look_ends():
    """Only cancellation from outside goes through: the chain's deadline must not be taken for an answer."""
    async with raw_peer(silence) as port, kit() as tools:
        task = asyncio.create_task(look(step(port), tools))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])

    assert task.cancelled()


async def test_a_resolver_of_ours_that_is_slow_is_our_own_fault(monkeypatch):
    """Until its name is looked up the target has not been asked, so it cannot have been late."""
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(20))
    slow = Service(name="backend", role=Role.BACKEND, url="http://slow.test", websocket_url="ws://slow.test")
    asked = Request(service=slow, method="GET", path="/")
    try:
        async with kit() as tools:
            observation = await look(HttpStep(name="h", service=slow, request=asked, deadline_seconds=0.1), tools)
    finally:
        release.set()

    expected = Trouble(TroubleKind.DNS, Whose.PROBER, "our resolver had no answer within 0.1 s", Phase.RESOLVE)
    assert expected == observation.seen
