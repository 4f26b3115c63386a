"""What makes a commit a release: its version, written where others read it, and what the changelog says of it."""

import re
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

#: Where the version stands: once as the source of all, pyproject.toml, and where no tool of ours can look that up.
_PLACES: Mapping[str, str] = {
    "pyproject.toml": r'^version = "(.*)"$',
    "deploy/helm/prober/Chart.yaml": r"^(?:version|appVersion): (.*)$",
}
_CHANGELOG = "CHANGELOG.md"
_UNRELEASED = "## [Unreleased]\n"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def versions(root: Path) -> set[str]:
    """What the places say; one, when all is well."""
    return {
        found
        for place, pattern in _PLACES.items()
        for found in re.findall(pattern, (root / place).read_text(), re.MULTILINE)
    }


def notes(changelog: str, version: str) -> str:
    """What the changelog says of a version; nothing where it has no dated section."""
    head = re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n", changelog, re.MULTILINE)
    return re.split(r"^## \[", changelog[head.end() :], maxsplit=1, flags=re.MULTILINE)[0].strip() if head else ""


def complaints(root: Path, tag: str) -> list[str]:
    """Why this tree may not be released under a tag; none when it may."""
    version = tag.removeprefix("v")
    checks = {
        f"{tag} is no tag of a release: write v0.1.0": tag.startswith("v") and _VERSION.fullmatch(version),
        f"the version in the tree is {', '.join(sorted(versions(root)))}, not {version}": versions(root) == {version},
        f"{_CHANGELOG} has no dated section [{version}] that says anything": notes(
            (root / _CHANGELOG).read_text(), version
        ),
    }
    return [complaint for complaint, holds in checks.items() if not holds]


def moved(changelog: str, version: str, today: date) -> str:
    """The changelog with what was unreleased under the version; raises ValueError if that is nothing or there."""
    before, _, rest = changelog.partition(_UNRELEASED)
    if not re.split(r"^## \[", rest, maxsplit=1, flags=re.MULTILINE)[0].strip():
        message = f"{_CHANGELOG} says of nothing that it is unreleased"
        raise ValueError(message)
    if f"## [{version}]" in rest:
        message = f"{_CHANGELOG} has a section [{version}] already"
        raise ValueError(message)
    return f"{before}{_UNRELEASED}\n## [{version}] - {today.isoformat()}\n{rest}"


def release(root: Path, version: str, today: date) -> None:
    """Write the version and the changelog; raises ValueError for what is no version, or is older than the tree's."""
    (now,) = versions(root)
    if not _VERSION.fullmatch(version) or _numbers(version) < _numbers(now):
        message = f"{version} does not follow {now}: write three numbers, such as {now}"
        raise ValueError(message)
    changelog = moved((root / _CHANGELOG).read_text(), version, today)
    for place, pattern in _PLACES.items():
        text = (root / place).read_text()
        told = re.sub(pattern, lambda found: found[0].replace(found[1], version), text, flags=re.MULTILINE)
        (root / place).write_text(told)
    (root / _CHANGELOG).write_text(changelog)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def main(root: Path, words: list[str]) -> int:
    """`VERSION` makes a release of the tree, `--check TAG` looks whether it is one, `--notes TAG` says what is new."""
    match words:
        case ["--check", tag]:
            found = complaints(root, tag)
            print("\n".join(found) or f"{tag} may be released", file=sys.stderr if found else sys.stdout)
            return 1 if found else 0
        case ["--notes", tag]:
            print(notes((root / _CHANGELOG).read_text(), tag.removeprefix("v")))
            return 0
        case [version]:
            try:
                release(root, version, datetime.now(UTC).date())
            except ValueError as error:
                print(error, file=sys.stderr)
                return 1
            return 0
    print("releasing.py VERSION | --check TAG | --notes TAG", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1], sys.argv[1:]))
