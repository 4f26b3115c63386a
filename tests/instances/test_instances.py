"""Three real instances on a real PostgreSQL, and what may befall them: each slot is taken once, and somebody looks.

After each fault the recorded history is checked (history.py). Here a few faults befall one crew, one after the other;
all of them, for as long as you like: `python -m tests.instances.chaos --minutes 10`.
"""

import asyncio
import json
import time
from collections import Counter

import httpx
import pytest

from tests.instances.chaos import one
from tests.instances.crew import CHAINS, INTERVAL_SECONDS, crew, until
from tests.instances.faults import FAULTS
from tests.instances.history import complaints, longest_blind
from tests.live import samples

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]

#: Those that the tests of the single parts cannot show.
IN_CI = ("killed", "stopped_inside_a_claim")


async def sound(here):
    """Nothing is wrong with what was recorded; the history."""
    told = await here.at_rest()

    assert [] == complaints(told), longest_blind(told)
    return told


def counts(page):
    """How many samples each window of each chain holds."""
    return {
        (sample.labels["chain"], sample.labels["window"]): int(sample.value)
        for sample in samples(page, "prober_success_samples")
        if not sample.labels.get("step")
    }


async def test_those_of_one_location_share_its_turns(postgres, tmp_path):
    """Started at once on an empty database: one makes the tables, each turn is one's; another location has its own.

    And whatever their wall clocks are set to, nothing changes.
    """
    async with crew(postgres, tmp_path, locations=("here", "here", "there")) as here:
        await here.start()
        await asyncio.sleep(6)
        pages = [await each.page() for each in here.instances[:2]]
        for each, seconds in zip(here.instances, (300, -300, 300), strict=True):
            each.set_clock(seconds)
        await asyncio.sleep(4)
        told = await sound(here)

    places = {grid.id: grid.location for grid in told.grids}
    owners = Counter((places[slot.grid], slot.instance) for slot in told.slots)
    looks = Counter({place: sum(len(told.looks[f"{chain}@{place}"]) for chain in CHAINS) for place in places.values()})
    taken = Counter(places[slot.grid] for slot in told.slots if slot.state == "recorded")
    away = [each.name for each in here.instances if "history.store_away" in each.log]
    one_page, other = map(counts, pages)

    assert {"here": 2, "there": 1} == Counter(place for place, _ in owners)
    assert all(taken[place] <= looks[place] <= 1.2 * taken[place] + len(CHAINS) for place in ("here", "there"))
    assert "clock_step" not in {each.reason for each in (*told.slots, *told.gaps)}
    assert [] == away
    assert one_page.keys() == other.keys()
    assert all(abs(count - other[which]) <= 1 for which, count in one_page.items())


async def test_some_faults_one_after_the_other(postgres, tmp_path):
    """Whatever befalls one of three, the others go on; and in the end the books are whole."""
    async with crew(postgres, tmp_path) as here:
        await here.start()
        found = [said for name in IN_CI for said in await one(here, name, FAULTS[name])]
        await sound(here)

    assert [] == found


TOKEN = "token-of-an-operator-of-this-test"

#: By then every instance that hears the database has heard of a pause: a look a second, a turn, two busy cores.
HEARD_SECONDS = 4.0


@pytest.mark.long
async def test_what_is_paused_at_one_instance_is_paused_at_all(postgres, tmp_path):
    """Also at another location, within seconds; and whoever lifts it lifts it for all."""
    async with crew(postgres, tmp_path, locations=("here", "there")) as here:
        one, two = await with_operators(here)
        answered = await pull(one)
        await asyncio.sleep(HEARD_SECONDS)
        looks = {path: list(times) for path, times in here.peer.looks.items()}
        page = await two.page()
        async with operator_of(two) as client:
            lifted = await client.delete("/api/v1/pauses/auth")
        resumed = await until(lambda: all(len(here.peer.looks[path]) > len(looks[path]) for path in looks), 15)

    assert 200 == lifted.status_code
    assert max(seen(looks, "here")) <= answered
    assert max(seen(looks, "there")) <= answered + HEARD_SECONDS - INTERVAL_SECONDS
    assert [1.0] == [sample.value for sample in samples(page, "prober_paused")]
    assert resumed


@pytest.mark.long
async def test_who_is_killed_and_cut_off_from_the_database_goes_by_what_it_knew(postgres, tmp_path):
    """Nothing is sent before the database was heard, or after; what was lifted meanwhile it hears when it is back."""
    async with crew(postgres, tmp_path, locations=("here", "there")) as here:
        one, two = await with_operators(here)
        answered = await pull(one)
        await asyncio.sleep(HEARD_SECONDS)
        await two.kill()
        await two.wire.refuse()
        await two.start()
        async with operator_of(one) as client:
            lifted = await client.delete("/api/v1/pauses/auth")
        await asyncio.sleep(HEARD_SECONDS)
        looks = {path: list(times) for path, times in here.peer.looks.items()}
        await two.wire.mend()
        resumed = await until(
            lambda: all(len(here.peer.looks[path]) > len(looks[path]) for path in looks if path.endswith("@there")), 30
        )

    assert 200 == lifted.status_code
    assert max(seen(looks, "there")) <= answered + HEARD_SECONDS - INTERVAL_SECONDS
    assert max(seen(looks, "here")) > answered
    assert resumed


def seen(looks, location):
    """When a location looked at any of its chains."""
    return [at for path, times in looks.items() if path.endswith(f"@{location}") for at in times]


async def with_operators(here):
    """Both instances, each of them looking, and somebody who may pull their switches."""
    for each in here.instances:
        with_an_operator(each)
    await here.start()
    assert await until(lambda: len(here.peer.looks) == 2 * len(CHAINS), 15)
    return here.instances


async def pull(instance):
    """When the answer was there."""
    async with operator_of(instance) as client:
        pulled = await client.post("/api/v1/pauses", json={"service": "auth", "reason": "a load test"})
    answered = time.time()

    assert 200 == pulled.status_code, pulled.text
    return answered


def with_an_operator(instance):
    """Somebody may pull its switch."""
    file = instance.folder / "probes.yaml"
    config = json.loads(file.read_text())
    (instance.folder / "token").write_text(TOKEN)
    (instance.folder / "token").chmod(0o400)
    config["secrets"]["trigger"] = f"file:{instance.folder / 'token'}"
    config["trigger"] = {"secret": "trigger"}
    file.write_text(json.dumps(config))


def operator_of(instance):
    """Them."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.AsyncClient(base_url=instance.url, headers=bearer, trust_env=False, timeout=10)


@pytest.mark.long
async def test_started_at_once_one_of_them_looks_at_each_chain_first(postgres, tmp_path):
    """Where none would turn within the hour: soon, each once, and the others know what was seen."""
    async with crew(postgres, tmp_path, locations=("here",) * 5) as here:
        for each in here.instances:
            each.configure(here.peer.port, interval_seconds=3600)
        await asyncio.gather(*(each.start() for each in here.instances))
        looked = await until(lambda: here.peer.looks.keys() >= {f"{chain}@here" for chain in CHAINS}, 15)
        await asyncio.sleep(4)  # whoever was last to start has had time enough for a look of its own
        pages = [await each.page() for each in here.instances]

    runs = [sample for page in pages for sample in samples(page, "prober_chain_runs_total") if sample.value]
    assert looked
    assert dict.fromkeys(CHAINS, 1) == {chain: len(here.peer.looks[f"{chain}@here"]) for chain in CHAINS}
    assert {(chain, "start", 1.0) for chain in CHAINS} == {
        (sample.labels["chain"], sample.labels["trigger"], sample.value) for sample in runs
    }
