"""Tests of prober/publish/web/routes/evidence.py."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from prober.publish.document import document
from prober.publish.web.routes.evidence import PAGE_POLICY, Format, page, wanted
from tests.publish import builders as p

PAGE = "/api/v1/runs/run-1/evidence"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'></style><style>*{}</style>\u202e\x1b"


class Parts(HTMLParser):
    """Every tag on a page with its attributes, and the text of its styles."""

    def __init__(self, html: str) -> None:
        """Read the page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.styles: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Keep it."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Keep what stands in a style."""
        if self.tags and self.tags[-1][0] == "style" and "{" in data:
            self.styles.append(data)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format.HTML),
        ("application/json", Format.JSON),
        ("text/html;q=0.1, application/json;q=0.9", Format.JSON),
        ("application/json;q=0, text/html", Format.HTML),
        ("image/png", Format.TEXT),
        ("text/html;q=nonsense", Format.HTML),
    ],
)
def test_accept_chooses_the_form(accept, expected):
    """A browser gets HTML, a program JSON, curl text."""
    assert wanted(accept) is expected


@pytest.mark.parametrize(
    ("format_", "content_type"),
    [
        ("text", "text/plain; charset=utf-8"),
        ("html", "text/html; charset=utf-8"),
        ("json", "application/json"),
    ],
)
async def test_the_page_comes_in_three_forms(client, world, format_, content_type):
    """From one model: each tells the verdict, the failed step and the cause."""
    await world.tell(p.broken_report())

    answer = await client.get(PAGE, params={"format": format_})

    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    for said in ("validation FAILS: 3 of 7 steps did not hold.", "token_rejected", "jwt_secret_drift", "auth_down"):
        assert said in answer.text


async def test_who_scrapes_us_does_not_wait_for_the_page(client, world):
    """Nor the page for the metrics: each is made one at a time by itself."""
    await world.tell(p.broken_report())
    desk = world.app.state.desk
    async with desk.rendering:
        page_meanwhile = await client.get(PAGE, timeout=2)
    async with desk.showing:
        metrics_meanwhile = await client.get("/metrics", timeout=2)

    assert [200, 200] == [page_meanwhile.status_code, metrics_meanwhile.status_code]


async def test_the_page_of_a_run_that_nobody_knows_is_not_found(client):
    """And one that is still going is to be asked for again."""
    answer = await client.get("/api/v1/runs/other/evidence")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_run_that_is_going_has_no_page_yet(client, world, bearer):
    """Ask again."""
    await client.post("/api/v1/chains/validation/runs", headers=bearer)

    answer = await client.get(PAGE)

    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")


async def test_the_page_holds_all_it_needs_and_nothing_acts_in_it(client, world):
    """No script, no picture, nothing from elsewhere; its one style is the one that its policy knows."""
    await world.tell(p.broken_report())

    answer = await client.get(PAGE, params={"format": "html"})
    parts = Parts(answer.text)

    assert answer.headers["content-security-policy"] == PAGE_POLICY
    assert {tag for tag, _ in parts.tags}.isdisjoint({"script", "img", "link", "iframe", "object", "form", "base"})
    assert not [name for _, attributes in parts.tags for name in attributes if name.startswith("on") or name == "style"]
    assert {a["href"][0] for tag, a in parts.tags if tag == "a"} == {"#"}
    (style,) = parts.styles
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in PAGE_POLICY


@pytest.mark.parametrize("format_", Format)
def test_hostile_text_stays_text(format_):
    """Wherever a target could have written it."""
    kept = document(p.with_detail(p.broken_report(), HOSTILE))
    for step in kept["steps"]:
        step["evidence"] |= {"body": HOSTILE, "headers": {"server": HOSTILE}, "errorMessage": HOSTILE}
    kept["diagnosis"]["summary"] = HOSTILE

    text = page(kept, format_).body.decode()

    if format_ is Format.HTML:
        assert {tag for tag, _ in Parts(text).tags}.isdisjoint({"script", "img"})
        assert len(Parts(text).styles) == 1
    assert "alert(1)" in text
    assert not re.search("[\u202e\x1b]", text)


def test_a_document_of_another_form_is_no_bug_of_ours():
    """A newer release may have written it."""
    with pytest.raises(Exception, match="another release"):
        page({"run": {}}, Format.TEXT)
