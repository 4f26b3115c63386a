"""The recording in the README says what the README's run says, and plays wherever a README is shown."""

import re
from xml.etree import ElementTree as ET

from rich.text import Text

from scripts.pages import recording
from tests.docs.reading import ROOT
from tests.test_readme import README, block_after

FILE = ROOT / "docs" / "images" / "demo.svg"
TEXT = FILE.read_text("utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def lines(text):
    """What stands on each line of the picture, its stretches joined."""
    rows = {}
    for each in ET.fromstring(text).iter(f"{SVG}text"):  # noqa: S314 - a file of ours
        rows.setdefault(int(each.get("y")), []).append(each.text)
    return [" ".join(" ".join(words).split()) for _y, words in sorted(rows.items())]


def test_it_says_what_the_readme_shows():
    """And tests/test_readme.py holds that to a real run."""
    command, *shown = block_after("shown")
    until = next(place for place, line in enumerate(shown) if line.startswith(recording._UNTIL))
    wanted = [command.replace(".venv/bin/", ""), *(line for line in shown[:until] if line)]

    assert [" ".join(line.split()) for line in wanted] == lines(TEXT), "run scripts/recording"


def test_it_plays_in_a_readme():
    """Small, without a script or anything from elsewhere, at rest for who asks for that, and with a title."""
    assert len(TEXT.encode()) < 100_000
    assert not re.search(r"<script|<image|href=|url\(|@import", TEXT)
    assert "prefers-reduced-motion:reduce" in TEXT
    assert "<title" in TEXT
    assert "docs/images/demo.svg" in README


def test_a_line_keeps_its_words_and_colours():
    """Whatever stands in it."""
    line = Text.assemble(("✗", "bold color(1)"), " a <b> & c")
    drawn = recording.drawn([line])

    assert "✗ a <b> & c" == lines(drawn)[1]
    assert 'class="b r">✗</text>' in drawn
