"""The result as a page for people: what was run, the tables, every wrong case, and how to read them; pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.evaluation.alike import ALIKE
from tests.evaluation.baselines import by_code, majority, nearest
from tests.evaluation.cases import Kind
from tests.evaluation.records import Record
from tests.evaluation.scoring import (
    HIGH,
    PARTS,
    Scored,
    Share,
    blamed,
    coincide,
    confusion,
    counting,
    engine,
    mean_set_size,
    of_kind,
    share,
    split,
    without_effect,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the page must know beside the records."""

    command: str
    date: str
    cores: int
    causes: frozenset[str]  # that the diagnosis knows
    ours: frozenset[str]  # those of them that are the prober's own faults


@dataclass(frozen=True, slots=True)
class Found:
    """The records, sorted out."""

    all: Sequence[Record]
    engine: Sequence[Scored]

    @property
    def known(self) -> list[Scored]:
        """Cases with something broken that has a name."""
        return [each for each in self.engine if each.case.kind is not Kind.OUTSIDE]

    def of(self, kind: Kind) -> list[Record]:
        """All records of a kind that ended well."""
        return [record for record in self.all if record.case.kind is kind and not record.trouble]


def found(records: Iterable[Record]) -> Found:
    """Score the engine on the cases that count."""
    whole = sorted(records, key=lambda record: record.case.id)
    return Found(whole, [Scored(record, engine(record)) for record in counting(whole)])


def page(records: Iterable[Record], about: About) -> str:
    """The whole page, Markdown."""
    seen = found(records)
    parts = (_head(seen, about), *_figures(seen, about), _wrong_part(seen), *_remarks(seen), _HOW_TO_READ.splitlines())
    return _joined(parts)


def tables(records: Iterable[Record], about: About) -> str:
    """What fits on a screen: the figures, and what does not count."""
    seen = found(records)
    return _joined((*_figures(seen, about), _left_out_part(seen)))


def _figures(seen: Found, about: About) -> Iterator[Iterable[str]]:
    yield _aims_part(seen, about)
    yield _engine_part(seen)
    yield _outside_part(seen)
    yield _well_part(seen)
    yield _ours_part(seen, about)
    yield _baselines_part(seen)
    yield _confusion_part(seen)


def _remarks(seen: Found) -> Iterator[Iterable[str]]:
    yield _left_out_part(seen)
    yield _alike_part(seen)


def _joined(parts: Iterable[Iterable[str]]) -> str:
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', '·') for cell in line)} |" for line in lines]


# ── what was run ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _head(seen: Found, about: About) -> Iterator[str]:
    count = Counter(record.case.kind for record in seen.all)
    failed = sum(bool(record.trouble) for record in seen.all)
    hours = sum(record.seconds for record in seen.all) / 3600
    yield "# How often the prober is right\n"
    yield "This page was written by the command below; nobody edited it. It is measured in the lab that comes with the"
    yield "prober, so it says how well the diagnosis tells these faults apart, not how often they happen.\n"
    yield f"```\n{about.command}\n```\n"
    yield f"Run on {about.date}, on a machine with {about.cores} cores: {len(seen.all)} cases in {hours:.1f} hours."
    yield f"With one fault: {count[Kind.SINGLE]}; with two: {count[Kind.PAIR]}; with a fault that no cause is about:"
    yield f"{count[Kind.OUTSIDE]}; with nothing broken: {count[Kind.CONTROL]}. Ended in trouble, and listed: {failed}."


# ── aims ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Aim:
    """What is aimed at, and what was found."""

    what: str
    found: Share
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the share found will do; None without cases."""
        if self.found.ratio is None:
            return None
        return (self.least is None or self.found.ratio >= self.least) and (
            self.most is None or self.found.ratio <= self.most
        )

    @property
    def wanted(self) -> str:
        """The aim in figures."""
        return f"≥ {self.least:.2f}" if self.least is not None else f"≤ {self.most:.2f}"


def aims(seen: Found, about: About) -> list[Aim]:
    """What the project wants of its diagnosis."""
    parts, outside = split(seen.engine), of_kind(seen.engine, Kind.OUTSIDE)
    return [
        Aim("development cases: the cause, or the set that cannot be split", _right(parts["development"]), least=0.95),
        Aim("cases unseen by the rules: the same", _right(parts["unseen"]), least=0.85),
        Aim("high and wrong, one fault or two", share(seen.known, lambda s: s.is_high_and_wrong), most=0.02),
        Aim("outside the catalogue: UNKNOWN, or nothing sure", share(outside, lambda s: s.is_modest), least=0.80),
        Aim("our own faults blamed on the target", blamed(seen.engine, about.ours), most=0.0),
    ]


def _right(scored: Iterable[Scored]) -> Share:
    return share(scored, lambda each: each.is_right)


_MET = {True: "met", False: "**missed**", None: "not looked at"}


def _aims_part(seen: Found, about: About) -> Iterator[str]:
    listed = aims(seen, about)
    yield "## Aims\n"
    yield from table(("aim", "wanted", "found", ""), [(a.what, a.wanted, str(a.found), _MET[a.is_met]) for a in listed])
    if any(aim.is_met is False for aim in listed):
        yield "\n### What stands in the way of what was missed\n"
        yield from _in_the_way(seen, about)


_MOST_IN_THE_WAY = 12


def _in_the_way(seen: Found, about: About) -> Iterator[str]:
    """The faults that cost most, with what was said instead, and whether there is a cause for them at all."""
    single = of_kind(seen.engine, Kind.SINGLE)
    costs = Counter(each.case.faults[0] for each in single if not each.is_right)
    for fault, missed in costs.most_common(_MOST_IN_THE_WAY):
        cases = [each for each in single if each.case.faults[0] == fault]
        said = Counter(str(each.answer) for each in cases if not each.is_right)
        why = "" if fault in about.causes else " The diagnosis has no such cause."
        yield f"- `{fault}`: {missed} of {len(cases)} missed.{why} Said instead: {_counted(said, most=3)}."
    rest = costs.most_common()[_MOST_IN_THE_WAY:]
    if rest:
        yield f"- {len(rest)} more faults, {sum(missed for _, missed in rest)} cases together."
    sure = Counter(wrong for each in seen.known for wrong in _surely_wrong(each))
    if sure:
        yield f"- Surely named and wrong: {_counted(sure, most=8)}."


def _surely_wrong(scored: Scored) -> Iterator[str]:
    truth = " + ".join(scored.case.faults)
    return (f"{c} for {truth}" for c, sure in scored.answer.causes.items() if sure == HIGH and c not in scored.truth)


def _counted(said: Mapping[str, int], most: int) -> str:
    shown = Counter(said).most_common(most)
    rest = len(said) - len(shown)
    return ", ".join(f"{what} × {count}" for what, count in shown) + (f", and {rest} others" if rest else "")


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _engine_part(seen: Found) -> Iterator[str]:
    parts = split(seen.engine)
    yield "## The diagnosis\n"
    rows: Sequence[tuple[str, Callable[[list[Scored]], str]]] = (
        ("says something (neither UNKNOWN nor healthy)", lambda s: str(share(s, lambda e: e.is_covered))),
        ("top 1: the truth and nothing else", lambda s: str(share(s, lambda e: e.is_top1))),
        ("top 1, or the set that cannot be split", lambda s: str(_right(s))),
        ("set hit: the truth is among the named", lambda s: str(share(s, lambda e: e.is_hit))),
        ("all that is broken is named", lambda s: str(share(s, lambda e: e.is_whole))),
        ("high and wrong", lambda s: str(share(s, lambda e: e.is_high_and_wrong))),
        ("causes named, mean", lambda s: _number(mean_set_size(s))),
    )
    yield from table(("", *parts), [(what, *(figure(scored) for scored in parts.values())) for what, figure in rows])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _outside_part(seen: Found) -> Iterator[str]:
    outside = of_kind(seen.engine, Kind.OUTSIDE)
    yield "## Faults that no cause is about\n"
    if not outside:
        yield "None were looked at."
        return
    rows = (
        ("UNKNOWN, or nothing surely named", share(outside, lambda s: s.is_modest)),
        ("UNKNOWN", share(outside, lambda s: not s.is_covered and not s.answer.says_all_is_well)),
        ("something surely named", share(outside, lambda s: s.is_high_and_wrong)),
    )
    yield from table(("", "share"), [(what, str(found)) for what, found in rows])


def _well_part(seen: Found) -> Iterator[str]:
    healthy = [Scored(record, engine(record)) for record in seen.of(Kind.CONTROL)]
    quiet, noisy = ([s for s in healthy if bool(s.record.failures) is flaky] for flaky in (False, True))
    yield "## Nothing is broken\n"
    rows: Sequence[tuple[str, Callable[[list[Scored]], Share]]] = (
        ("a cause is named", lambda s: share(s, lambda e: e.is_covered)),
        ("a cause is surely named", lambda s: share(s, lambda e: e.is_high_and_wrong)),
        ("UNKNOWN", lambda s: share(s, lambda e: not e.is_covered and not e.answer.says_all_is_well)),
    )
    yield from table(
        ("", "nothing fails", "1–5 % fail at random"), [(w, str(f(quiet)), str(f(noisy))) for w, f in rows]
    )


def _ours_part(seen: Found, about: About) -> Iterator[str]:
    yield "## Our own faults\n"
    yield f"Blamed on the target: {blamed(seen.engine, about.ours)}. Looked at: {_names(about.ours)}."


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


# ── simpler minds ────────────────────────────────────────────────────────────────────────────────────────────────────


def _baselines_part(seen: Found) -> Iterator[str]:
    counted = [each.record for each in seen.engine]
    minds = {
        "the diagnosis": engine,
        "always the commonest fault": majority(counted),
        "a table of codes": by_code,
        "the nearest case of another seed": nearest(counted),
    }
    names = [name for name, _ in PARTS if not name.startswith("…")]
    yield "## Simpler minds on the same cases\n"
    rows = []
    for mind, guess in minds.items():
        scored = [Scored(record, guess(record)) for record in counted]
        parts, outside = split(scored), of_kind(scored, Kind.OUTSIDE)
        wrong = share([s for s in scored if s.case.kind is not Kind.OUTSIDE], lambda s: s.is_high_and_wrong)
        modest = share(outside, lambda s: s.is_modest)
        rows.append((mind, *(str(_right(parts[name])) for name in names), str(wrong), str(modest)))
    yield from table(("right", *names, "high and wrong", "modest outside the catalogue"), rows)


# ── what went wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def _confusion_part(seen: Found) -> Iterator[str]:
    rows = confusion(seen.known)
    yield "## What was taken for what\n"
    if not rows:
        yield "Nothing: every case was right."
        return
    yield "Only what was not right; the cases behind each line are below."
    yield ""
    yield from table(
        ("broken", "said instead"), [(f"`{truth}`", _counted(said, most=6)) for truth, said in rows.items()]
    )


def _wrong_part(seen: Found) -> Iterator[str]:
    """Every wrong case; those with the same fault, dialect and answer share a line."""
    wrong: dict[tuple[str, str, str], list[str]] = {}
    for each in seen.engine:
        is_wrong = each.is_high_and_wrong if each.case.kind is Kind.OUTSIDE else not each.is_right
        if is_wrong:
            key = (" + ".join(each.case.faults), each.case.dialect, str(each.answer))
            wrong.setdefault(key, []).append(f"{each.case.seed}{'n' if each.case.noise else ''}")
    yield "## Every case that was not right\n"
    yield "Seeds with an n had random failures.\n"
    rows = [(f"`{fault}`", dialect, " ".join(seeds), said) for (fault, dialect, said), seeds in sorted(wrong.items())]
    yield from table(("broken", "dialect", "seeds", "said"), rows) if rows else ["None."]


def _left_out_part(seen: Found) -> Iterator[str]:
    """What does not count, and what ended badly: nothing is dropped in silence."""
    silent: dict[tuple[str, str], list[str]] = {}
    for record in without_effect(seen.all):
        key = (" + ".join(record.case.faults), record.case.dialect)
        silent.setdefault(key, []).append(f"{record.case.seed}{'n' if record.case.noise else ''}")
    troubled = [record for record in seen.all if record.trouble]
    yield "## What does not count\n"
    yield "A fault that changed nothing that was read cannot be diagnosed by anybody.\n"
    rows = [(f"`{fault}`", dialect, " ".join(seeds)) for (fault, dialect), seeds in sorted(silent.items())]
    yield from table(("no effect", "dialect", "seeds"), rows) if rows else ["Every fault had an effect."]
    yield ""
    if troubled:
        yield from table(("case that ended in trouble", "what happened"), [(r.case.id, r.trouble) for r in troubled])
    else:
        yield "No case ended in trouble."


def _alike_part(seen: Found) -> Iterator[str]:
    yield "## What nobody can tell apart from outside\n"
    yield "There the whole set, or a part of it that holds the truth, is a right answer.\n"
    for each in ALIKE:
        where = " and ".join(each.dialects)
        where += ", in other words" if each.only_without_words else ""
        where += ", where requests are slow" if each.only_slow else ""
        where += f", for {_names(each.only_for)}" if each.only_for else ""
        yield f"- {_names(each.members)} ({where}): {each.why}"
    rows = [(f"`{c.pair[0]}`, `{c.pair[1]}`", c.dialect, str(c.share)) for c in coincide(seen.all)]
    if rows:
        yield "\nHow often two of them really read alike in this run; a low share means that the set can be split:\n"
        yield from table(("pair", "dialect", "read alike"), rows)


_HOW_TO_READ = """\
## How to read this

- A share is followed by its counts and by the bounds between which the true share lies with 95 % confidence (Wilson).
  Cases of one fault resemble each other, so the real uncertainty is wider than the bounds say.
- The rules may be mended after a look at this page. What they were mended with is no longer unseen: a last word needs
  seeds that nobody has looked at (`--first-seed`), and faults outside the catalogue that nobody has read.
- *Development* is one fault at a time in the lab as the rules were written with it: names, order, wording and pace as
  shipped. *Unseen* is the same faults where what must not matter differs: services have other names, steps another
  order, requests take 10 to 100 ms and now and then 2 s, half of the worlds use other words, and with noise 1 to 5 % of
  all requests fail at random. The faults themselves are the same ones: what the rules have never met is *outside*.
- A case is *right* if exactly what is broken is named, or a set that holds it and otherwise only what nothing readable
  tells apart from it (see the list above). With two faults at once, naming one of them and nothing else is right, and
  «all that is broken is named» says how often both were.
- *High and wrong*: some cause is called `high` and is not broken. A set with the truth in it is no excuse.
- Outside the catalogue the right answer is UNKNOWN, or a set of which nothing is sure.
- Our own faults count as blamed on the target when the run is not BLIND; where requests fail at random, which is the
  target's doing, when a cause of the target's is named.
- A case counts only if something abnormal was read that no healthy run with the same names, order and wording reads.
  A case with random failures counts if the same fault shows without them; where it was not looked at without them, if
  something abnormal is read that does not come and go.
- The simpler minds answer `high` to everything, see the same cases and are scored alike. The commonest fault is counted
  on these very cases, which flatters it. The nearest case is sought among single faults of other seeds, so it was shown
  every fault with its name beforehand: that is the most one can learn from examples, and it knows no UNKNOWN.
"""
