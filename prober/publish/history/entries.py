"""Entry: what is to be written down of slots and runs, as a value that can wait in a queue or in a file.

Entries are written in their order, and writing one twice is writing it once: after a timeout or a crash nobody knows
whether it got through.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from prober.model.slot import Grid, Missed, Slot
from prober.publish.history.record import Record, StepRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The slots of a grid exist from `sequence` on; of one that was never closed they went on meanwhile."""

    grid: Grid
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The slots of a grid end with `sequence`; those that nobody took until then were missed for the reason `why`."""

    grid: Grid
    sequence: int
    why: Missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A slot came due: `instance` takes it, or it is missed; so were those passed over since the last in the books."""

    slot: Slot
    instance: str
    expires: float  # Unix seconds: when an instance that has not ended it by then is taken for dead
    why: Missed  # of those passed over
    missed: Missed | None = None  # of this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A slot that `instance` took ended, with a run to keep or missed after all."""

    slot: Slot
    instance: str
    missed: Missed | None = None
    record: Record | None = None
    late: bool = False  # written down when the store had been away


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """Slots that others than `instance` took at `location`, and should have ended `before` now, died with them."""

    location: str
    instance: str
    before: float  # Unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A run that was nobody's turn."""

    location: str
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """State of ours that a restart must not lose, by name; the newest stands."""

    location: str
    name: str
    text: str
    at: float = 0.0  # Unix seconds by the store's clock; before all time, as told by a release that did not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one of several instances is to do, by name, is done by this one; by another only after a while."""

    location: str
    name: str
    instance: str
    at: float  # Unix seconds by the store's clock
    lasts_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A run that was nobody's turn, let go while the store was away."""


Entry = Opened | Closed | Due | Ended | Swept | Kept | Noted | Claimed | Dropped


@dataclass(frozen=True, slots=True)
class Written:
    """What became of an entry."""

    ours: bool = True  # False: another instance has taken the slot, or what was claimed, or it was given up as dead
    refused: bool = False  # the store could not make anything of it: a bug of ours
    passed_over: int = 0  # slots that were written down as missed before this one
    died: Mapping[str, int] = field(default_factory=dict)  # slots given up, by chain


def without_run(entry: Entry) -> Entry:
    """The least of an entry that keeps the books whole."""
    match entry:
        case Ended(record=Record()):
            return replace(entry, record=None, missed=Missed.STORE_UNAVAILABLE)
        case Kept():
            return Dropped()
    return entry


def awaits_company(entry: Entry) -> bool:
    """Whether nobody does anything on the strength of it but end: it may go with what others write in a moment."""
    return isinstance(entry, Ended | Kept)


def overtakes(entry: Entry, older: Entry) -> bool:
    """Whether `entry` is a note that stands where `older` stood."""
    return _note(entry) is not None and _note(entry) == _note(older)


def _note(entry: Entry) -> tuple[str, str] | None:
    return (entry.location, entry.name) if isinstance(entry, Noted) else None


def without_overtaken(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Of notes of one name the newest alone, where it is; all else as it is."""
    newest: dict[tuple[str, str], Noted] = {}
    for entry in entries:
        if isinstance(entry, Noted) and (key := _note(entry)) is not None:
            newest[key] = max(entry, newest.get(key, entry), key=lambda note: note.at)
    kept = {id(note) for note in newest.values()}
    return [entry for entry in entries if not isinstance(entry, Noted) or id(entry) in kept]


def weight(entry: Entry) -> int:
    """About how many bytes an entry takes."""
    match entry:
        case Ended(record=Record() as record) | Kept(record=record):
            return 512 + len(record.document) + len(record.recall) + 64 * len(record.steps)
        case Noted():
            return 512 + len(entry.text)
    return 512


# ── as lines of a file ───────────────────────────────────────────────────────────────────────────────────────────────

_KINDS: Mapping[str, type[Entry]] = {
    kind.__name__: kind for kind in (Opened, Closed, Due, Ended, Swept, Kept, Noted, Claimed, Dropped)
}


def to_line(entry: Entry) -> str:
    """An entry as one line of JSON."""
    return json.dumps({"entry": type(entry).__name__, **asdict(entry)}, separators=(",", ":"), default=_as_text)


def from_line(line: str) -> Entry:
    """The entry again; raises ValueError for a line that is none, as the last one of a killed process may be."""
    try:
        told = json.loads(line)
        entry: Entry = _made(_KINDS[told.pop("entry")], told)
    except (KeyError, TypeError, AttributeError) as error:
        message = f"not an entry: {line[:60]!r}"
        raise ValueError(message) from error
    return entry


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    message = f"{type(value).__name__} does not belong into an entry"
    raise TypeError(message)


def _made(kind: type[Any], told: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever kind it is told to make
    return kind(**{each.name: _part(each.name, told[each.name]) for each in fields(kind) if each.name in told})


def _part(name: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    return value if value is None else _PARTS.get(name, lambda same: same)(value)


_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "grid": lambda told: Grid(**told),
    "slot": lambda told: Slot(Grid(**told["grid"]), told["sequence"]),
    "why": Missed,
    "missed": Missed,
    "record": lambda told: _made(Record, told),
    "recall": base64.b64decode,
    "document": base64.b64decode,
    "causes": lambda told: tuple((name, confidence) for name, confidence in told),
    "steps": lambda told: tuple(StepRow(**row) for row in told),
}
