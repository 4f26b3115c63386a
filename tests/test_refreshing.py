"""Our copies are fetched anew, and what changed is told once."""

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from prober.gather.secrets import Keyring
from prober.model.copies import Copy, Fetch, Fetched
from prober.refreshing import Refreshing

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def fetch(outcome=Fetched.FETCHED, version="1", *, is_rotated=False, had=True, **more):
    """One time that a source was asked."""
    copy = Copy(name="jwt", version=version, fetched=NOON if had else None, **more)
    return Fetch(copy, outcome, "" if outcome is Fetched.FETCHED else "it is sealed", is_rotated=is_rotated)


def told(*fetches):
    """What is logged of these."""
    refreshing = Refreshing(lambda: Keyring({}, {}), lambda: 1.0)
    with capture_logs() as logs:
        for each in fetches:
            refreshing.heard(each)
    return [line["event"] for line in logs]


@pytest.mark.parametrize(
    ("fetches", "events"),
    [
        ([fetch(), fetch()], []),
        ([fetch(), fetch(version="2", is_rotated=True, previous=("1",)), fetch(version="2")], ["secrets.rotated"]),
        ([fetch(), *[fetch(Fetched.AWAY)] * 3, fetch(), fetch()], ["secrets.not_fetched", "secrets.fetched_again"]),
        ([fetch(), fetch(Fetched.AWAY), fetch(Fetched.REFUSED)], ["secrets.not_fetched"] * 2),
        ([fetch(Fetched.AWAY, had=False)] * 2, []),
        ([fetch(version="5", latest="7")] * 2, ["secrets.pinned_behind"]),
        ([fetch(version="5", latest="7"), fetch(version="5", latest="8")], ["secrets.pinned_behind"] * 2),
    ],
)
def test_what_changed_is_told_once(fetches, events):
    """And by its name, so that somebody can be told of it; a secret that we never had is told of elsewhere."""
    assert events == told(*fetches)


async def test_sources_are_asked_every_so_often(tmp_path):
    """By the ring that is in force by then."""
    file, heard = tmp_path / "jwt", asyncio.Event()
    file.write_text("first-value")
    ring = Keyring(
        {"jwt": f"file:{file}"}, {}, overlap_seconds=60, told=lambda each: heard.set() if each.is_rotated else None
    )
    await ring.prime()
    task = asyncio.create_task(Refreshing(lambda: ring, lambda: 0.01).run())
    file.write_text("second-value")
    await heard.wait()
    task.cancel()

    assert "second-value" == ring.get("jwt").reveal()
