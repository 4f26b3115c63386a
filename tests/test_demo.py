"""The demonstration: a lab that breaks as asked, and a screen that tells what is new."""

import asyncio
import contextlib
import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import AsyncExitStack

import pytest
from rich.console import Console

from prober import demo
from prober.judge.assess import assess
from prober.judge.causes import catalogue
from prober.judge.verdict import judge
from prober.lab.child import NotReady
from prober.lab.faults import FAULTS, ONLY_THE_PLATFORM_SHOWS, SCENARIOS
from prober.lab.noise import Noise
from prober.model.errors import LabUnavailable, NothingMatched
from prober.model.trend import Past
from prober.model.verdict import RunVerdict
from tests import builders as b


class Page:
    """A console that writes on paper, as wide as a wide terminal."""

    def __init__(self, *, is_terminal=False):
        """Empty."""
        self._paper = io.StringIO()
        self.console = Console(file=self._paper, force_terminal=is_terminal, width=160, color_system=None)

    def read(self):
        """What was written since it was last read."""
        text = self._paper.getvalue()
        self._paper.seek(0)
        self._paper.truncate()
        return text


def report(status):
    """A report of a run in which the backend's health answered so."""
    result = judge(b.health_step(b.BACKEND), b.look(b.http(status)))
    return assess(b.run(b.chain(), result), Past(), catalogue())


# ── the lab ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_once_looks_at_a_lab_broken_as_asked():
    """Each step is told as it ends, and the report names what was broken."""
    heard = []

    told = await demo.once(["bypass_key_absent"], None, lambda result: heard.append(result.step.name))

    assert RunVerdict.FAIL is told.run.verdict
    assert ["bypass_key_absent"] == [named.cause.name for named in told.diagnosis.causes]
    assert {"auth-health", "mint", "websocket-again"} <= set(heard)


async def test_an_unknown_fault_is_told_with_what_was_meant():
    """Before anything is started."""
    with pytest.raises(NothingMatched, match=r"no fault is called 'auth_dwon'; did you mean auth_down\?"):
        await demo.once(["auth_dwon"], None, lambda _result: None)


async def test_an_unknown_fault_like_none_is_told_with_all_there_are():
    """Nothing near it: then the whole list."""
    with pytest.raises(NothingMatched, match=r"reported_jwt_secret_drift.*ws_open_to_anyone"):
        await demo.once(["zzz"], None, lambda _result: None)


@pytest.mark.parametrize("error", [NotReady("prober.lab.auth did not start"), OSError(24, "Too many open files")])
async def test_a_lab_that_does_not_start_is_our_own_fault(error):
    """And the machine's reason is told."""

    class Machine:
        """A machine on which the lab does not start."""

        async def __aenter__(self):
            raise error

        async def __aexit__(self, *_):
            """Never entered."""

    async with AsyncExitStack() as stack:
        with pytest.raises(
            LabUnavailable, match=r"did not start on this machine: .*(did not start|Too many open files)"
        ):
            await demo._enter(Machine(), stack)


def test_every_fault_and_scenario_is_described():
    """As `--list` prints them: the five reports first."""
    rows = demo.describe_faults()

    assert (*(s.name for s in SCENARIOS), *(f.name for f in (*FAULTS, *ONLY_THE_PLATFORM_SHOWS))) == demo.known_faults()
    assert {("name", "kind", "family", "about")} == {tuple(row) for row in rows}
    assert ["scenario"] * 5 + ["fault"] * len((*FAULTS, *ONLY_THE_PLATFORM_SHOWS)) == [row["kind"] for row in rows]


async def test_the_lab_tells_its_environment_over_ours(monkeypatch):
    """What it says counts; what it does not say is as it was."""
    monkeypatch.setenv("AUTH_URL", "https://elsewhere.example")
    monkeypatch.setenv("ANYTHING", "else")
    async with demo.lab((), None) as world:
        environment = demo.environment(world)

    assert (world.auth_url, "else") == (environment["AUTH_URL"], environment["ANYTHING"])


async def test_the_lab_may_be_noisy():
    """Noise is passed on, and the prober is told to be patient with it."""
    async with demo.lab((), None, Noise(latency=(0.01, 1.0))) as world:
        told = demo.environment(world)["LAB_INTERVAL"]

    assert "60s" == told


# ── the screen ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_screen_shows_what_is_new():
    """A report like the one before is no news; another verdict or another cause is."""
    page = Page()
    screen = demo.Screen(page.console)
    shown = []
    for status in (200, 200, 503, 503, 200):
        await screen.write(report(status))
        shown.append(bool(page.read().strip()))

    assert [True, False, True, False, True] == shown


async def test_the_screen_names_the_cause():
    """So that one sees at once what broke."""
    page = Page()

    await demo.Screen(page.console).write(report(503))

    assert "backend_down" in page.read()


@pytest.mark.parametrize(("is_terminal", "expected"), [(True, [True, False]), (False, [False, False])])
async def test_the_first_turn_is_shown_step_by_step(is_terminal, expected):
    """On a terminal, and only until the first report is there."""
    page = Page(is_terminal=is_terminal)
    screen = demo.Screen(page.console)
    result = report(200).run.results[0]
    screen.step(result)
    before = "backend-health" in page.read()
    await screen.write(report(200))
    page.read()
    screen.step(result)

    assert expected == [before, "backend-health" in page.read()]


# ── at the terminal ──────────────────────────────────────────────────────────────────────────────────────────────────


class Terminal:
    """`prober demo` at a terminal of its own: what it shows, and a hand at its keyboard."""

    def __init__(self):
        """Start it."""
        self._screen, theirs = pty.openpty()
        os.set_blocking(self._screen, False)
        self._shown = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "prober", "demo"],
            **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
            env={**os.environ, "COLUMNS": "160", "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(theirs)

    async def shows(self, text, within=20):
        """Wait until it shows this; gives what it showed until then, and forgets it."""
        until = time.monotonic() + within
        while text not in (plain := re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._shown)):
            assert time.monotonic() < until, f"{text!r} is not in {plain[-3000:]}"
            self._read()
            await asyncio.sleep(0.02)
        before, _, self._shown = plain.partition(text)
        return before

    def _read(self):
        with contextlib.suppress(OSError):  # nothing new, or it has gone
            self._shown += os.read(self._screen, 65536).decode(errors="replace")

    def types(self, line):
        """Type a line and press Enter."""
        os.write(self._screen, f"{line}\n".encode())

    async def end(self):
        """Press Ctrl-C; gives the exit code."""
        self._process.send_signal(signal.SIGINT)
        for _ in range(1000):
            self._read()  # who cannot print cannot end
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.01)
        self._process.kill()
        os.close(self._screen)
        return self._process.wait()


async def test_break_it_and_heal_it_at_the_terminal():
    """Its address comes first; it turns green, breaks as it is told, names the cause, heals, and goes in peace."""
    terminal = Terminal()
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", (await terminal.shows("   the page")).strip())
        await terminal.shows("/metrics")
        await terminal.shows("websocket-again")
        await terminal.shows("Now break it")
        terminal.types("nonsense")
        await terminal.shows('no fault or scenario is named "nonsense"')
        terminal.types("list")
        await terminal.shows("reported_jwt_secret_drift")
        terminal.types("bypass_key_absent")
        await terminal.shows("broken: bypass_key_absent")
        await terminal.shows("bypass_key_absent (high confidence)")
        await terminal.shows("To heal it, press Enter on an empty line")
        terminal.types("")
        await terminal.shows("The lab is healed")
    finally:
        code = await terminal.end()

    assert 0 == code
