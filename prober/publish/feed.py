"""Feed: what listeners hear while it happens. Telling never waits; who is too slow is told how much was missed."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from prober.model.gate import Gate, Progress
from prober.model.pause import Stopped
from prober.model.report import Report
from prober.model.verdict import StepResult
from prober.publish import gate_words
from prober.publish.document import Document, document, moment, step_document
from prober.publish.gate_document import progress_document
from prober.publish.paused import stopped_document

#: Each is a connection that somebody keeps open: a page on show, most of them (tests/page/viewers.py).
MOST_LISTENERS = 64

#: What waits to be heard by one listener.
MOST_UNHEARD = 100

#: Who has missed so much in a row does not listen any more.
_HOPELESS = 2000

#: Runs that have ended and whose turn goes on, for a moment, are fewer.
_OVER = 1000

#: The last event of a run's own stream.
END = "end"


class TooManyListen(Exception):
    """As many listen as may."""


@dataclass(frozen=True)
class Event:
    """One thing that happened, put into words only if somebody hears it."""

    kind: str
    about: str  # the id of the run or gate
    tell: Callable[[], Document]
    tell_briefly: Callable[[], Document] | None = None  # None: it is brief as it is

    @cached_property
    def text(self) -> str:
        """As JSON, once for all who hear it."""
        return _json(self.tell())

    @cached_property
    def brief(self) -> str:
        """The same for those who only want to know what to ask for: a report is 60 kB, and they may be many."""
        return _json(self.tell_briefly()) if self.tell_briefly else self.text


def _json(told: Document) -> str:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


class Listener:
    """Hears of one run, or of all reports and gates."""

    def __init__(self, run_id: str | None) -> None:
        """Of this run, or of none in particular."""
        self._run_id = run_id
        self._unheard: deque[Event] = deque()
        self._missed = 0
        self._news = asyncio.Event()
        self.is_over = False

    def wants(self, event: Event) -> bool:
        """Whether it is for this one: steps and ends are for those alone who listen to their run."""
        return event.about == self._run_id if self._run_id else event.kind not in (END, "step")

    def put(self, event: Event) -> None:
        """Let it be heard; where too much waits already, the oldest is missed."""
        if len(self._unheard) >= MOST_UNHEARD:
            self._unheard.popleft()
            self._missed += 1
            self.is_over = self._missed >= _HOPELESS
        self._unheard.append(event)
        self._news.set()

    def close(self) -> None:
        """There is nothing more to hear."""
        self.is_over = True
        self._news.set()

    async def next(self, patience_seconds: float) -> Event | None:
        """What comes next; None where nothing did in time, or there is nothing more."""
        if not self._unheard and not self.is_over:
            self._news.clear()
            try:
                async with asyncio.timeout(patience_seconds):  # wait_for may lose that we are to end (Python 3.11)
                    await self._news.wait()
            except TimeoutError:
                return None
        if self._missed:
            missed, self._missed = self._missed, 0
            return Event("dropped", self._run_id or "", lambda: {"events": missed})
        return self._unheard.popleft() if self._unheard else None


class Feed:
    """Tells all who listen; also a sink."""

    name = "feed"

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._listeners: set[Listener] = set()
        self._so_far: dict[str, list[Event]] = {}  # steps of runs that go on, for who comes late
        self._over: deque[str] = deque(maxlen=_OVER)  # the last runs that ended

    @contextmanager
    def listening(self, run_id: str | None = None) -> Iterator[Listener]:
        """Hear of a run, what was told of it so far included, or of all reports and gates; raises TooManyListen."""
        self._listeners = {each for each in self._listeners if not each.is_over}
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyListen
        listener = Listener(run_id)
        for event in self._so_far.get(run_id or "", ()):
            listener.put(event)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """We are ending."""
        for listener in self._listeners:
            listener.close()

    # ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────

    def step(self, run_id: str, result: StepResult) -> None:
        """A step ended."""
        event = Event("step", run_id, lambda: step_document(result))
        self._so_far.setdefault(run_id, []).append(event)
        self._tell(event)

    async def write(self, report: Report) -> None:
        """A run ended."""
        self._is_over(report.run.id)
        self._tell(Event("report", report.run.id, lambda: document(report), lambda: _brief(report)))
        self._tell(end(report.run.id, "done"))

    def broke(self, run_id: str) -> None:
        """A run will have no report; one that has, has ended already."""
        if run_id not in self._over:
            self._is_over(run_id)
            self._tell(end(run_id, "aborted"))

    def _is_over(self, run_id: str) -> None:
        self._so_far.pop(run_id, None)
        self._over.append(run_id)

    def gate_goes_on(self, gate_id: str, chain: str, progress: Progress) -> None:
        """A gate has taken another round."""
        told = {"id": gate_id, "chain": chain, "state": "running"}
        self._tell(Event("gate", gate_id, lambda: {**told, "progress": progress_document(progress)}))

    def gate_ended(self, gate: Gate) -> None:
        """A gate has its verdict."""
        told = {"id": gate.id, "chain": gate.chain, "state": "done", "verdict": gate.verdict}
        self._tell(Event("gate", gate.id, lambda: {**told, "sentence": gate_words.sentence(gate)}))

    def paused(self, stopped: Stopped) -> None:
        """Operators have stopped something, or lifted it."""
        self._tell(Event("paused", "", lambda: stopped_document(stopped)))

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            if listener.wants(event):
                listener.put(event)


def _brief(report: Report) -> Document:
    run = report.run
    return {"id": run.id, "chain": run.chain.name, "verdict": run.verdict, "ended": moment(run.ended)}


def end(run_id: str, state: str) -> Event:
    """That nothing more is told of a run."""
    return Event(END, run_id, lambda: {"id": run_id, "state": state})
