"""Words in Markdown, as GitHub and GitLab show it, so that what a target said cannot become a link, a mention or HTML.

Rule: what is not a plain word stands in a code span, in which nothing has a meaning: no `@name`, no `#1`, no `:sign:`,
no address, no tag. Escaping by backslashes would not do: the first three are looked for in what has been rendered.
"""

import re

from prober.publish.words import printable

#: Longer than anything of ours; a target's answer may be endless.
_MOST_CHARACTERS = 500
_MOST_IN_A_CELL = 160

#: A word, with what stands around it in a sentence; `GH-1` would be a link.
_PLAIN = re.compile(r"[(«]*(?!(?i:GH-))[^\W_]+(?:[’'-][^\W_]+)*[)»]*[.,;:?!]*")

#: At the beginning of a line this would be a list.
_NUMBER = re.compile(r"\d+[.)]+")

#: Signs that stand alone in our sentences.
_SIGNS = frozenset(["≥", "%", "–", "→", "·", "✓", "✗", "◌", "?"])

#: What is left out of a code span around something that is no plain word.
_AROUND = re.compile(r"([(«]*)(.+?)([)»]*[.,;:?!]*)")

_BACKTICKS = re.compile("`+")


def prose(text: str, *, begins: bool = True) -> str:
    """A sentence of ours, with words of others in it; whether it `begins` a line makes a difference to a number."""
    first, *others = _cut(text).split() or [""]
    begin = code(first) if begins and _NUMBER.fullmatch(first) else _word(first)
    return " ".join([begin, *map(_word, others)])


def code(text: str, most: int = _MOST_CHARACTERS) -> str:
    """What others said, as it was, in one line of at most so many characters."""
    inner = " ".join(_cut(text, most).split()) or "–"
    fence = "`" * (max(map(len, _BACKTICKS.findall(inner)), default=0) + 1)
    edge = " " if inner.startswith("`") or inner.endswith("`") else ""
    return f"{fence}{edge}{inner}{edge}{fence}"


def cell(text: str) -> str:
    """`code` for a table, whose cells end at each `|` even in there."""
    return code(text.replace("|", "¦"), _MOST_IN_A_CELL)


def _word(word: str) -> str:
    if not word or word in _SIGNS or _PLAIN.fullmatch(word):
        return word
    before, inner, after = _AROUND.fullmatch(word).groups()  # type: ignore[union-attr]  # matches whatever is not empty
    return f"{before}{code(inner)}{after}"


def _cut(text: str, most: int = _MOST_CHARACTERS) -> str:
    clean = printable(" ".join(text.split()))
    return clean if len(clean) <= most else f"{clean[:most]}…"
