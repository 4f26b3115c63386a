"""Versions: the values of one secret that we hold: the newest, and for a while those before it. Time is an argument."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from prober.model.secret import Secret

#: Who rotates more often than that within one overlap leaves the oldest behind.
_MOST = 3

#: Values that are blotted out, however old.
_MOST_KNOWN = 8


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One value, and what its source calls it; two are the same only if they are the very same."""

    secret: Secret
    label: str = ""  # empty: the source knows no versions


@dataclass(frozen=True, slots=True)
class _Past:
    """A version that another took the place of, and until when it still counts, by the stopwatch."""

    version: Version
    until_seconds: float


@dataclass(frozen=True, slots=True)
class Versions:
    """The newest version, and those that it took the place of, the newest of them first."""

    newest: Version
    _past: tuple[_Past, ...] = ()
    _known: tuple[Secret, ...] = ()

    def renewed(self, found: Version, now_seconds: float, overlap_seconds: float) -> "Versions":
        """With what the source gives now. Another value begins an overlap; the same one under another name does not."""
        if found.secret.matches(self.newest.secret.reveal()):
            same = self.newest if found.label == self.newest.label else Version(self.newest.secret, found.label)
            return replace(self, newest=same)
        past = _Past(self.newest, now_seconds + overlap_seconds)
        rest = (each for each in self._past if not found.secret.matches(each.version.secret.reveal()))
        known = (self.newest.secret, *self._known)[:_MOST_KNOWN]
        return Versions(found, (past, *rest)[: _MOST - 1], known)

    def held(self, now_seconds: float) -> tuple[Version, ...]:
        """Those that count now, the newest first."""
        return (self.newest, *(each.version for each in self._past if now_seconds < each.until_seconds))

    @property
    def secrets(self) -> Iterator[Secret]:
        """Every value that we know of, to be blotted out."""
        yield self.newest.secret
        yield from self._known

    def outdated(self, now_seconds: float) -> Version | None:
        """The one before the newest once its time is over: it opens nothing for us, and tells who was left behind."""
        over = (each.version for each in self._past if now_seconds >= each.until_seconds)
        return next(over, None)
