"""Packed: a report as bytes, for keeping.

As objects, the reports that a memory of thirty chains keeps were 150 MiB, and each time the garbage collector went
through them no turn could begin for 300 ms. Packed they are a fourteenth, and nothing to it.
"""

import io
import pickle
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prober.model.chain import Chain, Step
from prober.model.diagnosis import Cause
from prober.model.report import Report
from prober.model.verdict import RunVerdict

#: What many reports have in common is not packed: a report points to it.
_SHARED = (Chain, Step, Cause)

#: The least that zlib does halves the time of its default and gives away a tenth of the room.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Packed:
    """A report in little room, and what it is looked up by."""

    run_id: str
    ended: datetime
    verdict: RunVerdict
    data: bytes
    shared: tuple[object, ...]


def pack(report: Report) -> Packed:
    """Make a report small."""
    out = io.BytesIO()
    packer = _Packer(out, pickle.HIGHEST_PROTOCOL)
    packer.dump(report)
    data = zlib.compress(out.getvalue(), _LEVEL)
    return Packed(report.run.id, report.run.ended, report.run.verdict, data, tuple(packer.shared))


def unpack(packed: Packed) -> Report:
    """The report again, equal to the one that was packed."""
    report: Report = _Unpacker(io.BytesIO(zlib.decompress(packed.data)), packed.shared).load()
    return report


class _Packer(pickle.Pickler):
    def __init__(self, out: io.BytesIO, protocol: int) -> None:
        super().__init__(out, protocol)
        self.shared: list[object] = []
        self._places: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | None:  # noqa: ANN401 - asked of everything in a report
        """Where among the shared ones this is; None: pack it."""
        if not isinstance(obj, _SHARED):
            return None
        place = self._places.setdefault(id(obj), len(self.shared))
        if place == len(self.shared):
            self.shared.append(obj)
        return place


class _Unpacker(pickle.Unpickler):  # of bytes that never left this process
    def __init__(self, data: io.BytesIO, shared: tuple[object, ...]) -> None:
        super().__init__(data)
        self._shared = shared

    def persistent_load(self, pid: Any) -> object:  # noqa: ANN401 - the library's word
        """The shared one that stands there."""
        return self._shared[pid]
