"""A report for a terminal: an open door first, the verdict, what failed, why, then everything at a glance."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from prober.model.chain import Chain, Step
from prober.model.diagnosis import Named
from prober.model.observation import Match
from prober.model.report import Cell, Control, Report
from prober.model.verdict import Outcome, Reason, RunVerdict, StepResult, Verdict
from prober.publish import phrases, words
from prober.publish.github import harmless

#: Piped output has no width of its own; this one suits mails and CI logs.
PIPED_WIDTH = 100

STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.BLIND: "yellow", Verdict.SKIP: "dim"}
_RUN_STYLES = {
    RunVerdict.PASS: "bold green",
    RunVerdict.FAIL: "bold red",
    RunVerdict.BLIND: "bold yellow",
    RunVerdict.PARTIAL: "bold",
}
_OUTCOME_STYLES = {Outcome.ACCEPTED: "green", Outcome.REFUSED: "red", Outcome.UNCLEAR: "dim"}

Part = Text | Table | Padding


def render(report: Report, console: Console, *, told_live: bool = False, briefly: bool = False) -> None:
    """Print `report`, as wide as a terminal is, or as `PIPED_WIDTH` where there is none.

    The table of steps is left out where each was shown as it ended (`told_live`). All but the verdict, what failed and
    why is left out where the rest is a click away (`briefly`), so that the verdict does not scroll away. Where it did
    all the same, it is said once more.
    """
    lines = show(parts(report, leave_out=_left_out(told_live=told_live, briefly=briefly)), console)
    if console.is_interactive and lines >= console.height:
        show(_verdict(report), console)


def show(shown: Iterable[Part], console: Console) -> int:
    """Print `shown`, in so many lines, without the blanks that pad cells; no line is a pipeline's command."""
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    with console.capture() as captured:
        _print(shown, console)
    lines = captured.get().splitlines()
    console.file.writelines(f"{harmless(line.rstrip())}\n" for line in lines)
    return len(lines)


def _print(shown: Iterable[Part], console: Console) -> None:
    for part in shown:
        console.print(part, highlight=False, markup=False, emoji=False)


def _left_out(*, told_live: bool, briefly: bool) -> Collection[str]:
    if briefly:
        return [title for title, _ in _SECTIONS if title not in BRIEF]
    return (_STEPS,) if told_live else ()


def parts(report: Report, leave_out: Collection[str] = ()) -> Iterator[Part]:
    """Everything there is to print, top down; what has nothing to say is left out."""
    yield from _verdict(report)
    yield from sections(report, [title for title, _ in _SECTIONS if title not in leave_out])


def sections(report: Report, titles: Collection[str]) -> Iterator[Part]:
    """Those of the sections that have something to say."""
    for title, lines in _SECTIONS:
        found = list(lines(report)) if title in titles else []
        if found:
            yield Text(f"\n{title}", "bold")
            yield from (indented(line) for line in found)
    yield Text()


def indented(line: Part) -> Padding:
    """A line of what belongs to a headline."""
    return Padding(line, (0, 0, 0, 2))


def step_line(result: StepResult) -> Text:
    """One step as it ends, for a run that is going on."""
    return Text.assemble(
        (words.MARKS[result.verdict], STYLES[result.verdict]),
        f" {result.step.name}  ",
        (f"{result.step.service.name}  ", "cyan"),
        words.printable(words.told(result)),
        (f"  {words.duration_text(result)}".rstrip(), "dim"),
    )


def _verdict(report: Report) -> Iterator[Part]:
    open_doors = words.open_doors_sentence(report)
    if open_doors:
        yield _headline(RunVerdict.FAIL, open_doors)
    yield _headline(report.run.verdict, words.sentence(report))
    cause = words.cause_sentence(report)
    if cause:
        yield indented(Text(words.printable(cause)))


def _headline(verdict: RunVerdict, text: str) -> Table:
    return hanging(words.RUN_MARKS[verdict], _RUN_STYLES[verdict], text, _RUN_STYLES[verdict])


# ── what failed ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _failed(report: Report) -> Iterator[Part]:
    """The target's failures; where auth fails open, that first."""
    failed = [result for result in report.run.results if result.verdict is Verdict.FAIL]
    yield from map(_step_told, sorted(failed, key=lambda result: result.reason is not Reason.ACCEPTED))


def _not_looked_at(report: Report) -> Iterator[Part]:
    """Our own failures, which say nothing about the target."""
    yield from (_step_told(result) for result in report.run.results if result.verdict is Verdict.BLIND)


def _step_told(result: StepResult) -> Table:
    told = f"{result.step.name}: {words.marked(result.detail, result)}"
    return hanging(words.MARKS[result.verdict], STYLES[result.verdict], told)


def hanging(mark: str, style: str, text: str, text_style: str = "") -> Table:
    """A mark with text that wraps under itself."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text(mark, style), Text(words.printable(text), text_style))
    return table


# ── why ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _whys(report: Report) -> Iterator[Part]:
    yield from labelled(_why_rows(report))


def labelled(rows: Iterable[tuple[str, str]]) -> Iterator[Part]:
    """Lines, each with its label beside it; nothing without any."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, Text(words.printable(text)))
    if table.row_count:
        yield table


def _why_rows(report: Report) -> Iterator[tuple[str, str]]:
    for number, why in enumerate(report.diagnosis.whys):
        if number and why.layer == "surface":
            yield "", ""  # the next cause has layers of its own
        cited = f"  [{', '.join(why.steps)}]" if why.steps else ""
        yield why.layer, f"{why.text}{cited}"
    certain, possible = words.sure_and_not(report.diagnosis)
    for named in certain:
        yield from _cause_rows(named)
    for number, named in enumerate(possible):
        yield "or" if number else "either", f"{named.cause.name}: {named.cause.title} → {named.cause.remedy[0]}"
    yield from words.doubts(report)


def _cause_rows(named: Named) -> Iterator[tuple[str, str]]:
    """One certain cause, what to do, and how to see that it helped."""
    whose = "; the prober's own fault" if named.cause.ours else ""
    yield "cause", f"{named.cause.name} ({named.confidence} confidence{whose})"
    for number, remedy in enumerate(named.cause.remedy, 1):
        yield "remedy" if number == 1 else "", f"{number}. {remedy}" if len(named.cause.remedy) > 1 else remedy
    yield "verify", named.cause.verify
    yield "more", f"prober explain {named.cause.name}"


# ── at a glance ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _steps(report: Report) -> Iterator[Part]:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="cyan")
    table.add_column()  # the one that may shrink: rich takes width from columns that could wrap
    table.add_column(no_wrap=True, justify="right", style="dim")
    for result, second in words.looks(report):
        mark = Text(words.MARKS[result.verdict], STYLES[result.verdict])
        seen = words.printable(words.marked(words.seen_text(result), result, second=second))
        told = Text(seen, no_wrap=True, overflow="ellipsis")
        table.add_row(mark, result.step.name, result.step.service.name, told, words.duration_text(result))
    if table.row_count:
        yield table


# ── who accepts whose token ──────────────────────────────────────────────────────────────────────────────────────────

#: Short heads for the verifiers that need one, and what they mean.
_HEADS: Mapping[str, tuple[str, str]] = {
    "auth_as_service": ("{service}/svc", "{service} asked with service credentials"),
    "stream": ("stream", "{service}'s streamed answer"),
    "websocket": ("ws", "{service}'s WebSocket, token in a header"),
    "websocket_subprotocol": ("ws/sub", "token as subprotocol"),
    "websocket_origin": ("ws/origin", "with an Origin, as browsers send it"),
}
_PLAIN_HEAD = ("{service}", "")


def _matrix(report: Report) -> Iterator[Part]:
    """Who accepted whose token: the pattern of marks names the odd one out."""
    placed = [(_row(cell, report), _column(cell, report), cell) for cell in sorted(report.matrix, key=_telling)]
    outcomes = {(row, column): cell.outcome for row, column, cell in placed}
    rows = list(dict.fromkeys(_row(cell, report) for cell in report.matrix))
    columns = list(dict.fromkeys(_column(cell, report) for cell in report.matrix))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for _ in columns:
        table.add_column(justify="center", overflow="fold")
    table.add_row("issuer", *(Text(head, "cyan") for head, _ in columns), style="dim")
    for row in rows:
        table.add_row(row, *(_outcome(outcomes.get((row, column))) for column in columns))
    if rows:
        yield table
        yield Text(_legend([meaning for _, meaning in columns]), "dim")


def _telling(cell: Cell) -> int:
    """Where two steps met at one door, the refusal is what to show."""
    return (Outcome.ACCEPTED, Outcome.UNCLEAR, Outcome.REFUSED).index(cell.outcome)


def _row(cell: Cell, report: Report) -> str:
    """The issuer's own name."""
    step = _step_of(cell, report.run.chain)
    return step.token.name if step and step.token else cell.issuer


def _column(cell: Cell, report: Report) -> tuple[str, str]:
    """The verifier's short head, and what it means; the service is told where two of them have such a door."""
    step = _step_of(cell, report.run.chain)
    service = step.service.name if step else cell.verifier
    head, meaning = (text.format(service=service) for text in _HEADS.get(cell.verifier, _PLAIN_HEAD))
    if step and service not in head and len(_services_behind(cell.verifier, report)) > 1:
        head = f"{service}/{head}"
    return head, f"{head}: {meaning}" if meaning else ""


def _services_behind(verifier: str, report: Report) -> set[str]:
    steps = (_step_of(cell, report.run.chain) for cell in report.matrix if cell.verifier == verifier)
    return {step.service.name for step in steps if step}


def _step_of(cell: Cell | Control, chain: Chain) -> Step | None:
    return next((step for step in chain.steps if step.name == cell.step), None)


def _legend(meanings: Iterable[str]) -> str:
    marks = [f"{words.OUTCOME_MARKS[outcome]} {outcome}" for outcome in Outcome]
    return " · ".join([*marks, *filter(None, meanings)])


def _outcome(outcome: Outcome | None) -> Text:
    return Text(words.OUTCOME_MARKS[outcome], _OUTCOME_STYLES[outcome]) if outcome else Text()


# ── controls, secrets, history ───────────────────────────────────────────────────────────────────────────────────────

#: For a control the marks turn round: to refuse is right.
_CONTROL_MARKS = {Outcome.REFUSED: "✓", Outcome.ACCEPTED: "✗", Outcome.UNCLEAR: "–"}
_CONTROL_STYLES = {Outcome.REFUSED: "green", Outcome.ACCEPTED: "bold red", Outcome.UNCLEAR: "dim"}


def _controls(report: Report) -> Iterator[Part]:
    """One line an outcome: who refused what, as they should."""
    for outcome in (Outcome.ACCEPTED, Outcome.UNCLEAR, Outcome.REFUSED):
        at_doors: dict[str, list[str]] = {}
        for control in report.controls:
            if control.outcome is outcome:
                at_doors.setdefault(_door(control, report), []).append(control.name)
        if at_doors:
            mark, style = _CONTROL_MARKS[outcome], _CONTROL_STYLES[outcome]
            told = "; ".join(f"{', '.join(dict.fromkeys(bad))} → {door}" for door, bad in at_doors.items())
            yield hanging(mark, style, f"{_control_words(outcome)}: {told}")


def _door(control: Control, report: Report) -> str:
    step = _step_of(control, report.run.chain)
    return phrases.verifier_text(control.verifier, phrases.names_of(step) if step else phrases.NAMELESS)


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
            yield hanging(*_MATCH_MARKS[Match.EQUAL], f"{secret}: {holders} hold the same")
        else:
            yield from (hanging(*_MATCH_MARKS[pair.match], words.pair_text(pair)) for pair in pairs)


def _copies(report: Report) -> Iterator[Part]:
    """Which version of each secret we hold, where its source knows; and what there is to know about it."""
    for copy in report.run.copies:
        yield Text(words.printable(f"{copy.name}: {words.copy_text(copy)}"))


def _history(report: Report) -> Iterator[Part]:
    told = [window for window in report.windows if window.samples]
    line = "   ".join(f"{window.name} {words.percent(window.ratio)} of {window.samples}" for window in told)
    if line:
        yield Text(f"{line}   (wanted: {words.percent(report.run.chain.threshold)})")


#: The section that repeats what was told live.
_STEPS = "Steps"

_FAILED, _BLIND, _WHY = "What failed", "What the prober could not judge (its own fault)", "Why"

#: What there is to read when something is wrong.
BRIEF = (_FAILED, _BLIND, _WHY)

_SECTIONS: tuple[tuple[str, Callable[[Report], Iterable[Part]]], ...] = (
    (_FAILED, _failed),
    (_BLIND, _not_looked_at),
    (_WHY, _whys),
    (_STEPS, _steps),
    ("Who accepts whose token", _matrix),
    ("Tokens that must be refused", _controls),
    ("Secret match", _secrets),
    ("Our copies", _copies),
    ("Success ratio", _history),
)
