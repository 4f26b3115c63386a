import errno
import io
import json
import logging
import subprocess
import sys

import pytest
import structlog

from prober.model.secret import Redactor, Secret
from prober.publish.log import LogSink, clean, configure
from tests.publish import builders as p

CANARY = "hunter2-canary"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJlMmUifQ.c2lnbmF0dXJl"
WRAPPED = "ZXlKaGJHY2lPaUpJVXpJMU5pSjku"

REDACT = Redactor([Secret("jwt", CANARY)])


_BREAKS = """
import sys, threading, warnings
from prober.model.secret import Redactor, Secret
from prober.publish.log import configure, log_what_nobody_caught

configure(Redactor([Secret("jwt", sys.stdin.read())]))
log_what_nobody_caught()

class Holder:
    def __del__(self):
        raise ValueError("finalized with correct-horse-77")

def work():
    local = "correct-horse-77"
    raise ValueError(f"worked with {local}")

thread = threading.Thread(target=work)
thread.start()
thread.join()
holder = Holder()
del holder
warnings.warn("warned of correct-horse-77")
"""


@pytest.fixture
def lines(capsys):
    """What was logged, as a collector of logs reads it."""

    def read():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return read


class Holder:
    """Something whose repr gives a secret away."""

    def __repr__(self) -> str:
        return f"Holder({CANARY})"


def test_an_event_is_one_line_of_json(lines):
    """Message, severity and timestamp, as log collectors read them, and the fields."""
    configure(REDACT)

    structlog.get_logger("prober").info("config.loaded", chains=2)

    [line] = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"message": "config.loaded", "severity": "INFO", "chains": 2}


@pytest.mark.parametrize("human", [False, True], ids=["json", "human"])
@pytest.mark.parametrize("secret", [CANARY, TOKEN, WRAPPED], ids=["value", "token", "wrapped"])
def test_no_secret_gets_out(capsys, human, secret):
    """Not as text, key, bytes, field, foreign object, exception, argument of a library or context variable."""
    configure(REDACT, human=human)
    log = structlog.get_logger("prober")
    with structlog.contextvars.bound_contextvars(bound=secret):
        log.info(secret, field=secret, deep={"list": [{secret: (secret, {secret})}]}, raw=secret.encode())
    log.info("event", holder=Holder())
    logging.getLogger("library").warning("told %s and %r", secret, {"authorization": secret})
    try:
        local = secret  # noqa: F841 - a traceback with locals would show it
        raise ValueError(secret) from RuntimeError(f"cause {secret}")  # noqa: TRY301
    except ValueError:
        log.exception("event.failed")
        logging.getLogger("library").exception("failed")

    out = capsys.readouterr()
    assert secret not in out.err + out.out
    assert CANARY not in out.err
    assert "event.failed" in out.err


@pytest.mark.parametrize(
    "text", [f"line\n{TOKEN}", f'"{CANARY}"', f"\\{WRAPPED}", f"\t{TOKEN}\x1b"], ids=["line", "quotes", "slash", "tab"]
)
def test_nothing_hides_behind_an_escape(capsys, text):
    """What JSON writes with a letter makes one word of two; then the strings are looked at, not the line."""
    configure(REDACT)

    structlog.get_logger("prober").info("event", field=text, deep=[{"key": text}])

    assert not any(secret in capsys.readouterr().err for secret in (CANARY, TOKEN, WRAPPED))


def test_a_secret_that_json_writes_otherwise_is_found(lines):
    """By what it is, not by how it stands in the line."""
    odd = 'pä"ss\\wörd\n-canary'
    configure(Redactor([Secret("odd", odd)]))

    structlog.get_logger("prober").info("event", field=odd)

    assert lines()[0]["field"] == "[odd]"


def test_a_line_with_nothing_to_hide_is_looked_through_once(lines):
    """Each of its strings by itself takes ten times as long."""
    seen = []

    def redact(text):
        seen.append(text)
        return REDACT(text)

    configure(redact)

    structlog.get_logger("prober").info("event", field="good", deep={"list": ["well", 1, None]}, raw=b"bytes")

    assert len(seen) == 1
    assert lines()[0]["deep"] == {"list": ["well", 1, None]}


@pytest.mark.parametrize("value", [{("a", 1): "b"}, {"a"}, b"raw", Holder], ids=["key", "set", "bytes", "class"])
def test_whatever_is_logged_becomes_json(lines, value):
    """A library may log anything, and a line that is no JSON is lost."""
    configure(REDACT)

    structlog.get_logger("prober").info("event", field=value)

    assert lines()[0]["field"] == clean(REDACT, value)


class Full(io.StringIO):
    """A disk that takes nothing any more."""

    def write(self, _text: str) -> int:
        """Nothing."""
        raise OSError(errno.ENOSPC, "no space left")


def test_a_stream_that_takes_no_more_holds_nobody_up(monkeypatch):
    """A disk that is full, a pipe whose other end has gone: a turn goes on."""
    monkeypatch.setattr("sys.stderr", Full())
    configure(REDACT)

    structlog.get_logger("prober").info("event")
    logging.getLogger("library").warning("trouble")


def test_a_traceback_is_kept_without_locals(lines):
    """Where it failed is told, with what values is not."""
    configure(REDACT)
    try:
        untold = "a local value"  # noqa: F841 - it must not be told
        msg = "no good"
        raise ValueError(msg)  # noqa: TRY301
    except ValueError:
        structlog.get_logger("prober").exception("event.failed")

    [line] = lines()
    assert line["exception"][0]["exc_value"] == "no good"
    assert not any(frame.get("locals") for frame in line["exception"][0]["frames"])
    assert "a local value" not in json.dumps(line["exception"][0]["exc_value"])


def test_libraries_log_the_same_way(lines):
    """A library's warning is a line of JSON like ours."""
    configure(REDACT)

    logging.getLogger("library").warning("half full: %d", 50)

    [line] = lines()
    assert (line["message"], line["severity"]) == ("half full: 50", "WARNING")


@pytest.mark.parametrize("name", ["httpx", "uvicorn.error", "apscheduler.scheduler", "alembic.runtime.migration"])
def test_talkative_libraries_are_held_back(lines, name):
    """Httpx would log whole URLs at INFO."""
    configure(REDACT)

    logging.getLogger(name).info("GET https://staging.example/?token=…")
    logging.getLogger(name).warning("trouble")

    assert [line["message"] for line in lines()] == ["trouble"]


def test_the_level_is_kept(lines):
    """What is below the level is not written."""
    configure(REDACT, level="WARNING")

    structlog.get_logger("prober").info("config.loaded")

    assert lines() == []


def test_a_second_configuration_takes_the_place_of_the_first(lines):
    """After a reload other secrets are blotted out, and no line is written twice."""
    log = structlog.get_logger("prober")
    configure(REDACT)
    log.info("one", key="other-canary")
    configure(Redactor([Secret("other", "other-canary")]))
    log.info("two", key="other-canary")

    assert [line["key"] for line in lines()] == ["other-canary", "[other]"]


async def test_a_report_is_a_line_a_step_and_one_for_the_run(lines):
    """What each step came to, then the run with its causes."""
    configure(REDACT)

    await LogSink().write(p.broken_report(id="run-9"))

    *steps, run = lines()
    told = {step["step"]: (step["verdict"], step["reason"], step["status"], step["close_code"]) for step in steps}
    assert {step["message"] for step in steps} == {"step.judged"}
    assert told["messages"] == ("fail", "refused", 403, None)
    assert told["websocket"] == ("fail", "refused", 101, 1008)
    assert (run["message"], run["severity"], run["verdict"]) == ("run.reported", "WARNING", "fail")
    assert (run["run_id"], run["chain"], run["causes"]) == ("run-9", "validation", ["jwt_secret_drift"])
    assert run["duration_seconds"] == 1.0


async def test_a_step_that_was_not_run_is_logged_too(lines):
    """Its line says why, and has no duration."""
    configure(REDACT)

    await LogSink().write(p.build_report(p.result(p.SOCKET, None, p.Verdict.SKIP, reason=p.Reason.NEEDS)))

    assert (lines()[0]["reason"], lines()) == ("needs", [])


async def test_hostile_text_stays_within_its_line(capsys):
    """A line break in a target's words makes no second event."""
    configure(REDACT)

    await LogSink().write(p.with_detail(p.build_report(), 'x\n{"message":"forged"}'))

    assert len(capsys.readouterr().err.splitlines()) == len(p.STEPS) + 1


@pytest.mark.parametrize("value", [1, 1.5, True, None])
def test_numbers_stay_numbers(value):
    """Only text is redacted."""
    assert clean(REDACT, value) is value


def test_what_nobody_caught_is_logged_and_redacted():
    """A thread that breaks, a finalizer, a warning: each is an event of the log, and quotes no secret."""
    command = [sys.executable, "-c", _BREAKS]
    done = subprocess.run(command, input="correct-horse-77", capture_output=True, text=True, timeout=30, check=False)
    events = [json.loads(line) for line in done.stderr.splitlines()]

    assert "correct-horse-77" not in done.stderr
    assert {"process.thread_broke", "process.finalizer_broke"} <= {event["message"] for event in events}
    assert any("warned of [jwt]" in event["message"] for event in events)
    assert (0, "") == (done.returncode, done.stdout)
