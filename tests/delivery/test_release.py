"""What makes a commit a release: its version in all places, and its part of the changelog."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from scripts import releasing

ROOT = Path(__file__).parents[2]
TODAY = date(2027, 1, 2)
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-11-23\n\n- The first.\n"


@pytest.fixture
def tree(tmp_path):
    """As much of the checkout as a release touches."""
    for place in releasing._PLACES:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / place, tmp_path / place)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_the_version_is_one():
    """In every place where it stands."""
    assert 1 == len(releasing.versions(ROOT))


def test_a_release_is_the_same_everywhere(tree):
    """And may then be tagged; what was unreleased stands under it, and nothing else is."""
    releasing.release(tree, "0.2.0", TODAY)
    told = (tree / "CHANGELOG.md").read_text()

    assert {"0.2.0"} == releasing.versions(tree)
    assert [] == releasing.complaints(tree, "v0.2.0")
    assert "### Added\n\n- A thing." == releasing.notes(told, "0.2.0")
    assert "- The first." == releasing.notes(told, "0.1.0")
    assert "## [Unreleased]\n\n## [0.2.0] - 2027-01-02\n" in told


@pytest.mark.parametrize("version", ["0.0.9", "1.0", "v1.0.0", "1.0.0rc1", "01.0.0", "x"])
def test_what_is_no_next_version_changes_nothing(tree, version):
    """Neither an older one, nor what is none."""
    with pytest.raises(ValueError, match="does not follow"):
        releasing.release(tree, version, TODAY)

    assert CHANGELOG == (tree / "CHANGELOG.md").read_text()


def test_a_release_without_news_is_none(tree):
    """Nor one that was made already."""
    for text in (CHANGELOG.replace("### Added\n\n- A thing.\n\n", ""), CHANGELOG.replace("[0.1.0]", "[0.2.0]")):
        (tree / "CHANGELOG.md").write_text(text)
        with pytest.raises(ValueError, match="CHANGELOG"):
            releasing.release(tree, "0.2.0", TODAY)


@pytest.mark.parametrize("tag", ["v0.3.0", "0.1.0", "v0.1", "main"])
def test_a_tag_that_is_not_of_this_tree_is_refused(tree, tag):
    """By the workflow, before anything is built."""
    assert 1 == releasing.main(tree, ["--check", tag])
