"""A reader: a page in a real browser, what it complains of while it is read, and what a screen reader would meet."""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright

#: A wide window, and a phone held upright.
WIDE, PHONE = (1280, 900), (390, 844)

#: The least a finger can hit: WCAG 2.2, 2.5.8 (level AA), in CSS pixels.
SMALLEST_TARGET = 24

_PROGRAM = shutil.which("chromium")  # Debian's package chromium
_PATIENCE_MILLISECONDS = 30_000  # two cores, both busy

#: What the policy forbids is no error of the script: it has to be asked for.
_LISTEN = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""

_SMALL_TARGETS = """(least) => [...document.querySelectorAll("button, .button, summary, footer a, input, .hops a")]
  .filter((each) => each.checkVisibility())
  .map((each) => [each.textContent.trim().slice(0, 30), each.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.height < least || box.width < least))
  .map(([text, box]) => `${text}: ${Math.round(box.width)} x ${Math.round(box.height)}`)"""


def installed_or_skip() -> None:
    """Skip where it is missing; fail where it is required, for there nobody reads what was skipped."""
    if _PROGRAM is None:
        message = "not installed: chromium"
        (pytest.fail if os.environ.get("PROBER_REQUIRE_CHROMIUM") == "1" else pytest.skip)(message)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The distribution's; each reader of it is a stranger to the others."""
    async with async_playwright() as playwright:
        # In a container there is neither a sandbox to be had as root nor much of /dev/shm.
        words = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path=_PROGRAM, args=words)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(eq=False)  # Playwright keeps notes on whom it tells
class Reader:
    """One tab, and what went wrong in it so far."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def heard(self, message: ConsoleMessage) -> None:
        """Errors and warnings of the console are complaints; what else is said there is nobody's business."""
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    async def opens(self, url: str) -> None:
        """Go there, and wait until the page is live."""
        await self.page.goto(url)
        await self.page.locator("#live[data-state=on]").wait_for()

    @property
    def card(self) -> Locator:
        """The first chain's."""
        return self.page.get_by_role("article").first

    @property
    def headline(self) -> Locator:
        """What holds there, in a sentence."""
        return self.card.get_by_role("heading", level=2)

    async def unfolds_long_view(self) -> None:
        """It is drawn once it is on show."""
        folded = self.card.locator("details.history")
        await folded.evaluate("(details) => { details.open = true; details.scrollIntoView(); }")
        await self.card.get_by_role("button", name="30d", exact=True).wait_for()

    async def violations(self, scheme: str) -> Sequence[str]:
        """What axe finds in a colour scheme; in dark it looks at colours alone, for nothing else is another there."""
        await self.page.emulate_media(color_scheme=scheme)
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if scheme == "dark":
            options["runOnly"] = ["color-contrast"]
        told = (await Axe().run(self.page, options=options)).response["violations"]
        return [f"{rule['id']}: {node['html'][:200]}" for rule in told for node in rule["nodes"]]

    async def excess_width(self, size: tuple[int, int]) -> int:
        """By how many pixels the page is wider than a window of this size."""
        await self.page.set_viewport_size({"width": size[0], "height": size[1]})
        return await self.page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)")

    async def small_targets(self) -> Sequence[str]:
        """What a finger would miss."""
        return await self.page.evaluate(_SMALL_TARGETS, SMALLEST_TARGET)


@asynccontextmanager
async def reading(browser: Browser, *, bears: Sequence[str] = (), **how: Any) -> AsyncIterator[Reader]:
    """One who at the end has nothing to complain of but what `bears` names; `how`: options of a Playwright context."""
    given = {"viewport": {"width": WIDE[0], "height": WIDE[1]}, "timezone_id": "UTC", "locale": "en-GB", **how}
    async with await browser.new_context(**given) as context:
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        await context.add_init_script(_LISTEN)
        reader = Reader(await context.new_page())
        reader.page.on("console", reader.heard)
        reader.page.on("pageerror", lambda error: reader.complaints.append(f"script: {error}"))
        yield reader
        complaints = [told for told in reader.complaints if not any(each in told for each in bears)]
    assert [] == complaints
