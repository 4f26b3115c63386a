"""Break the lab in one way, open the page: what it says is what is so, whoever reads it and on whatever."""

import re
from dataclasses import dataclass

import pytest
from playwright.async_api import expect

from tests.evaluation.outside import OUTSIDE
from tests.page.reader import PHONE, WIDE, reading
from tests.page.staging import broken, prober_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Story:
    """What is broken, and what the page says of it: the sentence, over the causes, and their names."""

    fault: str
    headline: str
    title: str = "✗"
    why: str | None = "Why"
    causes: frozenset[str] = frozenset()
    colour: str = "fail"


def named(*causes: str) -> dict[str, frozenset[str]]:
    """Causes that are told."""
    return {"causes": frozenset(causes)}


SPLIT = "Why: this run cannot tell these apart"

STORIES = (
    Story(
        "reported_service_secret_missing",
        "Staging is refusing tokens: one of 3 causes, and this run cannot tell which.",
        why=SPLIT,
        **named("service_credentials_missing", "service_header_illegal", "service_secret_drift_at_backend"),
    ),
    Story(
        "reported_auth_down_fallback",
        "Staging is refusing tokens: the auth service does not answer.",
        why=SPLIT,
        **named("auth_down", "jwt_secret_drift", "prober_secret_wrong"),
    ),
    Story(
        "reported_jwt_secret_drift",
        "Staging is refusing tokens: the backend checks tokens by another key than the auth service signs with.",
        **named("jwt_secret_drift"),
    ),
    Story(
        "reported_identity_regression",
        "Staging is refusing tokens: the backend acts as itself where it should act as the user.",
        **named("service_identity_regression"),
    ),
    Story(
        "reported_bypass_key_missing",
        "Staging is not well: the auth service has no bypass key, so tests get no tokens.",
        **named("bypass_key_absent"),
    ),
    Story(
        "service_secret_drift_at_backend",
        "Staging is refusing tokens: either the backend has no service credentials, "
        "or the backend sends a stale service secret.",
        why=SPLIT,
        **named("service_credentials_missing", "service_secret_drift_at_backend"),
    ),
    Story(
        "ws_open_to_anyone",
        "Staging's auth is failing OPEN: backend's WebSocket accepts a request without a token, and 3 more.",
        title="!",
        colour="open",
        **named("ws_open_to_anyone"),
    ),
    Story(
        "outside_maintenance_page_everywhere",
        "Staging is not well: no known cause explains what is seen.",
        why="Why: no cause we know explains it",
    ),
    Story(
        "prober_secret_wrong",
        "The prober cannot look at staging: our own copy of the signing key is wrong. Nothing is counted against it.",
        title="◌",
        colour="blind",
        **named("prober_secret_wrong"),
    ),
    Story(
        "healthy",
        "Staging accepts good tokens and refuses bad ones: all 27 looks held.",
        title="✓",
        why=None,
        colour="pass",
    ),
)


def faults(story):
    """As the lab takes them."""
    outside = {fault.name: fault for fault in OUTSIDE}
    return [outside.get(story.fault, story.fault)] if story.fault != "healthy" else []


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.fault)
async def test_the_page_says_what_is_so(story, world, tmp_path, browser):
    """The sentence, the causes and no others, to everybody: in light and dark, on a wall and on a phone."""
    async with broken(world, *faults(story)), prober_of(world, tmp_path) as url, reading(browser) as reader:
        await reader.opens(url)
        await expect(reader.headline).to_have_text(re.compile(rf". {re.escape(story.headline)}"))
        page, card = reader.page, reader.card

        await expect(page).to_have_title(f"{story.title} staging · prober")
        await expect(card).to_have_class(re.compile(rf"\b{story.colour}\b"))
        await expect(card.get_by_role("list", name="The way of a token").get_by_role("listitem")).not_to_have_count(0)
        whys = await card.locator("section.why").get_by_role("heading", level=3).all_inner_texts()
        assert [story.why] * (story.why is not None) == whys
        assert story.causes == set(await card.locator(".cause h4 code").all_inner_texts())
        for cause in story.causes:
            await expect(card.get_by_text(f"prober explain {cause}", exact=True)).to_be_visible()
        assert ([], []) == (await reader.violations("light"), await reader.violations("dark"))
        assert (0, 0) == (await reader.excess_width(WIDE), await reader.excess_width(PHONE))
        assert [] == await reader.small_targets()
