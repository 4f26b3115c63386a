"""What makes a commit a release: its version in all places, and its part of the changelog."""

import os
import shutil
import subprocess
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


# ── the script ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def checkout(tree):
    """The same as a repository, in which what checks and renders can be told how it ends."""
    (tree / "scripts").mkdir()
    for name in ("release", "releasing.py"):
        shutil.copy(ROOT / "scripts" / name, tree / "scripts" / name)
    _write(tree / "scripts" / "manifests", "exit ${MANIFESTS:-0}")
    _write(tree / "scripts" / "check", 'echo "checked as in CI: $CI"; exit ${CHECKS:-0}')
    _git(tree, "init", "--quiet", "--initial-branch", "main")
    _git(tree, "config", "user.name", "somebody")
    _git(tree, "config", "user.email", "somebody@example.org")
    _commit(tree)
    return tree


def _write(script, line):
    script.write_text(f"#!/usr/bin/env bash\n{line}\n")
    script.chmod(0o755)


def _git(tree, *words):
    isolated = {"PATH": os.environ["PATH"], "HOME": str(tree), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *words], cwd=tree, env=isolated, check=True, capture_output=True, text=True).stdout


def _commit(tree):
    _git(tree, "add", "--all")
    _git(tree, "commit", "--quiet", "--message", "Begin")


def _release(tree, version="0.2.0", **more):
    """What the script ends with, and says."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tree), "GIT_CONFIG_NOSYSTEM": "1", **more}
    script = [str(tree / "scripts" / "release"), version]
    ended = subprocess.run(script, env=environ, check=False, capture_output=True, text=True)
    return ended.returncode, ended.stdout + ended.stderr


def _as_it_was(tree):
    """Whether nothing was changed, committed or tagged."""
    return ("", "Begin\n", "") == (
        _git(tree, "status", "--porcelain"),
        _git(tree, "log", "--format=%s"),
        _git(tree, "tag"),
    )


def test_the_script_makes_a_release(checkout):
    """Checked with nothing left out, committed with all that was written, and tagged; it says what to push."""
    code, told = _release(checkout)

    assert 0 == code, told
    assert "checked as in CI: true" in told
    assert told.endswith("git push origin main v0.2.0\n")
    assert "Release 0.2.0\nBegin\n" == _git(checkout, "log", "--format=%s")
    assert "tag" == _git(checkout, "cat-file", "-t", "v0.2.0").strip()
    assert "" == _git(checkout, "status", "--porcelain")
    assert [] == releasing.complaints(checkout, "v0.2.0")


@pytest.mark.parametrize("broken", ["MANIFESTS", "CHECKS"])
def test_a_release_that_fails_changes_nothing(checkout, broken):
    """Whoever mends what is wrong begins with the checkout that they had."""
    code, told = _release(checkout, **{broken: "1"})

    assert 1 == code
    assert "nothing was released" in told
    assert _as_it_was(checkout)


def test_a_tag_that_is_there_stops_a_release_before_it_begins(checkout):
    """It would fail after the commit."""
    _git(checkout, "tag", "v0.2.0")
    code, told = _release(checkout)
    _git(checkout, "tag", "--delete", "v0.2.0")

    assert (1, "the tag v0.2.0 is there already\n") == (code, told)
    assert _as_it_was(checkout)


def test_a_checkout_with_changes_is_not_released(checkout):
    """Nor thrown away."""
    (checkout / "CHANGELOG.md").write_text("mine")
    code, told = _release(checkout)

    assert (1, "commit or stash first: the checkout has changes\n") == (code, told)
    assert "mine" == (checkout / "CHANGELOG.md").read_text()


def test_a_release_has_checksums_of_its_files():
    """For whoever takes them without the tool that asks for attestations; the index takes none."""
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text()

    assert "(cd dist && sha256sum -- * >SHA256SUMS)" in workflow
    assert "rm dist/sbom.cdx.json dist/SHA256SUMS" in workflow
