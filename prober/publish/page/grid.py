"""The matrix: what each verifier did with each issuer's token, the controls beside it, and the secrets pair by pair."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prober.model.observation import Match
from prober.model.verdict import Outcome
from prober.publish.document import Document


@dataclass(frozen=True, slots=True)
class Cell:
    """What one verifier did with one token."""

    tone: str  # pass, fail, skip
    mark: str
    word: str


NOT_ASKED = Cell("none", "", "not asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Tokens that fared alike, and what each verifier did with them."""

    tokens: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Tokens against verifiers."""

    verifiers: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two parties' copies of one secret."""

    secret: str
    left: str
    right: str
    cell: Cell
    why: str


def matrix_of(kept: Document) -> Grid:
    """Good tokens, which are to be accepted."""
    return _grid([(cell["issuer"], cell["verifier"], cell["outcome"]) for cell in kept["matrix"]], _GOOD)


def controls_of(kept: Document) -> Grid:
    """Bad tokens, which are to be refused."""
    return _grid([(told["name"], told["verifier"], told["outcome"]) for told in kept["controls"]], _BAD)


def pairs_of(kept: Document) -> Sequence[Pair]:
    """Secrets, each pair of holders."""
    return [
        Pair(secret=told["name"], left=told["left"], right=told["right"], cell=_MATCHES[told["match"]], why=told["why"])
        for told in kept["secrets"]
    ]


#: In which order outcomes are heeded where a door was knocked at more than once.
_GOOD: Mapping[str, Cell] = {
    Outcome.REFUSED: Cell("fail", "✗", "refused"),
    Outcome.UNCLEAR: Cell("skip", "?", "unclear"),
    Outcome.ACCEPTED: Cell("pass", "✓", "accepted"),
}
_BAD: Mapping[str, Cell] = {
    Outcome.ACCEPTED: Cell("open", "!", "ACCEPTED"),
    Outcome.UNCLEAR: Cell("skip", "?", "unclear"),
    Outcome.REFUSED: Cell("pass", "✓", "refused"),
}

_MATCHES: Mapping[str, Cell] = {
    Match.EQUAL: Cell("pass", "=", "equal"),
    Match.EQUAL_AFTER_STRIP: Cell("fail", "≠", "differ by white space only"),
    Match.DIFFERENT: Cell("fail", "≠", "differ"),
    Match.UNKNOWN: Cell("skip", "?", "not known"),
}


def _grid(found: Iterable[tuple[str, str, str]], told_as: Mapping[str, Cell]) -> Grid:
    outcomes: dict[tuple[str, str], set[str]] = {}
    for token, verifier, outcome in found:
        outcomes.setdefault((token, verifier), set()).add(outcome)
    tokens, verifiers = (tuple(dict.fromkeys(key[part] for key in outcomes)) for part in (0, 1))
    alike: dict[tuple[Cell, ...], list[str]] = {}
    for token in tokens:
        cells = tuple(_cell(outcomes.get((token, verifier), set()), told_as) for verifier in verifiers)
        alike.setdefault(cells, []).append(_spaced(token))
    rows = [Row(tokens=tuple(told), cells=cells) for cells, told in alike.items()]
    return Grid(verifiers=tuple(map(_verifier, verifiers)), rows=tuple(sorted(rows, key=_by_weight)))


def _by_weight(row: Row) -> int:
    """What is wrong is seen first."""
    return min(_WEIGHTS.index(cell.tone) for cell in row.cells)


_WEIGHTS = ("open", "fail", "skip", "pass", "none")


def _cell(outcomes: set[str], told_as: Mapping[str, Cell]) -> Cell:
    return next((cell for outcome, cell in told_as.items() if outcome in outcomes), NOT_ASKED)


def _verifier(name: str) -> str:
    return _VERIFIERS.get(name, _spaced(name))


def _spaced(name: str) -> str:
    return name.replace("_", " ")


#: Short enough to stand over a column.
_VERIFIERS: Mapping[str, str] = {
    "auth": "auth",
    "auth_as_service": "auth, asked as a service",
    "backend": "backend",
    "stream": "stream",
    "websocket": "WebSocket",
    "websocket_subprotocol": "WebSocket, by subprotocol",
    "websocket_origin": "WebSocket, with an Origin",
}
