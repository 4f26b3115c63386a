"""How the documents are read: their pages, links, anchors and code blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: All that is written for readers; CHANGELOG.md tells of the past.
PAGES = tuple(sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.name != "CHANGELOG.md"))


def name(page: Path) -> str:
    """What a page is called in complaints."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A code block: its page, the line after its fence, what it is marked as, and the comment before it."""

    page: Path
    line: int
    language: str
    marker: str
    text: str

    @property
    def place(self) -> str:
        """Where a reader finds it."""
        return f"{name(self.page)}:{self.line}"


_FENCE = re.compile(r"^( *)(```+)([a-z]*)[^\n`]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[Block]:
    """Every code block of a page, in order."""
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        before = text[: found.start()].rstrip().rpartition("\n")[2]
        marker = re.fullmatch(r"\s*<!-- (.+?) -->", before)
        line = text.count("\n", 0, found.start()) + 2
        indent = re.compile(rf"^{found[1]}", re.MULTILINE)
        yield Block(page, line, found[3], marker[1] if marker else "", indent.sub("", found[4]))


def prose(page: Path) -> str:
    """A page without its code blocks and code spans."""
    return re.sub(r"(`+)[^\n]*?\1", "", _FENCE.sub("", page.read_text("utf-8")))


def links(page: Path) -> list[str]:
    """Where its links and pictures lead, but for those into the web."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page)) + re.findall(r'(?:src|href)="([^"]+)"', prose(page))
    return [each for each in found if not re.match(r"[a-z]+:", each)]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives its headings."""
    heads = re.findall(r"^#+ +(.+?) *#*$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    found: set[str] = set()
    for head in heads:
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(next(each for each in (slug, *(f"{slug}-{n}" for n in range(1, 99))) if each not in found))
    return found
