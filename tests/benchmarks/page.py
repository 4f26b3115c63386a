"""What was measured, held against the goals, and docs/performance.md made of it; pure but for `write`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
MARKS = ("<!-- measured: begin -->\n", "<!-- measured: end -->\n")

_MIB, _KIB = 2**20, 1024

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table; `value` is None where it could not be had here, `most` where nothing is asked."""

    what: str
    value: float | None
    unit: str = ""
    most: float | None = None
    least: float | None = None
    beside: str = ""  # the peer's figure

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None: nothing was asked, or nobody knows."""
        if self.value is None or (self.most is None and self.least is None):
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def wanted(self) -> str:
        """`≤ 2.5 ×`."""
        bounds = [
            f"{sign} {_number(bound)}" for sign, bound in (("≥", self.least), ("≤", self.most)) if bound is not None
        ]
        return f"{' and '.join(bounds)} {self.unit}".strip() if bounds else ""

    @property
    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        found = "not installed here" if self.value is None else f"{_number(self.value)} {self.unit}".strip()
        return self.what, self.wanted, found, _MET[self.met], self.beside

    def __str__(self) -> str:
        what, wanted, found, met, beside = self.cells
        return f"{met:<7} {what:<62} {found:>18}  {wanted:<12} {beside}".rstrip()


_MET = {True: "yes", False: "missed", None: ""}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


# ── the goals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def goals(found: Found) -> Iterator[Goal]:
    """Each goal with what was found."""
    yield from _costs(found["costs"])
    yield from _growth(found["growth"])
    yield from _latency(found["latency"])
    yield from _live(found["live"])
    yield from _ticks(found["ticks"])
    yield from _scrape(found["scrape"])
    history = found["history"]["microseconds"]
    yield Goal("to keep a run, all steps, in memory and store", history, "µs", 150.0)
    yield from _start(found["start"])
    yield from _memory(found["memory"], found["live"])


def _costs(costs: Mapping[str, float | None]) -> Iterator[Goal]:
    lean, beside = costs["lean"], _microseconds
    for name, most in (("blackbox", 2.5), ("k6", 2.0)):
        what = (
            "a whole turn of ten steps, of one blackbox_exporter probe" if name == "blackbox" else "… of a turn of k6"
        )
        yield Goal(what, _ratio(lean, costs[name]), "×", most, beside=f"{beside(lean)} against {beside(costs[name])}")
    yield Goal("… of the same by the stock transport", _ratio(lean, costs["stock"]), "×", beside=beside(costs["stock"]))
    yield Goal(
        "… of a raw asyncio loop without any verdict", _ratio(lean, costs["raw"]), "×", beside=beside(costs["raw"])
    )
    yield Goal("turns a core-second, fresh connections", 1e6 / lean if lean else None, "", least=400)


def _growth(growth: Mapping[str, Found]) -> Iterator[Goal]:
    first, *others = sorted(growth, key=int)
    base = growth[first]["microseconds"]
    for chains in others:
        what = f"CPU of a turn with {int(chains):,} chains, of that with {first}"
        yield Goal(what, growth[chains]["microseconds"] / base, "×", 1.15, beside=_microseconds(base))


def _latency(latency: Mapping[str, Mapping[str, Found]]) -> Iterator[Goal]:
    lean, stock = latency["lean"], latency["stock"]
    for way, p50, p99 in (("alone", None, None), ("500 at once", 0.1, 2.0)):
        for share, most in (("p50", p50), ("p99", p99)):
            key = f"told_{share}"
            beside = f"stock {_number(stock[way][key])}, stopwatch {_number(stock[way][f'stopwatch_{share}'])} ms"
            yield Goal(f"error of a latency of 50 ms, {way}, {share}", lean[way][key], "ms", most, beside=beside)
    stalls, without = "100 a second, stalls of 100 ms", "100 a second"
    shift = {name: told[stalls]["told_p99"] - told[without]["told_p99"] for name, told in latency.items()}
    what = "shift of p99 by a loop that stands still for 100 ms each second"
    yield Goal(what, max(0.0, shift["lean"]), "ms", 1.0, beside=f"stock {_number(shift['stock'])} ms")


def _live(live: Mapping[str, Found]) -> Iterator[Goal]:
    for chains, told in sorted(live.items(), key=lambda each: int(each[0])):
        of = f"{int(chains):,} chains every 60 s"
        yield Goal(
            f"{of}: slots missed", told["missed"], "", 0.0, beside=f"{told['turns']:,} turns, {told['failed']} failed"
        )
        late = max(0.0, told["late_p99"] - told["floor_p99"])
        beside = f"p50 {_number(told['late_p50'])} ms; a bare sleeper p99 {_number(told['floor_p99'])} ms"
        yield Goal(f"{of}: lateness p99 less the machine's floor", late, "ms", 5.0, beside=beside)
        yield Goal(
            f"{of}: cores, a scrape before and after included",
            told["cores"],
            "",
            beside=f"{_microseconds(told['turn_microseconds'])} a turn",
        )


def _ticks(ticks: Mapping[str, Found]) -> Iterator[Goal]:
    """The schedule alone: what is due does nothing."""
    for chains, told in sorted(ticks.items(), key=lambda each: int(each[0])):
        of = f"the schedule alone, {int(chains):,} chains"
        late, floor = told["late_ms"][1], told["floor_ms"][1]
        beside = f"{told['turns']:,} turns, {told['missed']} missed"
        yield Goal(f"{of}: lateness p99 less a bare sleeper's", max(0.0, late - floor), "ms", 5.0, beside=beside)
        yield Goal(f"{of}: CPU of a turn", told["cpu_seconds"] / told["turns"] * 1e6, "µs")


def _scrape(scrape: Mapping[str, Found]) -> Iterator[Goal]:
    for chains, told in sorted(scrape.items(), key=lambda each: int(each[0])):
        of = f"/metrics of {int(chains):,} chains"
        beside = f"{told['lines']:,} lines; prometheus_client {_number(told['reference_ms'] / told['lines'] * 1e3)} µs"
        yield Goal(f"{of}: CPU of a line", told["microseconds"], "µs", 1.0, beside=beside)
        held = max(0.0, told["stall_ms"] - told["floor_ms"])
        yield Goal(f"{of}: the loop held up", held, "ms", 5.0, beside=f"idle {_number(told['floor_ms'])} ms")


def _start(start: Found) -> Iterator[Goal]:
    by = {each["command"]: each for each in start["costs"]}
    yield Goal("`prober --help`, CPU", by["--help"]["cpu_seconds"], "s", 0.15)
    for name in ("run", "serve"):
        beside = f"{_number(by[name]['cpu_seconds'])} s of CPU"
        yield Goal(
            f"`prober {name}` until it looks, of the bare import of what it needs",
            by[name]["cpu_seconds"] / by[name]["imports_seconds"],
            "×",
            1.2,
            beside=beside,
        )
    for name, seconds in start["first_probe_seconds"].items():
        yield Goal(f"`prober {name}`: first probe sent after", seconds, "s", 1.0)


def _memory(memory: Mapping[str, Found], live: Mapping[str, Found]) -> Iterator[Goal]:
    for chains, told in sorted(memory.items(), key=lambda each: int(each[0])):
        yield Goal(f"memory of an idle chain, of {int(chains):,}", told["idle_kib"], "KiB", 8.0)
        most = {100: 90.0, 10_000: 150.0}.get(int(chains))
        yield Goal(f"memory of {int(chains):,} idle chains, without the web", told["resident_mib"], "MiB", most)
    for chains, told in sorted(live.items(), key=lambda each: int(each[0])):
        most = 90.0 if int(chains) == 100 else None
        yield Goal(f"memory of `prober serve` with {int(chains):,} chains, at work", told["rss_mebibytes"], "MiB", most)


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours and theirs else None


def _microseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} µs"


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def write(found: Found, rows: Sequence[Goal], page: Path = PAGE) -> None:
    """Put it between the marks of the page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    page.write_text(f"{before}{begin}{section(found, rows)}{end}{after}", encoding="utf-8")


def section(found: Found, rows: Sequence[Goal]) -> str:
    """The table and the plots, in Markdown; forges draw `mermaid`."""
    told = found["machine"]
    run = "the short form" if found["short"] else "the long form"
    place = f"{told['cpu']}, {told['system']}, Python {told['python']}"
    where = f"{place}, {told['date']}, {run}; load {told['load']} at its end."
    head = "| what | goal | found | met | beside it |\n|---|---|---|---|---|\n"
    table = "".join(f"| {' | '.join(goal.cells)} |\n" for goal in rows)
    return f"{where}\n\n{head}{table}\n{_cost_plot(found['costs'])}\n{_latency_plot(found['latency'])}"


def _cost_plot(costs: Mapping[str, float | None]) -> str:
    names = {
        "blackbox": "blackbox, one probe",
        "k6": "k6",
        "raw": "raw asyncio",
        "lean": "prober",
        "stock": "prober, stock",
    }
    bars = {title: costs[name] for name, title in names.items() if costs[name] is not None}
    return _plot("CPU of ten steps", "µs", bars)


def _latency_plot(latency: Mapping[str, Mapping[str, Found]]) -> str:
    way = "500 at once"
    bars = {
        "prober": latency["lean"][way]["told_p99"],
        "stock transport": latency["stock"][way]["told_p99"],
        "stopwatch": latency["stock"][way]["stopwatch_p99"],
    }
    return _plot("Error of a latency of 50 ms, 500 at once, p99", "ms", bars)


def _plot(title: str, unit: str, bars: Mapping[str, float | None]) -> str:
    axis = ", ".join(f'"{name}"' for name in bars)
    values = ", ".join(f"{value:.2f}" for value in bars.values())
    lines = (
        "xychart-beta",
        f'    title "{title}"',
        f"    x-axis [{axis}]",
        f'    y-axis "{unit}"',
        f"    bar [{values}]",
    )
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"
