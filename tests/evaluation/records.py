"""What came of each case, as JSON lines in a file, so that a long run can be interrupted, resumed and told later."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from tests.evaluation.cases import Case, Kind

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One case that was looked at; `trouble` where that did not end as it should."""

    case: Case
    state: str = ""
    causes: Mapping[str, str] = field(default_factory=dict)  # confidence by name, best first
    verdict: str = ""
    readings: Mapping[str, str] = field(default_factory=dict)  # of all rounds together, as the diagnosis saw them
    abnormal: tuple[str, ...] = ()  # which of them a healthy environment does not read
    codes: tuple[str, ...] = ()  # what failed, by place and code, as somebody on call would see it
    reworded: bool = False
    failures: float = 0.0
    latency: float = 0.0
    rounds: int = 0
    seconds: float = 0.0
    trouble: str = ""
    code: str = ""  # a fingerprint of the program that was measured

    def line(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    def of(self, code: str) -> Self:
        """The same, marked with the program that was measured."""
        return replace(self, code=code)

    @classmethod
    def from_line(cls, line: str) -> Self:
        """From one line of JSON."""
        document: dict[str, Any] = json.loads(line)
        case = case_from(document.pop("case"))
        lists: dict[str, Any] = {name: tuple(document[name]) for name in ("abnormal", "codes")}
        return cls(case=case, **{**document, **lists})


def case_from(document: Mapping[str, Any]) -> Case:
    """A case from decoded JSON."""
    return Case(**{**document, "kind": Kind(document["kind"]), "faults": tuple(document["faults"])})


def load(path: Path | None) -> dict[str, Record]:
    """The newest record of each case by its id; a line that was cut off by an interruption is left out."""
    if path is None or not path.exists():
        return {}
    records = [_whole(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {record.case.id: record for record in records if record}


def _whole(line: str) -> Record | None:
    try:
        return Record.from_line(line)
    except ValueError:
        return None


def append(path: Path | None, record: Record) -> None:
    """Add one record at the end of the file."""
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(record.line() + "\n")


def still_to_do(cases: Iterable[Case], done: Mapping[str, Record], code: str) -> list[Case]:
    """The cases that nobody looked at yet with this very program, and those whose look went wrong."""
    good = {name for name, record in done.items() if record.code == code and not record.trouble}
    return [case for case in cases if case.id not in good]


def fingerprint() -> str:
    """A short hash of all that decides what a case comes to."""
    told = hashlib.sha256()
    sources = [*(_ROOT / "prober").rglob("*.py"), _ROOT / "prober/lab/probes.yaml", _HERE / "outside.py"]
    for path in sorted(sources):
        told.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return told.hexdigest()[:12]
