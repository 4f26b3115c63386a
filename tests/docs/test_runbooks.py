"""Whoever is woken by an alert finds a page that says what to do."""

import re

import pytest

from prober.config.load import load
from prober.judge.causes import catalogue
from prober.publish import rules
from tests.docs.reading import ROOT, anchors

DOCS = ROOT / "docs"
PLAN = load(ROOT / "probes.yaml", {})
ALERTS = [rule for group in rules.document(PLAN, catalogue())["groups"] for rule in group["rules"] if "alert" in rule]
RUNBOOKS = sorted(path for path in (DOCS / "runbooks").glob("*.md") if path.name != "README.md")
PARTS = [
    *("What it means", "What is at stake", "What to look at first", "How to mend it", "How to silence it rightly"),
    "What it does not mean",
]


def place(rule):
    """The file and the anchor that an alert's link stands for, as seen from docs/."""
    path, _, anchor = rule["annotations"]["runbook_url"].removeprefix(PLAN.alerting.runbook_url).partition("#")
    return DOCS / path, anchor


def test_each_link_of_an_alert_leads_to_a_page_and_a_heading():
    """Of every alert and of every cause, as the shipped probes.yaml and rules have them."""
    led = [(rule["annotations"]["runbook_url"], *place(rule)) for rule in ALERTS]

    assert [] == [url for url, page, anchor in led if not page.is_file() or (anchor and anchor not in anchors(page))]
    assert {cause.name for cause in catalogue()} == {anchor for _url, _page, anchor in led if anchor}


def test_the_shipped_rules_have_these_links():
    """They are what Prometheus loads."""
    shipped = (ROOT / "deploy/prometheus/rules.yml").read_text()

    assert {rule["annotations"]["runbook_url"] for rule in ALERTS} == set(re.findall(r"runbook_url: (\S+)", shipped))


def test_there_is_no_runbook_without_an_alert():
    """And the index has each of them."""
    listed = re.findall(r"\]\((Prober\w+)\.md\)", (DOCS / "runbooks/README.md").read_text())

    assert {rule["alert"] for rule in ALERTS} == {path.stem for path in RUNBOOKS} == set(listed)


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_a_runbook_says_what_one_needs_at_three_in_the_morning(page):
    """When it fires, in a sentence, and then the six parts in their order."""
    text = page.read_text()

    assert [f"# {page.stem}", *(f"## {part}" for part in PARTS)] == re.findall(r"^#.*", text, re.MULTILINE)
    assert re.search(r"^\*\*Fires when\*\* [^.]*\.?[^.]*\.$", text, re.MULTILINE | re.DOTALL)
