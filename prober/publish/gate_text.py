"""A gate for a terminal: a line that moves while rounds run; the verdict first, then only what failed and why."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich import progress as bars
from rich.console import Console
from rich.table import Column
from rich.text import Text

from prober.model.gate import GateVerdict, Progress, Standing
from prober.model.verdict import RunVerdict, Verdict
from prober.publish import gate_digest, gate_words, text, words
from prober.publish.document import Document

_STYLES: Mapping[GateVerdict, str] = {
    GateVerdict.PASS: "bold green",
    GateVerdict.FAIL: "bold red",
    GateVerdict.INCONCLUSIVE: "bold yellow",
}

#: «Before» may be long ago. Where all was well and is, nobody asks.
_WANTS_BEFORE = tuple(each for each in Standing if each is not Standing.HEALTHY)

#: More would push the verdict off the screen.
_MOST_FINDINGS = 6


def render(gate: Document, console: Console) -> None:
    """Print `gate`; it fits a screen, and where it does not, the verdict is said once more."""
    lines = text.show(parts(gate), console)
    if console.is_interactive and lines >= console.height:
        text.show([_headline(gate)], console)


def parts(gate: Document) -> Iterator[text.Part]:
    """Everything there is to print, top down: the verdict and why, what failed, what to do, how many steps held."""
    yield _headline(gate)
    for line in filter(None, (gate["why"], gate["standingText"], *gate["remarks"])):
        yield text.indented(Text(words.printable(line)))
    if gate["beforeText"] and gate["standing"] in _WANTS_BEFORE:
        yield text.indented(Text(words.printable(f"before: {gate['beforeText']}"), "dim"))
    if gate["verdict"] != GateVerdict.PASS:
        yield from _sections(gate["report"])
        yield _steps(gate["report"])


def _headline(gate: Document) -> text.Part:
    verdict = GateVerdict(gate["verdict"])
    return text.hanging(gate_words.MARKS[verdict], _STYLES[verdict], gate["headline"], _STYLES[verdict])


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
        told = f"{finding.text}{_cited(finding.steps)}"
        yield text.hanging(words.MARKS[verdict], text.STYLES[verdict], told)
    if len(found) > _MOST_FINDINGS:
        yield Text(f"and {len(found) - _MOST_FINDINGS} more", "dim")


def _cited(steps: Sequence[str]) -> str:
    more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
    return f"  [{steps[0]}{more}]"


def _advice(report: Document) -> Iterator[text.Part]:
    """How to see that it helped is a page further."""
    yield from text.labelled(row for row in gate_digest.advice(report) if row[0] != "verify")


_SECTIONS: tuple[tuple[str, Callable[[Document], Iterable[text.Part]]], ...] = (
    ("What failed", _failed),
    ("What the prober could not judge (its own fault)", _blind),
    ("What to do", _advice),
)


def _steps(report: Document) -> Text:
    """All of them at a glance."""
    tallies = Text("   ").join(map(_tally_text, gate_digest.tallies(report)))
    return Text.assemble(("\nSteps  ", "bold"), tallies)


def _tally_text(tally: gate_digest.Tally) -> Text:
    counts = [(f"  {words.MARKS[verdict]} {count}", text.STYLES[verdict]) for verdict, count in tally.counts.items()]
    return Text.assemble((words.printable(tally.service), "cyan"), *counts)


# ── while it goes on ─────────────────────────────────────────────────────────────────────────────────────────────────


class Ticker:
    """Tells how far a gate is: a line that moves on a terminal, elsewhere a line for each round that failed."""

    def __init__(self, chain: str, console: Console) -> None:
        """Tell of `chain` on `console`; where that is no terminal, on standard error, which nobody parses."""
        self._chain, self._console = chain, console if console.is_interactive else Console(stderr=True)
        self._is_moving = console.is_interactive
        self._last = ""
        self._moving = bars.Progress(
            bars.SpinnerColumn(),
            bars.TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            bars.TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._moving.add_task(f"{chain}: first round", total=None)

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
        self._say(_progress_text(progress), is_news=bool(progress.newest.failed) or progress.judged == 1)

    def follow(self, gate: Mapping[str, Any]) -> None:
        """How far a gate is that another prober holds."""
        line = _remote_text(gate)
        self._say(line, is_news=line != self._last)
        self._last = line

    def _say(self, line: str, *, is_news: bool) -> None:
        told = words.printable(f"{self._chain}: {line}")
        if self._is_moving:
            self._moving.update(self._task, description=told)
        elif is_news:
            self._console.print(told, soft_wrap=True, highlight=False, markup=False, emoji=False)


_ENDED = {
    RunVerdict.PASS: "held",
    RunVerdict.FAIL: "failed",
    RunVerdict.BLIND: "could not be judged, by our own fault",
    RunVerdict.PARTIAL: "could not be judged",
}


def _progress_text(progress: Progress) -> str:
    first, *others = progress.newest.failed or [""]
    ended = (
        f"failed: {first}{f' and {len(others)} more' if others else ''}" if first else _ENDED[progress.newest.verdict]
    )
    if not progress.judged and progress.warming:
        return f"warming up, round {progress.warming} {ended}"
    return f"round {progress.judged} {ended}; {progress.failures} failed in all, proves ≥ {int(100 * progress.lower)} %"


def _remote_text(gate: Mapping[str, Any]) -> str:
    progress = gate.get("progress")
    failures = progress.get("failures") if isinstance(progress, Mapping) else None
    return f"{gate.get('state')} elsewhere{f', {failures} failed so far' if failures else ''}"
