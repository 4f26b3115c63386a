"""structlog set up: one JSON event a line on standard error; the last processor lets no secret through.

The loggers of the standard library go the same way. Events are `area.verb_noun` and fields, never sentences.
Tracebacks carry no local variables: that is where tokens live.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, TextIO

import structlog
from structlog.processors import ExceptionRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from prober.model.observation import WebSocketSeen
from prober.model.report import Report
from prober.model.verdict import RunVerdict, StepResult, Verdict
from prober.publish.document import status_of

_log = structlog.get_logger("prober.process")

Redact = Callable[[str], str]

#: Libraries that talk: httpx writes whole URLs at INFO, uvicorn and apscheduler each step they take.
_QUIET = (
    "apscheduler",
    "asyncio",
    "httpcore",
    "httpx",
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "websockets",
    "alembic",
    "sqlalchemy",
)

_PLAIN = (int, float, bool, type(None))

#: What JSON writes before each character that cannot stand in it as it is (RFC 8259 §7).
_ESCAPE = "\\"


def configure(redact: Redact, *, human: bool = False, level: str = "INFO") -> None:
    """Send every log to standard error, as JSON or (`human`) as coloured lines; each string goes through `redact`."""
    handler, last = _Handler(sys.stderr), _last(redact, human=human)
    handler.setFormatter(_of_libraries(last))
    structlog.configure(
        processors=[*_shared(), *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: _Lines(handler),
        cache_logger_on_first_use=False,  # a reload brings other secrets to blot out
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    _quieten()


def log_what_nobody_caught() -> None:
    """Warnings, and what breaks in a thread or a finalizer, go the way of the log: bare, they may quote a secret."""
    logging.captureWarnings(capture=True)
    threading.excepthook = _in_a_thread
    sys.unraisablehook = _in_a_finalizer


def _in_a_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None and what.exc_type is not SystemExit:
        _log.error("process.thread_broke", exc_info=what.exc_value)


def _in_a_finalizer(what: "sys.UnraisableHookArgs") -> None:
    if what.exc_value is not None:
        _log.error("process.finalizer_broke", exc_info=what.exc_value)


class _Handler(logging.StreamHandler[TextIO]):
    """Where all lines go: our own as they are, since making a record of each would take longer than all the rest."""

    def line(self, line: str) -> None:
        """Write one line; a stream that takes none any more is complained of there, and holds nobody up."""
        with self.lock or nullcontext():
            try:
                self.stream.write(f"{line}\n")
                self.flush()
            except Exception:  # noqa: BLE001 - as every handler of logging does
                self.handleError(logging.makeLogRecord({"msg": line}))


class _Lines:
    """What structlog takes for a logger: whatever the level, an event is a line by now."""

    def __init__(self, handler: _Handler) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = handler.line


def _quieten() -> None:
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.WARNING)


def _shared() -> list[Processor]:
    """What an event goes through wherever it comes from."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _last(redact: Redact, *, human: bool) -> list[Processor]:
    """How an event becomes a line."""
    return [
        structlog.processors.StackInfoRenderer(),
        *(_for_people(redact) if human else _for_machines(redact)),
    ]


def _of_libraries(last: Sequence[Processor]) -> ProcessorFormatter:
    """Records of the standard library's loggers, as lines."""
    return ProcessorFormatter(
        foreign_pre_chain=_shared(), processors=[ProcessorFormatter.remove_processors_meta, *last]
    )


def _for_machines(redact: Redact) -> list[Processor]:
    return [
        ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        _severity,
        structlog.processors.EventRenamer("message"),
        partial(_as_json, redact),
    ]


def _for_people(redact: Redact) -> list[Processor]:
    return [
        structlog.processors.format_exc_info,  # a plain traceback: the console's own would show locals
        partial(_redacted, redact),  # the last before the renderer: nothing is added after it
        structlog.dev.ConsoleRenderer(),
    ]


def _severity(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The key that log collectors read the level from."""
    event["severity"] = event.pop("level", "info").upper()
    return event


def _redacted(redact: Redact, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    hidden: EventDict = clean(redact, event)
    return hidden


def _as_json(redact: Redact, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """The event as a line without secrets.

    Most have nothing to hide, and a line is looked through at once in a tenth of the time that its strings take. They
    stand in it as they are where nothing is escaped; else, or where something was found, each is looked at by itself.
    """
    try:
        line = _JSON.encode(event)
    except TypeError:  # a key that is no text
        line = _ESCAPE
    return line if _ESCAPE not in line and redact(line) == line else _JSON.encode(clean(redact, event))


def clean(redact: Redact, value: object) -> Any:  # noqa: ANN401 - as deep as JSON goes
    """`value` with every string in it redacted; what is no JSON becomes redacted text: no renderer prints it raw."""
    match value:
        case str():
            return redact(value)
        case _ if isinstance(value, _PLAIN):
            return value
        case Mapping():
            return {redact(str(key)): clean(redact, item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [clean(redact, item) for item in value]
        case bytes():
            return redact(value.decode(errors="replace"))
    return redact(str(value))


#: Made once: `json.dumps` makes one for each line where it is to write other letters than ASCII.
_JSON = json.JSONEncoder(ensure_ascii=False, default=partial(clean, str))

_LEVELS: Mapping[Verdict, int] = {
    Verdict.PASS: logging.INFO,
    Verdict.FAIL: logging.WARNING,
    Verdict.BLIND: logging.ERROR,
    Verdict.SKIP: logging.INFO,
}

_RUN_LEVELS: Mapping[RunVerdict, int] = {
    RunVerdict.PASS: logging.INFO,
    RunVerdict.FAIL: logging.WARNING,
    RunVerdict.BLIND: logging.ERROR,
    RunVerdict.PARTIAL: logging.INFO,
}


class LogSink:
    """One line a step, one a run."""

    name = "log"

    async def write(self, report: Report) -> None:
        """Log what each step came to, and then the run."""
        log = structlog.get_logger("prober").bind(run_id=report.run.id, chain=report.run.chain.name)
        for result in report.run.results:
            log.log(_LEVELS[result.verdict], "step.judged", **_step_fields(result))
        log.log(_RUN_LEVELS[report.run.verdict], "run.reported", **_run_fields(report))


def _step_fields(result: StepResult) -> dict[str, object]:
    look = result.observation
    seen = look.seen if look else None
    socket = seen if isinstance(seen, WebSocketSeen) else None
    return {
        "step": result.step.name,
        "kind": result.step.kind,
        "service": result.step.service.name,
        "verdict": result.verdict.value,
        "reason": result.reason.value,
        "detail": result.detail,
        "status": status_of(seen),
        "close_code": socket.close_code if socket else None,
        "stage": socket.stage.value if socket else None,
        "duration_seconds": round(look.latency_seconds, 6) if look else None,
    }


def _run_fields(report: Report) -> dict[str, object]:
    return {
        "verdict": report.run.verdict.value,
        "trigger": report.run.trigger.value,
        "diagnosis": report.diagnosis.state.value,
        "causes": [named.cause.name for named in report.diagnosis.causes],
        "duration_seconds": round((report.run.ended - report.run.began).total_seconds(), 6),
    }
