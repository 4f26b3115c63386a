"""Turns of many chains, written together as if each were written by itself; on each kind of database."""

import random
from dataclasses import replace

import pytest
from sqlalchemy import select

from prober.judge.ledger import grid_of
from prober.model.slot import Missed, Slot
from prober.publish.history.engine import in_file
from prober.publish.history.entries import Closed, Due, Ended, Kept, Noted, Opened, Swept, Written
from prober.publish.history.record import Record
from prober.publish.history.store import SqlStore
from prober.publish.history.tables import gaps, grids, runs, slots, tallies
from tests import builders as b
from tests.publish import builders as p
from tests.publish.history.conftest import statements

GRIDS = [grid_of(b.chain(name=f"c{number:02}"), "main") for number in range(20)]
RECORD = Record.of(p.build_report())


def opened(grid, sequence=1):
    """Slots exist from there on."""
    return Opened(grid=grid, sequence=sequence)


def due(grid, sequence, instance="a", **more):
    """A slot came due."""
    return Due(slot=Slot(grid, sequence), instance=instance, **{"expires": 1e12, "why": Missed.STALLED, **more})


def ended(grid, sequence, instance="a", missed=None):
    """A slot ended, with a run unless it is missed."""
    slot = Slot(grid, sequence)
    record = replace(RECORD, run_id=f"{grid.chain}-{sequence}-{instance}", slot=slot)
    return Ended(slot=slot, instance=instance, missed=missed, record=None if missed else record)


async def told(store):
    """All that the books say, by the names of chains: how grids are numbered is the database's own affair."""
    names = {row.id: row.chain for row in await store._read(select(grids))}
    numbered = {table.name: await store._read(select(table)) for table in (grids, slots, gaps)}
    found = {name: sorted((names[row[0]], *map(str, row[1:])) for row in rows) for name, rows in numbered.items()}
    for table in (tallies, runs):
        columns = [column for column in table.c if column.name not in {"written", "document", "recall"}]
        found[table.name] = sorted(tuple(map(str, row)) for row in await store._read(select(*columns)))
    return found


async def test_turns_of_twenty_chains_take_as_many_statements_as_one(store):
    """Each goes to the database and back: that takes longer than what it does there."""
    await store.write([*(opened(grid) for grid in GRIDS), Kept(location="main", record=RECORD)])
    some, all_of_them = GRIDS[:2], GRIDS[2:]  # of one alone no lock is taken beforehand
    of = {}
    for name, chosen in {"some": some, "all": all_of_them}.items():
        with statements(store) as sent:
            taken = await store.write([due(grid, 3) for grid in chosen])
            over = await store.write([ended(grid, 3) for grid in chosen])
        of[name] = len(sent)

        assert [Written(passed_over=2)] * len(chosen) == taken
        assert [Written()] * len(chosen) == over
    assert of["some"] == of["all"] > 0


async def test_what_is_not_as_it_should_be_is_told_beside_the_rest(store):
    """Another's slot, one that was written before, one that nobody knows of, and books that are closed."""
    one, two, three, four, five = GRIDS[:5]
    await store.write([opened(grid) for grid in (one, two, three)])
    await store.write(
        [due(two, 1, "b"), due(three, 1), ended(three, 1), Closed(grid=three, sequence=1, why=Missed.RELOAD)]
    )

    batch = [due(one, 1), due(two, 1), due(three, 4), due(four, 1), ended(five, 9)]
    assert [True, False, True, True, True] == [written.ours for written in await store.write(batch)]
    again = [due(one, 1), ended(one, 1), ended(two, 1), ended(two, 1, "b", missed=Missed.SHUTDOWN), ended(three, 4)]
    assert [True, True, False, True, True] == [written.ours for written in await store.write(again)]
    assert {"c00-1-a", "c02-1-a", "c02-4-a", "c04-9-a"} == {row[0] for row in (await told(store))["runs"]}


async def test_a_sweep_is_between_what_was_before_it_and_after(store):
    """What is taken before it may die of it, what is taken after it does not."""
    dead = {"expires": 5.0}
    sweep = Swept(location="main", instance="a", before=6.0)

    batch = [opened(GRIDS[0]), due(GRIDS[0], 1, "b", **dead), sweep, opened(GRIDS[1]), due(GRIDS[1], 1, "b", **dead)]
    assert {"c00": 1} == (await store.write(batch))[2].died
    assert ["missed", "taken"] == [row[3] for row in (await told(store))["slots"]]


def _whatever(seed):
    """Entries as they might come, and as they should not."""
    chance = random.Random(seed)
    makers = [
        due,
        lambda grid, number, who: due(grid, number, who, missed=Missed.OVERRUN),
        lambda grid, number, who: due(grid, number, who, expires=float(number)),
        ended,
        lambda grid, number, who: ended(grid, number, who, missed=Missed.SHUTDOWN),
        lambda grid, number, _who: opened(grid, number),
        lambda grid, number, _who: Closed(grid=grid, sequence=number, why=Missed.RELOAD),
        lambda _grid, number, who: Swept(location="main", instance=who, before=float(number)),
        lambda _grid, number, who: Kept(location="main", record=replace(RECORD, run_id=f"kept-{number}-{who}")),
        lambda grid, number, who: Noted(location="main", name=grid.chain, text=who, at=float(number)),
    ]
    often = [6, 1, 1, 6, 1, 1, 1, 1, 2, 1]
    for number in range(60):
        make = chance.choices(makers, often)[0]
        yield make(chance.choice(GRIDS[:4]), 1 + number // 8 + chance.randrange(3), chance.choice("aab"))


@pytest.mark.parametrize("seed", range(3))
async def test_together_is_as_one_by_one(store, tmp_path, seed):
    """Whatever comes in whatever order: what became of each is the same, and so are the books."""
    alone = SqlStore(in_file(tmp_path / "alone.db"), "main")
    await alone.open()
    entries = [opened(grid) for grid in GRIDS[:3]] + list(_whatever(seed))
    expected = [(await alone.write([entry]))[0] for entry in entries]
    of_alone = await told(alone)
    await alone.aclose()

    written = [each for at in range(0, len(entries), 9) for each in await store.write(entries[at : at + 9])]
    assert expected == written
    assert of_alone == await told(store)
