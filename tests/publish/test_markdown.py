"""Tests of prober/publish/markdown.py; what becomes of it is asked of cmark-gfm, GitHub's own."""

import re
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st

from prober.publish.markdown import cell, code, prose

#: Alone, in turn, and thrown together at random.
HOSTILE = [
    "@everyone",
    "a@evil.example",
    "#1",
    "owner/repo#1",
    "GH-1",
    "(gh-1)",
    ":tada:",
    "https://evil.example",
    "www.evil.example",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<img src=x onerror=alert(1)>",
    "</details>",
    "<!--",
    "``` ",
    "`",
    "``",
    "*b*",
    "__b__",
    "~~s~~",
    "|",
    "\\|",
    "\\",
    "$x$",
    "---",
    "===",
    "# h",
    "> q",
    "- l",
    "1. l",
    "\n\n# h",
    "&lt;",
    "\x1b[31m",
    "\u202e",
    "403 Forbidden",
]
texts = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5), max_size=6).map("".join) | st.lists(
    st.sampled_from(HOSTILE), max_size=6
).map(" ".join)


class Read(HTMLParser):
    """Which elements there are, and what stands outside code."""

    def __init__(self, html):
        """Read `html`."""
        super().__init__()
        self.elements, self.outside, self.inside, self._is_code = [], "", "", False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """An element begins."""
        del attrs
        self.elements.append(tag)
        self._is_code = self._is_code or tag == "code"

    def handle_endtag(self, tag):
        """It ends."""
        self._is_code = self._is_code and tag != "code"

    def handle_comment(self, data):
        """Nothing of ours is one."""
        del data
        self.elements.append("comment")

    def handle_data(self, data):
        """Text."""
        if self._is_code:
            self.inside += data
        else:
            self.outside += data


def rendered(text):
    """As GitHub makes HTML of it."""
    return Read(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2 of 2 rounds failed.", "2 of 2 rounds failed."),
        ("Because auth differs (jwt_secret_drift).", "Because auth differs (`jwt_secret_drift`)."),
        ("Revision b-2 never answered.", "Revision b-2 never answered."),
        ("It is 1.2.3, not @you!", "It is `1.2.3`, not `@you`!"),
        ("a ≥ 95.0 % bound", "a ≥ `95.0` % bound"),
        ("", ""),
    ],
)
def test_what_is_no_plain_word_stands_in_code(text, told):
    """Our sentences stay readable."""
    assert prose(text) == told


def test_code_holds_backticks_and_long_answers():
    """The fence is longer than what is in it; an endless answer is cut."""
    assert code("a`b``c") == "```a`b``c```"
    assert code("`") == "`` ` ``"
    assert len(code("x" * 10_000)) < 600


@given(texts)
def test_no_sentence_becomes_anything_but_words(text):
    """Neither a link, nor a mention, nor HTML, nor another block; nothing is lost either."""
    seen = rendered(f"**x** {prose(text)}")

    assert set(seen.elements) <= {"p", "strong", "code"}
    assert not set("@#<[]*_~|") & set(seen.outside)
    assert "www." not in seen.outside
    assert "://" not in seen.outside
    assert not re.search(r"\bgh-", seen.outside, re.IGNORECASE)


@given(texts)
def test_what_others_said_is_code_and_nothing_else(text):
    """All of it."""
    seen = rendered(code(text))

    assert seen.elements == ["p", "code"]
    assert seen.outside.strip() == ""


@given(texts)
def test_a_cell_stays_a_cell(text):
    """Whatever signs for the end of one it holds."""
    seen = rendered(f"| a | b |\n|---|---|\n| {cell(text)} | end |")

    assert (seen.elements.count("td"), seen.elements.count("code")) == (2, 1)
    assert seen.outside.split() == ["a", "b", "end"]
