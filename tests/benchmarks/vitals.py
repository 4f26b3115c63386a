"""What the kernel tells of a process and of the machine: memory, CPU time, open files, load; Linux only."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

#: Fields 5 to 8 of the machine's line count idle time and time that was never ours (proc(5)).
_IDLE_FIELDS = (3, 4)


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look at a process, and at the machine it runs on."""

    rss_bytes: int
    cpu_seconds: float
    waited_seconds: float
    files: int
    lab_cpu_seconds: float
    machine_cpu_seconds: float
    load: float


def look(pid: int, lab: Iterable[int]) -> Vitals:
    """How the process `pid` is, beside the processes of the lab and the whole machine."""
    return Vitals(
        rss_bytes=rss_bytes(pid),
        cpu_seconds=cpu_seconds(pid),
        waited_seconds=_waited_seconds(pid),
        files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        lab_cpu_seconds=sum(map(cpu_seconds, lab)),
        machine_cpu_seconds=_machine_cpu_seconds(),
        load=os.getloadavg()[0],
    )


def rss_bytes(pid: int) -> int:
    """What it holds of the machine's memory; pages that it shares with others are in it."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def cpu_seconds(pid: int) -> float:
    """User and system time; the program's name, which may hold spaces, ends at the last bracket."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _waited_seconds(pid: int) -> float:
    """How long its first thread, the event loop's, was ready to run and had no core: what neighbours take."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


def _machine_cpu_seconds() -> float:
    first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    fields = [int(field) for field in first.split()[1:9]]
    return sum(field for place, field in enumerate(fields) if place not in _IDLE_FIELDS) / _TICKS


@dataclass(frozen=True, slots=True)
class Slope:
    """A straight line through points, and how steep it may be: its 95 % upper bound."""

    per_second: float
    upper_per_second: float


#: Student's t, one-sided 95 %, for some twenty points.
_T = 1.73


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """Least squares through at least three points (seconds, value)."""
    count = len(points)
    mean_x, mean_y = (sum(axis) / count for axis in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    steep = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residue = sum((y - mean_y - steep * (x - mean_x)) ** 2 for x, y in points)
    return Slope(steep, steep + _T * (residue / (count - 2) / spread) ** 0.5)
