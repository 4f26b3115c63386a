"""The commands that documents show: found, taken apart, and sorted by what is done with them."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.docs.reading import PAGES, ROOT, blocks, name

#: Languages of blocks that are for a shell; an unmarked one is if its lines begin with a program.
_SHELL = {"sh", "bash", "shell", "console"}

#: Programs of others, and why their lines are not run here. No line of `prober` is excused.
NOT_RUN: Mapping[str, str] = {
    "python3": "makes a venv and installs into it: .ci/run does just that, with the README's own line",
    "pip": "installs from the network",
    "source": "of the reader's own shell",
    "export": "of the reader's own shell, with a secret of theirs",
    "set": "of the reader's own shell",
    ".": "of the reader's own shell",
    "sleep": "waits for what was put in the background; test_pages.py waits for what it says",
    "curl": "asks the reader's own prober or service; its routes are in the reference, which is made from them",
    "promtool": "of Prometheus: scripts/check and tests/prometheus run it, on the shipped rules",
    "amtool": "of Alertmanager: needs one that runs",
    "openssl": "asks the reader's own service",
    "gcloud": "needs a cloud, a project and credentials",
    "iam.sh": "calls gcloud; tests/ci/test_cloudrun.py runs it with another in its place",
    "helm": "needs a cluster",
    "kubectl": "needs a cluster",
    "docker": "needs a daemon, and fetches images",
    "podman": "needs images, which are fetched",
    "cosign": "asks a public log",
    "git": "needs the reader's own repository",
    "gh": "needs the reader's own repository",
    "twine": "uploads",
    "sed": "edits the reader's own file: tests/deploy/test_systemd.py runs it on a copy",
    "systemctl": "needs the reader's own machine, as root",
    "systemd-creds": "needs the reader's own machine, as root",
    "systemd-analyze": "needs the reader's own machine",
    "journalctl": "needs the reader's own machine",
    "sudo": "needs the reader's own machine, as root",
    "install": "puts files where only root may",
    "useradd": "needs the reader's own machine, as root",
    "apt-get": "needs the network, as root",
    "dpkg": "needs root",
    "vault": "needs a Vault",
    "aws": "needs a cloud and credentials",
    "az": "needs a cloud and credentials",
    "terraform": "needs a cloud",
}

#: What is ours and has tests of its own: that it is there is what is looked at.
_OURS = ("python", "pytest")


@dataclass(frozen=True)
class Command:
    """One command as a document shows it, its words without redirections and without what it is piped into."""

    place: str
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """Its program, wherever that stands."""
        return self.words[0].rpartition("/")[2]


def in_blocks() -> Iterator[Command]:
    """Every command of every block that is for a shell."""
    for page in PAGES:
        for block in blocks(page):
            if _is_for_a_shell(block.language, block.text):
                for line in _lines(block.text):
                    yield from taken_apart(line, block.place)


def in_prose() -> Iterator[Command]:
    """Every `prober …` within a sentence."""
    for page in PAGES:
        for found in re.findall(r"(?<!`)`(prober [^`\n]+)`(?!`)", page.read_text("utf-8")):
            yield from taken_apart(found, name(page))


def _is_for_a_shell(language: str, text: str) -> bool:
    first = text.lstrip().partition("\n")[0]
    is_drawn = any(sign in text for sign in "─│▶")
    looks_so = (
        not language and not is_drawn and any(first.startswith(f"{each} ") or first == each for each in _beginnings())
    )
    return language in _SHELL or looks_so or first.startswith("$ ")


def _beginnings() -> Iterator[str]:
    yield from ("prober", "python", ".venv/bin/prober", ".venv/bin/python", ".venv/bin/pytest", ".venv/bin/pip")
    yield from (f"scripts/{path.name}" for path in (ROOT / "scripts").iterdir())
    yield from NOT_RUN


def _lines(text: str) -> Iterator[str]:
    """The lines that are typed: all, or, where some begin with `$ `, those; a backslash goes on in the next."""
    whole = text.replace("\\\n", " ").splitlines()
    prompted = [line.removeprefix("$ ") for line in whole if line.startswith("$ ")]
    for line in prompted or whole:
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def taken_apart(line: str, place: str) -> Iterator[Command]:
    """`A=b x | y && z # why` in x, y and z."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;"):
            yield from _command(words, place)
            words = []
        else:
            words.append(word)


def _command(words: list[str], place: str) -> Iterator[Command]:
    """Without what is set before it and where its output goes."""
    kept: list[str] = []
    is_target = False
    for word in words:
        if set(word) <= set("<>"):
            is_target = True
        elif is_target:
            is_target = False
        elif kept or not re.match(r"[A-Z_]+=", word):
            kept.append(word)
    if kept:
        yield Command(place, tuple(kept))


def is_ours(command: Command) -> bool:
    """A module, a test or a script of this repository."""
    return command.program in _OURS or command.words[0].startswith("scripts/")
