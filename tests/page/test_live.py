"""The page while things change: it follows what is seen, says when it cannot know, and has a chain run."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.page.hurried import hurried
from tests.page.reader import reading
from tests.page.staging import TOKEN, Told, broken, prober_of, served
from tests.publish import builders as p
from tests.publish.web.conftest import TOKEN as PRETENDED_TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What a browser says of a prober that is gone, whoever asks.
GONE = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE")

ASKED = "POST /api/v1/chains/validation/runs"


async def test_a_lost_connection_is_told_until_it_is_back(world, tmp_path, browser):
    """With what it means; then what is shown is as of now again, without a hand laid on it."""
    async with hurried(tmp_path, world.backend_url) as prober, reading(browser, bears=GONE) as reader:
        banner = reader.page.locator("#connection")
        await reader.opens(prober.url)
        await expect(reader.headline).to_have_text(re.compile("Staging is well"))
        await expect(banner).to_be_hidden()
        seen = await reader.card.locator("time").first.get_attribute("datetime")

        await prober.kill()
        await expect(banner).to_have_text(
            re.compile(r"The prober has not been heard since .*: what you see may be over")
        )
        await expect(reader.page).to_have_title("? staging · prober")
        await expect(reader.page.get_by_text("not live", exact=True)).to_be_visible()

        await prober.start()
        await expect(banner).to_be_hidden()
        await expect(reader.page).to_have_title("✓ staging · prober")
        await expect(reader.card.locator("time").first).not_to_have_attribute("datetime", seen)


async def test_what_is_stale_is_said_to_be_stale(world, tmp_path, browser):
    """When three turns were due and nothing was heard; and no longer once there is news."""
    async with hurried(tmp_path, world.backend_url) as prober, reading(browser, bears=GONE) as reader:
        note = reader.page.get_by_text("This is what was seen then:")
        await reader.opens(prober.url)
        await expect(reader.headline).to_have_text(re.compile("✓ Staging is well"))
        await expect(note).to_be_hidden()

        prober.halt()
        await expect(note).to_be_visible()
        await expect(reader.headline).to_have_text(re.compile(r"\? Staging is well"))
        await expect(reader.page).to_have_title("? staging · prober")
        await expect(reader.page.get_by_text("? 1 not looked at of late")).to_be_visible()
        await expect(reader.page.get_by_text("passing")).to_be_hidden()
        assert [] == await reader.violations("light")

        prober.go_on()
        await expect(note).to_be_hidden()
        await expect(reader.page).to_have_title("✓ staging · prober")
        await expect(reader.page.get_by_text("✓ 1 passing")).to_be_visible()


async def test_the_page_follows_what_is_seen(world, tmp_path, browser):
    """Without a reload: broken, then healed; and what the reader opened stays open."""
    async with prober_of(world, tmp_path, LAB_INTERVAL="5s") as url, reading(browser) as reader:
        await reader.opens(url)
        await expect(reader.headline).to_have_text(re.compile("accepts good tokens"))

        async with broken(world, "jwt_secret_drift"):
            await expect(reader.headline).to_have_text(re.compile("the backend checks tokens by another key"))
            explains = reader.card.get_by_text(re.compile(r"It explains \d+ readings"))
            await explains.click()
            looked = reader.card.get_by_text("looked", exact=True).locator("xpath=following-sibling::time")
            before = await looked.get_attribute("datetime")
            await expect(looked).not_to_have_attribute("datetime", before)
            await expect(explains.locator("xpath=..")).to_have_attribute("open", "")
        await expect(reader.headline).to_have_text(re.compile("accepts good tokens"))


async def test_what_ends_while_the_page_is_loaded_is_not_missed(browser):
    """However soon after the page was drawn, and though nothing ends after it."""
    world = Told()
    async with served(world) as url, reading(browser) as reader:

        async def late(route):
            answer = await route.fetch()  # as it was before
            await world.tell(p.build_report())
            await route.fulfill(response=answer)

        await reader.page.route("**/page/body", late, times=1)
        await reader.opens(url)

        await expect(reader.headline).to_have_text(re.compile("accepts good tokens"))


async def test_a_chain_is_run_by_who_shows_a_token(world, tmp_path, browser):
    """A wrong one is asked for again; a right one is kept in this tab alone; and each step is shown as it ends."""
    async with (
        prober_of(world, tmp_path, LAB_INTERVAL="300s", PROBER_TRIGGER_TOKEN=TOKEN) as url,
        reading(browser, bears=("status of 401",)) as reader,
    ):
        page, steps = reader.page, reader.card.get_by_role("list").and_(reader.page.locator(".live-steps"))
        asked = []
        page.on("request", lambda request: asked.append((f"{request.method} {request.url.removeprefix(url)}", request)))
        await reader.opens(url)
        await page.get_by_role("button", name="Run now").click()
        dialog = page.get_by_role("dialog", name="A token is needed")
        await expect(dialog.get_by_label("Token")).to_be_focused()
        assert [] == await reader.violations("light")

        await dialog.get_by_label("Token").fill("of-somebody-else")
        await dialog.get_by_role("button", name="Go on").click()
        await expect(dialog.get_by_text("send the trigger token")).to_be_visible()
        await dialog.get_by_label("Token").fill(TOKEN)
        await page.keyboard.press("Enter")

        await expect(steps.get_by_text(re.compile(r"websocket-again \(backend\)"))).to_be_visible()
        await expect(steps.get_by_text(re.compile("over: "))).to_be_visible()
        await expect(page.get_by_role("button", name="Run now")).to_be_enabled()
        shown = [await request.header_value("authorization") for what, request in asked if what == ASKED]
        assert ["Bearer of-somebody-else", f"Bearer {TOKEN}"] == shown
        assert [] == [request.url for _, request in asked if TOKEN in request.url]
        assert [TOKEN] == await page.evaluate("Object.values(sessionStorage)")
        assert 0 == await page.evaluate("localStorage.length")
        assert [] == await page.context.cookies()
        assert TOKEN not in await page.content()


async def test_steps_are_shown_though_the_card_was_drawn_anew_meanwhile(browser):
    """While the reader looked for the token."""
    world = Told()
    async with served(world) as url, reading(browser) as reader:
        page = reader.page
        await reader.opens(url)
        await page.get_by_role("button", name="Run now").click()
        await world.tell(p.build_report(id="before"))
        await expect(reader.headline).to_have_text(re.compile("accepts good tokens"))
        await page.get_by_role("textbox", name="Token").fill(PRETENDED_TOKEN)
        await page.keyboard.press("Enter")
        await asyncio.wait_for(world.operator.asked.wait(), 10)
        world.feed.step("run-1", p.build_report().run.results[0])

        await expect(reader.card.get_by_text("auth-health (auth): as expected")).to_be_visible()
        await world.tell(p.build_report(id="run-1"))
        await expect(reader.card.get_by_text("over: Nothing is wrong.")).to_be_visible()


async def test_who_cancels_has_run_nothing(world, tmp_path, browser):
    """And may ask again."""
    async with (
        prober_of(world, tmp_path, LAB_INTERVAL="300s", PROBER_TRIGGER_TOKEN=TOKEN) as url,
        reading(browser) as reader,
    ):
        asked = []
        reader.page.on("request", lambda request: asked.append(request.method))
        await reader.opens(url)
        button = reader.page.get_by_role("button", name="Run now")
        await button.click()
        await reader.page.get_by_role("button", name="Cancel").click()

        await expect(reader.page.get_by_role("dialog")).to_be_hidden()
        await expect(button).to_be_enabled()
        await expect(button).to_be_focused()
        assert "POST" not in asked


CLOSED = "\ntrigger: {secret: trigger, reading: token}\n"


async def test_who_may_not_read_sees_nothing(world, tmp_path, browser):
    """Until a token is shown; then everything, the evidence too, though a link cannot show a token."""
    async with (
        prober_of(world, tmp_path, CLOSED, LAB_INTERVAL="300s", PROBER_TRIGGER_TOKEN=TOKEN) as url,
        reading(browser, bears=("status of 401",)) as reader,
    ):
        page = reader.page
        await page.goto(url)
        dialog = page.get_by_role("dialog", name="A token is needed")
        await expect(dialog).to_be_visible()
        assert "" == await page.locator("main").inner_text()
        assert "staging" not in await page.content()

        await dialog.get_by_label("Token").fill(TOKEN)
        await page.keyboard.press("Enter")
        await expect(reader.headline).to_have_text(re.compile("Staging accepts good tokens"))
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        await reader.unfolds_long_view()
        await expect(reader.card.get_by_text(re.compile("due turns were taken|No turn was due"))).to_be_visible()
        await reader.card.get_by_role("link", name="Evidence").click()
        evidence = page.get_by_role("dialog", name="Evidence")
        await expect(evidence.get_by_text(re.compile("messages-with-our-token"))).to_be_visible()
        assert url == page.url.rstrip("/")
        await page.keyboard.press("Escape")
        await expect(evidence).to_be_hidden()


async def test_who_shows_no_token_is_not_asked_twice(world, tmp_path, browser):
    """The page says so, and how to be asked again."""
    async with (
        prober_of(world, tmp_path, CLOSED, LAB_INTERVAL="300s", PROBER_TRIGGER_TOKEN=TOKEN) as url,
        reading(browser, bears=("status of 401",)) as reader,
    ):
        await reader.page.goto(url)
        await reader.page.get_by_role("button", name="Cancel").click()

        await expect(reader.page.get_by_text("Load the page anew to be asked for it again")).to_be_visible()
        await reader.page.wait_for_timeout(2_000)
        await expect(reader.page.get_by_role("dialog")).to_be_hidden()
