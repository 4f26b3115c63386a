"""The table of the matrix as docs/faults.md has it."""

from collections.abc import Sequence

from tests.matrix.row import FAMILIES, Fault

_HEAD = "| | fault | how it is brought about | expected |\n|---|---|---|---|\n"


def table(faults: Sequence[Fault]) -> str:
    """One row a fault, by families."""
    rows = "".join(f"| {f.family}{f.number} | {f.name} | {f.mechanism} | {f.expects} |\n" for f in faults)
    return f"{_HEAD}{rows}\n{'; '.join(f'{letter}: {name}' for letter, name in FAMILIES.items())}.\n"
