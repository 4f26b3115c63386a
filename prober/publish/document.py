"""A report as the JSON document other programs rely on: `schema: 1`, keys may be added, none renamed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from prober.judge.expected import expected
from prober.judge.signals import control_name
from prober.model.alarm import Alarm
from prober.model.chain import Chain, Issuer
from prober.model.copies import Copy
from prober.model.diagnosis import Named, RuledOut, Why
from prober.model.facts import Facts
from prober.model.observation import (
    CertificateSeen,
    HttpSeen,
    Observation,
    Pair,
    PlatformSeen,
    SecretsSeen,
    Seen,
    Sent,
    TcpSeen,
    TokenSeen,
    WebSocketSeen,
)
from prober.model.platform import Configuration
from prober.model.report import Report
from prober.model.token import TokenTraits
from prober.model.trend import Window
from prober.model.trouble import Trouble
from prober.model.verdict import Run, StepResult
from prober.publish import phrases, words

SCHEMA = 1

#: The window shown as `window`; all of them are in `windows`.
MAIN_WINDOW = "1h"

Document = dict[str, Any]


def document(report: Report) -> Document:
    """The whole report, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "run": _run(report.run, report.facts),
        "steps": [step_document(result) for result in report.run.results],
        "matrix": [
            {"issuer": c.issuer, "verifier": c.verifier, "outcome": c.outcome, "step": c.step} for c in report.matrix
        ],
        "controls": [_control(c.name, c.verifier, c.service, c.outcome, c.step) for c in report.controls],
        "secrets": [_pair(pair) for pair in report.secrets],
        "secretVersions": [_copy(copy) for copy in report.run.copies],
        "diagnosis": _diagnosis(report),
        "facts": [_facts(facts) for facts in report.facts],
        "window": _main_window(report),
        "windows": [_window(window) for window in report.windows],
        "alarms": [_alarm(alarm) for alarm in report.alarms],
    }


def line(told: Document) -> str:
    """A document as one line, in which no pipeline finds a command: of each `##` one sign is escaped."""
    return json.dumps(told, ensure_ascii=False).replace("##", "#\\u0023")


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


# ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _run(run: Run, facts: tuple[Facts, ...]) -> Document:
    return {
        "id": run.id,
        "chain": run.chain.name,
        "trigger": run.trigger,
        "started": moment(run.began),
        "ended": moment(run.ended),
        "verdict": run.verdict,
        "reason": run.reason,
        "revision": run.revision,
        "revisions": {told.service: told.revision for told in facts if told.revision is not None},
        "secondLooks": [step_document(result) for result in run.second_looks],
    }


def step_document(result: StepResult) -> Document:
    """One step, as a report has it."""
    look = result.observation
    seen = look.seen if look else None
    return {
        "name": result.step.name,
        "kind": result.step.kind,
        "service": result.step.service.name,
        "verdict": result.verdict,
        "outcome": result.outcome,
        "control": result.step.is_control,
        "followUp": result.step.is_follow_up,
        "origin": result.origin,
        "reason": result.reason,
        "detail": result.detail,
        "issuer": _issuer(result.step.token) if result.step.token else None,
        "expected": list(expected(result.step)),
        "status": status_of(seen),
        "closeCode": seen.close_code if isinstance(seen, WebSocketSeen) else None,
        "stage": seen.stage if isinstance(seen, WebSocketSeen) else None,
        "began": moment(look.began) if look else None,
        "durationSeconds": _rounded(look.latency_seconds) if look else None,
        "phases": {str(phase): _rounded(seconds) for phase, seconds in look.phases.items()} if look else {},
        "attempts": look.attempts if look else 0,
        "evidence": _evidence(look) if look else {},
    }


def _issuer(issuer: Issuer) -> Document:
    return {"name": issuer.name, "how": issuer.how, "good": issuer.good}


def status_of(seen: Seen | Trouble | None) -> int | None:
    """The HTTP status of whatever was seen, if it has one."""
    match seen:
        case HttpSeen(status=status) | WebSocketSeen(status=status):
            return status
        case TokenSeen(answer=HttpSeen(status=status)):
            return status
    return None


def _rounded(seconds: float) -> float:
    return round(seconds, 6)


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _evidence(look: Observation) -> Document:
    token = {"token": _traits(look.token)} if look.token else {}
    sent = {"sent": _sent(look.sent)} if look.sent else {}
    versions = {"secretVersions": dict(look.versions)} if look.versions else {}
    left_behind = {"leftBehind": dict(look.left_behind)} if look.left_behind else {}
    stalled = {"stalledSeconds": _rounded(look.stalled_seconds)} if look.stalled_seconds else {}
    return _seen(look.seen) | token | sent | versions | left_behind | stalled


def _sent(sent: Sent) -> Document:
    """Placeholders (`{token}`, `{secret:NAME}`, `{random}`) stand where in truth a value did."""
    return {
        "method": sent.method,
        "url": sent.url,
        "headers": dict(sent.headers),
        "body": sent.body,
        "subprotocols": list(sent.subprotocols),
        "message": sent.message,
    }


def _seen(seen: Seen | Trouble) -> Document:
    return _EVIDENCE[type(seen)](seen)


def _token(seen: TokenSeen) -> Document:
    return {"minted": _traits(seen.traits)} | (_http(seen.answer) if seen.answer else {})


def _certificate(seen: CertificateSeen) -> Document:
    return {"notAfter": moment(seen.not_after), "subject": seen.subject, "protocol": seen.protocol}


def _trouble(trouble: Trouble) -> Document:
    return {"trouble": trouble.kind, "whose": trouble.whose, "phase": trouble.phase, "detail": trouble.detail}


def _http(seen: HttpSeen) -> Document:
    return {
        "status": seen.status,
        "headers": dict(seen.headers),
        "body": seen.body,
        "bodyBytes": seen.body_bytes,
        "firstEvent": seen.first_event,
    }


def _websocket(seen: WebSocketSeen) -> Document:
    return {
        "stage": seen.stage,
        "status": seen.status,
        "headers": dict(seen.headers),
        "body": seen.body,
        "subprotocol": seen.subprotocol,
        "frames": list(seen.frames),
        "identity": seen.identity,
        "ponged": seen.ponged,
        "otherAnswer": seen.other_answer,
        "errorCode": seen.error_code,
        "errorMessage": seen.error_message,
        "closeCode": seen.close_code,
        "closeReason": seen.close_reason,
        "initiator": seen.initiator,
    }


def _traits(traits: TokenTraits) -> Document:
    told = zip(_TRAITS, _TOLD(traits), strict=True)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in told}


def _platform(seen: PlatformSeen) -> Document:
    return {"configurations": [_configuration(each) for each in seen.configurations], "unread": dict(seen.unread)}


def _configuration(told: Configuration) -> Document:
    return {
        "service": told.service,
        "revisions": list(told.revisions),
        "port": told.port,
        "complete": told.is_complete,
        "unsure": list(told.unsure),
        "settings": [
            {"name": each.name, "source": each.source, "secret": each.secret, "version": each.version}
            for each in told.variables
        ],
    }


_EVIDENCE: Mapping[type, Callable[[Any], Document]] = {
    HttpSeen: _http,
    WebSocketSeen: _websocket,
    TokenSeen: _token,
    TcpSeen: lambda seen: {"address": seen.address},
    CertificateSeen: _certificate,
    PlatformSeen: _platform,
    SecretsSeen: lambda seen: {"pairs": [_pair(pair) for pair in seen.pairs], "versions": dict(seen.versions)},
    Trouble: _trouble,
}


def _copy(copy: Copy) -> Document:
    """Which version of a secret we hold; never anything of the secret."""
    return {
        "name": copy.name,
        "version": copy.version,
        "latest": copy.latest or None,
        "previous": list(copy.previous),
        "fetched": moment(copy.fetched),
        "failing": copy.failing,
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


#: What a document calls each trait, and all of them at once.
_TRAITS = tuple(_camel(each.name) for each in fields(TokenTraits))
_TOLD = attrgetter(*(each.name for each in fields(TokenTraits)))


def _pair(pair: Pair) -> Document:
    return {"name": pair.secret, "left": pair.left, "right": pair.right, "match": pair.match, "why": pair.why}


def _control(name: str, verifier: str, service: str, outcome: str, step: str) -> Document:
    return {"name": name, "verifier": verifier, "service": service, "outcome": outcome, "step": step}


# ── what it means ────────────────────────────────────────────────────────────────────────────────────────────────────


def _diagnosis(report: Report) -> Document:
    """Beside each name of the diagnosis' own stand the words that people read: `…Text`."""
    diagnosis, chain = report.diagnosis, report.run.chain
    return {
        "verdict": diagnosis.state,
        "summary": words.summary(report),
        "failOpen": [_open_door(result) for result in words.open_doors(report)],
        "causes": [_cause(named, chain) for named in diagnosis.causes],
        "whys": [_why(why) for why in diagnosis.whys],
        "ruledOut": [_ruled_out(out, chain) for out in diagnosis.ruled_out],
        "wouldSplit": [str(signal) for signal in diagnosis.would_split],
        "wouldSplitText": [phrases.would_tell_text(signal, chain) for signal in diagnosis.would_split],
        "masked": list(diagnosis.masked),
        "unexplained": [str(reading) for reading in diagnosis.unexplained],
        "unexplainedText": [phrases.reading_text(reading, chain) for reading in diagnosis.unexplained],
    }


def _open_door(result: StepResult) -> Document:
    return {
        "control": control_name(result.step),
        "service": result.step.service.name,
        "step": result.step.name,
        "text": words.open_door_text(result),
    }


def _ruled_out(out: RuledOut, chain: Chain) -> Document:
    text = phrases.reading_text(out.by, chain)
    return {"name": out.name, "by": str(out.by), "text": text, "steps": list(out.by.steps)}


def _cause(named: Named, chain: Chain) -> Document:
    return {
        "name": named.cause.name,
        "title": named.cause.title,
        "confidence": named.confidence,
        "ours": named.cause.ours,
        "explains": [str(reading) for reading in named.explains],
        "explainsText": [phrases.reading_text(reading, chain) for reading in named.explains],
        "remedy": list(named.cause.remedy),
        "verify": named.cause.verify,
    }


def _why(why: Why) -> Document:
    return {"layer": why.layer, "text": why.text, "steps": list(why.steps)}


def _facts(facts: Facts) -> Document:
    return {
        "service": facts.service,
        "version": facts.version,
        "revision": facts.revision,
        "uptimeSeconds": facts.uptime_seconds,
        "clockOffsetSeconds": facts.clock_offset_seconds,
        "certificateNotAfter": moment(facts.certificate_not_after),
    }


def _main_window(report: Report) -> Mapping[str, object]:
    """Without any window yet, the threshold alone: unknown is not zero."""
    named = {window.name: window for window in report.windows}
    chosen = named.get(MAIN_WINDOW) or (report.windows[-1] if report.windows else None)
    nothing = {"name": MAIN_WINDOW, "ratio": None, "samples": 0, "successes": 0, "lower": 0.0, "upper": 1.0}
    return {"threshold": report.run.chain.threshold, **(_window(chosen) if chosen else nothing)}


def _window(window: Window) -> Document:
    return {
        "name": window.name,
        "ratio": window.ratio,
        "samples": window.samples,
        "successes": window.successes,
        "lower": window.lower,
        "upper": window.upper,
    }


def _alarm(alarm: Alarm) -> Document:
    seen = alarm.evidence
    counts = {"10": seen.last10, "30": seen.last30, "120": seen.last120, "720": seen.last720}
    return {
        "alert": alarm.alert,
        "severity": alarm.severity,
        "state": alarm.state,
        "since": moment(alarm.since),
        "episode": alarm.episode,
        "counts": {turns: {"samples": of.samples, "failures": of.failures} for turns, of in counts.items()},
        "failingSteps": list(seen.failing),
        "openDoors": list(seen.open_doors),
    }
