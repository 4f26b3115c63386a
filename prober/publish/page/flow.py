"""The flow: a run as the way a token takes, stage by stage, and each look of it as an arrow from one to another."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from prober.judge.words import close_text, status_text
from prober.model.verdict import Reason, Verdict
from prober.publish import words
from prober.publish.document import Document
from prober.publish.evidence import Evidence, Look

PROBER = "prober"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One look: an arrow from the prober to a service."""

    number: int  # of the look on the evidence page, from 1
    look: Look
    lane: int  # of the service, from 1; the prober is lane 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the way: what is asked of whom, and what all its looks came to together."""

    key: str
    title: str
    path: str  # `prober → backend`
    verdict: str
    told: str  # what stands out, in few words
    hops: tuple[Hop, ...] = ()
    is_inferred: bool = False  # nobody sees it from outside

    @property
    def mark(self) -> str:
        """The verdict's shape."""
        return words.MARKS[Verdict(self.verdict)]


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole way."""

    lanes: tuple[str, ...]  # the prober and each service, from left to right
    stages: tuple[Stage, ...]


class _Kind(NamedTuple):
    """Which steps are of a stage, in the order of the way."""

    key: str
    title: str
    holds: Callable[[Document], bool]


_BEHIND = "behind"

_KINDS: Sequence[_Kind] = (
    _Kind("refusals", "Bad tokens are refused", lambda step: bool(step.get("control"))),
    _Kind("secrets", "Secrets are equal", lambda step: step["kind"] == "secret_match"),
    _Kind("mint", "A token is minted", lambda step: step["kind"] == "mint"),
    _Kind("auth", "Auth accepts it", lambda step: step["kind"] in ("validate", "service_credentials")),
    _Kind("websocket", "WebSocket stays open", lambda step: step["kind"] == "websocket"),
    _Kind("backend", "The backend accepts it", lambda step: step.get("issuer") is not None),
    _Kind("up", "Services are up", lambda _step: True),
)

#: As the token goes.
_ORDER = ("up", "mint", "auth", "backend", "websocket", "secrets", "refusals")

#: What goes wrong between a backend and the auth service it asks, where no prober looks.
BEHIND_THE_BACKEND = frozenset(
    {
        "auth_slower_than_budget",
        "backend_cannot_reach_auth",
        "breaker_open",
        "service_credentials_absent_at_auth",
        "service_credentials_missing",
        "service_header_illegal",
        "service_id_drift_at_auth",
        "service_id_drift_at_backend",
        "service_identity_regression",
        "service_secret_drift_at_auth",
        "service_secret_drift_at_backend",
    }
)


def flow_of(kept: Document, evidence: Evidence) -> Flow:
    """The flow of the run that `kept` is the document of, and `evidence` the mended words."""
    steps = [*kept["steps"], *kept["run"].get("secondLooks", ())]
    lanes = (PROBER, *dict.fromkeys(look.service for look in evidence.looks))
    hops: dict[str, list[Hop]] = {}
    for number, (step, look) in enumerate(zip(steps, evidence.looks, strict=True), 1):
        hops.setdefault(_key_of(step), []).append(Hop(number=number, look=look, lane=lanes.index(look.service)))
    titles = {kind.key: kind.title for kind in _KINDS}
    stages = [_stage(key, titles[key], hops[key]) for key in _ORDER if key in hops]
    return Flow(lanes, tuple(_with_what_is_behind(stages, kept)))


def _key_of(step: Document) -> str:
    return next(kind.key for kind in _KINDS if kind.holds(step))


def _stage(key: str, title: str, hops: Sequence[Hop]) -> Stage:
    services = " and ".join(dict.fromkeys(hop.look.service for hop in hops))
    verdict = worst(hop.look.verdict for hop in hops)
    path = f"{PROBER} → {services}"
    return Stage(key=key, title=title, path=path, verdict=verdict, told=_TOLD[verdict](hops), hops=tuple(hops))


_WORST_FIRST = (Verdict.FAIL, Verdict.BLIND, Verdict.PASS, Verdict.SKIP)


def worst(verdicts: Iterable[str]) -> str:
    """What several looks came to together: a pass stands beside what was moot; skipped where all were."""
    found = set(verdicts)
    return next(str(each) for each in _WORST_FIRST if each in found)


def _code(look: Look) -> str:
    """`401 Unauthorized`, `1008 policy violation`; else what was seen."""
    if look.reason == Reason.ACCEPTED:
        return "a bad token is let in"
    if close := look.answer.get("closeCode"):
        return close_text(close)
    if status := look.answer.get("status"):
        return status_text(status)
    return look.seen


def _failed(hops: Sequence[Hop]) -> str:
    return _code(next(hop.look for hop in hops if hop.look.verdict == Verdict.FAIL))


def _blind(hops: Sequence[Hop]) -> str:
    return next(hop.look.seen for hop in hops if hop.look.verdict == Verdict.BLIND)


def _passed(hops: Sequence[Hop]) -> str:
    held = sum(hop.look.verdict == Verdict.PASS for hop in hops)
    if held < len(hops):
        return f"{held} of {len(hops)} held, the others were moot"
    took = [hop.look.duration_seconds for hop in hops if hop.look.duration_seconds is not None]
    return words.milliseconds(max(took)) if took else ""


def _skipped(hops: Sequence[Hop]) -> str:
    return hops[0].look.seen


_TOLD: Mapping[str, Callable[[Sequence[Hop]], str]] = {
    Verdict.FAIL: _failed,
    Verdict.BLIND: _blind,
    Verdict.PASS: _passed,
    Verdict.SKIP: _skipped,
}


# ── what nobody sees ─────────────────────────────────────────────────────────────────────────────────────────────────


def _with_what_is_behind(stages: Sequence[Stage], kept: Document) -> Iterator[Stage]:
    """After the backend was asked stands that it asks the auth service in its turn."""
    keys = {stage.key for stage in stages}
    for stage in stages:
        yield stage
        if stage.key == "backend" and "auth" in keys:
            yield _behind(stage, kept, _services(stages, "backend"), _services(stages, "auth"))


def _services(stages: Sequence[Stage], key: str) -> str:
    return next(stage.path for stage in stages if stage.key == key).removeprefix(f"{PROBER} → ")


def _behind(asked: Stage, kept: Document, backend: str, auth: str) -> Stage:
    verdict, told = _inferred(asked, kept["diagnosis"]["causes"])
    return Stage(
        key=_BEHIND,
        title="It asks auth about it",
        path=f"{backend} → {auth}",
        verdict=verdict,
        told=told,
        is_inferred=True,
    )


def _inferred(asked: Stage, causes: Collection[Document]) -> tuple[str, str]:
    """What can be said of it by what is seen around it: it went well where the backend accepts, and else only perhaps.

    No prober stands between two services, so this is never more than the diagnosis says.
    """
    here = [cause for cause in causes if cause["name"] in BEHIND_THE_BACKEND]
    if any(cause["confidence"] == "high" for cause in here):
        return Verdict.FAIL, "the cause lies here"
    if here:
        return Verdict.SKIP, "the cause may lie here"
    if asked.verdict == Verdict.PASS:
        return Verdict.PASS, "since it accepts"
    return Verdict.SKIP, "not seen from outside"
