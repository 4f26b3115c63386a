"""Two real shards of one config: together they take each turn of each chain once, and each says who has the rest."""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import AsyncExitStack, closing
from pathlib import Path

import httpx
import pytest

from prober.judge.sharding import falls_to
from tests.instances.peer import listening
from tests.live import samples, serving

HURRIED = (str(Path(__file__).with_name("serve.py")),)
NAMES = tuple(f"chain-{number}" for number in range(8))
OWN = {number: {name for name in NAMES if falls_to(name, 2) == number} for number in (1, 2)}

#: Turns that each chain has had by the end.
TURNS = 2

SLOTS = "SELECT chain, location, sequence, state FROM slots JOIN grids ON grids.id = slots.grid"


def configured(folder, port, **more):
    """A config of chains that turn each second, for all shards."""
    step = {"name": "asks", "probe": "http", "service": "auth"}
    config = {
        "version": 1,
        "environment": "staging",
        "services": {"auth": {"role": "auth", "url": f"http://127.0.0.1:{port}"}},
        "chains": {
            name: {"interval": "1s", "deadline": "900ms", "steps": [{**step, "get": f"/{name}"}]} for name in NAMES
        },
        **more,
    }
    path = folder / "probes.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


async def shards(stack, config, folder, environment=()):
    """Both, at work, each in a folder of its own; the first is told by option, the second by variable."""
    told = {1: (("--shard", "1/2"), {}), 2: ((), {"PROBER_SHARD": "2/2"})}
    for number in told:
        (folder / f"{number}").mkdir()
    starts = [
        serving(config, {**dict(environment), **more}, folder / f"{number}/log", *words, program=HURRIED)
        for number, (words, more) in told.items()
    ]
    return await asyncio.gather(*map(stack.enter_async_context, starts))


async def turned(peer):
    """Until every chain has had its turns."""
    async with asyncio.timeout(15):
        while min((len(peer.looks[name]) for name in NAMES), default=0) < TURNS:  # noqa: ASYNC110 - looks are polled
            await asyncio.sleep(0.05)


async def asked(url, *paths):
    """The status of each answer, and what the last one says."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client:
        answers = [await client.get(path) for path in paths]
    return [answer.status_code for answer in answers], answers[-1].json()["detail"]


async def test_two_shards_take_each_turn_once_and_say_who_has_the_rest(tmp_path):
    """Each with a file of its own."""
    async with listening() as peer, AsyncExitStack() as stack:
        config = configured(tmp_path, peer.port)
        one, two = await shards(stack, config, tmp_path)
        await turned(peer)
        pages = [await each.page() for each in (one, two)]
        mine, theirs = min(OWN[1]), min(OWN[2])
        statuses, said = await asked(
            one.url,
            f"/badge/{mine}.json",
            f"/badge/{theirs}.json",
            f"/page/chains/{theirs}/history",
            f"/probe?chain={theirs}",
        )
    slots = [slot for number in OWN for slot in written(tmp_path / f"{number}/prober.db")]

    assert [OWN[1], OWN[2]] == [
        {each.labels["chain"] for each in samples(page, "prober_slots_expected_total")} for page in pages
    ]
    assert [("1", 2.0), ("2", 2.0)] == [
        (s.labels["shard"], s.value) for p in pages for s in samples(p, "prober_shards")
    ]
    assert [200, 421, 421, 421] == statuses
    assert f"chain '{theirs}' falls to shard 2/2, which is another instance: ask that one" == said
    assert {"main"} == {place for _, place, _, _ in slots}
    sound(slots, peer)


@pytest.mark.postgres
@pytest.mark.long
async def test_two_shards_of_one_database_have_books_of_their_own(postgres, tmp_path):
    """Neither closes the other's, nor takes its turns."""
    async with listening() as peer, AsyncExitStack() as stack:
        secret = {"secrets": {"database": "env:DATABASE"}, "history": {"database": "database"}}
        config, address = configured(tmp_path, peer.port, **secret), postgres.database()
        await shards(stack, config, tmp_path, {"DATABASE": address})
        await turned(peer)
        open_books = postgres.sql("SELECT chain, location FROM grids WHERE NOT closed", address.rpartition("/")[2])
    told = postgres.sql(SLOTS, address.rpartition("/")[2]).splitlines()

    assert {f"{name}|main/{number}" for number in OWN for name in OWN[number]} == set(open_books.splitlines())
    sound([tuple(line.split("|")) for line in told], peer)


def written(file):
    """The slots in a file."""
    with closing(sqlite3.connect(file)) as store:
        return store.execute(SLOTS).fetchall()


def sound(slots, peer):
    """Each slot of each chain is there once, and was looked at once, if at all: the end may come first."""
    taken = Counter(chain for chain, *_ in slots)
    recorded = Counter(chain for chain, _, _, state in slots if state == "recorded")

    assert set(NAMES) == recorded.keys() == peer.looks.keys()
    assert {1} == set(Counter((chain, sequence) for chain, _, sequence, _ in slots).values())
    assert all(recorded[name] <= len(times) <= taken[name] for name, times in peer.looks.items())
