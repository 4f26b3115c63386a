"""Text that a target says, wherever it can say any: it is shown, and does nothing."""

from dataclasses import replace

import pytest
from playwright.async_api import expect

from prober.model.report import Facts
from prober.model.verdict import Outcome, Reason, Verdict
from tests import builders as b
from tests.page.reader import PHONE, WIDE, reading
from tests.page.staging import Told, served
from tests.publish import builders as p
from tests.publish.web.conftest import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="module")

_RUN = "globalThis.hurt = true"

_OPEN_ALL = "() => { for (const each of document.querySelectorAll('details')) each.open = true; }"

#: What runs if anything does, and what breaks out of a place where it stands.
MARKUP = (
    f"<script>{_RUN}</script><img src=x onerror='{_RUN}'><svg onload='{_RUN}'/>"
    f"\"'><style>*{{display:none}}</style><base href=//evil.test><iframe srcdoc='<script>{_RUN}</script>'></iframe>"
    "</article></main></pre></html><!-- {{ 7 * 7 }} {% raw %} ${7*7} javascript:alert(1)"
)

HOSTILE = {
    "markup": MARKUP,
    "control characters": "".join(map(chr, range(32))) + "\x7f\x85\u2028\u2029\ufeff\x1b[2J",
    "one long word": "W" * 65_536,
    "right to left": "\u202e\u2067\u200f gnp.exe \u202d" * 20,
    "marks upon marks": "Z" + "\u0335\u0489\u20dd" * 2_000,
    "many lines": "\n" * 5_000,
}


def seen(text):
    """A report in which a target says it wherever it can: details, bodies, headers, frames, closes, names, words."""
    http = b.http(401, body=text, headers={"server": text, "x-service-revision": text}, first_event=text)
    late = b.refused_late(error_code=text, error_message=text, close_reason=text, frames=(text, text))
    early = replace(b.refused_early(), body=text, headers={"www-authenticate": text}, subprotocol=text, identity=text)
    refused = {"reason": Reason.REFUSED, "outcome": Outcome.REFUSED, "detail": text}
    diagnosis = p.drift_diagnosis()
    (drift,) = diagnosis.causes
    told = replace(
        diagnosis,
        whys=tuple(replace(why, text=f"{why.text}: {text}") for why in diagnosis.whys),
        causes=(replace(drift, cause=replace(drift.cause, title=text, remedy=(text,), verify=text)),),
    )
    return p.build_report(
        p.result(p.HEALTH, b.http(200, body=text)),
        p.result(p.MINT, b.minted(), detail=text),
        p.result(p.MESSAGES, http, Verdict.FAIL, **refused),
        p.result(p.SOCKET, late, Verdict.FAIL, **refused),
        p.result(p.NO_TOKEN, early, **refused),
        p.result(p.SECRETS, b.trouble(), Verdict.BLIND, reason=Reason.CONNECTION_REFUSED, detail=text),
        id="hostile",
        diagnosis=told,
        reason=text,
        revision=text,
        facts=(Facts(service="auth", version=text, revision=text), Facts(service="backend", revision=text)),
    )


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_a_target_says_does_nothing(what, browser):
    """No script of it runs, nothing it says is fetched, no window is too narrow for it; on the evidence page too."""
    world = Told()
    async with served(world) as url, reading(browser) as reader:
        page = reader.page
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        await reader.opens(url)
        await world.tell(seen(HOSTILE[what]))
        await expect(reader.card.get_by_role("link", name="Evidence")).to_be_visible()
        await page.evaluate(_OPEN_ALL)
        await is_harmless(reader)

        await reader.card.get_by_role("link", name="Evidence").click()
        await expect(page.get_by_role("heading", name="Step by step")).to_be_visible()
        await page.evaluate(_OPEN_ALL)
        await is_harmless(reader)
        assert [] == [each for each in asked if not each.startswith(url)]


async def is_harmless(reader):
    """Nothing ran, nothing stands beside the page, and its end is where it was."""
    page = reader.page
    assert await page.evaluate("globalThis.hurt") is None
    assert (0, 0) == (await reader.excess_width(WIDE), await reader.excess_width(PHONE))
    assert 0 == await page.locator("main :is(script, iframe, img, base, style)").count()
    assert await page.locator("main").evaluate("(main) => main.checkVisibility()")


async def test_a_step_that_is_told_live_does_nothing(browser):
    """It is put in place by a script, as text."""
    world = Told()
    async with served(world) as url, reading(browser) as reader:
        await reader.page.goto(url)
        await reader.page.evaluate("(token) => sessionStorage.setItem('prober-token', token)", TOKEN)
        await reader.opens(url)
        await reader.page.get_by_role("button", name="Run now").click()
        await world.operator.asked.wait()
        world.feed.step("run-1", p.with_detail(p.build_report(), MARKUP).run.results[0])

        await expect(reader.card.get_by_text("<script>globalThis.hurt = true</script>")).to_be_visible()
        assert await reader.page.evaluate("globalThis.hurt") is None
