"""The card of one chain: its verdict in a sentence a person understands at once, since when, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from prober.model.chain import STALE_INTERVALS, Chain
from prober.model.diagnosis import Confidence, State
from prober.model.pause import Pause
from prober.model.verdict import Outcome, RunVerdict
from prober.publish import words
from prober.publish.document import Document
from prober.publish.evidence import Evidence, Named, evidence_of
from prober.publish.page.flow import Flow, flow_of
from prober.publish.page.grid import Grid, Pair, controls_of, matrix_of, pairs_of
from prober.publish.remembered import Remembered

#: A revision that came at most so long before trouble began is named beside it.
_SUSPICIOUS = timedelta(hours=1)

#: A run may see the trouble a moment before it is told of the revision that brought it.
_ALIKE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a service says that it runs, and when it was first seen to; None: it was so when we began."""

    service: str
    name: str
    changed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What is known of a chain's time beside its last run."""

    now: datetime
    next_turn: datetime | None = None
    last_success: datetime | None = None
    paused: Pause | None = None
    since: datetime | None = None  # when what holds now was first seen; None: that is not known
    revisions: tuple[Revision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """From when on, and which change came just before."""

    at: datetime
    is_first: bool  # else it is the last moment when all was well
    culprit: Revision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One chain on the page."""

    chain: Chain
    state: str  # pass, fail, open, blind, partial; none: nobody has looked; paused: nobody may
    headline: str
    moments: Moments
    ended: datetime | None = None
    since: Since | None = None
    run: "RunView | None" = None

    @property
    def stale_at(self) -> datetime | None:
        """From then on it does not say what holds; of what is paused it says so anyway."""
        if self.state == PAUSED:
            return None
        wait = timedelta(seconds=STALE_INTERVALS * self.chain.interval_seconds)
        return self.ended + wait if self.ended else None

    @property
    def is_stale(self) -> bool:
        """Whether that is over."""
        return self.stale_at is not None and self.moments.now > self.stale_at

    @property
    def mark(self) -> str:
        """The state's shape."""
        return words.STALE_MARK if self.is_stale else MARKS[self.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """What the last run showed, part by part."""

    evidence: Evidence
    flow: Flow
    matrix: Grid
    controls: Grid
    pairs: Sequence[Pair]
    certainty: str  # of the diagnosis: healthy, diagnosed, ambiguous, unknown
    window: Document

    @property
    def certain(self) -> Sequence[Named]:
        """The causes that hold, whichever explanation is right."""
        return [cause for cause in self.evidence.causes if cause.confidence == Confidence.HIGH]

    @property
    def possible(self) -> Sequence[Named]:
        """Those of which only one need hold."""
        return [cause for cause in self.evidence.causes if cause.confidence != Confidence.HIGH]


class Seen(NamedTuple):
    """A run: its document, and what it shows."""

    document: Document
    view: RunView


MARKS: Mapping[str, str] = {
    "open": "!",
    "none": "·",
    "paused": "‖",
    **{str(verdict): mark for verdict, mark in words.RUN_MARKS.items()},
}

#: Which of several cards a reader has to see first.
URGENCY = ("open", "fail", "blind", "paused", "partial", "none", "pass")

#: An operator has stopped what the chain sends: whatever was seen last, it says nothing of now.
PAUSED = "paused"

#: What a card is beside its state, when that is over.
STALE = "stale"


def card_of(
    chain: Chain, environment: str, seen: Seen | None, moments: Moments, before: Remembered | None = None
) -> Card:
    """The card of `chain`, whose last run is `seen`; of one that is not at hand `before` is known."""
    card = _as_seen(chain, environment, seen, moments, before)
    return _paused(card, moments.paused) if moments.paused else card


def _paused(card: Card, pause: Pause) -> Card:
    """What was seen before stays to be read below, as of then."""
    headline = f"Nothing is sent here: {pause}."
    return replace(card, state=PAUSED, headline=headline, since=Since(at=pause.since, is_first=True))


def _as_seen(chain: Chain, environment: str, seen: Seen | None, moments: Moments, before: Remembered | None) -> Card:
    if seen is None:
        return _without_a_run(chain, environment, moments, before)
    kept, view = seen
    state = _state(kept)
    return Card(
        chain=chain,
        state=state,
        headline=_capital(_HEADLINES[state](environment, kept, view)),
        moments=moments,
        ended=datetime.fromisoformat(kept["run"]["ended"]),
        since=_since(state, moments),
        run=view,
    )


def _without_a_run(chain: Chain, environment: str, moments: Moments, before: Remembered | None) -> Card:
    if before is None:
        return Card(chain=chain, state="none", headline=f"Nobody has looked at {environment} yet.", moments=moments)
    told = f"Before the prober was restarted: {before.summary}"
    return Card(chain=chain, state=str(before.verdict), headline=told, moments=moments, ended=before.ended)


def _state(kept: Document) -> str:
    """An open door outranks every verdict."""
    return "open" if kept["diagnosis"].get("failOpen") else kept["run"]["verdict"]


def seen_of(kept: Document) -> Seen:
    """A run, from its document: nearly all that a card takes, and the same for as long as no other run has ended."""
    evidence = evidence_of(kept)
    view = RunView(
        evidence=evidence,
        flow=flow_of(kept, evidence),
        matrix=matrix_of(kept),
        controls=controls_of(kept),
        pairs=pairs_of(kept),
        certainty=kept["diagnosis"]["verdict"],
        window=kept["window"],
    )
    return Seen(kept, view)


# ── the sentence ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _passes(environment: str, _kept: Document, view: RunView) -> str:
    held = len(view.evidence.looks)
    says = "accepts good tokens and refuses bad ones" if view.controls.rows else "is well"
    return f"{environment} {says}: all {held} looks held."


def _is_open(environment: str, kept: Document, _view: RunView) -> str:
    doors = [door["text"] for door in kept["diagnosis"]["failOpen"]]
    more = f", and {len(doors) - 1} more" if len(doors) > 1 else ""
    return f"{environment}'s auth is failing OPEN: {doors[0]}{more}."


def _fails(environment: str, kept: Document, view: RunView) -> str:
    refused = any(cell["outcome"] == Outcome.REFUSED for cell in kept["matrix"])
    says = "is refusing tokens" if refused else "is not well"
    return f"{environment} {says}: {_BECAUSE[view.certainty](view)}."


def _is_blind(environment: str, _kept: Document, view: RunView) -> str:
    ours = [cause.title for cause in view.evidence.causes]
    told = words.listed(ours) or next((look.seen for look in view.evidence.looks if look.verdict == "blind"), "")
    return f"The prober cannot look at {environment}: {told}. Nothing is counted against it."


def _is_partial(environment: str, _kept: Document, _view: RunView) -> str:
    return f"Nothing wrong was seen of {environment}, but not everything could be looked at."


_HEADLINES: Mapping[str, Callable[[str, Document, RunView], str]] = {
    "open": _is_open,
    RunVerdict.PASS: _passes,
    RunVerdict.FAIL: _fails,
    RunVerdict.BLIND: _is_blind,
    RunVerdict.PARTIAL: _is_partial,
}


def _named(view: RunView) -> str:
    """What is certain; what is not is said to be not."""
    if view.certain:
        return words.listed(cause.title for cause in view.certain)
    titles = [cause.title for cause in view.possible]
    return f"perhaps {titles[0]}" if len(titles) == 1 else _either(titles)


def _either(titles: Sequence[str]) -> str:
    pair = 2
    if len(titles) == pair:
        return f"either {titles[0]}, or {titles[1]}"
    return f"one of {len(titles)} causes, and this run cannot tell which"


def _no_cause(view: RunView) -> str:
    failed = [look.name for look in view.evidence.looks if look.verdict == "fail"]
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{failed[0]}{more} did not hold" if failed else "something did not hold"


_BECAUSE: Mapping[str, Callable[[RunView], str]] = {
    State.HEALTHY: _no_cause,
    State.DIAGNOSED: _named,
    State.AMBIGUOUS: _named,
    State.UNKNOWN: lambda _view: "no known cause explains what is seen",
}


# ── since when ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _since(state: str, moments: Moments) -> Since | None:
    """When trouble began; of what is well nobody asks."""
    if state == RunVerdict.PASS:
        return None
    if moments.since is not None:
        return Since(at=moments.since, is_first=True, culprit=_culprit(moments.since, moments.revisions))
    if moments.last_success is not None:
        return Since(at=moments.last_success, is_first=False)
    return None


def _culprit(since: datetime, revisions: Sequence[Revision]) -> Revision | None:
    """The last revision that came shortly before."""
    new = [each for each in revisions if each.changed and since - _SUSPICIOUS <= each.changed <= since + _ALIKE]
    return max(new, key=lambda each: each.changed or since, default=None)
