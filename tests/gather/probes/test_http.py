import pytest
from dirty_equals import IsStr

from prober.gather.look import look
from prober.model.chain import HttpStep, LocalIssuer, Request
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from tests.gather.peers import LOCAL, USER, kit
from tests.gather.scripted import OK, Peer, answers, hangs_up, http, peer, silent


def step(here: Peer, **more) -> HttpStep:
    """A step that asks `here` with a local token."""
    request = Request(service=here.service(), method="GET", path="/api/chat/messages")
    return HttpStep(**{"name": "messages", "service": here.service(), "request": request, "token": LOCAL} | more)


async def test_a_refusal_is_seen_with_the_token_that_was_refused():
    """A 401 is a fact about the target, and the shape of what it refused stands beside it."""
    refusal = http(b'{"error_code":"AUTH_FAILED"}', "Content-Type: application/json", status="401 Unauthorized")
    async with peer(answers(refusal)) as here, kit() as tools:
        observation = await look(step(here), tools)

    assert (401, {"error_code": "AUTH_FAILED"}) == (observation.seen.status, observation.seen.json)
    assert "local" == observation.token.issuer


async def test_phases_are_told():
    """Where the time went is part of what was seen."""
    async with peer(answers(OK)) as here, kit() as tools:
        observation = await look(step(here), tools)

    assert {Phase.CONNECT, Phase.REQUEST, Phase.FIRST_BYTE, Phase.TRANSFER} == set(observation.phases)
    assert 0 < sum(observation.phases.values()) <= observation.duration_seconds


@pytest.mark.parametrize(
    ("script", "phase"),
    [(silent, Phase.FIRST_BYTE), (answers(OK[:-1], then=silent), Phase.TRANSFER)],
    ids=["silence", "half an answer"],
)
async def test_the_deadline_of_the_step_is_kept(script, phase):
    """Whatever a target does, a look ends in time, and tells how far it came."""
    async with peer(script) as here, kit() as tools:
        observation = await look(step(here, deadline_seconds=0.2), tools)

    assert Trouble(TroubleKind.TIMEOUT, Whose.TARGET, IsStr(regex=f".*{phase}.*"), phase) == observation.seen
    assert phase in observation.phases
    assert 0.2 <= observation.duration_seconds < 5


async def test_trouble_on_the_wire_is_brought_back():
    """A connection that is cut is an observation like any other."""
    async with peer(hangs_up) as here, kit() as tools:
        observation = await look(step(here), tools)

    assert (TroubleKind.RESET, Whose.TARGET) == (observation.seen.kind, observation.seen.whose)


async def test_a_missing_secret_is_our_own():
    """A look without its key says nothing about the target."""
    keyless = LocalIssuer(name="local", identity=USER, secret="not-there")
    async with peer(answers(OK)) as here, kit() as tools:
        observation = await look(step(here, token=keyless), tools)

    assert (TroubleKind.OWN_SECRET, Whose.PROBER) == (observation.seen.kind, observation.seen.whose)
    assert [] == here.requests
