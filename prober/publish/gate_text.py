"""A gate for a terminal: a line that moves while rounds run; the verdict first, then only what failed and why."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

from rich import progress as bars
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prober.model.gate import GateVerdict, Progress
from prober.model.verdict import Verdict
from prober.publish import gate_digest, gate_words, text, words
from prober.publish.document import Document

_STYLES: Mapping[GateVerdict, str] = {
    GateVerdict.PASS: "bold green",
    GateVerdict.FAIL: "bold red",
    GateVerdict.INCONCLUSIVE: "bold yellow",
}

#: More would push the verdict off the screen.
_MOST_FINDINGS = 6


def render(gate: Document, console: Console) -> None:
    """Print `gate`; it fits a screen."""
    text.show(parts(gate), console)


def parts(gate: Document) -> Iterator[text.Part]:
    """Everything there is to print, top down: the verdict and why, what failed, what to do, how many steps held."""
    verdict = GateVerdict(gate["verdict"])
    style = _STYLES[verdict]
    yield text.hanging(gate_words.MARKS[verdict], style, gate["headline"], style)
    for line in filter(None, (gate["why"], gate["standingText"], *gate["remarks"])):
        yield text.indented(Text(words.printable(line)))
    if gate["beforeText"]:
        yield text.indented(Text(words.printable(f"before: {gate['beforeText']}"), "dim"))
    if verdict is not GateVerdict.PASS:
        yield from _sections(gate["report"])
    yield Text()


def _sections(report: Document) -> Iterator[text.Part]:
    for title, lines in _SECTIONS:
        found = list(lines(report))
        if found:
            yield Text(f"\n{title}", "bold")
            yield from map(text.indented, found)


def _failed(report: Document) -> Iterator[text.Part]:
    yield from _findings(report, Verdict.FAIL)


def _blind(report: Document) -> Iterator[text.Part]:
    yield from _findings(report, Verdict.BLIND)


def _findings(report: Document, verdict: Verdict) -> Iterator[text.Part]:
    """Those that tell the same in one line: what tells them apart is their names alone."""
    found = gate_digest.findings(report, verdict)
    for finding in found[:_MOST_FINDINGS]:
        told = f"{finding.text}{words.cited(finding.steps)}"
        yield text.hanging(words.MARKS[verdict], text.STYLES[verdict], told)
    if len(found) > _MOST_FINDINGS:
        yield Text(f"and {len(found) - _MOST_FINDINGS} more", "dim")


def _advice(report: Document) -> Iterator[text.Part]:
    yield from text.labelled(gate_digest.advice(report))


def _steps(report: Document) -> Iterator[text.Part]:
    table = Table.grid(padding=(0, 2))
    for tally in gate_digest.tallies(report):
        counts = (
            Text(f"{words.MARKS[verdict]} {count}", text.STYLES[verdict]) for verdict, count in tally.counts.items()
        )
        table.add_row(Text(words.printable(tally.service), "cyan"), Text("  ").join(counts))
    yield table


_SECTIONS: tuple[tuple[str, Callable[[Document], Iterable[text.Part]]], ...] = (
    ("What failed", _failed),
    ("What the prober could not judge (its own fault)", _blind),
    ("What to do", _advice),
    ("Steps", _steps),
)


# ── while it goes on ─────────────────────────────────────────────────────────────────────────────────────────────────


class Ticker:
    """Tells how far a gate is: a line that moves on a terminal, elsewhere a line for each round that failed."""

    def __init__(self, chain: str, console: Console) -> None:
        """Tell of `chain` on `console`; where that is no terminal, on standard error, which nobody parses."""
        self._chain, self._console = chain, console if console.is_interactive else Console(stderr=True)
        self._is_moving = console.is_interactive
        self._moving = bars.Progress(
            bars.SpinnerColumn(),
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.TextColumn("{task.fields[told]}"),
            bars.TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._moving.add_task(chain, total=None, told="first round")

    def __enter__(self) -> Self:
        """Begin."""
        if self._is_moving:
            self._moving.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the line to the verdict."""
        if self._is_moving:
            self._moving.stop()

    def told(self, progress: Progress) -> None:
        """One more round."""
        line = _progress_text(progress)
        if self._is_moving:
            self._moving.update(self._task, told=line)
        elif progress.newest.failed or progress.judged == 1:
            told = f"{self._chain}: {line}"
            self._console.print(told, soft_wrap=True, highlight=False, markup=False, emoji=False)


def _progress_text(progress: Progress) -> str:
    failed = f"failed: {', '.join(progress.newest.failed[:2])}" if progress.newest.failed else "held"
    if not progress.judged:
        return f"warming up, round {progress.warming} {failed}"
    return f"round {progress.judged} {failed}; {progress.failures} failed in all"
