import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from prober.model.aims import Aims
from prober.model.chain import Trigger
from prober.model.errors import StoreUnavailable, TooMuchAsked
from prober.model.gate import Because, Progress
from prober.model.order import Aborted, Asker, Intent, Kind, Order, OrderState
from prober.publish.gate_document import gate_document
from prober.publish.web.routes import gates
from tests import builders as b
from tests.judge.gates import rounds
from tests.publish.gates import build_gate
from tests.publish.web.conftest import READER, RUNNER, World

GATES = "/api/v1/gates"
HOOK = "/gate/validation"

#: What Flagger's documentation says that it sends.
FLAGGER = {
    "name": "podinfo",
    "namespace": "test",
    "phase": "Progressing",
    "checksum": "85d557f47b",
    "metadata": {"revision": "b97", "type": "cmd"},
}

BECAUSE = {"pass": Because.HELD, "fail": Because.BROKE, "inconclusive": Because.UNDECIDED}


def order(**more):
    """As the gate is held where nobody says otherwise."""
    aims = Aims(**more)
    return Order(kind=Kind.GATE, chain="validation", trigger=Trigger.DEPLOY, revision=aims.revision, aims=aims)


def held(verdict="pass", **more):
    """The document of a gate that just ended."""
    ended = more.pop("ended", datetime.now(UTC))
    letters = "+" * 20 if verdict == "pass" else "-" * 3
    return gate_document(build_gate(letters, BECAUSE[verdict], id="gate-1", ended=ended, **more))


def intent(state=OrderState.DONE, told=None, why=None):
    """The gate in the books."""
    return Intent(id="gate-1", order=order(), caller="runner", asked=b.NOON, state=state, told=told, why=why)


def ends(world, told=None, **more):
    """It ends at once, like this."""
    state = OrderState.DONE if told else more.pop("state", OrderState.ABORTED)
    world.operator.intents["gate-1"] = intent(state, told, **more)


@pytest.fixture
def bearer():
    """Of one who may run."""
    return {"Authorization": f"Bearer {RUNNER}"}


# ── to be followed ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_gate_is_asked_for(client, world, bearer):
    """202, and where to look."""
    world.operator.intents["gate-1"] = intent(OrderState.WAITING)
    answer = await client.post(GATES, headers={**bearer, "Idempotency-Key": "d17"}, json={"chain": "validation"})

    assert (202, f"{GATES}/gate-1") == (answer.status_code, answer.headers["location"])
    assert {"id": "gate-1", "chain": "validation", "state": "waiting"} == answer.json()
    assert [(order(), Asker("runner", "d17"))] == world.operator.started
    assert {"accepted": 1} == world.triggers()


async def test_a_gate_may_be_told_what_to_prove(client, world, bearer):
    """And for how long to try, and why."""
    body = {
        "chain": "validation",
        "revision": "b97",
        "prove": 0.95,
        "rounds": 200.0,
        "warmUp": 5,
        "reason": "release 7",
    }
    await client.post(GATES, headers=bearer, json=body)

    ((asked, _),) = world.operator.started
    assert isinstance(asked.aims.most_rounds, int)
    assert Aims(revision="b97", proven=0.95, most_rounds=200, warm_up_seconds=5.0) == asked.aims
    assert ("release 7", "b97", Trigger.DEPLOY) == (asked.reason, asked.revision, asked.trigger)


async def test_equal_gates_are_one(client, world, bearer):
    """Two pipelines, one deploy."""
    body = {"chain": "validation", "revision": "b97"}
    answers = [await client.post(GATES, headers=bearer, json={**body, "reason": why}) for why in ("a", "b")]
    other = await client.post(GATES, headers=bearer, json={**body, "revision": "b98"})

    assert ["gate-1", "gate-1", "gate-2"] == [answer.json()["id"] for answer in (*answers, other)]
    assert {"accepted": 2, "coalesced": 1} == world.triggers()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"chain": "validation", "url": "http://169.254.169.254/"},
        {"chain": "validation", "prove": 1.0},
        {"chain": "validation", "prove": "0.95"},
        {"chain": "validation", "rounds": 0},
        {"chain": "validation", "rounds": 20.5},
        {"chain": "validation", "rounds": "20"},
        {"chain": "validation", "rounds": 1001},
        {"chain": "validation", "warmUp": -1},
        {"chain": "validation", "warmUp": 601},
        {"chain": "validation", "revision": "a\nb"},
    ],
)
async def test_a_gate_nobody_could_hold_is_refused(client, world, bearer, body):
    """With what would do."""
    answer = await client.post(GATES, headers=bearer, json=body)

    assert (400, []) == (answer.status_code, world.operator.started)
    assert answer.json()["errors"]


@pytest.mark.parametrize(("ratio", "rounds", "status"), [(0.95, 59, 202), (0.95, 58, 422), (0.99, 120, 422)])
async def test_a_gate_that_could_prove_nothing_is_refused(client, world, bearer, ratio, rounds, status):  # noqa: PLR0913, PLR0917 - a table
    """And how many rounds it would take is told."""
    body = {"chain": "validation", "prove": ratio, "rounds": rounds}
    answer = await client.post(GATES, headers=bearer, json=body)

    assert (status, int(status == 202)) == (answer.status_code, len(world.operator.started))
    assert status == 202 or f"{59 if ratio == 0.95 else 299} rounds" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("fails", "status"), [(StoreUnavailable("away"), 503), (TooMuchAsked(10, 10), 429)], ids=["away", "full"]
)
@pytest.mark.parametrize("path", [GATES, HOOK])
async def test_a_gate_that_is_not_taken_is_not_held(  # noqa: PLR0913, PLR0917 - what is told of each
    client, world, bearer, fails, status, path
):
    """And when to ask again is told."""
    world.operator.fails = fails
    answer = await client.post(path, headers=bearer, json={"chain": "validation"})

    assert (status, True) == (answer.status_code, "retry-after" in answer.headers)


async def test_a_gate_says_how_far_it_is(client, world):
    """While it goes on."""
    world.operator.intents["gate-1"] = intent(OrderState.RUNNING)
    world.operator.so_far["gate-1"] = Progress(rounds("+-")[1], 1, 12, 2, 0.58123)
    answer = await client.get(f"{GATES}/gate-1")

    assert (202, "1") == (answer.status_code, answer.headers["retry-after"])
    progress = {"warming": 1, "judged": 12, "failures": 2, "lowerBound": 0.5812}
    assert {"id": "gate-1", "chain": "validation", "state": "running", "progress": progress} == answer.json()


async def test_who_waits_gets_the_verdict(client, world, bearer):
    """200, whatever it is: the document says it."""
    ends(world, held("fail"))
    answer = await client.post(GATES, headers=bearer, json={"chain": "validation"}, params={"wait": "true"})

    assert (200, "done", "fail", False) == (answer.status_code, *(answer.json()[k] for k in ("state", "verdict", "ok")))
    assert f"{GATES}/gate-1" == answer.headers["content-location"]


async def test_who_waits_while_the_store_goes_away_is_told_where_to_look(client, world, bearer):
    """It was taken, and that holds."""
    world.operator.intents = StoreUnavailable("away")
    answer = await client.post(GATES, headers=bearer, json={"chain": "validation"}, params={"wait": "true"})

    assert (202, "gate-1") == (answer.status_code, answer.json()["id"])


@pytest.mark.parametrize(
    ("accept", "told_as", "said"),
    [
        ("*/*", "application/json", '"verdict":"fail"'),
        ("application/json", "application/json", '"verdict":"fail"'),
        ("text/plain", "text/plain; charset=utf-8", "✗ validation: NO GO."),
        ("text/*;q=0.5, application/junit+xml", "application/junit+xml", "<testsuite"),
        ("text/markdown", "text/markdown; charset=utf-8", "NO GO"),
        ("image/png, text/plain;q=0.1", "text/plain; charset=utf-8", "NO GO"),
    ],
)
async def test_a_gate_is_told_as_it_is_wanted(client, world, accept, told_as, said):
    """JSON for programs, text for people, Markdown for pull requests, JUnit for test reports."""
    ends(world, held("fail"))
    answer = await client.get(f"{GATES}/gate-1", headers={"Accept": accept})

    assert (200, told_as) == (answer.status_code, answer.headers["content-type"])
    assert said in answer.text
    assert "\x1b" not in answer.text


@pytest.mark.parametrize("form", gates.FORMS)
async def test_a_gate_is_told_beside_the_event_loop(client, world, bearer, monkeypatch, form):
    """That of many steps takes as long as a turn may be late; and nobody who scrapes us waits for it."""
    threads = []

    def told(gate):
        """Note where."""
        threads.append(threading.get_ident())
        return made(gate)

    made = gates.FORMS[form]
    monkeypatch.setitem(gates.FORMS, form, told)
    ends(world, held("fail"))
    async with world.app.state.desk.rendering:
        got = await client.get(f"{GATES}/gate-1", headers={"Accept": form})
        body = {"chain": "validation"}
        waited = await client.post(GATES, headers={**bearer, "Accept": form}, json=body, params={"wait": "true"})

    assert [200, 200] == [got.status_code, waited.status_code]
    assert 2 == len(threads)
    assert threading.get_ident() not in threads


async def test_junit_of_a_gate_is_xml(client, world):
    """With a case that failed."""
    ends(world, held("fail"))
    answer = await client.get(f"{GATES}/gate-1", headers={"Accept": "application/junit+xml"})

    assert ET.fromstring(answer.content).iter("failure")  # noqa: S314 - we made it


@pytest.mark.parametrize("accept", ["image/png", "text/plain;q=0", "text/plain;q=x"])
async def test_what_no_gate_is_told_as_is_refused(client, world, accept):
    """With what would do."""
    ends(world, held("fail"))
    answer = await client.get(f"{GATES}/gate-1", headers={"Accept": accept})

    assert 406 == answer.status_code
    assert "application/junit+xml" in answer.json()["detail"]


@pytest.mark.parametrize("form", gates.FORMS)
async def test_a_gate_of_another_release_is_told_as_it_was_kept(client, world, form):
    """In its own words; to put it into others could only go wrong."""
    kept = {"schema": 2, "verdict": "fail"}
    ends(world, kept)
    answer = await client.get(f"{GATES}/gate-1", headers={"Accept": form})

    assert (200 if form == "application/json" else 406) == answer.status_code
    assert kept == answer.json() or "application/json" in answer.json()["detail"]


async def test_a_gate_that_came_to_nothing_says_why(client, world):
    """It has no verdict, and never will."""
    ends(world, why=Aborted.DIED_MID_RUN)
    answer = await client.get(f"{GATES}/gate-1")

    assert (200, "aborted", "died_mid_run") == (answer.status_code, answer.json()["state"], answer.json()["why"])


async def test_a_gate_nobody_asked_for_is_none(client, world):
    """Nor is a run; and while the store is away nobody knows."""
    world.operator.intents["run-1"] = Intent(
        id="run-1", order=Order(chain="validation"), caller="ci", asked=b.NOON, state=OrderState.RUNNING
    )
    statuses = [(await client.get(f"{GATES}/{name}")).status_code for name in ("gate-9", "run-1")]
    world.operator.intents = StoreUnavailable("away")

    assert [404, 404] == statuses
    assert 503 == (await client.get(f"{GATES}/gate-1")).status_code


# ── in one answer ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("verdict", "status"), [("pass", 200), ("fail", 409), ("inconclusive", 503)])
async def test_a_controller_gets_go_or_no_go(client, world, bearer, verdict, status):
    """Only go is 2xx; what is not known is no «no», and says when to ask again. The text is one line."""
    ends(world, held(verdict))
    answer = await client.post(HOOK, headers=bearer, json=FLAGGER)

    assert (status, status == 503) == (answer.status_code, "retry-after" in answer.headers)
    assert answer.text.startswith("validation: ")
    assert answer.text.count("\n") == 1
    assert [replace(order(revision="b97"), checksum="85d557f47b")] == [
        asked.wanted for asked, _ in world.operator.started
    ]


async def test_a_gate_that_came_to_nothing_is_no_verdict(client, world, bearer):
    """Our own fault stops no deploy for good."""
    ends(world, why=Aborted.BROKE)
    answer = await client.post(HOOK, headers=bearer)

    assert 503 == answer.status_code
    assert "validation: NO VERDICT: a bug of the prober's own" in answer.text


async def test_who_does_not_wait_long_enough_asks_again(client, world, bearer):
    """The same gate goes on, and whoever asks alike is told its end, once; the next deploy gets a gate of its own."""
    world.operator.intents["gate-1"] = intent(OrderState.RUNNING)
    world.operator.so_far["gate-1"] = Progress(rounds("+")[0], 0, 12, 0, 0.7)
    first = await client.post(HOOK, headers=bearer, json=FLAGGER, params={"timeout": "0.05"})
    joined = await client.post(HOOK, headers=bearer, json=FLAGGER, params={"timeout": "0.05"})
    world.operator.orders.clear()  # it ended between two calls
    ends(world, held("fail"))
    told = await client.post(HOOK, headers=bearer, json=FLAGGER, params={"timeout": "0.05"})
    world.operator.intents["gate-2"] = intent(OrderState.RUNNING)
    later = await client.post(HOOK, headers=bearer, json=FLAGGER, params={"timeout": "0.05"})

    assert [503, 503, 409, 503] == [answer.status_code for answer in (first, joined, told, later)]
    assert "validation: STILL UNDECIDED after 12 rounds, 0 failed." in first.text
    assert [f"{GATES}/gate-1"] * 2 == [answer.headers["location"] for answer in (first, joined)]
    assert 2 == len(world.operator.started)


async def test_who_asks_again_without_naming_a_deploy_gets_the_same_gate(client, world, bearer):
    """As it was told to, though the engine would begin another: a gate that runs may be that of the last deploy."""
    world.operator.intents["gate-1"] = intent(OrderState.RUNNING)
    answers = [await client.post(HOOK, headers=bearer, params={"timeout": "0.05"})]
    world.operator.orders.clear()
    answers.append(await client.post(HOOK, headers=bearer, params={"timeout": "0.05"}))

    assert [f"{GATES}/gate-1"] * 2 == [answer.headers["location"] for answer in answers]
    assert (1, {"accepted": 1, "coalesced": 1}) == (len(world.operator.started), world.triggers())


@pytest.mark.parametrize(
    ("ended_ago", "checksum"), [(timedelta(minutes=3), FLAGGER["checksum"]), (timedelta(0), "another")]
)
async def test_the_last_deploys_gate_does_not_let_the_next_one_go(client, world, bearer, ended_ago, checksum):
    """A verdict nobody heard is told soon, and of the same canary, or not at all."""
    world.operator.intents["gate-1"] = intent(OrderState.RUNNING)
    await client.post(HOOK, headers=bearer, json=FLAGGER, params={"timeout": "0.05"})
    world.operator.orders.clear()
    ends(world, held("pass", ended=datetime.now(UTC) - ended_ago))
    await client.post(HOOK, headers=bearer, json={**FLAGGER, "checksum": checksum}, params={"timeout": "0.05"})

    assert 2 == len(world.operator.started)


@pytest.mark.parametrize(("token", "status"), [(RUNNER, 200), (READER, 403), ("guessed", 401), ("", 401)])
async def test_a_controller_that_can_send_no_header_shows_its_token_as_a_password(client, world, token, status):
    """As Flagger, whose webhooks have an address and nothing else."""
    ends(world, held("pass"))
    answer = await client.post(HOOK, auth=("prober", token), json=FLAGGER)

    assert status == answer.status_code
    assert "basic" not in answer.headers.get("www-authenticate", "").lower()  # browsers would remember it


async def test_a_chain_that_is_not_there_is_told(client, bearer):
    """404: a controller halts."""
    answer = await client.post("/gate/other", headers=bearer, json=FLAGGER)

    assert 404 == answer.status_code


async def test_a_page_cannot_ask_for_a_gate(client, world, bearer):
    """Neither by a form nor from another origin."""
    answers = [
        await client.post(path, headers={**bearer, **more}, content=b'{"chain":"validation"}')
        for path in (GATES, HOOK)
        for more in ({"Content-Type": "text/plain"}, {"Origin": "https://evil.example"}, {"Origin": "null"})
    ]

    assert [415, 403, 403] * 2 == [answer.status_code for answer in answers]
    assert [] == world.operator.started


@pytest.mark.parametrize(("per_minute", "seconds"), [(6, "10"), (60, "1"), (7, "9")])
async def test_who_asks_again_as_told_is_never_asked_to_wait(house, client, bearer, per_minute, seconds):
    """Of a gate that goes on: as long as the pace of one caller says."""
    house.world = world = World(per_minute=per_minute, burst=1)
    world.operator.intents["gate-1"] = intent(OrderState.RUNNING)
    answer = await client.post(HOOK, headers=bearer, params={"timeout": "0.01"})

    assert (503, seconds) == (answer.status_code, answer.headers["retry-after"])


async def test_the_undelivered_are_bounded(world):
    """The oldest is let go."""
    desk = world.app.state.desk
    for number in range(150):
        desk.deliver_later(order(revision=str(number)), str(number))
    await asyncio.sleep(0)

    assert (100, "50") == (len(desk.undelivered), next(iter(desk.undelivered.values())))


async def test_the_newest_gates_are_listed(client, world):
    """Each in a line: what it is about, how far it is, what it came to; as long as the store is there."""
    world.operator.intents = {"gate-0": replace(intent(OrderState.RUNNING), id="gate-0"), "gate-1": intent(told=held())}
    listed = (await client.get("/api/v1/gates?limit=5")).json()["gates"]
    world.operator.intents = StoreUnavailable("away")

    assert [("gate-1", "done", "pass"), ("gate-0", "running", None)] == [
        (each["id"], each["state"], each["verdict"]) for each in listed
    ]
    assert listed[0]["sentence"].startswith("validation: GO")
    assert 503 == (await client.get("/api/v1/gates")).status_code
