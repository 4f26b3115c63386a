"""A gate for a terminal: a line that moves while rounds run; the verdict first, then only what failed and why."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from rich import progress as bars
from rich.console import Console
from rich.text import Text

from prober.model.gate import Gate, GateVerdict, Progress
from prober.publish import gate_words, text, words

_STYLES: Mapping[GateVerdict, str] = {
    GateVerdict.PASS: "bold green",
    GateVerdict.FAIL: "bold red",
    GateVerdict.INCONCLUSIVE: "bold yellow",
}


def render(gate: Gate, console: Console) -> None:
    """Print `gate`; it fits a screen."""
    text.show(parts(gate), console)


def parts(gate: Gate) -> Iterator[text.Part]:
    """Everything there is to print, top down."""
    style = _STYLES[gate.verdict]
    yield text.hanging(gate_words.MARKS[gate.verdict], style, gate_words.headline(gate), style)
    for line in filter(None, (gate_words.why(gate), gate_words.standing(gate), *gate.remarks)):
        yield text.indented(Text(words.printable(line)))
    if told := gate_words.before(gate):
        yield text.indented(Text(f"before: {told}", "dim"))
    if gate.verdict is GateVerdict.PASS:
        yield Text()
        return
    yield from text.sections(gate.report, text.BRIEF)


# ── while it goes on ─────────────────────────────────────────────────────────────────────────────────────────────────


class Ticker:
    """Tells how far a gate is: a line that moves on a terminal, elsewhere a line for each round that failed."""

    def __init__(self, chain: str, console: Console) -> None:
        """Tell of `chain` on `console`; where that is no terminal, on standard error, which nobody parses."""
        self._chain, self._console = chain, console if console.is_terminal else Console(stderr=True)
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
        if self._console.is_terminal:
            self._moving.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the line to the verdict."""
        if self._console.is_terminal:
            self._moving.stop()

    def told(self, progress: Progress) -> None:
        """One more round."""
        line = _progress_text(progress)
        if self._console.is_terminal:
            self._moving.update(self._task, told=line)
        elif progress.newest.failed or progress.judged == 1:
            self._console.print(f"{self._chain}: {line}", highlight=False, markup=False, emoji=False)


def _progress_text(progress: Progress) -> str:
    failed = f"failed: {', '.join(progress.newest.failed[:2])}" if progress.newest.failed else "held"
    if not progress.judged:
        return f"warming up, round {progress.warming} {failed}"
    return f"round {progress.judged} {failed}; {progress.failures} failed in all"
