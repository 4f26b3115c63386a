"""`python -m scripts.pages` writes the reference; with --check it writes nothing, and names what is stale."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from prober.judge.causes import catalogue
from prober.publish import manual
from scripts.pages import alerts, commands, configuration, http, metrics

DOCS = Path(__file__).parents[2] / "docs"

#: Each page and who makes it.
PAGES: Mapping[str, Callable[[], str]] = {
    "reference/configuration.md": configuration.text,
    "reference/commands.md": commands.text,
    "reference/metrics.md": metrics.text,
    "reference/alerts.md": alerts.text,
    "reference/http.md": http.text,
    "causes.md": lambda: manual.markdown(catalogue()),
}


def stale() -> list[str]:
    """The pages that are not what the code says."""
    return [name for name, made in PAGES.items() if not (DOCS / name).is_file() or (DOCS / name).read_text() != made()]


def main(words: list[str]) -> int:
    """Write all pages, or only tell which are stale."""
    found = stale()
    if words == ["--check"]:
        for name in found:
            print(f"docs/{name} is not what the code says: run scripts/reference")
        return 1 if found else 0
    if words:
        print("usage: scripts/reference [--check]", file=sys.stderr)
        return 2
    for name in found:
        (DOCS / name).write_text(PAGES[name]())
        print(f"docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
