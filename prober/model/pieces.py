"""Pieces: finds what is known in a text, also a part of it alone, and whatever the case of its letters.

Each run of SHORTEST_PIECE characters holds a whole gram that begins, in the text, at a multiple of the gram's length.
So it is enough to look up one place in six; where a gram is known, its surroundings are compared letter by letter.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: So many characters in a row tell something of a secret; fewer come together by chance.
SHORTEST_PIECE = 12

_GRAM = (SHORTEST_PIECE + 1) // 2

#: A value that repeats itself has one gram in many places; a few of them lead to the whole. So do a few of many forms.
_MOST_PLACES = _MOST_FORMS = 4

#: Of longer forms the rest is left out.
_LONGEST_FORM = 4096

#: So many look-ups among forms as they stand take as long as an index of them.
_MOST_LOOKED_UP = 512

#: Plain words stand in many texts, and in secrets that a person made up: they are known by the larger part only.
_WORDS = re.compile(r"[a-z./_-]+")
_LARGER_PART = 0.75

_FOLD = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One way in which something stands in texts, and what is put in the place of a piece of it; one is no other."""

    text: str
    label: str


def form_of(text: str, label: str) -> Form:
    """`text` as a form; of a long one the beginning."""
    return Form(_folded(text[:_LONGEST_FORM]), label)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a text that is a part of a form."""

    begin: int
    end: int
    form: Form


class Pieces:
    """Forms by their grams; grows and forgets."""

    __slots__ = ("_forms",)

    def __init__(self, forms: Iterable[Form] = ()) -> None:
        """Know `forms`."""
        self._forms: dict[str, tuple[Form, ...]] = {}
        for form in forms:
            self.enter(form)

    def learn(self, written: Iterable[str], label: str) -> None:
        """Know what is `written`, of which a piece is to be replaced by `label`."""
        for text in written:
            self.enter(form_of(text, label))

    def enter(self, form: Form) -> None:
        """Know one more form; one that is shorter than a piece is left out."""
        if len(form.text) >= SHORTEST_PIECE:
            found: dict[str, tuple[Form, ...]] = dict.fromkeys(_grams(form.text, 1), (form,))
            for gram in found.keys() & self._forms.keys():
                found[gram] = (*self._forms[gram], form)[:_MOST_FORMS]
            self._forms.update(found)

    def forget(self, form: Form) -> None:
        """Know `form` no longer; another of the same text stays."""
        for gram in _grams(form.text, 1):
            if gram in self._forms:
                rest = tuple([each for each in self._forms[gram] if each is not form])
                if rest:
                    self._forms[gram] = rest
                else:
                    del self._forms[gram]

    def blot(self, text: str) -> str:
        """`text` with each piece of what is known replaced by its label."""
        folded = _folded(text)
        if self._forms.keys().isdisjoint(_grams(folded)):
            return text
        parts, done = list[str](), 0
        for at in range(0, len(folded) - _GRAM + 1, _GRAM):
            if folded[at : at + _GRAM] in self._forms and at >= done and (found := self._piece(text, folded, at, done)):
                parts += [text[done : found.begin], found.form.label]
                done = found.end
        return "".join([*parts, text[done:]])

    def _piece(self, text: str, folded: str, at: int, done: int) -> _Piece | None:
        """The longest piece around the gram that stands `at`, of those that tell something; `done` is left alone."""
        gram = folded[at : at + _GRAM]
        places = ((form, place) for form in self._forms.get(gram, ()) for place in _places(form, gram))
        around = (_around(folded, at, done, *each) for each in places)
        telling = (piece for piece in around if _is_telling(text[piece.begin : piece.end], piece.form.text))
        return max(telling, key=lambda piece: piece.end - piece.begin, default=None)


class Loose:
    """Forms that hardly any text holds: they are looked through as they stand, which takes no index.

    Of all that it was shown so far, the grams are counted: where they are many, or one is found, there is an index.
    """

    __slots__ = ("_forms", "_index", "_label", "_left", "_written")

    def __init__(self, written: Iterable[str], label: str) -> None:
        """Know what is `written`, of which a piece is to be replaced by `label`."""
        self._forms, self._label = tuple(written), label
        self._written = _folded("\n".join([text[:_LONGEST_FORM] for text in self._forms]))
        self._left, self._index = _MOST_LOOKED_UP, Pieces()

    def blot(self, text: str) -> str:
        """`text` with each piece of what is known replaced by the label."""
        if self._forms and self._may_be_in(text):
            self._index.learn(self._forms, self._label)
            self._forms = ()
        return text if self._forms else self._index.blot(text)

    def _may_be_in(self, text: str) -> bool:
        grams = _grams(_folded(text))
        self._left -= len(grams)
        return self._left < 0 or any(map(self._written.__contains__, grams))


def _folded(text: str) -> str:
    """`text` with its ASCII letters in lower case, and no shorter or longer than it was."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


def _grams(text: str, step: int = _GRAM) -> list[str]:
    return [text[at : at + _GRAM] for at in range(0, len(text) - _GRAM + 1, step)]


def _places(form: Form, gram: str) -> Iterator[int]:
    """Where `gram` stands in `form`, the first few times."""
    place = form.text.find(gram)
    for _ in range(_MOST_PLACES):
        if place < 0:
            return
        yield place
        place = form.text.find(gram, place + 1)


def _around(folded: str, at: int, done: int, form: Form, place: int) -> _Piece:
    """How far the text around `at` is as `form` is around `place`."""
    most_back, most_forth = min(at - done, place), min(len(folded) - at, len(form.text) - place)
    back = _alike(folded[at - most_back : at][::-1], form.text[place - most_back : place][::-1])
    forth = _alike(folded[at : at + most_forth], form.text[place : place + most_forth])
    return _Piece(at - back, at + forth, form)


def _alike(left: str, right: str) -> int:
    """With how many of the same letters two texts of one length begin; by halves, since they may be long."""
    alike, most = 0, len(left)
    while alike < most:
        middle = (alike + most + 1) // 2
        if left[alike:middle] == right[alike:middle]:
            alike = middle
        else:
            most = middle - 1
    return alike


def _is_telling(piece: str, form: str) -> bool:
    is_larger_part = len(piece) >= len(form) * _LARGER_PART
    return len(piece) >= SHORTEST_PIECE and (is_larger_part or _WORDS.fullmatch(piece) is None)
