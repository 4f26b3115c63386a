"""The prober's own health, for people: its self-test, its punctuality, its books, its store, its config."""

from collections.abc import Iterator
from dataclasses import dataclass

from prober.publish import words
from prober.publish.board import Board


@dataclass(frozen=True, slots=True)
class Vital:
    """One thing about us."""

    tone: str  # pass, fail, skip
    title: str
    told: str

    @property
    def mark(self) -> str:
        """Its shape."""
        return {"pass": "✓", "fail": "✗"}.get(self.tone, "–")


def vitals_of(board: Board, *, is_kept: bool) -> tuple[Vital, ...]:
    """All of them; `is_kept`: whether the store takes what we write."""
    return tuple(_vitals(board, is_kept=is_kept))


def _vitals(board: Board, *, is_kept: bool) -> Iterator[Vital]:
    yield _selftest(board)
    yield _turns(board)
    yield _lag(board)
    yield _store(board, is_kept=is_kept)
    yield _config(board)
    yield _errors(board)


def _selftest(board: Board) -> Vital:
    told = board.selftest
    if told is None:
        return Vital("skip", "self-test", "none has ended yet")
    if told.passed:
        return Vital("pass", "self-test", "it tells good from bad")
    return Vital("fail", "self-test", f"it fails, so no verdict is booked: {told.complaints[0]}")


def _turns(board: Board) -> Vital:
    due, missed = sum(board.slots_expected.counts.values()), board.slots_missed.counts
    lost = sum(missed.values())
    why: dict[str, int] = {}
    for (_chain, reason), count in missed.items():
        why[reason] = why.get(reason, 0) + count
    reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(why.items()) if count)
    told = f"{due - lost} of {due} due turns taken{f'; missed: {reasons}' if reasons else ''}"
    return Vital("pass" if not lost else "skip", "turns since the start", told if due else "none was due yet")


def _lag(board: Board) -> Vital:
    lag = board.loop_lag_seconds
    if lag is None:
        return Vital("skip", "punctuality", "not watched yet")
    late = lag > _STALLED_SECONDS
    return Vital("fail" if late else "pass", "punctuality", f"{words.milliseconds(lag)} late at worst, of late")


#: A loop that stood still for longer taints what it saw.
_STALLED_SECONDS = 0.5


def _store(board: Board, *, is_kept: bool) -> Vital:
    if not is_kept:
        return Vital("fail", "store", "away: what is seen waits here and is written once it is back")
    size = f"{board.history_size / 2**20:,.1f} MiB" if board.history_size is not None else "size not known yet"
    return Vital("pass", "store", size)


def _config(board: Board) -> Vital:
    if board.reload.successful:
        return Vital("pass", "config", f"in force since {board.reload.succeeded_at:%Y-%m-%d %H:%M} UTC")
    return Vital("fail", "config", "the last reload was refused; the one before is in force. The log says why")


def _errors(board: Board) -> Vital:
    broken = {series[0]: count for series, count in board.internal_errors.counts.items() if count}
    if not broken:
        return Vital("pass", "own faults", "none since the start")
    told = ", ".join(f"{int(count)} in {component}" for component, count in sorted(broken.items()))
    return Vital("skip", "own faults", f"{told}; the log says why")
