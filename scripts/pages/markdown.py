"""Pieces of Markdown: what a page of the reference is put together from."""

from collections.abc import Iterable, Sequence

#: The second line of each page, so that nobody edits it by hand.
MADE = "<!-- Made from the code by scripts/reference: edit the code. -->"


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([f"# {title}\n\n{MADE}", *(part.strip("\n") for part in parts if part)]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar within a cell is kept from ending it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: object) -> str:
    """Text as code, whatever stands in it."""
    fence = "``" if "`" in str(text) else "`"
    gap = " " if "`" in str(text) else ""
    return f"{fence}{gap}{text}{gap}{fence}"


def listed(words: Iterable[object], last: str = "or") -> str:
    """`a`, `b` or `c`."""
    found = [code(word) for word in words]
    return f"{', '.join(found[:-1])} {last} {found[-1]}" if len(found) > 1 else "".join(found)


def joined(text: str) -> str:
    """Text of several lines in one."""
    return " ".join(text.split())
