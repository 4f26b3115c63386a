"""What stands on a real terminal, of 24 lines and 80 columns, when a gate has ended; pyte is the terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import pyte
import pytest

from tests.test_cli import config_of, environment

ROWS, COLUMNS = 24, 80
_PATIENCE_SECONDS = 40.0


@pytest.fixture
def dead(tmp_path):
    """A config of one chain whose service does not listen."""
    return config_of(tmp_path, {"dead": 1})


def on_a_terminal(*words, **more):
    """What a command leaves on the screen, how many lines went off it, and all that was written."""
    screen = pyte.HistoryScreen(COLUMNS, ROWS, history=1000)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    env = {**environment(**more), "TERM": "xterm-256color"}
    del env["COLUMNS"]
    command = [sys.executable, "-m", "prober", *map(str, words)]
    with subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        try:
            raw = b"".join(_read(ours))
        finally:
            process.kill()
            os.close(ours)
    pyte.ByteStream(screen).feed(raw)
    return screen, len(screen.history.top), raw.decode(errors="replace")


def _read(fd):
    """Until the other end is closed, which Linux says by EIO."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                yield os.read(fd, 65536)
            except OSError:
                return


def test_a_verdict_stands_on_the_screen_and_the_moving_line_is_gone(dead):
    """From its first line to its last."""
    screen, scrolled, raw = on_a_terminal("gate", "dead", "--config", dead, "--warm-up", "0")
    lines = [line.rstrip() for line in screen.display]

    assert scrolled == 0
    assert lines[0] == "✗ dead: NO GO."
    assert "dead: first round" in raw
    assert not any("round 1" in line for line in lines)
    assert "\x1b[1;31m" in raw


def test_without_colours_there_are_none(dead):
    """NO_COLOR is heeded; shapes say it too."""
    screen, _, raw = on_a_terminal("gate", "dead", "--config", dead, "--warm-up", "0", NO_COLOR="1")

    assert screen.display[0].rstrip() == "✗ dead: NO GO."
    assert not any(f"\x1b[{code}m" in raw for code in ("31", "1;31", "32", "36"))


def test_forced_colours_make_no_line_move(dead):
    """CI sets FORCE_COLOR, and its log is no terminal."""
    env = environment(FORCE_COLOR="1")
    command = [sys.executable, "-m", "prober", "gate", "dead", "--config", str(dead), "--warm-up", "0"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)

    assert "\x1b[1;31m" in done.stdout
    assert "\x1b[2K" not in done.stdout + done.stderr
    assert "dead: round 1 failed: tcp; 1 failed in all" in done.stderr


def test_forced_colours_make_no_run_live(dead):
    """In a log each step is told once, in the table, after the verdict."""
    command = [sys.executable, "-m", "prober", "run", "dead", "--config", str(dead)]
    env = environment(FORCE_COLOR="1", NO_COLOR="1")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)

    assert re.sub(r"\x1b\[[\d;]*m", "", done.stdout).startswith("✗ dead FAILS")
    assert "Steps" in done.stdout
