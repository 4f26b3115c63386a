"""Pieces: finds what is known in a text, also a part of it alone, and whatever the case of its letters.

Each run of SHORTEST_PIECE characters holds a whole gram that begins, in the text, at a multiple of the gram's length.
So it is enough to look up one place in six; where a gram is known, its surroundings are compared letter by letter.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

#: So many characters in a row tell something of a secret; fewer come together by chance.
SHORTEST_PIECE = 12

_GRAM = (SHORTEST_PIECE + 1) // 2

#: A value that repeats itself has one gram in many places; a few of them lead to the whole.
_MOST_PLACES = 4

#: Of longer forms the rest is left out.
_LONGEST_FORM = 4096

#: Plain words stand in many texts, and in secrets that a person made up: they are known by the larger part only.
_WORDS = re.compile(r"[a-z./_-]+")
_LARGER_PART = 0.75

_FOLD = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a form a gram stands, and what is put in the place of a piece."""

    form: str
    at: int
    label: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a text that is a part of a form."""

    begin: int
    end: int
    place: _Place


class Pieces:
    """Forms by their grams; grows and forgets."""

    __slots__ = ("_grams",)

    def __init__(self, grams: Mapping[str, tuple[_Place, ...]] | None = None) -> None:
        """Know nothing yet, or what another knows."""
        self._grams = dict(grams or {})

    def copy(self) -> Self:
        """Another that knows the same, and may learn more."""
        return type(self)(self._grams)

    def learn(self, forms: Iterable[str], label: str) -> None:
        """Know `forms`, of which a piece is to be replaced by `label`; those shorter than a piece are left out."""
        for form in map(_folded, forms):
            for gram, place in _places(form, label):
                known = self._grams.get(gram, ())
                if len(known) < _MOST_PLACES:
                    self._grams[gram] = (*known, place)

    def forget(self, form: str) -> None:
        """Know `form` no longer."""
        for gram, place in _places(_folded(form), ""):
            if left := tuple(known for known in self._grams.get(gram, ()) if known.form != place.form):
                self._grams[gram] = left
            else:
                self._grams.pop(gram, None)

    def blot(self, text: str) -> str:
        """`text` with each piece of what is known replaced by its label."""
        folded, parts, done = _folded(text), [], 0
        for at in range(0, len(folded) - _GRAM + 1, _GRAM):
            if folded[at : at + _GRAM] in self._grams and at >= done and (found := self._piece(text, folded, at, done)):
                parts += [text[done : found.begin], found.place.label]
                done = found.end
        return "".join([*parts, text[done:]])

    def _piece(self, text: str, folded: str, at: int, done: int) -> _Piece | None:
        """The longest piece around the gram that stands `at`, if it tells something; what is `done` is left alone."""
        around = (_around(folded, at, done, place) for place in self._grams[folded[at : at + _GRAM]])
        longest = max(around, key=lambda piece: piece.end - piece.begin)
        return longest if _is_telling(text[longest.begin : longest.end], longest.place.form) else None


def _folded(text: str) -> str:
    """`text` with its ASCII letters in lower case, and no shorter or longer than it was."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


def _places(form: str, label: str) -> Iterator[tuple[str, _Place]]:
    kept = form[:_LONGEST_FORM]
    if len(kept) >= SHORTEST_PIECE:
        yield from ((kept[at : at + _GRAM], _Place(kept, at, label)) for at in range(len(kept) - _GRAM + 1))


def _around(folded: str, at: int, done: int, place: _Place) -> _Piece:
    """How far the text around `at` is as the form around its place."""
    back = forth = 0
    most_back, most_forth = min(at - done, place.at), min(len(folded) - at, len(place.form) - place.at)
    while back < most_back and folded[at - back - 1] == place.form[place.at - back - 1]:
        back += 1
    while forth < most_forth and folded[at + forth] == place.form[place.at + forth]:
        forth += 1
    return _Piece(at - back, at + forth, place)


def _is_telling(piece: str, form: str) -> bool:
    is_larger_part = len(piece) >= len(form) * _LARGER_PART
    return len(piece) >= SHORTEST_PIECE and (is_larger_part or _WORDS.fullmatch(piece) is None)
