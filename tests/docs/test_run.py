"""Each command of prober that a document shows in full is run, against a lab and a prober that serves."""

import asyncio
import re
import sys
from contextlib import asynccontextmanager

import pytest

from tests.docs import commands
from tests.docs.reading import ROOT
from tests.docs.test_commands import OURS, PLACEHOLDER
from tests.docs.test_pages import printed_by
from tests.live import serving

TOKEN = "a-token-of-the-documents"

#: They go on until they are told to end: this very test, test_pages.py and test_readme.py start them.
GO_ON = {"demo", "serve", "lab"}

#: Those that rightly end otherwise where the shipped probes.yaml is what there is: nobody is told; no such chain.
ENDS = {"notify": 2, "gate shop": 5}

#: What is paced takes minutes, on purpose; tests/controls plays it.
PACED = {("run", "controls")}

#: They ask a prober that runs, at its usual port unless they are told otherwise.
ASKING = {"pause", "resume", "pauses"}


def whole():
    """The commands without a word of the reader's own, each once, in the order in which they are shown."""
    shown = [each.words[1:] for each in OURS if not any(map(_is_open, each.words[1:]))]
    names = {("gate",), ("pause",), ("resume",), ("gate", "--server")}  # of a command, within a sentence
    return [words for words in dict.fromkeys(shown) if words[0] not in GO_ON and words not in names | PACED]


def _is_open(word):
    return bool(PLACEHOLDER.fullmatch(word)) and word != "$REVISION"


@asynccontextmanager
async def lab():
    """A lab that is well, and what a prober is to be told of it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "prober", "lab"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    environment = {}
    try:
        while "LAB_BACKEND_SECRET_PATH" not in environment:
            name, _, value = (await process.stdout.readline()).decode().strip().partition("=")
            environment[name] = value
        yield environment
    finally:
        process.terminate()
        await process.wait()


def _end(words):
    return next((code for start, code in ENDS.items() if " ".join(words).startswith(start)), 0)


def at_home(words, revision, url):
    """The command with the addresses and revisions of here."""
    changed = [re.sub(r"https?://prober\.[\w.:]+", url, word) for word in words]
    changed = [revision if word in {"$REVISION", "backend-00097"} else word for word in changed]
    if words[0] in ASKING and "--server" not in words:
        changed += ["--server", url]
    return [*changed, "--allow-http"] if "--server" in changed and "--allow-http" not in words else changed


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_every_command_does_what_it_is_shown_for(tmp_path):
    """Where all is well each ends with 0; `.venv/bin/pytest -m long tests/docs`."""
    (tmp_path / "probes.yaml").write_text((ROOT / "probes.yaml").read_text())
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "prober" / "lab").mkdir(parents=True)
    (tmp_path / "prober" / "lab" / "probes.yaml").write_text((ROOT / "prober/lab/probes.yaml").read_text())
    async with lab() as environment:
        environment |= {"PROBER_TRIGGER_TOKEN": TOKEN, "PROBER_TOKEN": TOKEN}
        serves = environment | {"PROBER_HISTORY": str(tmp_path / "serve.db")}
        async with serving(tmp_path / "probes.yaml", serves, tmp_path / "log") as served:
            words = ("gate", "validation", "--save-baseline", "before.json")
            ended = [(words, await printed_by(*words, cwd=tmp_path, environment=environment))]
            for words in whole():
                typed = at_home(words, environment["BACKEND_REVISION"], served.url)
                ended.append((words, await printed_by(*typed, cwd=tmp_path, environment=environment)))

    wrong = [(words, code, text[-400:]) for words, (text, code) in ended if code != _end(words)]
    assert [] == wrong
    assert len(ended) > 15


def test_most_commands_in_blocks_are_run():
    """Those in blocks, that is: here, or where they go on."""
    in_blocks = {each.words[1:] for each in commands.in_blocks() if each.program == "prober"}

    assert set() == {words for words in in_blocks if words[0] not in GO_ON} - {*whole(), *PACED}
