"""The manual of root causes: one page each, the list by family, and docs/causes.md, all made from the catalogue.

`scripts/reference` writes the document anew.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from prober.judge.causes import catalogue
from prober.judge.signals import READINGS, UNSTEADY
from prober.model.diagnosis import Cause
from prober.model.errors import NothingMatched
from prober.model.signal import Signal
from prober.publish import phrases
from prober.publish.text import Part

Document = dict[str, Any]

#: The families in the order in which a request meets them, ours last.
FAMILIES: Mapping[str, str] = {
    "X": "the edge and the network",
    "B": "processes and their readiness",
    "M": "minting tokens",
    "D": "trust in tokens",
    "E": "service to service",
    "F": "the way from backend to auth",
    "G": "the WebSocket",
    "H": "too permissive: auth fails open",
    "P": "the prober itself",
}


def find(name: str, causes: Sequence[Cause]) -> Cause:
    """The cause called `name`; NothingMatched says which were meant."""
    found = {cause.name: cause for cause in causes}
    if name not in found:
        raise NothingMatched(name, tuple(found), what="cause")
    return found[name]


def by_family(causes: Sequence[Cause]) -> Mapping[str, list[Cause]]:
    """The causes of each family that has any, families in their order and causes by name."""
    letters = [*FAMILIES, *sorted({cause.family for cause in causes} - FAMILIES.keys())]
    found = {letter: sorted((c for c in causes if c.family == letter), key=lambda c: c.name) for letter in letters}
    return {letter: own for letter, own in found.items() if own}


def family_text(letter: str) -> str:
    """The family in words; its letter where nobody has found words yet."""
    return FAMILIES.get(letter, letter)


# ── for machines ─────────────────────────────────────────────────────────────────────────────────────────────────────


def document(cause: Cause) -> Document:
    """The whole page as JSON."""
    return {
        **entry(cause),
        "page": cause.page.strip(),
        "remedy": list(cause.remedy),
        "verify": cause.verify,
        "ours": cause.ours,
        "predicts": [_prediction(signal, values) for signal, values in cause.predicts.items()],
        "masks": list(cause.masks),
    }


def entry(cause: Cause) -> Document:
    """One line of the list as JSON."""
    return {
        "name": cause.name,
        "family": cause.family,
        "familyText": family_text(cause.family),
        "title": cause.title,
    }


def _prediction(signal: Signal, values: frozenset[str]) -> Document:
    """What a cause says of one signal; of several answers each would fit."""
    ordered = sorted(values, key=lambda value: _place(signal, value))
    texts = [phrases.answer_text(signal, value) for value in ordered]
    return {"signal": str(signal), "readings": ordered, "text": ", or ".join(texts)}


def _place(signal: Signal, value: str) -> tuple[int, str]:
    known = READINGS.get(signal.name, ())
    plain = value.rstrip(UNSTEADY)
    return (known.index(plain) if plain in known else len(known), value)


# ── for people ───────────────────────────────────────────────────────────────────────────────────────────────────────


def listing(causes: Sequence[Cause]) -> Iterator[Part]:
    """Every cause under the name of its family."""
    width = max((len(cause.name) for cause in causes), default=0)
    for letter, own in by_family(causes).items():
        yield Text(f"{letter}  {family_text(letter)}", "bold")
        yield _rows((Text(f"{cause.name:<{width}} ", "cyan"), Text(cause.title)) for cause in own)
        yield Text()
    yield Text("prober explain CAUSE  prints a page; prober demo --fault CAUSE  plays it.", "dim")


def page(cause: Cause) -> Iterator[Part]:
    """The manual page: what is wrong, how it looks, why it came, what to do, how to see that it helped."""
    title, *paragraphs = re.split(r"\n\s*\n", cause.page.strip())
    yield Text(_joined(title), "bold")
    yield Text.assemble((cause.name, "cyan"), (f"  {family_text(cause.family)} ({cause.family})", "dim"))
    if cause.ours:
        yield Text("The prober's own fault: nothing is counted against the services.", "yellow")
    for paragraph in paragraphs:
        yield Text()
        yield from _paragraph(paragraph)


def _paragraph(text: str) -> Iterator[Part]:
    label, rest = _labelled(text)
    if label:
        yield Text(label, "bold")
    yield Padding(_BODIES.get(label, _prose)(rest), (0, 0, 0, 2 if label else 0))


def _labelled(text: str) -> tuple[str, str]:
    """`Remedy: do this` in two; a paragraph without a label has an empty one."""
    found = re.match(r"([A-Z][a-z]+(?:,? [a-z]+){0,4}):\s+", text)
    return (found[1], _capital(text[found.end() :])) if found else ("", text)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _prose(text: str) -> Text | Table:
    steps = re.split(r"(?m)^\d+\.\s+", text.strip())
    return _numbered(steps[1:]) if len(steps) > 1 else _marked_up(text)


def _numbered(steps: Sequence[str]) -> Table:
    return _rows((Text(f"{number}."), _marked_up(step)) for number, step in enumerate(steps, 1))


def _alternatives(text: str) -> Table:
    """«a · b · c», one a line."""
    return _rows((Text("·"), _marked_up(each)) for each in text.rstrip(".").split(" · "))


_BODIES: Mapping[str, Callable[[str], Text | Table]] = {
    "Told apart from": lambda text: _alternatives(_joined(text)),
}


def _rows(rows: Iterator[tuple[Text, Text]]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _marked_up(text: str) -> Text:
    """Flowing text, what stands between backticks in a colour of its own."""
    pieces = re.split(r"`([^`]*)`", _joined(text))
    return Text.assemble(*((piece, "cyan" if index % 2 else "") for index, piece in enumerate(pieces)))


def _joined(text: str) -> str:
    return " ".join(text.split())


# ── docs/causes.md ───────────────────────────────────────────────────────────────────────────────────────────────────

_HEAD = """\
# Root causes

<!-- Made from the catalogue by scripts/reference: edit prober/judge/causes/. -->

Everything prober can name, by family: first the list, then the page of each. `prober explain NAME` prints the same,
`prober demo --once --fault NAME` plays it on your own machine.

A page has six parts. **What you see** is what one run shows. **Why, in five steps** goes from what the user meets down
to what somebody did. **Told apart from** names the causes that look alike, and what differs. **Remedy** is what to do,
most likely first. **Verify** is the step that passes when it helped. **References** says where it was met.

A cause is a prediction: for each thing that can be looked at, what would be seen if it were so (`predicts` of
`prober explain NAME --output json`). It is named when it fits all that was seen and explains most of what is wrong.
What could not be looked at speaks for and against nothing; what fits equally well is named beside it. A cause marked
as *ours* is the prober's own fault and is never counted against a service.
"""


def markdown(causes: Sequence[Cause]) -> str:
    """The whole of docs/causes.md."""
    families = by_family(causes).items()
    lists = [_section(letter, own) for letter, own in families]
    return "\n".join([_HEAD, *lists, *(_markdown_page(cause) for _letter, own in families for cause in own)])


def _section(letter: str, causes: Sequence[Cause]) -> str:
    rows = "\n".join(f"| {_link(cause)} | {cause.title}{' *(ours)*' if cause.ours else ''} |" for cause in causes)
    return f"## {letter}: {family_text(letter)}\n\n| cause | what is wrong |\n|---|---|\n{rows}\n"


def _link(cause: Cause) -> str:
    return f"[`{cause.name}`](#{cause.name})"


def _markdown_page(cause: Cause) -> str:
    """The page under a heading that is the cause's name, so that a link can lead to it."""
    title, *paragraphs = re.split(r"\n\s*\n", cause.page.strip())
    ours = ["*The prober's own fault: nothing is counted against the services.*"] if cause.ours else []
    return "\n\n".join([f"### {cause.name}", _joined(title), *ours, *map(_markdown_paragraph, paragraphs)]) + "\n"


def _markdown_paragraph(text: str) -> str:
    label, rest = _labelled(text)
    if label == "Told apart from":
        rest = "\n".join(f"* {each}" for each in _joined(rest).rstrip(".").split(" · "))
    return f"**{label}**\n\n{rest}" if label else text


if __name__ == "__main__":
    sys.stdout.write(markdown(catalogue()))
