"""A gate for a pull request or a job's summary: the verdict, why, what to do and what failed; the rest is folded.

From its document, so that a gate that was kept, or asked of another prober, is told as one of our own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prober.model.gate import GateVerdict
from prober.model.verdict import Verdict
from prober.publish import gate_digest, gate_words, words
from prober.publish.document import Document
from prober.publish.gate_digest import Finding
from prober.publish.markdown import cell, code, prose

#: A comment on GitHub may hold 65,536 characters, or it is refused as a whole; some are left for who makes one of this.
MOST_CHARACTERS = 60_000

#: More than so many lines nobody reads.
_MOST_FINDINGS = 20
_MOST_STEPS = 100

#: Names of steps in one line.
_STEPS_NAMED = 6


def markdown(gate: Document, most_characters: int = MOST_CHARACTERS) -> str:
    """The gate in so many characters, 2,000 at least; what is left out is said."""
    foot = _bound(gate)
    head = _cut(_parts(gate, (_verdict, _advice, _failed)), (most_characters - len(foot)) * 2 // 3)
    folded = _folded(gate, most_characters - len(head) - len(foot) - _BETWEEN)
    return f"{head}\n\n{folded}\n\n{foot}\n"


#: Blank lines between the three parts, and the last end of a line.
_BETWEEN = 5


def _parts(gate: Document, sections: Iterable[Callable[[Document], Iterable[str]]]) -> str:
    return "\n\n".join(part for section in sections for part in section(gate))


def _cut(text: str, most_characters: int) -> str:
    """As many lines as there is room for: each is whole, so that nothing is left open."""
    if len(text) <= most_characters:
        return text
    end = text.rfind("\n", 0, max(0, most_characters - len(_CUT)) + 1)
    return text[: max(0, end)].rstrip("\n") + _CUT


_CUT = "\n\n… more is left out: the JSON of this gate has all of it."


def _verdict(gate: Document) -> Iterator[str]:
    verdict = GateVerdict(gate["verdict"])
    yield f"## {gate_words.MARKS[verdict]} {code(gate['chain'])}: {gate_words.HEADLINES[verdict]}"
    yield f"**{prose(gate['why'])}**"
    if gate["standingText"]:
        yield prose(gate["standingText"])
    if gate["remarks"]:
        yield _list(map(prose, gate["remarks"]))


def _advice(gate: Document) -> Iterator[str]:
    """Not where all is well."""
    rows = [] if gate["verdict"] == GateVerdict.PASS else list(gate_digest.advice(gate["report"]))
    if rows:
        yield "### What to do"
        yield _list(f"**{label or 'remedy'}** {prose(text, begins=False)}" for label, text in rows)


def _failed(gate: Document) -> Iterator[str]:
    for title, verdict in _FINDINGS:
        found = gate_digest.findings(gate["report"], verdict)
        if found and gate["verdict"] != GateVerdict.PASS:
            yield f"### {title}"
            more = [f"and {len(found) - _MOST_FINDINGS} more"] if len(found) > _MOST_FINDINGS else []
            yield _list([*map(_finding, found[:_MOST_FINDINGS]), *more])


_FINDINGS: tuple[tuple[str, Verdict], ...] = (
    ("What failed", Verdict.FAIL),
    ("What the prober could not judge (its own fault)", Verdict.BLIND),
)


def _finding(finding: Finding) -> str:
    more = len(finding.steps) - _STEPS_NAMED
    named = ", ".join(map(code, finding.steps[:_STEPS_NAMED]))
    return f"{code(finding.text)}: {named}{f' and {more} more' if more > 0 else ''}"


def _folded(gate: Document, most_characters: int) -> str:
    """Blank lines around what is folded make it Markdown again."""
    rounds, steps = len(gate["rounds"]), len(gate["report"]["steps"])
    begin, end = f"<details><summary>The evidence: {rounds} rounds of {steps} steps</summary>\n\n", "\n\n</details>"
    return f"{begin}{_cut(_parts(gate, (_details,)), most_characters - len(begin) - len(end))}{end}"


def _details(gate: Document) -> Iterator[str]:
    report = gate["report"]
    if gate["beforeText"]:
        yield f"Before: {prose(gate['beforeText'])}"
    whys = report["diagnosis"]["whys"]
    if whys:
        yield _list(f"**{why['layer']}** {prose(why['text'])}{_cited(why['steps'])}" for why in whys)
    yield _table(report)
    if len(report["steps"]) > _MOST_STEPS:
        yield f"and {len(report['steps']) - _MOST_STEPS} more steps"


def _cited(steps: Iterable[str]) -> str:
    names = ", ".join(map(code, steps))
    return f" ({names})" if names else ""


def _table(report: Document) -> str:
    rows = [
        f"| {words.MARKS[Verdict(each['verdict'])]} | {cell(each['name'])} | {cell(each['service'])} "
        f"| {cell(each['detail'])} | {_duration(each)} |"
        for each in report["steps"][:_MOST_STEPS]
    ]
    return "\n".join(["| | step | service | seen | |", "|---|---|---|---|--:|", *rows])


def _duration(step: Mapping[str, float | None]) -> str:
    seconds = step["durationSeconds"]
    return "" if seconds is None else words.milliseconds(seconds)


def _bound(gate: Document) -> str:
    revision = f"revision {code(gate['revision'])}, " if gate["revision"] else ""
    held = f"{gate['samples'] - gate['failures']} of {gate['samples']} rounds held"
    proves = "" if gate["verdict"] == GateVerdict.FAIL else f", which proves {gate['provenText']}"
    return f"<sub>{revision}{held}{proves}. Gate {code(gate['id'])}, {gate['ended']}.</sub>"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
