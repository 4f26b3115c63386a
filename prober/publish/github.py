"""What GitHub Actions shows by itself: an annotation for each gate, the job's summary; and how nobody else makes one.

The runner takes lines of a step's output for commands: `::error title=…::…` where a line begins so, and the older
`##[error]…` anywhere in it. Azure Pipelines and TeamCity do the same with `##vso[…]` and `##teamcity[…]`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from prober.model.gate import GateVerdict
from prober.publish import gate_digest
from prober.publish.document import Document
from prober.publish.words import printable

#: Set for every step of a job there.
_IS_HERE = "GITHUB_ACTIONS"
SUMMARY = "GITHUB_STEP_SUMMARY"
OUTPUT = "GITHUB_OUTPUT"

#: A step's summary may be 1 MiB, or all of it is refused; what is left is for the steps before.
_LARGEST_SUMMARY_BYTES = 512 * 1024

_LEVELS: Mapping[str, str] = {
    GateVerdict.PASS: "notice",
    GateVerdict.FAIL: "error",
    GateVerdict.INCONCLUSIVE: "warning",
}

#: As github.com/actions/toolkit does it, packages/core/src/command.ts; the sign that escapes goes first.
_IN_MESSAGES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_MESSAGES, ":": "%3A", ",": "%2C"}

#: Where a line would be a command: after blanks and colours, which are no part of what the runner compares.
_COMMAND = re.compile(r"^((?:\s|\x1b\[[\d;]*m)*):(?=:)|#(?=#(?:\w*)\[)", re.MULTILINE)


def harmless(text: str) -> str:
    """`text`, as people read it, without a line that a pipeline would take for a command."""
    return _COMMAND.sub(lambda found: f"{found[1] or ''}{':' if found[1] is not None else '#'} ", text)


def is_here(environ: Mapping[str, str]) -> bool:
    """Whether this is a step of a job there."""
    return environ.get(_IS_HERE) == "true"


def annotation(gate: Document) -> str:
    """The command that puts the verdict where people look."""
    advice = [f"{label}: {text}" if label else text for label, text in gate_digest.advice(gate["report"])]
    lines = [gate["why"], gate["standingText"], *gate["remarks"], *([] if gate["ok"] else advice)]
    message = "\n".join(printable(line) for line in lines if line)
    return _command(_LEVELS[gate["verdict"]], gate["headline"], message)


def complaint(text: str) -> str:
    """The same for what kept us from any verdict."""
    return _command("error", "prober", "\n".join(map(printable, text.splitlines())))


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_escaped(printable(title), _IN_PROPERTIES)}::{_escaped(message, _IN_MESSAGES)}"


def _escaped(text: str, table: Mapping[str, str]) -> str:
    for sign, escape in table.items():
        text = text.replace(sign, escape)
    return text


def summarize(environ: Mapping[str, str], parts: Sequence[str]) -> None:
    """Add `parts` to the job's summary, where there is one; raises OSError."""
    where = environ.get(SUMMARY)
    if where:
        told = "\n".join(parts).encode()[:_LARGEST_SUMMARY_BYTES].decode(errors="ignore")
        with Path(where).open("a", encoding="utf-8") as file:
            file.write(f"{told}\n")


def put_out(environ: Mapping[str, str], lines: str) -> None:
    """Add lines `NAME=VALUE` to the step's outputs, where there are any; raises OSError."""
    where = environ.get(OUTPUT)
    if where:
        with Path(where).open("a", encoding="utf-8") as file:
            file.write(lines)
