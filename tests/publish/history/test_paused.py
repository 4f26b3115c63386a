"""What is paused is kept by the store, of each kind, and in a file, until it is lifted."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from prober.model.chain import Keeping
from prober.model.errors import StoreUnavailable
from prober.model.pause import EVERYTHING, Pause
from prober.publish.history.engine import in_file
from prober.publish.history.paused import PausedFile
from prober.publish.history.store import SqlStore
from prober.publish.history.tables import pauses
from tests import builders as b

AUTH = Pause(service="auth", reason="a «load» test", by="ops", since=b.NOON, places=frozenset({"auth:443", "auth:80"}))
ALL = Pause(service=EVERYTHING, reason="x", by="ops", since=b.NOON, until=b.NOON + timedelta(hours=1))


async def test_a_pause_is_kept_as_it_was_said_last(store):
    """One a service, and lifting it twice is lifting it once."""
    books = store.pauses()
    for pause in (AUTH, ALL, replace(AUTH, reason="another")):
        await books.put(pause)
    told = await books.all()
    await books.lift("auth")
    await books.lift("auth")
    left = await books.all()

    assert [replace(AUTH, reason="another"), ALL] == sorted(told, key=lambda each: each.service, reverse=True)
    assert [ALL] == left


async def test_another_place_is_told_too(store, address):
    """The target is one, wherever one looks from; and a reader need not open the store."""
    await store.pauses().put(AUTH)
    other = SqlStore(address, "elsewhere")
    told = await other.pauses().all() if store.is_shared else await store.pauses().all()
    await other.aclose()

    assert [AUTH] == told


async def test_a_pause_never_grows_too_old(store):
    """Whatever else is let go, by age and by size."""
    await store.pauses().put(AUTH)
    await store.prune(Keeping(seconds=1.0, mebibytes=0), datetime.now(UTC) + timedelta(days=365))

    assert [AUTH] == await store.pauses().all()


async def test_what_cannot_be_understood_is_not_taken_for_nothing(store):
    """Whoever asks hears that it is not known, and keeps to what was."""
    row = {"service": "auth", "reason": "x", "caller": "ops", "since": 0.0, "places": "[half"}

    async def write(connection):
        await connection.execute(pauses.insert().values(**row))

    await store.transact(write)

    with pytest.raises(StoreUnavailable, match="makes no sense"):
        await store.pauses().all()


async def test_a_file_that_was_never_opened_is_away(tmp_path):
    """Nothing is written into what we may not have."""
    store = SqlStore(in_file(tmp_path / "prober.db"), "main")
    with pytest.raises(StoreUnavailable):
        await store.pauses().put(AUTH)
    with pytest.raises(StoreUnavailable):
        await store.pauses().all()
    await store.aclose()


def test_the_file_says_what_was_known_last(tmp_path):
    """And what the store had not taken; nothing else is left beside it."""
    file = PausedFile(tmp_path / "prober.db.paused")
    before = file.read()
    file.write([ALL], [])
    file.write([AUTH], [ALL])

    assert before is None
    assert ({"auth": AUTH}, {EVERYTHING: ALL}) == file.read()
    assert ["prober.db.paused"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"pauses": [{}]}', '{"pauses": 3}', json.dumps({"pauses": [3]})]
)
def test_a_file_that_makes_no_sense_is_not_taken_for_nothing(tmp_path, text):
    """Half a file, or another one."""
    file = PausedFile(tmp_path / "prober.db.paused")
    file.path.write_text(text)

    with pytest.raises(ValueError, match=r"."):
        file.read()


def test_a_file_that_cannot_be_written_says_what_it_did(tmp_path):
    """And whoever writes hears of it."""
    file = PausedFile(tmp_path / "prober.db.paused")
    file.write([AUTH], [])
    with pytest.raises(OSError, match="No such file"):
        PausedFile(tmp_path / "gone" / "prober.db.paused").write([], [])

    assert ({"auth": AUTH}, {}) == file.read()
