"""Tree: a YAML text as plain values, and the line on which each of them stands; refuses what a config has no use for.

Built from the parser's events rather than from its objects: aliases are seen before they are followed, depth before it
is reached, and every duplicate key is told, not only the first. The parser is libyaml, by PyYAML: it takes a twentieth
of the time of one in Python, so that 6,000 chains are read in half a second and no text holds us up for long.
"""

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import yaml
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from prober.config.limits import MOST_VALUES, WANTED
from prober.config.problems import Finding, Place, Problem, Sheet, has_token, quoted

DEEPEST = 20

#: Whoever wrote so much wrong is told of that first.
_MOST_PROBLEMS = 1000

#: More than any path, header or remark.
_LONGEST_TEXT = 64 * 1024

_LARGEST_INTEGER = 2**63
_LONGEST_INTEGER = 20  # digits; Python itself refuses to read integers of thousands of digits
_SURROGATE = re.compile("[\ud800-\udfff]")

#: The core schema of YAML 1.2 (§10.3.2). `no`, `on` and `12:30` are text in it, as people mean them.
_PLAIN: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(rf"[-+]?[0-9]{{1,{_LONGEST_INTEGER}}}"), int),
    (re.compile(rf"0o[0-7]{{1,{_LONGEST_INTEGER}}}"), lambda text: int(text, 8)),
    (re.compile(rf"0x[0-9a-fA-F]{{1,{_LONGEST_INTEGER}}}"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda _: math.nan),
)


class Stop(Exception):
    """The finding that was just made leaves nothing to go on with."""


@dataclass(slots=True)
class Branch:
    """A mapping or list that is being filled."""

    place: Place
    into: dict[str, object] | list[object]
    key: str | None = None  # of a mapping: the key whose value comes next


@dataclass(slots=True)
class Tree:
    """What grew from a text; `problems` says what was refused on the way."""

    file: str
    value: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    is_whole: bool = False  # False: there is no value, or not all of it, to look at further

    @property
    def sheet(self) -> Sheet:
        """The values as written, with their lines."""
        return Sheet(self.file, self.value, self.lines)


def grow(text: str, file: str, most_values: int = MOST_VALUES) -> Tree:
    """Read one YAML document; never raises, whatever the text."""
    tree = Tree(file)
    tree.problems.extend(_tabs(text, file))
    if not tree.problems:
        _parse(text, tree, most_values)
    return tree


def _tabs(text: str, file: str) -> Iterable[Problem]:
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line[: len(line) - len(line.lstrip())] and line.strip():
            yield Problem(file=file, line=number, wrong="the line is indented with a tab", wanted="write spaces")


def _parse(text: str, tree: Tree, most_values: int) -> None:
    gardener = Gardener(tree, most_values)
    try:
        tree.is_whole = True
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            gardener.take(event)
    except Stop:
        tree.is_whole = False
    except MarkedYAMLError as error:
        gardener.refuse(
            _line_of(error), f"this is not YAML: {error.problem or error.context}", "see the line before too"
        )
    except Exception:  # noqa: BLE001 - on hostile text the parser raises whatever its internals do: ValueError, IndexError, …
        gardener.refuse(0, "this is not YAML", "save it as plain UTF-8 text, without control characters")
    if not tree.lines and not tree.problems:
        gardener.refuse(0, "the file is empty", "start with `version: 1`; `prober schema` tells the rest")


def _line_of(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 0


class Gardener:
    """Takes the parser's events one by one and lets the tree grow."""

    def __init__(self, tree: Tree, most_values: int) -> None:
        """Fill this tree with so many keys and values at most."""
        self._tree, self._most_values = tree, most_values
        self._branches: list[Branch] = []
        self._documents = self._values = 0
        self._acts: Mapping[type[Event], Callable[[Event, int], None]] = {
            DocumentStartEvent: self._begin,
            AliasEvent: self._alias,
            ScalarEvent: self._scalar,
            MappingStartEvent: self._mapping,
            SequenceStartEvent: self._sequence,
            MappingEndEvent: self._end,
            SequenceEndEvent: self._end,
        }

    def take(self, event: Event) -> None:
        """One event; those that mean nothing to us pass."""
        if len(self._tree.problems) > _MOST_PROBLEMS:
            raise Stop
        if act := self._acts.get(type(event)):
            act(event, event.start_mark.line + 1 if event.start_mark else 0)

    def complain(self, line: int, wrong: str, wanted: str, wrote: str = "") -> None:
        """Note what was refused."""
        self._tree.problems.append(Problem(file=self._tree.file, line=line, wrote=wrote, wrong=wrong, wanted=wanted))

    def refuse(self, line: int, wrong: str, wanted: str) -> None:
        """Note what leaves nothing that could be looked at further."""
        self._tree.is_whole = False
        self.complain(line, wrong, wanted)

    def _begin(self, event: Event, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            self.complain(line, "a second document begins here", "write one document; delete the `---`")
            raise Stop
        if getattr(event, "version", None) or getattr(event, "tags", None):
            self.complain(line, "a % directive changes how the text is read", "delete it")
            raise Stop

    def _alias(self, event: Event, line: int) -> None:
        self.refuse(line, f"*{getattr(event, 'anchor', '')} is an alias", "write the value out")
        self._put(None, line)

    def _scalar(self, event: Event, line: int) -> None:
        assert isinstance(event, ScalarEvent)  # noqa: S101 - for the type checker; `take` has looked
        self._refuse_extras(event, line)
        if len(event.value) > _LONGEST_TEXT:
            self.complain(line, f"this is a text of more than {_LONGEST_TEXT:,} characters", "write a shorter one")
            raise Stop
        is_plain = event.style in {None, ""} and event.tag is None
        text = sys.intern(str(event.value))  # many chains say the same
        self._put(self._typed(text, line) if is_plain else text, line)

    def _typed(self, text: str, line: int) -> object:
        value = next((make(text) for pattern, make in _PLAIN if pattern.fullmatch(text)), text)
        if isinstance(value, int | float) and not abs(value) < _LARGEST_INTEGER:
            self.complain(line, "is no number that JSON can carry", "write a smaller one, or quote it", quoted(text))
            return 0
        return value

    def _mapping(self, event: Event, line: int) -> None:
        self._open(event, line, {})

    def _sequence(self, event: Event, line: int) -> None:
        self._open(event, line, [])

    def _open(self, event: Event, line: int, into: dict[str, object] | list[object]) -> None:
        self._refuse_extras(event, line)
        if len(self._branches) >= DEEPEST:
            self.complain(line, f"this is nested deeper than {DEEPEST} levels", "make it flatter")
            raise Stop
        self._branches.append(Branch(self._put(into, line), into))

    def _refuse_extras(self, event: Event, line: int) -> None:
        if getattr(event, "anchor", None):
            self.complain(line, f"&{getattr(event, 'anchor', '')} is an anchor", "delete it and write the value out")
        if getattr(event, "tag", None):
            self.complain(line, "a !tag changes how a value is read", "write the plain value")

    def _end(self, _: Event, __: int) -> None:
        self._branches.pop()

    def _put(self, value: object, line: int) -> Place:
        """Put a value where it belongs and say where that is; in a mapping every other value is a key."""
        self._values += 1
        if self._values > self._most_values:
            self.complain(line, f"here are more than {self._most_values:,} keys and values", WANTED)
            raise Stop
        if not self._branches:
            return self._plant((), value, line)
        branch = self._branches[-1]
        if isinstance(branch.into, list):
            branch.into.append(value)
            return self._plant((*branch.place, len(branch.into) - 1), value, line)
        if branch.key is None:
            branch.key = self._key(value, branch, line)
            return branch.place
        key, branch.key = branch.key, None
        branch.into[key] = value
        return self._plant((*branch.place, key), value, self._tree.lines[(*branch.place, key)])

    def _plant(self, place: Place, value: object, line: int) -> Place:
        self._tree.lines[place] = line
        if not place:
            self._tree.value = value
        if isinstance(value, str):
            self._refuse_text(value, place, line)
        return place

    def _refuse_text(self, value: str, place: Place, line: int) -> None:
        if _SURROGATE.search(value):
            self.complain(line, "half of a surrogate pair is no text", "write the character itself")
        if has_token(value):
            wanted = "keep it elsewhere, name it under `secrets:` and write {secret:NAME}"
            finding = Finding(at=place, wrote="this value", wrong="is shaped like a token", wanted=wanted)
            self._tree.problems.append(self._tree.sheet.problem(finding))

    def _key(self, value: object, branch: Branch, line: int) -> str:
        if not isinstance(value, str):
            self.complain(line, "is not text and cannot be a key", "write it in quotes", quoted(value))
            raise Stop
        self._refuse_text(value, branch.place, line)
        place = (*branch.place, value)
        if value in branch.into:
            wanted = f"the first is on line {self._tree.lines[place]}; keep one of them"
            self.complain(line, "is written twice", wanted, quoted(value))
        self._tree.lines.setdefault(place, line)
        return value
