"""A report for a terminal: the verdict first, then what failed, then why, then everything at a glance."""

from collections.abc import Callable, Collection, Iterable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from prober.model.diagnosis import Diagnosis, Named
from prober.model.observation import Match
from prober.model.report import Cell, Report
from prober.model.verdict import Outcome, RunVerdict, StepResult, Verdict
from prober.publish import words

#: Piped output has no width of its own; this one suits mails and CI logs.
PIPED_WIDTH = 100

_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.BLIND: "yellow", Verdict.SKIP: "dim"}
_RUN_STYLES = {
    RunVerdict.PASS: "bold green",
    RunVerdict.FAIL: "bold red",
    RunVerdict.BLIND: "bold yellow",
    RunVerdict.PARTIAL: "bold",
}
_OUTCOME_STYLES = {Outcome.ACCEPTED: "green", Outcome.REFUSED: "red", Outcome.UNCLEAR: "dim"}

#: More than these are summed up: the likeliest are first.
_RULED_OUT_SHOWN = 5

Part = Text | Table | Padding


def render(report: Report, console: Console, *, told_live: bool = False, briefly: bool = False) -> None:
    """Print `report`, as wide as a terminal is, or as `PIPED_WIDTH` where there is none.

    The table of steps is left out where each was shown as it ended (`told_live`). All but the verdict, what failed and
    why is left out where the rest is a click away (`briefly`), so that the verdict does not scroll away.
    """
    shown = parts(report, leave_out=_left_out(told_live=told_live, briefly=briefly))
    if console.is_terminal:
        _print(shown, console)
        return
    console.width = PIPED_WIDTH
    with console.capture() as captured:
        _print(shown, console)
    console.file.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())  # tables pad their cells


def _print(shown: Iterable[Part], console: Console) -> None:
    for part in shown:
        console.print(part, highlight=False, markup=False, emoji=False)


def _left_out(*, told_live: bool, briefly: bool) -> Collection[str]:
    if briefly:
        return [title for title, _ in _SECTIONS if title not in _BRIEF]
    return (_STEPS,) if told_live else ()


def parts(report: Report, leave_out: Collection[str] = ()) -> Iterator[Part]:
    """Everything there is to print, top down; what has nothing to say is left out."""
    yield from _verdict(report)
    for title, lines in _SECTIONS:
        found = [] if title in leave_out else list(lines(report))
        if found:
            yield Text(f"\n{title}", "bold")
            yield from (_indented(line) for line in found)
    yield Text()


def _indented(line: Part) -> Padding:
    return Padding(line, (0, 0, 0, 2))


def step_line(result: StepResult) -> Text:
    """One step as it ends, for a run that is going on."""
    return Text.assemble(
        (words.MARKS[result.verdict], _STYLES[result.verdict]),
        f" {result.step.name}  ",
        (f"{result.step.service.name}  ", "cyan"),
        words.printable(words.seen_text(result) if result.verdict is Verdict.PASS else result.detail),
        (f"  {words.duration_text(result)}".rstrip(), "dim"),
    )


def _verdict(report: Report) -> Iterator[Part]:
    style, mark = _RUN_STYLES[report.run.verdict], words.RUN_MARKS[report.run.verdict]
    yield Text(f"{mark} {words.sentence(report)}", style)
    cause = words.cause_sentence(report)
    if cause:
        yield _indented(Text(cause))


# ── what failed ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _failed(report: Report) -> Iterator[Part]:
    for result in report.run.results:
        if result.verdict in (Verdict.FAIL, Verdict.BLIND):
            yield _hanging(words.MARKS[result.verdict], _STYLES[result.verdict], f"{result.step.name}: {result.detail}")


def _hanging(mark: str, style: str, text: str) -> Table:
    """A mark with text that wraps under itself."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text(mark, style), Text(words.printable(text)))
    return table


# ── why ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _whys(report: Report) -> Iterator[Part]:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in _why_rows(report.diagnosis):
        table.add_row(label, Text(words.printable(text)))
    if table.row_count:
        yield table


def _why_rows(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    for why in diagnosis.whys:
        cited = f"  [{', '.join(why.steps)}]" if why.steps else ""
        yield why.layer, f"{why.text}{cited}"
    certain, possible = words.sure_and_not(diagnosis)
    for named in certain:
        yield from _cause_rows(named)
    for number, named in enumerate(possible):
        yield "or" if number else "either", f"{named.cause.name}: {named.cause.title} → {named.cause.remedy[0]}"
    yield from _doubt_rows(diagnosis)


def _cause_rows(named: Named) -> Iterator[tuple[str, str]]:
    """One certain cause, what to do, and how to see that it helped."""
    yield "cause", f"{named.cause.name} ({named.confidence} confidence)"
    for number, remedy in enumerate(named.cause.remedy, 1):
        yield "remedy" if number == 1 else "", f"{number}. {remedy}" if len(named.cause.remedy) > 1 else remedy
    yield "verify", named.cause.verify


def _doubt_rows(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    if diagnosis.unexplained:
        yield "unexplained", "; ".join(map(str, diagnosis.unexplained))
    if diagnosis.would_split:
        yield "would tell", "; ".join(map(str, diagnosis.would_split))
    for out in diagnosis.ruled_out[:_RULED_OUT_SHOWN]:
        yield "ruled out", f"{out.name}, by {out.by}"
    if len(diagnosis.ruled_out) > _RULED_OUT_SHOWN:
        yield "", f"and {len(diagnosis.ruled_out) - _RULED_OUT_SHOWN} more"
    if diagnosis.masked:
        yield "could hide", ", ".join(diagnosis.masked)


# ── at a glance ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _steps(report: Report) -> Iterator[Part]:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="cyan")
    table.add_column()  # the one that may shrink: rich takes width from columns that could wrap
    table.add_column(no_wrap=True, justify="right", style="dim")
    for result in report.run.results:
        mark = Text(words.MARKS[result.verdict], _STYLES[result.verdict])
        seen = Text(words.printable(words.seen_text(result)), no_wrap=True, overflow="ellipsis")
        took = words.duration_text(result)
        table.add_row(mark, Text(result.step.name), Text(result.step.service.name), seen, took)
    if table.row_count:
        yield table


def _matrix(report: Report) -> Iterator[Part]:
    """Who accepted whose token: the pattern of marks names the odd one out."""
    issuers = list(dict.fromkeys(cell.issuer for cell in report.matrix))
    verifiers = list(dict.fromkeys(cell.verifier for cell in report.matrix))
    outcomes = {(cell.issuer, cell.verifier): cell.outcome for cell in sorted(report.matrix, key=_telling)}
    table = Table.grid("", *verifiers, padding=(0, 2))
    table.add_row("issuer", *(Text(verifier, "cyan") for verifier in verifiers), style="dim")
    for issuer in issuers:
        table.add_row(Text(issuer), *(_outcome(outcomes.get((issuer, verifier))) for verifier in verifiers))
    if issuers:
        yield table


def _telling(cell: Cell) -> int:
    """Where two steps met at one door, the refusal is what to show."""
    return (Outcome.ACCEPTED, Outcome.UNCLEAR, Outcome.REFUSED).index(cell.outcome)


def _outcome(outcome: Outcome | None) -> Text:
    if outcome is None:
        return Text("")
    return Text(f"{words.OUTCOME_MARKS[outcome]} {outcome}", _OUTCOME_STYLES[outcome])


#: For a control the marks turn round: to refuse is right.
_CONTROL_MARKS = {Outcome.REFUSED: "✓", Outcome.ACCEPTED: "✗", Outcome.UNCLEAR: "–"}
_CONTROL_STYLES = {Outcome.REFUSED: "green", Outcome.ACCEPTED: "bold red", Outcome.UNCLEAR: "dim"}


def _controls(report: Report) -> Iterator[Part]:
    """One line an outcome: who refused what, as they should."""
    for outcome in (Outcome.ACCEPTED, Outcome.UNCLEAR, Outcome.REFUSED):
        named = [f"{control.name} → {control.verifier}" for control in report.controls if control.outcome is outcome]
        if named:
            mark, style = _CONTROL_MARKS[outcome], _CONTROL_STYLES[outcome]
            yield _hanging(mark, style, f"{_control_words(outcome)}: {', '.join(named)}")


def _control_words(outcome: Outcome) -> str:
    return {Outcome.REFUSED: "refused", Outcome.ACCEPTED: "ACCEPTED"}.get(outcome, "not clear")


_MATCH_MARKS = {
    Match.EQUAL: ("✓", "green"),
    Match.EQUAL_AFTER_STRIP: ("✗", "bold red"),
    Match.DIFFERENT: ("✗", "bold red"),
    Match.UNKNOWN: ("–", "dim"),
}


def _secrets(report: Report) -> Iterator[Part]:
    """One line for all who hold the same; one for each pair that does not, or could not be compared."""
    for secret in dict.fromkeys(pair.secret for pair in report.secrets):
        pairs = [pair for pair in report.secrets if pair.secret == secret]
        if all(pair.match is Match.EQUAL for pair in pairs):
            holders = ", ".join(dict.fromkeys(name for pair in pairs for name in (pair.left, pair.right)))
            yield _hanging(*_MATCH_MARKS[Match.EQUAL], f"{secret}: {holders} hold the same")
        else:
            yield from (_hanging(*_MATCH_MARKS[pair.match], words.pair_text(pair)) for pair in pairs)


def _history(report: Report) -> Iterator[Part]:
    told = [window for window in report.windows if window.samples]
    line = "   ".join(f"{window.name} {words.percent(window.ratio)} of {window.samples}" for window in told)
    if line:
        yield Text(f"{line}   (wanted: {words.percent(report.run.chain.threshold)})")


#: The section that repeats what was told live.
_STEPS = "Steps"

_FAILED, _WHY = "What failed", "Why"
_BRIEF = (_FAILED, _WHY)

_SECTIONS: tuple[tuple[str, Callable[[Report], Iterable[Part]]], ...] = (
    (_FAILED, _failed),
    (_WHY, _whys),
    (_STEPS, _steps),
    ("Who accepts whose token", _matrix),
    ("Tokens that must be refused", _controls),
    ("Secret match", _secrets),
    ("Success ratio", _history),
)
