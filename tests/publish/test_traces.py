"""Traces, as a receiver of OTLP over HTTP has them: their ids, what hangs below what, and what is not in them."""

import asyncio
import contextlib
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from prober.judge.verdict import judge
from prober.model.errors import CannotTrace
from prober.model.trace import span_id
from prober.publish import traces
from prober.publish.traces import TraceSink, endpoint
from tests import builders as b
from tests.publish import builders as p

RUN = "0123456789abcdef0123456789abcdef"
BEGAN = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


class Receiver(ThreadingHTTPServer):
    """Takes what is exported, and keeps it; `held` until somebody lets it answer."""

    daemon_threads = True

    def __init__(self, status=200, location=""):
        """Answer so, at once, and lead to `location`."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.location, self.heard, self.headers = status, location, [], []
        self.free = threading.Event()
        self.free.set()

    @property
    def environ(self):
        """How an exporter is told of it."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_port}"}

    def spans(self):
        """All spans by name."""
        scopes = (scope for heard in self.heard for each in heard.resource_spans for scope in each.scope_spans)
        return {span.name: span for scope in scopes for span in scope.spans}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        """Take one export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.free.wait(10)
        if self.path == "/v1/traces":
            self.server.heard.append(ExportTraceServiceRequest.FromString(body))
            self.server.headers.append(dict(self.headers))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def receiver(**how):
    """A receiver that listens."""
    server = Receiver(**how)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.free.set()
        server.shutdown()
        thread.join()
        server.server_close()


def report(run_id=RUN):
    """A run with a step that passed, one that failed, and one that was never looked at."""
    good, bad, left = b.http_step("messages"), b.websocket_step("socket"), b.http_step("left-out")
    looks = [
        judge(good, b.look(b.http(200), began=BEGAN + timedelta(seconds=1), duration_seconds=0.5)),
        judge(bad, b.look(b.refused_early(403), began=BEGAN + timedelta(seconds=2), duration_seconds=0.25)),
    ]
    run = b.run(b.chain(good, bad, left), *looks, id=run_id, began=BEGAN, ended=BEGAN + timedelta(seconds=3))
    return replace(p.build_report(), run=run)


async def exported(server, *reports, environ=None):
    """Export these, and count what was lost."""
    lost = []
    sink = TraceSink(server.environ | (environ or {}), "staging", lambda: lost.append(True))
    for each in reports or [report()]:
        await sink.write(each)
    await asyncio.to_thread(sink.close)
    return lost


def told(span):
    """A span's attributes."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


async def test_a_run_is_one_trace_with_a_span_for_each_look():
    """By the very ids that were sent in traceparent, so that spans of targets hang below; at the times of the looks."""
    with receiver() as server:
        lost = await exported(server)
    spans = server.spans()
    root, step = spans.pop(report().run.chain.name), spans["messages"]

    assert [] == lost
    assert {"messages", "socket"} == spans.keys()
    assert {bytes.fromhex(RUN)} == {span.trace_id for span in (root, *spans.values())}
    assert (bytes.fromhex(span_id(RUN)), b"") == (root.span_id, root.parent_span_id)
    assert (bytes.fromhex(span_id(RUN, "messages")), root.span_id) == (step.span_id, step.parent_span_id)
    began = int(BEGAN.timestamp())
    assert (began * 10**9, (began + 3) * 10**9) == (root.start_time_unix_nano, root.end_time_unix_nano)
    assert (began * 10**9 + 10**9, began * 10**9 + 15 * 10**8) == (step.start_time_unix_nano, step.end_time_unix_nano)


async def test_attributes_are_those_that_tools_know():
    """OpenTelemetry's own names where it has some, ours for the rest; only what failed is an error."""
    with receiver() as server:
        await exported(server)
    spans = server.spans()
    good, bad = told(spans["messages"]), told(spans["socket"])

    assert ("GET", "/api/chat/messages", 200) == (
        good["http.request.method"],
        good["url.template"],
        good["http.response.status_code"],
    )
    assert ("backend", "pass", "ok") == (good["peer.service"], good["prober.verdict"], good["prober.reason"])
    assert (403, "refused", 2) == (bad["http.response.status_code"], bad["error.type"], spans["socket"].status.code)
    assert "error.type" not in good
    assert {"server.address", "server.port"} <= good.keys()
    assert {"service.name", "deployment.environment.name"} <= {
        each.key for each in server.heard[0].resource_spans[0].resource.attributes
    }


async def test_no_query_and_no_value_is_in_them():
    """An address is told as it is configured, without its query."""
    step = b.http_step("query", request=b.request(path="/users/{subject}?token={token}"))
    run = b.run(b.chain(step), judge(step, b.look(b.http(200))), id=RUN)
    with receiver() as server:
        await exported(server, replace(p.build_report(), run=run))

    assert "/users/{subject}" == told(server.spans()["query"])["url.template"]


async def test_the_receivers_headers_are_sent():
    """As users of OpenTelemetry expect."""
    with receiver() as server:
        await exported(server, environ={"OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=abc"})

    assert "abc" == {name.lower(): value for name, value in server.headers[0].items()}["x-api-key"]


async def test_a_receivers_key_follows_no_redirect():
    """Requests would send it on to another host, but for `Authorization`."""
    with receiver() as elsewhere:
        there = f"http://127.0.0.1:{elsewhere.server_port}/v1/traces"
        with receiver(status=307, location=there) as server:
            lost = await exported(server, environ={"OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=of-the-receiver"})

    assert ([], 1, [True]) == (elsewhere.heard, len(server.heard), lost)


async def test_a_run_whose_id_is_no_traces_is_left_out():
    """It was announced to nobody."""
    with receiver() as server:
        assert [] == await exported(server, report("run-1"))

    assert [] == server.heard


async def test_a_silent_receiver_holds_up_no_run(monkeypatch):
    """Writing takes no time, whatever becomes of it; what does not fit is dropped and counted, and so is the rest."""
    monkeypatch.setattr(traces, "CLOSING_SECONDS", 0.2)
    with receiver() as server:
        server.free.clear()
        lost, given = [], report()
        sink = TraceSink(server.environ, "staging", lambda: lost.append(True), most_runs=2)
        began = time.monotonic()
        for _ in range(50):
            await sink.write(given)
        took = time.monotonic() - began
        dropped = len(lost)
        await asyncio.to_thread(sink.close)
        server.free.set()

    assert took < 2  # the receiver would have taken ten seconds for each
    assert 47 <= dropped <= 48


async def test_what_a_receiver_refuses_is_counted():
    """It is our own loss, and nobody else's."""
    with receiver(status=400) as server:
        assert [True] == await exported(server)


@pytest.mark.parametrize(
    ("environ", "where"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"},
            "http://t/x",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, ""),
    ],
)
def test_where_they_go_is_said_as_everywhere(environ, where):
    """By the variables of OpenTelemetry's specification."""
    assert where == endpoint(environ)


def test_another_protocol_is_complained_of():
    """Instead of sending what nobody there reads."""
    with pytest.raises(CannotTrace, match="not by grpc"):
        TraceSink({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "staging", print)


def test_without_the_extra_it_is_named(monkeypatch):
    """Whoever wants traces is told what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(CannotTrace, match=r"post-deploy-prober\[otel\]"):
        TraceSink({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, "staging", print)
