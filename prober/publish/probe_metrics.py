"""What /probe answers, from the document of a run: the names blackbox_exporter has, where they can be said truthfully.

Rule 1: what is not known has no sample. Rule 2: label values are names of the config and of causes, and closed sets.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from prober.model.verdict import Reason, RunVerdict, Verdict
from prober.publish.document import Document

_SUCCESS: Mapping[str, int] = {RunVerdict.PASS: 1, RunVerdict.FAIL: 0}
#: A blind run is not answered with metrics.
_TOLD = (RunVerdict.PASS, RunVerdict.FAIL, RunVerdict.PARTIAL)

_STEP_SUCCESS: Mapping[str, int] = {Verdict.PASS: 1, Verdict.FAIL: 0}

#: The kinds of step that are one HTTP exchange; a handshake is none, its 101 would read as an error.
_HTTP = {"http", "stream", "validate", "service_credentials", "mint"}

#: The phases blackbox_exporter has, out of ours.
_PHASES: Mapping[str, Sequence[str]] = {
    "resolve": ("resolve",),
    "connect": ("connect",),
    "tls": ("tls",),
    "processing": ("request", "first_byte"),
    "transfer": ("transfer",),
}

Samples = Iterable[tuple[Sequence[str], float]]


def render(told: Document, accept: str) -> tuple[bytes, str]:
    """The answer and its content type: Prometheus text or OpenMetrics, as `accept` asks."""
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(told))
    return encode(registry), content_type


class _Collector(Collector):
    def __init__(self, told: Document) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        looked_at = [step for step in self._told["steps"] if step["attempts"] and not step["followUp"]]
        yield from _run(self._told)
        yield from _http([step for step in looked_at if step["kind"] in _HTTP])
        yield from _lookups(looked_at)
        yield from _certificates(self._told)
        yield from _steps(looked_at)
        yield from _findings(self._told)


def _gauge(name: str, about: str, names: Sequence[str], samples: Samples) -> Iterator[Metric]:
    """The metric, unless it has no sample."""
    family = GaugeMetricFamily(name, about, labels=names)
    for series, value in samples:
        family.add_metric(series, value)
    if family.samples:
        yield family


def _run(told: Document) -> Iterator[Metric]:
    run = told["run"]
    began, ended = (datetime.fromisoformat(run[at]) for at in ("started", "ended"))
    yield from _gauge(
        "probe_success",
        "Whether the chain held; absent where no step failed and not all could be told.",
        (),
        [((), _SUCCESS[verdict]) for verdict in (run["verdict"],) if verdict in _SUCCESS],
    )
    yield from _gauge("probe_duration_seconds", "How long the run took.", (), [((), (ended - began).total_seconds())])
    yield from _gauge("probe_run_timestamp_seconds", "When the run began.", (), [((), began.timestamp())])
    yield from _gauge(
        "probe_verdict",
        "What the run came to: 1 for one of them.",
        ("verdict",),
        [((verdict,), verdict == run["verdict"]) for verdict in _TOLD],
    )


def _http(steps: Sequence[Document]) -> Iterator[Metric]:
    telling = _telling(steps)
    yield from _gauge(
        "probe_http_status_code",
        "The status of the first HTTP step that failed, or of the last where none did; 0: no answer.",
        (),
        [((), step["status"] or 0) for step in telling],
    )
    yield from _gauge(
        "probe_http_ssl",
        "Whether that step went over TLS.",
        (),
        [((), step["evidence"]["sent"]["url"].startswith("https:")) for step in telling if "sent" in step["evidence"]],
    )
    yield from _gauge(
        "probe_http_duration_seconds",
        "Time by phase, summed over all HTTP steps.",
        ("phase",),
        [((phase,), _seconds(steps, ours)) for phase, ours in _PHASES.items() if telling],
    )


def _telling(steps: Sequence[Document]) -> Sequence[Document]:
    """The one HTTP step that speaks for the chain, if there is one; never a control, whose 401 is as it should be."""
    good = [step for step in steps if not step["control"] and (step["status"] or step["verdict"] == Verdict.FAIL)]
    failed = [step for step in good if step["verdict"] == Verdict.FAIL]
    return failed[:1] or good[-1:]


def _seconds(steps: Iterable[Document], phases: Iterable[str]) -> float:
    return sum((float(step["phases"].get(phase, 0.0)) for step in steps for phase in phases), 0.0)


def _lookups(steps: Sequence[Document]) -> Iterator[Metric]:
    yield from _gauge(
        "probe_dns_lookup_time_seconds",
        "Time for looking names up, summed over all steps.",
        (),
        [((), _seconds(steps, ("resolve",)))] if steps else [],
    )


def _certificates(told: Document) -> Iterator[Metric]:
    ends = [step["evidence"].get("notAfter") for step in told["steps"]]
    ends += [facts.get("certificateNotAfter") for facts in told["facts"]]
    found = [datetime.fromisoformat(end).timestamp() for end in ends if end]
    yield from _gauge(
        "probe_ssl_earliest_cert_expiry",
        "When the first of the certificates that were looked at ends, in Unix time.",
        (),
        [((), min(found))] if found else [],
    )


def _steps(steps: Sequence[Document]) -> Iterator[Metric]:
    yield from _gauge(
        "probe_step_success",
        "Whether a step held; absent where that could not be told.",
        ("step",),
        [((step["name"],), _STEP_SUCCESS[step["verdict"]]) for step in steps if step["verdict"] in _STEP_SUCCESS],
    )
    yield from _gauge(
        "probe_step_duration_seconds",
        "How long a step took.",
        ("step",),
        [((step["name"],), step["durationSeconds"]) for step in steps],
    )


def _findings(told: Document) -> Iterator[Metric]:
    failed = {step["reason"] for step in told["steps"] if step["verdict"] == Verdict.FAIL}
    yield from _gauge(
        "probe_failed_due_to_regex",
        "Whether an answer came whose content was not as expected: a condition on JSON, or the first event.",
        (),
        [((), Reason.CONDITION in failed)],
    )
    yield from _gauge(
        "probe_failed_due_to_open_door",
        "Whether a token that must be refused was let in.",
        (),
        [((), Reason.ACCEPTED in failed)],
    )
    yield from _gauge(
        "probe_cause",
        "A root cause that the run was traced to.",
        ("cause", "confidence"),
        [((cause["name"], cause["confidence"]), 1) for cause in told["diagnosis"]["causes"]],
    )
