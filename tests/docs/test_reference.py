"""The reference under docs/ is what the code says, and says all of it."""

import pytest

from prober.config.schema import Document
from scripts.pages import __main__ as writer
from scripts.pages import commands, configuration, http, metrics


@pytest.mark.parametrize("name", writer.PAGES)
def test_a_page_is_what_the_code_says(name):
    """Whoever adds a key, a metric, an option, a route, an alert or a cause has written the page anew."""
    assert writer.PAGES[name]() == (writer.DOCS / name).read_text(), "run scripts/reference"


def test_what_is_stale_is_named(tmp_path, monkeypatch, capsys):
    """And --check writes nothing; without it the page is written."""
    monkeypatch.setattr(writer, "DOCS", tmp_path)
    monkeypatch.setattr(writer, "PAGES", {"one.md": lambda: "new\n"})
    (tmp_path / "one.md").write_text("old\n")

    assert (1, "old\n") == (writer.main(["--check"]), (tmp_path / "one.md").read_text())
    assert "docs/one.md is not what the code says: run scripts/reference\n" == capsys.readouterr().out
    assert (0, "new\n", 0) == (writer.main([]), (tmp_path / "one.md").read_text(), writer.main(["--check"]))


def test_every_key_has_a_sentence():
    """A key that nobody explains is one that nobody uses."""
    rows = [line.split(" | ") for line in configuration.text().splitlines() if line.startswith("| `")]

    assert [] == [row[0] for row in rows if row[-1].removesuffix(" |").strip() == ""]


def test_the_keys_of_the_file_are_among_them():
    """The walk begins where the file does."""
    assert set(Document.model_fields) <= set(configuration.keys())


def test_every_label_has_its_values_told():
    """scripts/pages/metrics.py is where a new one is told."""
    told = [(each.name, label) for each in metrics.families(metrics.shipped()) for label in each.labels]

    assert [] == [where for where in told if metrics.values(*where) == metrics.UNTOLD]


def test_every_route_and_command_says_what_it_does():
    """In a sentence of its own."""
    routes = [route for route, told in http.routes() if not told.get("description")]

    assert [] == [*routes, *(name for name, command in commands.found().items() if not command.help)]
