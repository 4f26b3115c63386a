"""structlog set up: one JSON event a line on standard error; the last processor lets no secret through.

The loggers of the standard library go the same way. Events are `area.verb_noun` and fields, never sentences.
Tracebacks carry no local variables: that is where tokens live.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from prober.model.observation import WebSocketSeen
from prober.model.report import Report
from prober.model.verdict import RunVerdict, StepResult, Verdict
from prober.publish.document import status_of

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


def configure(redact: Redact, *, human: bool = False, level: str = "INFO") -> None:
    """Send every log to standard error, as JSON or (`human`) as coloured lines; each string goes through `redact`."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_shared(), ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a reload brings other secrets to blot out
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(redact, human=human))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    _quieten()


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


def _formatter(redact: Redact, *, human: bool) -> ProcessorFormatter:
    return ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            *(_for_people() if human else _for_machines()),
            partial(_redacted, redact),  # the last before the renderer: nothing is added after it
            structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def _for_machines() -> list[Processor]:
    return [
        ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        _severity,
        structlog.processors.EventRenamer("message"),
    ]


def _for_people() -> list[Processor]:
    return [structlog.processors.format_exc_info]  # a plain traceback: the console's own would show locals


def _severity(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The key that log collectors read the level from."""
    event["severity"] = event.pop("level", "info").upper()
    return event


def _redacted(redact: Redact, _logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
    return {redact(str(key)): clean(redact, value) for key, value in event.items()}


def clean(redact: Redact, value: object) -> Any:  # noqa: ANN401 - as deep as JSON goes
    """`value` with every string in it redacted; what is no JSON becomes redacted text: no renderer prints it raw."""
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {redact(str(key)): clean(redact, item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [clean(redact, item) for item in value]
        case bytes():
            return redact(value.decode(errors="replace"))
        case _ if isinstance(value, _PLAIN):
            return value
    return redact(str(value))


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
