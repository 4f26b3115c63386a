from datetime import timedelta

from tests import builders as b
from tests.publish import builders as p


async def test_a_badge_tells_whether_a_chain_passes(client, world, monkeypatch):
    """Unknown before the first run and once the last is too old."""
    told = [(await client.get("/badge/validation.json")).json()["message"]]
    for report in (p.broken_report(), p.build_report()):
        await world.tell(report)
        told.append((await client.get("/badge/validation.json")).json()["message"])
    monkeypatch.setattr(world.board, "now", lambda: b.NOON + timedelta(hours=2))
    told.append((await client.get("/badge/validation.json")).json()["message"])

    assert ["unknown", "failing", "passing", "unknown"] == told


async def test_a_badge_is_a_picture_for_everybody(client):
    """It needs no token, and shows nothing of a cause."""
    answer = await client.get("/badge/validation.svg")

    assert (200, "image/svg+xml") == (answer.status_code, answer.headers["content-type"])
    assert answer.text.startswith("<svg")


async def test_there_is_no_badge_of_what_is_not_configured(client):
    """Neither as a picture nor as JSON."""
    assert [404, 404] == [(await client.get(f"/badge/nothing.{kind}")).status_code for kind in ("svg", "json")]
