from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from prober.model.selftest import SelfTest
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.document import document
from prober.publish.remembered import Remembered
from prober.publish.web.routes.page import ago
from tests import builders as b
from tests.publish import builders as p

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><style>*{}</style>"


class Tags(HTMLParser):
    """Every tag on a page, with its attributes."""

    def __init__(self, html: str) -> None:
        """Read the page."""
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Keep it."""
        self.seen.append((tag, dict(attrs)))


async def test_the_page_tells_before_the_first_run(client):
    """A chain that has not run says so."""
    answer = await client.get("/")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "validation has not run yet." in answer.text


async def test_the_page_tells_what_holds(client, world):
    """The verdict in words, when, the ratio, the steps with their marks, the cause and its remedy."""
    await world.tell(p.broken_report())

    text = (await client.get("/")).text

    assert "validation FAILS: 3 of 7 steps did not hold." in text
    assert "10 seconds ago" in text
    assert "62.5 % over 1h" in text
    assert "auth and backend hold different signing keys" in text
    assert "Make JWT_SECRET the same version in both services." in text
    assert 'aria-label="fail">✗</span><span class="name">messages</span>' in text


async def test_a_click_leads_to_the_evidence(client, world):
    """Of the very run that the card tells of."""
    await world.tell(p.broken_report())
    links = [attributes["href"] for tag, attributes in Tags((await client.get("/")).text).seen if tag == "a"]

    assert links[0] == "/api/v1/runs/run-1/evidence"
    assert (await client.get(links[0])).status_code == 200


async def test_doubts_are_told_in_plain_words(client, world):
    """What was ruled out, and by what."""
    await world.tell(p.broken_report())

    text = (await client.get("/")).text

    assert "<b>ruled out</b> auth_down: auth accepts a token that auth minted  [mint]" in text


async def test_an_open_door_comes_first(client, world):
    """Before the verdict of its chain."""
    opened = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED, reason=Reason.ACCEPTED)
    await world.tell(p.build_report(opened))

    text = (await client.get("/")).text

    assert text.index("Auth is failing OPEN: backend&#39;s WebSocket accepts a forged token.") < text.index("<h2>")


async def test_looks_taken_besides_are_marked(client, world):
    """A second look is listed as what it is."""
    report = p.build_report()
    await world.tell(replace(report, run=replace(report.run, second_looks=report.run.results[2:3])))

    text = (await client.get("/")).text

    assert '<span class="seen">second look: 200 OK</span>' in text


async def test_a_chain_that_has_stopped_is_marked_stale(client, world, monkeypatch):
    """An old green is no green."""
    await world.tell(p.build_report())
    monkeypatch.setattr(world.board, "now", lambda: b.NOON + timedelta(hours=2))

    text = (await client.get("/")).text

    assert '<article class="stale">' in text
    assert "1 hour ago, stale" in text


async def test_hostile_words_stay_words(client, world):
    """Nothing a target says becomes a tag."""
    await world.tell(p.with_detail(p.broken_report(), HOSTILE))

    tags = Tags((await client.get("/")).text).seen

    assert not {"script", "img", "style"} & {tag for tag, _ in tags}
    assert not any(name.startswith("on") or name == "style" for _, attributes in tags for name in attributes)


async def test_everything_the_page_loads_is_ours(client):
    """Styles and icon come from here, and are there."""
    tags = Tags((await client.get("/")).text).seen
    links = [attributes["href"] for tag, attributes in tags if tag == "link"]
    answers = [await client.get(link) for link in links]

    assert links == ["/static/icon.svg", "/static/page.css"]
    assert [answer.headers["content-type"] for answer in answers] == ["image/svg+xml", "text/css; charset=utf-8"]


@pytest.mark.parametrize("name", ["page.html", "..%2fapp.py", "%2e%2e/app.py", "nothing.css"])
async def test_nothing_else_is_served_from_the_disk(client, name):
    """Two files by name, no paths."""
    answer = await client.get(f"/static/{name}")

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (61, "1 minute ago"),
        (7200, "2 hours ago"),
        (-5, "just now"),
    ],
)
def test_times_are_told_as_people_do(seconds, expected):
    """In the largest unit that fits; a clock that is ahead is no time travel."""
    assert ago(b.NOON, b.NOON + timedelta(seconds=seconds)) == expected


async def test_a_self_test_that_fails_is_told_before_all_else(client, world):
    """With its complaints, whatever stands in them; one that holds is no news."""
    world.board.examined(SelfTest(at=b.NOON, seconds=0.1))
    before = (await client.get("/")).text
    world.board.examined(SelfTest(at=b.NOON, seconds=0.1, complaints=(HOSTILE,)))
    after = (await client.get("/")).text

    assert "self-test" not in before
    assert "The prober&#39;s self-test fails" in after or "The prober's self-test fails" in after
    assert after.index("self-test") < after.index("<h2>")
    assert "<script" not in after


async def test_a_stale_verdict_is_no_verdict(client, world):
    """It is said first that nobody knows, and the mark of the old verdict is gone; a fresh one says nothing of it."""
    await world.tell(p.build_report())
    fresh = (await client.get("/")).text
    await world.tell(p.build_report(ended=b.NOON - timedelta(seconds=100)))
    stale = (await client.get("/")).text

    note = "What holds now is not known: validation has not run for over 3 of its intervals."
    assert (False, True) == (note in fresh, note in stale)
    assert stale.index(note) < stale.index("validation passes")
    assert (
        '<span class="mark" aria-hidden="true">✓</span> validation',
        '<span class="mark" aria-hidden="true">?</span>',
    ) == (
        fresh[fresh.index("<h2>") + 4 :][: len('<span class="mark" aria-hidden="true">✓</span> validation')],
        stale[stale.index("<h2>") + 4 :][: len('<span class="mark" aria-hidden="true">?</span>')],
    )


async def test_after_a_restart_the_page_tells_what_held_before(client, world):
    """In words, with how long ago that was."""
    before = Remembered.of(document(p.broken_report(id="before")))
    world.board.remember([before])

    page = (await client.get("/")).text

    assert before.summary in unescape(page)
    assert "before the prober was restarted" in page
    assert "has not run yet" not in page
