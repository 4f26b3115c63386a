"""Traces: each run as one OpenTelemetry trace, exported beside the runs, which never wait for whoever receives it.

Rule 1: off, unless the environment names a receiver as OpenTelemetry has it. Rule 2: no token, no body, no filled-in
address: of a request its template without the query. Rule 3: a bounded queue; what does not fit is dropped and counted.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from prober.model.chain import HttpStep, Step, WebSocketStep
from prober.model.errors import CannotTrace
from prober.model.observation import HttpSeen, TokenSeen, WebSocketSeen
from prober.model.report import Report
from prober.model.trace import span_id, trace_id
from prober.model.verdict import Run, RunVerdict, StepResult, Verdict

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

#: Runs that wait to be exported; at two a second these are two minutes.
MOST_RUNS = 256

#: How long one export may take, with whatever the exporter tries again.
EXPORT_SECONDS = 10.0

#: How long the last runs may take when we end.
CLOSING_SECONDS = 2.0

_PATH = "/v1/traces"
_OFF = frozenset({"none"})
_NANOSECONDS = 1_000_000_000

Attributes = dict[str, str | int | float | list[str]]


def endpoint(environ: Mapping[str, str]) -> str:
    """Where traces are to go, by the variables of OpenTelemetry's specification; empty: nowhere."""
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") in _OFF
    own, common = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""), environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    return "" if is_off else own or (common and common.rstrip("/") + _PATH)


class TraceSink:
    """Takes reports, and exports them from a thread of its own."""

    name = "traces"

    def __init__(
        self, environ: Mapping[str, str], environment: str, on_loss: Callable[[], None], most_runs: int = MOST_RUNS
    ) -> None:
        """Export to `endpoint(environ)`; `on_loss` is told of each run whose trace is lost.

        Raises CannotTrace where OpenTelemetry is missing, or spoken otherwise than by OTLP over HTTP.
        """
        self._exporter, self._resource = _exporter(environ), _resource(environ, environment)
        self._on_loss = on_loss
        self._waiting: queue.Queue[Report | None] = queue.Queue(most_runs)
        self._thread = threading.Thread(target=self._work, name="traces", daemon=True)
        self._thread.start()

    async def write(self, report: Report) -> None:
        """Put it among those that wait, or drop it."""
        if not trace_id(report.run.id):
            return
        try:
            self._waiting.put_nowait(report)
        except queue.Full:
            self._on_loss()

    def close(self) -> None:
        """Export what waits, for CLOSING_SECONDS at most; blocks."""
        try:
            self._waiting.put(None, timeout=CLOSING_SECONDS / 2)
        except queue.Full:
            pass
        else:
            self._thread.join(CLOSING_SECONDS)
        self._exporter.shutdown()

    def _work(self) -> None:
        while (report := self._waiting.get()) is not None:
            try:
                if not self._is_exported(report):
                    self._on_loss()
            except Exception as error:  # noqa: BLE001 - a thread that ends would lose all that follows
                self._on_loss()
                structlog.get_logger("prober").error("traces.export_failed", exc_info=error)

    def _is_exported(self, report: Report) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - an extra

        return self._exporter.export(list(_spans(report, self._resource))) is SpanExportResult.SUCCESS


def _exporter(environ: Mapping[str, str]) -> "SpanExporter":
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in {None, "", "http/protobuf"}:
        why = f"traces go out by http/protobuf, not by {protocol}; unset OTEL_EXPORTER_OTLP_PROTOCOL"
        raise CannotTrace(why)
    try:
        import requests  # noqa: PLC0415 - an extra
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.util.re import parse_env_headers  # noqa: PLC0415 - as above
    except ImportError as error:
        why = "OpenTelemetry is not installed here, and traces go out by it; pip install 'post-deploy-prober[otel]'"
        raise CannotTrace(why) from error
    written = environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or environ.get("OTEL_EXPORTER_OTLP_HEADERS") or ""
    headers = parse_env_headers(written, liberal=True)
    session = requests.Session()
    # The headers may hold a receiver's key: no redirect, no proxy of the environment and no netrc leads it elsewhere.
    session.max_redirects, session.trust_env = 0, False
    return OTLPSpanExporter(endpoint=endpoint(environ), headers=headers, timeout=EXPORT_SECONDS, session=session)


def _resource(environ: Mapping[str, str], environment: str) -> Any:  # noqa: ANN401 - of an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra

    name = environ.get("OTEL_SERVICE_NAME") or "prober"
    return Resource.create({"service.name": name, "deployment.environment.name": environment})


# ── spans ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _spans(report: Report, resource: Any) -> "Iterator[ReadableSpan]":  # noqa: ANN401 - of an extra
    """The run, and below it each step that was looked at."""
    run = report.run
    yield _span(run, "", (run.began, run.ended), _of_run(report), is_failed=run.verdict is RunVerdict.FAIL, of=resource)
    for result in run.results:
        if seen := result.observation:
            times = (seen.began, seen.began + timedelta(seconds=seen.duration_seconds))
            is_failed = result.verdict is Verdict.FAIL
            yield _span(run, result.step.name, times, _of_step(result), is_failed=is_failed, of=resource)


def _span(  # noqa: PLR0913 - what a span is
    run: Run,
    step: str,
    times: tuple[datetime, datetime],
    attributes: Attributes,
    *,
    is_failed: bool,
    of: Any,  # noqa: ANN401 - of an extra
) -> "ReadableSpan":
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415 - as above
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags  # noqa: PLC0415 - as above

    def context(of_step: str) -> SpanContext:
        ids = int(trace_id(run.id), 16), int(span_id(run.id, of_step), 16)
        return SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    began, ended = (int(each.timestamp() * _NANOSECONDS) for each in times)
    return ReadableSpan(
        step or run.chain.name,
        context=context(step),
        parent=context("") if step else None,
        resource=of,
        attributes=attributes,
        kind=SpanKind.CLIENT if step else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR if is_failed else StatusCode.UNSET),
        start_time=began,
        end_time=ended,
        instrumentation_scope=InstrumentationScope("prober"),
    )


def _of_run(report: Report) -> Attributes:
    run, causes = report.run, [named.cause.name for named in report.diagnosis.causes]
    told: Attributes = {
        "prober.chain": run.chain.name,
        "prober.trigger": str(run.trigger),
        "prober.verdict": str(run.verdict),
        "prober.cause": causes,
        "prober.revision": run.revision,
    }
    return {name: value for name, value in told.items() if value}


def _of_step(result: StepResult) -> Attributes:
    told: Attributes = {
        "prober.step": result.step.name,
        "prober.probe": result.step.kind,
        "prober.verdict": str(result.verdict),
        "prober.reason": str(result.reason),
        **_of_address(result.step),
        **_of_request(result.step),
    }
    if status := _status(result):
        told["http.response.status_code"] = status
    if result.verdict in (Verdict.FAIL, Verdict.BLIND):
        told["error.type"] = str(result.reason)
    return told


def _of_address(step: Step) -> Attributes:
    parts = urlsplit(step.service.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"peer.service": step.service.name, "server.address": parts.hostname or "", "server.port": port}


def _of_request(step: Step) -> Attributes:
    """As it is configured: what placeholders stand for is nobody's business, and a query may hold anything."""
    if isinstance(step, HttpStep):
        return {"http.request.method": step.request.method, "url.template": step.request.path.partition("?")[0]}
    if isinstance(step, WebSocketStep):
        return {"http.request.method": "GET", "url.template": step.path.partition("?")[0]}
    return {}


def _status(result: StepResult) -> int | None:
    match result.observation.seen if result.observation else None:
        case HttpSeen() as seen:
            return seen.status
        case WebSocketSeen() as seen:
            return seen.status
        case TokenSeen(answer=HttpSeen() as seen):
            return seen.status
    return None
