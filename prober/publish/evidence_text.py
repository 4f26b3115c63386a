"""The evidence page as plain text: the verdict and why, the time line, why not the others, then look by look."""

from collections.abc import Iterator, Sequence

from prober.publish import words
from prober.publish.evidence import Against, Evidence, Look, Named, Why

_INDENT = "  "


def evidence_text(evidence: Evidence) -> str:
    """The whole page."""
    return "\n".join((*map(_one_line, (*_head(evidence), *_body(evidence))), ""))


def _one_line(text: str) -> str:
    """What a target says must not look like a line of ours."""
    return text.replace("\n", "␤").replace("\t", " ")


def _head(evidence: Evidence) -> Iterator[str]:
    yield f"{evidence.mark} {evidence.headline}"
    yield from filter(None, (evidence.summary,))
    yield ""
    took = words.milliseconds(evidence.duration_seconds)
    yield f"run {evidence.run_id}, {evidence.trigger}, began {evidence.began}, took {took}"
    if evidence.reason:
        yield f"asked for: {evidence.reason}"
    if evidence.revision:
        yield f"announced: {evidence.revision}"
    if evidence.revisions:
        yield f"answered: {', '.join(f'{service} {told}' for service, told in evidence.revisions.items())}"


def _body(evidence: Evidence) -> Iterator[str]:
    yield from _part("Why", [*map(_why, evidence.whys), *(line for cause in evidence.causes for line in _cause(cause))])
    yield from _part("Time line", _aligned([_row(look) for look in evidence.looks]))
    yield from _part("Why not the others", map(_against, evidence.why_not))
    yield from _part("Still open", map(_why, evidence.open_questions))
    for look in evidence.by_interest:
        yield from _part(title(look), _told(look))


def title(look: Look) -> str:
    """`✗ messages (http, backend): fail, refused`."""
    kind = f"{look.kind}, {look.service}{', ' if look.taken_as else ''}{look.taken_as}"
    why = "" if look.verdict == "pass" else f", {look.reason}"
    return f"{look.mark} {look.name} ({kind}): {look.verdict}{why}"


def _part(title: str, lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    found = [*lines]
    if found:
        yield ""
        yield title
        yield from (f"{_INDENT}{line}".rstrip() for line in found)


def _row(look: Look) -> tuple[str, ...]:
    at = "not run" if look.offset_seconds is None else f"+{look.offset_seconds:.3f} s"
    took = "" if look.duration_seconds is None else words.milliseconds(look.duration_seconds)
    return at, took, look.mark, look.name, look.service, look.seen


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the last may be as long as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)) + f"  {row[-1]}"


def _why(why: Why) -> str:
    return f"{why.label}: {why.text}{words.cited(why.steps)}"


def _against(against: Against) -> str:
    return f"{', '.join(against.names)}: {against.text}{words.cited(against.steps)}"


def _cause(cause: Named) -> Iterator[str]:
    yield f"cause: {cause.name} ({cause.confidence} confidence): {cause.title}"
    yield from (f"  explains: {text}" for text in cause.explains)
    yield from (f"  do: {text}" for text in cause.remedy)
    if cause.verify:
        yield f"  then: {cause.verify}"


def _told(look: Look) -> Iterator[str]:
    for section in look.sections:
        if len(section.lines) == 1:
            yield f"{section.title}: {section.lines[0]}"
            continue
        yield f"{section.title}:"
        yield from (f"{_INDENT}{line}" for line in section.lines)
