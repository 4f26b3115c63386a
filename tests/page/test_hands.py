"""The page for those who use no mouse, want no motion, or have read nothing yet; and the long view."""

import asyncio
import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.page.history import STEPS
from tests.page.reader import PHONE, WIDE, reading
from tests.page.staging import Told, prober_of, served
from tests.page.viewers import looked_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: How many bars there are at least: of an hour one or two a step, of a chain that turns every half hour.
#: In the last span something failed at any time of day; of 240 moments of a month, 137 saw no failure for a day.
_BARS = {"1h": 1, "24h": 40, "7d": 50, "30d": 50}


@pytest_asyncio.fixture(loop_scope="module")
async def empty():
    """A page of a chain that nobody has looked at."""
    async with served(Told()) as url:
        yield url


#: All that a keyboard should reach, in the order of the page.
_REACHABLE = """() => [...document.querySelectorAll("a[href], button, summary, input, [tabindex='0']")]
  .filter((each) => each.checkVisibility() && !each.disabled).length"""

_FOCUSED = """() => {
  const each = document.activeElement;
  window.reached = (window.reached ?? new Set()).add(each);
  return [each === document.body, window.reached.size, getComputedStyle(each).outlineStyle];
}"""


async def tabbed(page, most=300):
    """Press Tab until nothing new is reached; how many things were, the first included, and those without a ring."""
    count, bare = (await page.evaluate(_FOCUSED))[1], 0
    for _ in range(most):
        await page.keyboard.press("Tab")
        is_over, reached, outline = await page.evaluate(_FOCUSED)
        if is_over or reached == count:
            break
        count, bare = reached, bare + (outline == "none")
    return count, bare


async def test_a_keyboard_is_enough(world, tmp_path, browser):
    """The first key leads past everything; each control is reached and seen to be; Enter opens what is folded."""
    async with prober_of(world, tmp_path, LAB_INTERVAL="300s") as url, reading(browser) as reader:
        page = reader.page
        await reader.opens(url)
        await expect(reader.headline).to_have_text(re.compile("accepts good tokens"))
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to what holds now")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("main")).to_be_focused()

        looks = reader.card.get_by_role("region", name="Every look of validation")
        await expect(looks).to_be_hidden()
        await reader.card.locator("summary", has_text="Every look").focus()
        await page.keyboard.press("Enter")
        await expect(looks).to_be_visible()

        await skip.focus()
        count, bare = await tabbed(page)
        assert (await page.evaluate(_REACHABLE), 0) == (count, bare)


@pytest.mark.parametrize(("wish", "motion"), [("reduce", "none"), ("no-preference", "breathe")])
async def test_who_wants_no_motion_has_none(wish, motion, empty, browser):
    """The one thing that moves is the sign that the page is live."""
    async with reading(browser, reduced_motion=wish) as reader:
        await reader.opens(empty)

        assert motion == await reader.page.locator(".dot").evaluate("(dot) => getComputedStyle(dot).animationName")


async def test_before_the_first_run_the_page_says_so(empty, browser):
    """And nothing is green that nobody has looked at."""
    async with reading(browser) as reader:
        await reader.opens(empty)

        await expect(reader.headline).to_have_text("· Nobody has looked at staging yet.")
        await expect(reader.page).to_have_title("· staging · prober")
        await expect(reader.page.get_by_text("· 1 not looked at yet")).to_be_visible()
        await expect(reader.page.get_by_text("passing")).to_be_hidden()
        assert ([], []) == (await reader.violations("light"), await reader.violations("dark"))
        assert 0 == await reader.excess_width(PHONE)


async def test_without_a_script_the_page_is_read_too(empty, browser):
    """And loads itself anew."""
    async with reading(browser, java_script_enabled=False) as reader:
        await reader.page.goto(empty)

        await expect(reader.page.get_by_role("heading", level=2).first).to_have_text(
            "· Nobody has looked at staging yet."
        )
        assert await reader.page.locator("meta[http-equiv=refresh]").count() == 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def month(tmp_path_factory):
    """The address of a prober with thirty days behind it."""
    async with looked_at(tmp_path_factory.mktemp("month"), 1, "300s") as there:
        yield there.served.url


async def test_the_long_view_leads_to_the_evidence(month, browser):
    """An hour to thirty days of bars, drawn when asked for; each is told in words, and leads to a run of then."""
    async with reading(browser) as reader:
        page, card = reader.page, reader.card
        await reader.opens(month)
        await reader.unfolds_long_view()
        bars = card.get_by_role("table").filter(has_text="median and 95th percentile")
        for span, least in _BARS.items():
            await card.get_by_role("button", name=span, exact=True).press("Enter")
            await expect(card.get_by_role("button", name=span, exact=True)).to_have_attribute("aria-pressed", "true")
            await expect(card.get_by_role("button", name=span, exact=True)).to_be_focused()
            await expect(bars.get_by_role("row")).to_have_count(1 + len(STEPS))
            assert await bars.locator("a").count() >= least * len(STEPS)
            if span == "1h":  # of more bars axe finds the same, and takes long
                assert [] == await reader.violations("light")
        assert (0, 0) == (await reader.excess_width(WIDE), await reader.excess_width(PHONE))

        bar = bars.get_by_role("link", name=re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d: .*\d+ failed")).last
        await bar.press("Enter")
        await expect(page).to_have_url(re.compile(r"/api/v1/runs/\w+/evidence$"))
        await expect(page.get_by_role("heading", level=1)).to_contain_text("FAILS")
        assert ([], []) == (await reader.violations("light"), await reader.violations("dark"))


async def test_the_span_chosen_last_is_drawn(month, browser):
    """Though what was chosen before comes later."""
    async with reading(browser) as reader:
        await reader.opens(month)
        await reader.unfolds_long_view()
        held, let_go = asyncio.Event(), asyncio.Event()

        async def late(route):
            answer = await route.fetch()
            held.set()
            await let_go.wait()
            await route.fulfill(response=answer)

        await reader.page.route("**/*span=30d*", late)
        await reader.card.get_by_role("button", name="30d", exact=True).press("Enter")
        await asyncio.wait_for(held.wait(), 20)
        chosen = reader.card.get_by_role("button", name="7d", exact=True)
        await chosen.press("Enter")
        await expect(chosen).to_have_attribute("aria-pressed", "true")
        async with reader.page.expect_response("**/*span=30d*") as answered:
            let_go.set()
        await (await answered.value).finished()
        await reader.page.wait_for_timeout(200)

        await expect(chosen).to_have_attribute("aria-pressed", "true")
