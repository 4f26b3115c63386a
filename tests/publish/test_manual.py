"""Tests of prober/publish/manual.py: the pages people are sent to say what the catalogue says."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from prober.judge.causes import catalogue
from prober.model.errors import NothingMatched
from prober.publish import manual
from prober.publish.text import show

CAUSES = catalogue()
DOCUMENT = Path(__file__).parents[2] / "docs" / "causes.md"


def printed(parts):
    """What a pipe gets."""
    out = StringIO()
    show(parts, Console(file=out))
    return out.getvalue()


def drift():
    """A cause that everybody knows."""
    return manual.find("jwt_secret_drift", CAUSES)


def test_the_document_lists_the_catalogue():
    """docs/causes.md is made, not written."""
    how = "write it anew: scripts/reference"

    assert DOCUMENT.read_text() == manual.markdown(CAUSES), how


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_every_page_prints_whole(cause):
    """Not a word of the page is lost, nothing is wider than a mail, no mark-up is left."""
    text = printed(manual.page(cause))
    wanted = cause.page.replace("`", "").replace(" · ", " ").split()

    assert {word.strip(".:").lower() for word in wanted} <= {word.strip(".:").lower() for word in text.split()}
    assert max(map(len, text.splitlines())) <= 100
    assert "`" not in text


def test_a_page_begins_with_what_is_wrong():
    """Then the name that the report gave, and its family in words."""
    title, name, *_ = printed(manual.page(drift())).splitlines()

    assert title == drift().page.splitlines()[0]
    assert name == "jwt_secret_drift  trust in tokens (D)"


def test_a_page_has_its_parts_in_order():
    """Each under a line of its own."""
    lines = printed(manual.page(drift())).splitlines()
    parts = ["What you see", "Why, in five steps", "Told apart from", "Remedy", "Verify", "References"]

    assert parts == [line for line in lines if line in parts]


def test_a_fault_of_ours_is_told_as_ours():
    """Nobody should mend staging for it."""
    assert "The prober's own fault" in printed(manual.page(manual.find("prober_secret_wrong", CAUSES)))


def test_the_list_has_every_cause_once():
    """Under its family."""
    words = printed(manual.listing(CAUSES)).split()

    assert {cause.name: 1 for cause in CAUSES} == {cause.name: words.count(cause.name) for cause in CAUSES}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_every_family_has_words(cause):
    """A letter tells nobody anything."""
    assert cause.family in manual.FAMILIES


def test_the_page_as_json_has_its_predictions_in_words():
    """What would be seen if it were so; where several answers fit, all of them, the good one first."""
    found = manual.document(drift())
    told = {each["signal"]: each["text"] for each in found["predicts"]}

    assert found.keys() >= {"name", "family", "title", "page", "remedy", "verify", "ours", "predicts"}
    assert ("D", "trust in tokens", False) == (found["family"], found["familyText"], found["ours"])
    assert "the auth service says that it is well" == told["health(auth)"]
    assert told["secrets(auth, backend)"].startswith(
        "the auth service and the backend hold different signing keys, or "
    )


def test_an_unknown_name_matches_nothing():
    """What was meant is told."""
    with pytest.raises(NothingMatched, match="no cause is called 'jwt_drift'; did you mean jwt_secret_drift"):
        manual.find("jwt_drift", CAUSES)
