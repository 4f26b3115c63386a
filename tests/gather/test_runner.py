"""One walk, driven: what may go goes at once, and all ends within the chain's deadline."""

import asyncio
import contextlib
import gc
import time
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from prober.gather.clock import SystemClock
from prober.gather.runner import Errand, Gatherer
from prober.gather.secrets import Keyring
from prober.model.chain import Chain, Expectation, ForgedIssuer, HttpStep, RouteIssuer, Trigger, Want
from prober.model.errors import MintRefused, SecretUnavailable
from prober.model.secret import Secret
from prober.model.trouble import TroubleKind
from prober.model.verdict import Reason, RunVerdict, Verdict
from tests.gather.peers import (
    LOCAL,
    SECRET,
    SUBJECT,
    USER,
    answers,
    asgi_peer,
    json_app,
    keyring,
    raw_peer,
    request,
    service,
)


class Counted:
    """A service that notes how many were with it at once, and answers after a moment."""

    def __init__(self, seconds=0.1):
        """Take this long over each answer."""
        self.seconds = seconds
        self.here = self.most = self.asked = 0

    async def __call__(self, _asked, _request):
        """Answer 200 after the moment."""
        self.here += 1
        self.asked += 1
        self.most = max(self.most, self.here)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.here -= 1
        return 200, {"ok": True}


class Gathered(Counted):
    """A service that answers nobody before so many are with it."""

    def __init__(self, many):
        """Wait for this many; who comes one by one waits in vain."""
        super().__init__()
        self._all_here = asyncio.Barrier(many)

    async def __call__(self, _asked, _request):
        """Answer when all are here."""
        self.here += 1
        self.most = max(self.most, self.here)
        async with asyncio.timeout(10):
            await self._all_here.wait()
        return 200, {"ok": True}


def step(port, name, path="/slow", **more):
    """A request to the peer."""
    return HttpStep(name=name, service=service(port), request=request(port, path, "GET"), **more)


def errand(*steps, **more):
    """An errand to a chain of these steps."""
    chain = Chain(name="validation", steps=steps, deadline_seconds=more.pop("deadline_seconds", 5.0))
    return Errand(**{"run_id": "run-1", "chain": chain, "trigger": Trigger.MANUAL, **more})


@contextlib.asynccontextmanager
async def gatherer(keys=None):
    """A gatherer with the secret `jwt`, unless it is given other keys."""
    made = Gatherer(keyring=keys or keyring(), clock=SystemClock())
    try:
        yield made
    finally:
        await made.aclose()


async def test_steps_that_need_nothing_of_each_other_go_at_once():
    """All three are with the service before it has answered the first."""
    slow = Gathered(3)
    async with asgi_peer(json_app(slow=slow)) as port, gatherer() as world:
        run = await world.run(errand(*(step(port, name) for name in "abc")))

    assert (3, RunVerdict.PASS) == (slow.most, run.verdict)


async def test_steps_that_need_each_other_go_one_after_the_other():
    """And each goes as soon as what it needs is over, not when all others are."""
    slow, told = Counted(0.02), []
    async with asgi_peer(json_app(slow=slow)) as port, gatherer() as world:
        chain = (step(port, "a"), step(port, "b", needs=("a",)), step(port, "c", after=("b",)))
        run = await world.run(errand(*chain, told=lambda result: told.append(result.step.name)))

    assert (1, ["a", "b", "c"]) == (slow.most, told)
    assert RunVerdict.PASS is run.verdict


async def test_the_chains_deadline_ends_the_run():
    """What has its answer keeps it; the rest is skipped and says why, and nobody goes on asking."""
    fast, stuck = Counted(0), Counted(30)
    async with asgi_peer(json_app(fast=fast, slow=stuck)) as port, gatherer() as world:
        steps = (step(port, "fast", "/fast"), step(port, "stuck"), step(port, "later", needs=("stuck",)))
        begun = time.perf_counter()
        run = await world.run(errand(*steps, deadline_seconds=0.3))
        seconds = time.perf_counter() - begun

    assert 0.3 <= seconds < 5
    assert {
        "fast": (Verdict.PASS, Reason.OK),
        "stuck": (Verdict.SKIP, Reason.CHAIN_DEADLINE),
        "later": (Verdict.SKIP, Reason.CHAIN_DEADLINE),
    } == {result.step.name: (result.verdict, result.reason) for result in run.results}
    assert RunVerdict.PARTIAL is run.verdict


async def test_a_run_says_who_asked_and_when():
    """Its id, its trigger, why, for which revision, and from when to when."""
    asked = {"run_id": "run-7", "trigger": Trigger.DEPLOY, "reason": "release", "revision": "backend-00097"}
    async with asgi_peer(json_app(slow=Counted(0))) as port, gatherer() as world:
        run = await world.run(errand(step(port, "a"), **asked))

    assert asked == {"run_id": run.id, "trigger": run.trigger, "reason": run.reason, "revision": run.revision}
    assert run.began <= run.results[0].observation.began <= run.ended


async def test_results_stand_in_the_order_of_the_chain():
    """Whichever step ended first."""
    slow, fast = Counted(0.1), Counted(0)
    async with asgi_peer(json_app(slow=slow, fast=fast)) as port, gatherer() as world:
        run = await world.run(errand(step(port, "slow"), step(port, "fast", "/fast")))

    assert ["slow", "fast"] == [result.step.name for result in run.results]


async def test_the_run_is_named_to_the_service():
    """Every request carries the run's id, so that a service's log can be searched for it."""
    heard = []

    def note(_asked, request):
        """Note what the request says of its run."""
        heard.append(request.headers["x-probe-run"])
        return 200, {}

    async with asgi_peer(json_app(slow=note)) as port, gatherer() as world:
        await world.run(errand(step(port, "a"), run_id="run-42"))

    assert ["run-42"] == heard


async def test_many_runs_at_once_do_not_mix():
    """Each has its own walk, over the same wires."""
    async with asgi_peer(json_app(slow=Counted(0.01))) as port, gatherer() as world:
        errands = [errand(step(port, f"step-{n}"), run_id=f"run-{n}") for n in range(20)]
        runs = await asyncio.gather(*map(world.run, errands))

    assert [(f"run-{n}", f"step-{n}", RunVerdict.PASS) for n in range(20)] == [
        (run.id, run.results[0].step.name, run.verdict) for run in runs
    ]


async def test_a_token_for_a_person():
    """A good token of the test user, as a step would send it."""
    async with gatherer() as world:
        token = await world.mint(LOCAL)

    assert SUBJECT == jwt.decode(token, SECRET, ["HS256"])["sub"]


async def test_a_route_that_gives_no_token_is_refused_with_its_words():
    """The person is told what the route said."""
    async with asgi_peer(json_app(mint=(503, {"detail": "E2E not configured"}))) as port, gatherer() as world:
        issuer = RouteIssuer(name="bypass", identity=USER, request=request(port, "/mint"))

        with pytest.raises(MintRefused, match=r"issuer 'bypass': .*503"):
            await world.mint(issuer)


async def test_without_our_key_there_is_no_token():
    """That is our own fault, and says which secret is missing."""
    async with gatherer(Keyring({"jwt": "env:JWT"}, {})) as world:
        with pytest.raises(SecretUnavailable, match=r"secret 'jwt' .*is not set"):
            await world.mint(LOCAL)


async def test_a_second_look_stands_beside_the_first():
    """It speaks to the diagnosis; the step's own result stays what it was."""
    answers = iter([(500, {}), (200, {})])
    async with asgi_peer(json_app(slow=lambda *_: next(answers))) as port, gatherer() as world:
        run = await world.run(errand(step(port, "a")))
        run = await world.follow_up(run, run.chain.steps)

    assert [Verdict.FAIL] == [result.verdict for result in run.results]
    assert [Verdict.PASS] == [result.verdict for result in run.second_looks]


async def test_a_follow_up_step_is_taken_only_when_it_is_asked_for():
    """It is no part of the walk; once taken, it is a result like any other."""
    async with asgi_peer(json_app(slow=(200, {}))) as port, gatherer() as world:
        run = await world.run(errand(step(port, "a"), step(port, "more", is_follow_up=True)))
        followed = await world.follow_up(run, run.chain.steps[1:])

    assert (["a"], ["a", "more"]) == ([r.step.name for r in run.results], [r.step.name for r in followed.results])


class SetClock(SystemClock):
    """A wall clock that somebody sets."""

    def __init__(self):
        """Right, at first."""
        self.off = timedelta()

    def now(self):
        """As it was set."""
        return super().now() + self.off


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_wall_clock_that_is_set_changes_no_length(hours):
    """A run takes as long as it took, its follow-ups what the deadline leaves; each look knows of the setting."""
    clock = SetClock()

    async def sets(_asked, _request):
        clock.off += timedelta(hours=hours)
        return 200, {}

    async with asgi_peer(json_app(a=sets, slow=Counted(1.0))) as port:
        world = Gatherer(keyring=keyring(), clock=clock)
        run = await world.run(errand(step(port, "a", "/a"), deadline_seconds=0.7))
        followed = await world.follow_up(run, [step(port, "late")])
        await world.aclose()

    assert 0 <= (run.ended - run.began).total_seconds() < 0.7
    assert 0.5 < (followed.ended - followed.began).total_seconds() < 1.0
    assert pytest.approx(hours * 3600, abs=0.5) == run.results[0].observation.clock_set_seconds
    assert run.results == followed.results


async def test_follow_ups_end_with_the_chains_deadline():
    """What is late then is not waited for, and not told."""
    async with asgi_peer(json_app(slow=Counted(30), quick=(200, {}))) as port, gatherer() as world:
        run = await world.run(errand(step(port, "a", "/quick"), deadline_seconds=0.3))
        begun = time.perf_counter()
        run = await world.follow_up(run, [step(port, "late")])
        seconds = time.perf_counter() - begun

    assert ["a"] == [result.step.name for result in run.results]
    assert seconds < 5


async def test_a_chain_with_a_pace_starts_its_steps_one_by_one():
    """Steps that could go together do not."""
    peer = Counted(0.02)
    async with asgi_peer(json_app(slow=peer)) as port, gatherer() as world:
        given = errand(*(step(port, f"step-{n}") for n in range(4)))
        began = time.perf_counter()
        run = await world.run(replace(given, chain=replace(given.chain, pace_seconds=0.1)))

    assert (RunVerdict.PASS, 1) == (run.verdict, peer.most)
    assert 0.3 <= time.perf_counter() - began


async def test_an_accepted_control_is_asked_again_with_a_fresh_token():
    """At once, whatever else the chain has to do."""
    heard = []

    def messages(_asked, asking):
        heard.append(asking.headers["authorization"])
        return 200, {}

    async with asgi_peer(json_app(messages=messages)) as port, gatherer() as world:
        forged = ForgedIssuer(name="forged", identity=USER, like=LOCAL)
        refused = Expectation(want=Want.REFUSED)
        run = await world.run(errand(step(port, "control", "/messages", token=forged, expect=refused)))

    assert (Reason.ACCEPTED, 2, 2) == (run.results[0].reason, len(set(heard)), run.results[0].observation.attempts)


# ── what is no target ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("method", "told"), [("GET", b"GET /beat/s3cret?a=1 "), ("POST", b"POST /beat/s3cret?a=1 ")])
async def test_an_address_is_called_as_it_is(method, told):
    """Once, without a proxy, without following where it leads, and without a secret of ours."""
    heard = []
    async with raw_peer(answers(302, b"", "Location: /elsewhere", seen=heard)) as port, gatherer() as world:
        seen = await world.knock(method, Secret("heartbeat:url", f"http://127.0.0.1:{port}/beat/s3cret?a=1"))

    assert (302, 1) == (seen.status, len(heard))
    assert heard[0].startswith(told)
    assert b"uthorization" not in heard[0]


async def test_nobody_there_is_what_is_seen():
    """The address is not in what is told of it."""
    async with gatherer() as world:
        seen = await world.knock("GET", Secret("heartbeat:url", "http://127.0.0.1:1/beat/s3cret"))

    assert TroubleKind.CONNECTION_REFUSED is seen.kind
    assert "s3cret" not in seen.detail


@pytest.mark.parametrize("address", ["ftp://somewhere/s3cret", "s3cret", "file:///etc/passwd"])
async def test_what_is_no_address_is_not_called(address):
    """And not quoted."""
    async with gatherer() as world:
        with pytest.raises(
            ValueError, match=r"^Secret\('heartbeat:url'\) is no address that begins with http:// or https://$"
        ):
            await world.knock("GET", Secret("heartbeat:url", address))


async def test_follow_ups_keep_the_chains_pace():
    """Whoever asked for one look at a time gets no four at once."""
    peer = Counted(0.02)
    async with asgi_peer(json_app(slow=peer, quick=(200, {}))) as port, gatherer() as world:
        run = await world.run(errand(step(port, "a", "/quick")))
        run = replace(run, chain=replace(run.chain, pace_seconds=0.1))
        began = time.perf_counter()
        followed = await world.follow_up(run, [step(port, f"step-{n}") for n in range(4)])

    assert (5, 1) == (len(followed.results), peer.most)
    assert 0.3 <= time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/9 no\r\n\r\n", None],
    ids=["answered", "no HTTP", "refused"],
)
async def test_nothing_of_a_run_waits_for_the_garbage_collector(said):
    """Answered, answered with what is no HTTP, or refused: what was seen goes with the run, not some seconds later."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)

    async with raw_peer(answer) as port, gatherer() as world:
        where = 1 if said is None else port
        run = await world.run(errand(step(where, "a"), step(where, "b", needs=("a",))))
        with waiting() as garbage:
            verdicts = [(await world.run(errand(step(where, "a")))).verdict for _ in range(2)]

    assert [run.verdict] * 2 == verdicts
    assert [] == [each for each in garbage if type(each).__module__.startswith("prober.")]


@contextlib.contextmanager
def waiting():
    """Gives, in the end, all of what began meanwhile that only the garbage collector will find."""
    gc.collect()
    gc.disable()
    found = []
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
