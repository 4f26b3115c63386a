import asyncio
from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from prober.judge.recall import recall_of
from prober.model.order import Intent, Kind, Order, OrderState
from prober.model.selftest import SelfTest
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.document import document
from prober.publish.page.card import card_of, seen_of
from prober.publish.remembered import Remembered
from prober.publish.web.kept import Kept
from prober.publish.web.routes import page as routes
from tests import builders as b
from tests.publish import builders as p
from tests.publish.web.conftest import READER, World

READS = {"Authorization": f"Bearer {READER}"}

#: A chain's card, and what stands around all cards.
CARD = "/page/summary?chain=validation"

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
    """A chain that has not run says so, and nothing else of it is shown."""
    answer = await client.get("/")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Nobody has looked at staging yet." in answer.text
    assert 'class="strip"' not in answer.text


async def test_the_page_tells_what_holds(client, world):
    """The verdict in a sentence, since when, the ratio, the way of the token, the cause and its remedy."""
    await world.tell(p.broken_report())

    text = (await client.get("/")).text

    assert "Staging is refusing tokens: auth and backend hold different signing keys." in text
    assert f'Since <time datetime="{b.NOON.isoformat()}">' in text
    assert "<b>62.5 %</b>" in text
    assert "Make JWT_SECRET the same version in both services." in text
    assert '<li class="stage fail">' in text


async def test_a_click_leads_to_the_evidence(client, world):
    """Of the very run that the card tells of, and to each look of it."""
    await world.tell(p.broken_report())
    tags = Tags((await client.get("/")).text).seen
    links = [attributes["href"] for tag, attributes in tags if tag == "a" and "data-evidence" in attributes]

    assert links[0] == "/api/v1/runs/run-1/evidence"
    assert links[1] == "/api/v1/runs/run-1/evidence#look-1"
    assert (await client.get(links[0])).status_code == 200


async def test_doubts_are_told_in_plain_words(client, world):
    """What was ruled out, and by what."""
    await world.tell(p.broken_report())

    text = (await client.get("/")).text

    assert "<dt>auth_down</dt><dd>auth accepts a token that auth minted" in text


async def test_an_open_door_comes_first(client, world):
    """Before the verdict of its chain, and in a state of its own."""
    opened = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED, reason=Reason.ACCEPTED)
    await world.tell(p.build_report(opened))

    text = (await client.get("/")).text

    assert "auth is failing OPEN: backend&#39;s WebSocket accepts a forged token." in text
    assert 'class="panel card open"' in text
    assert '<span class="word">ACCEPTED</span>' in text


async def test_looks_taken_besides_are_marked(client, world):
    """A second look is listed as what it is."""
    report = p.build_report()
    await world.tell(replace(report, run=replace(report.run, second_looks=report.run.results[2:3])))

    assert "<small>second look</small>" in (await client.get("/")).text


async def test_hostile_words_stay_words(client, world):
    """Nothing a target says becomes a tag."""
    await world.tell(p.with_detail(p.broken_report(), HOSTILE))

    tags = Tags((await client.get("/")).text).seen

    assert ["/static/page.js"] == [attributes["src"] for tag, attributes in tags if tag == "script"]
    assert not {"img", "style"} & {tag for tag, _ in tags}
    assert not any(name.startswith("on") or name == "style" for _, attributes in tags for name in attributes)


async def test_everything_the_page_loads_is_ours(client):
    """Styles, script and icon come from here, and are there."""
    tags = Tags((await client.get("/")).text).seen
    links = [attributes.get("href") or attributes["src"] for tag, attributes in tags if tag in ("link", "script")]
    answers = [await client.get(link) for link in links]

    assert ["/static/icon.svg", "/static/page.css", "/static/page.js"] == links
    assert ["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"] == [
        answer.headers["content-type"] for answer in answers
    ]


async def test_the_page_may_do_nothing_but_what_it_does(client):
    """No script but our file, no style in a tag, nothing from elsewhere, and no frame around it."""
    policy = (await client.get("/")).headers["content-security-policy"]

    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert "unsafe" not in policy


async def test_where_reading_takes_a_token_the_page_is_empty(client, house):
    """It asks for one; not even the environment's name is told. Its parts are behind the door."""
    house.world = World(reads_are_open=False)
    await house.world.tell(p.broken_report())
    page = (await client.get("/")).text
    parts = ["/page/body", "/page/summary", CARD, "/page/chains/validation/history"]
    refused = [(await client.get(part)).status_code for part in parts]
    let_in = [(await client.get(part, headers=READS)).status_code for part in parts[:3]]

    assert "data-locked" in page
    assert "staging" not in page
    assert [401] * 4 == refused
    assert [200] * 3 == let_in


async def test_a_part_is_what_the_page_has_in_its_place(client, world):
    """Whoever fetches a card anew gets what a reload would show."""
    await world.tell(p.broken_report())
    page, card, summary = [(await client.get(path)).text for path in ("/", CARD, "/page/summary")]

    assert card.partition('<section id="vitals"')[0] in page
    assert "<article" in card
    assert summary.partition("</header>")[0] in page


async def test_a_card_is_made_once_for_all_who_look(client, world, monkeypatch):
    """As long as nothing has changed; then anew."""
    made = []
    monkeypatch.setattr(routes, "seen_of", lambda kept: made.append(kept) or seen_of(kept))
    await world.tell(p.broken_report())
    await asyncio.gather(*(client.get(CARD) for _ in range(10)))
    once = len(made)
    await world.tell(p.build_report(id="next"))
    after = (await client.get(CARD)).text

    assert (1, 2) == (once, len(made))
    assert "Staging accepts good tokens" in after


async def test_a_chain_that_is_not_has_no_past(client):
    """Nor a card: a reload may have taken it from the config since it was told of."""
    past, gone, none = [
        await client.get(path)
        for path in ("/page/chains/nothing/history", "/page/summary?chain=nothing", "/page/summary")
    ]

    assert [404, 200, 200] == [each.status_code for each in (past, gone, none)]
    assert "<article" not in gone.text


async def test_not_all_chains_there_may_be_are_asked_for_by_name(client):
    """Of so many the whole page is asked for."""
    assert 422 == (await client.get("/page/summary", params={"chain": ["validation"] * 51})).status_code


async def test_a_span_that_is_none_is_refused(client):
    """And it is said which there are."""
    answer = await client.get("/page/chains/validation/history?span=2h")

    assert (422, "span is one of 1h, 24h, 7d, 30d") == (answer.status_code, answer.json()["detail"])


@pytest.mark.parametrize("name", ["page.html", "..%2fapp.py", "%2e%2e/app.py", "nothing.css"])
async def test_nothing_else_is_served_from_the_disk(client, name):
    """Two files by name, no paths."""
    answer = await client.get(f"/static/{name}")

    assert answer.status_code == 404


async def test_a_self_test_that_fails_is_told_before_all_else(client, world):
    """With its complaints, whatever stands in them; one that holds is no news."""
    world.board.examined(SelfTest(at=b.NOON, seconds=0.1))
    before = (await client.get("/")).text
    world.board.examined(SelfTest(at=b.NOON, seconds=0.1, complaints=(HOSTILE,)))
    after = (await client.get("/")).text

    assert "self-test fails" not in before
    assert after.index("The prober's self-test fails") < after.index("<article")
    assert "<script>" not in after


async def test_a_stale_verdict_is_no_verdict(client, world):
    """It is said first that nobody knows, and the mark of the old verdict is gone; a fresh one says nothing of it."""
    await world.tell(p.build_report())
    fresh = (await client.get("/")).text
    await world.tell(p.build_report(id="old", ended=b.NOON - timedelta(seconds=100)))
    stale = (await client.get("/")).text

    assert 'role="status" hidden>What holds now is not known: validation' in fresh
    assert 'role="status">What holds now is not known: validation has not run for over 3 of its intervals.' in stale
    assert '<h2 id="verdict-validation"><span class="mark" aria-hidden="true">✓</span>' in fresh
    assert '<h2 id="verdict-validation"><span class="mark" aria-hidden="true">?</span>' in stale


async def test_after_a_restart_the_page_tells_what_held_before(client, world):
    """All of it where the report is kept, and else in words."""
    before = Remembered.of(document(p.broken_report(id="before")))
    world.board.remember([before])
    in_words = (await client.get(CARD)).text
    await world.history.write(p.broken_report(id="kept"))
    world.board.remember([Remembered.of(document(p.broken_report(id="kept")))])
    whole = (await client.get(CARD)).text

    assert f"Before the prober was restarted: {before.summary}" in unescape(in_words)
    assert "Nobody has looked" not in in_words
    assert "Staging is refusing tokens" in whole


async def test_the_last_run_of_another_instance_is_shown(client, world):
    """Instances share the turns of a chain; the page of each shows the newest."""
    await world.tell(p.build_report(id="ours"))
    later = p.broken_report(id="theirs", began=b.NOON + timedelta(seconds=8), ended=b.NOON + timedelta(seconds=9))
    await world.history.write(later)
    world.operator.heard["validation"] = recall_of(later)
    newer = (await client.get(CARD)).text
    await world.tell(p.build_report(id="again", ended=b.NOON + timedelta(seconds=10)))
    ours = (await client.get(CARD)).text

    assert "/api/v1/runs/theirs/evidence" in newer
    assert "/api/v1/runs/again/evidence" in ours


async def test_gates_are_on_the_page(client, world):
    """Each leads to what it came to; without one, and without the store, there is nothing to show."""
    nothing = (await client.get("/page/summary")).text
    order = Order(kind=Kind.GATE, chain="validation", revision="00097")
    world.operator.intents["g"] = Intent(id="g", order=order, caller="ci", asked=b.NOON, state=OrderState.RUNNING)
    world.app.state.desk.kept = Kept()
    shown = (await client.get("/page/summary")).text

    assert 'aria-labelledby="gates-title" hidden' in nothing
    assert '<a data-text href="/api/v1/gates/g">validation, 00097</a>' in shown


async def test_a_turn_that_is_reckoned_anew_makes_no_other_card(client, world, monkeypatch):
    """When the next turn is due is told from the time it is until then: the microseconds differ each time."""
    made = []
    monkeypatch.setattr(routes, "card_of", lambda *given: made.append(given) or card_of(*given))
    await world.tell(p.broken_report())
    for microseconds in (10, 25, 40):
        world.operator.next = b.NOON + timedelta(seconds=30, microseconds=microseconds)
        await client.get(CARD)
    once = len(made)
    world.operator.next = b.NOON + timedelta(seconds=60)
    await client.get(CARD)

    assert (1, 2) == (once, len(made))
