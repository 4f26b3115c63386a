"""How good the answers are: pure functions from records to figures, the same for the engine and for each baseline."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from prober.judge.window import wilson
from tests.evaluation.alike import ALIKE, alike
from tests.evaluation.cases import Case, Kind
from tests.evaluation.records import Record

HIGH = "high"
UNSTEADY = "~"


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody says to a case: causes with how sure they are; none where they say that they do not know."""

    causes: Mapping[str, str]
    says_all_is_well: bool = False

    def __str__(self) -> str:
        if not self.causes:
            return "healthy" if self.says_all_is_well else "UNKNOWN"
        sure = sorted(set(self.causes.values()))
        return f"{' | '.join(sorted(self.causes))} ({'/'.join(sure)})"


def engine(record: Record) -> Answer:
    """What the prober said."""
    return Answer(record.causes, says_all_is_well=record.state == "healthy")


@dataclass(frozen=True, slots=True)
class Scored:
    """One case, one answer."""

    record: Record
    answer: Answer

    @property
    def case(self) -> Case:
        """What was looked at."""
        return self.record.case

    @property
    def truth(self) -> frozenset[str]:
        """What was really broken; nothing that has a name where no cause is about it."""
        return frozenset() if self.case.kind is Kind.OUTSIDE else frozenset(self.case.faults)

    @property
    def named(self) -> frozenset[str]:
        """What the answer names."""
        return frozenset(self.answer.causes)

    @property
    def is_covered(self) -> bool:
        """Something is named."""
        return bool(self.named)

    @property
    def is_top1(self) -> bool:
        """The truth alone is named; of two faults at once, one or both of them and nothing else."""
        return bool(self.named) and self.named <= self.truth

    @property
    def is_right(self) -> bool:
        """The truth is named, beside nothing but what nothing readable tells apart from it."""
        return self.is_hit and any(self.named <= whole for whole in self._wholes())

    @property
    def is_hit(self) -> bool:
        """The truth is among what is named; of two faults at once, one of them."""
        return bool(self.named & self.truth)

    @property
    def is_whole(self) -> bool:
        """All that is broken is named."""
        return self.truth <= self.named

    @property
    def is_high_and_wrong(self) -> bool:
        """Something is surely said to be broken that is not."""
        return any(sure == HIGH for cause, sure in self.answer.causes.items() if cause not in self.truth)

    @property
    def is_modest(self) -> bool:
        """Nothing is surely said to be broken, and all is not said to be well."""
        return HIGH not in self.answer.causes.values() and not self.answer.says_all_is_well

    def _wholes(self) -> Iterator[frozenset[str]]:
        record = self.record
        sets = [
            list(alike(fault, self.case.dialect, reworded=record.reworded, latency=record.latency))
            for fault in self.truth
        ]
        return (frozenset().union(*chosen) for chosen in product(*sets))


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, and between what bounds the true share lies with 95 % confidence (Wilson)."""

    hits: int
    n: int

    @property
    def ratio(self) -> float | None:
        """The share; None of nothing."""
        return self.hits / self.n if self.n else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Of the true share."""
        return wilson(self.hits, self.n)

    def __str__(self) -> str:
        if self.ratio is None:
            return "–"
        lower, upper = self.bounds
        return f"{self.ratio:.3f} ({self.hits}/{self.n}; {lower:.3f}–{upper:.3f})"


def share(of: Iterable[Scored], what: Callable[[Scored], bool]) -> Share:
    """How many of them."""
    found = [what(scored) for scored in of]
    return Share(sum(found), len(found))


def mean_set_size(of: Iterable[Scored]) -> float | None:
    """How many causes an answer names that names any."""
    sizes = [len(scored.named) for scored in of if scored.is_covered]
    return sum(sizes) / len(sizes) if sizes else None


# ── which cases count ────────────────────────────────────────────────────────────────────────────────────────────────


def counting(records: Collection[Record]) -> list[Record]:
    """The cases in which what was broken could be seen at all: something reads otherwise than where all is well."""
    well = _read_when_well(records)
    broken = [record for record in records if _is_broken(record)]
    shows: dict[object, bool] = {}
    for record in broken:
        if not record.failures:
            key = _without_noise(record.case)
            shows[key] = shows.get(key, False) or _differs(record, well)
    return [record for record in broken if _counts(record, well, shows)]


def without_effect(records: Collection[Record]) -> list[Record]:
    """The cases in which it could not."""
    counted = {record.case.id for record in counting(records)}
    return [record for record in records if _is_broken(record) and record.case.id not in counted]


def _is_broken(record: Record) -> bool:
    return record.case.kind is not Kind.CONTROL and not record.trouble


Group = tuple[str, int, bool]


def _read_when_well(records: Iterable[Record]) -> dict[Group, dict[str, set[str]]]:
    """Per group, all that its healthy runs read."""
    well: dict[Group, dict[str, set[str]]] = {}
    for record in records:
        if record.case.kind is Kind.CONTROL and not record.trouble:
            read = well.setdefault(record.case.group, {})
            for signal, value in record.readings.items():
                read.setdefault(signal, set()).add(value)
    return well


def _counts(record: Record, well: Mapping[Group, Mapping[str, set[str]]], shows: Mapping[object, bool]) -> bool:
    """Random failures show no fault: there it counts if it shows without them, or else if what shows it is steady."""
    if not record.failures:
        return _differs(record, well)
    steadily = _differs(record, well, lambda value: not value.endswith(UNSTEADY))
    return shows.get(_without_noise(record.case), steadily)


def _differs(
    record: Record,
    well: Mapping[Group, Mapping[str, set[str]]],
    says: Callable[[str], bool] = lambda _value: True,
) -> bool:
    """Whether something that is not normal is read that no healthy run of the group reads."""
    usual = well.get(record.case.group, {})
    return any(says(record.readings[s]) and record.readings[s] not in usual.get(s, ()) for s in record.abnormal)


def _without_noise(case: Case) -> object:
    return case.faults, case.dialect


# ── parts of the whole ───────────────────────────────────────────────────────────────────────────────────────────────

Part = tuple[str, Callable[[Record], bool]]

PARTS: Sequence[Part] = (
    ("development", lambda r: r.case.kind is Kind.SINGLE and r.case.is_as_shipped),
    ("unseen", lambda r: r.case.kind is Kind.SINGLE and not r.case.is_as_shipped),
    ("… without failures", lambda r: r.case.kind is Kind.SINGLE and not r.case.is_as_shipped and not r.failures),
    ("… with failures", lambda r: r.case.kind is Kind.SINGLE and not r.case.is_as_shipped and r.failures > 0),
    ("pairs", lambda r: r.case.kind is Kind.PAIR),
)


def split(scored: Iterable[Scored]) -> dict[str, list[Scored]]:
    """The scored cases by part; the parts of `unseen` are in it twice."""
    cases = list(scored)
    return {name: [each for each in cases if belongs(each.record)] for name, belongs in PARTS}


def of_kind(scored: Iterable[Scored], kind: Kind) -> list[Scored]:
    """Those of one kind."""
    return [each for each in scored if each.case.kind is kind]


# ── who is blamed ────────────────────────────────────────────────────────────────────────────────────────────────────


def blamed(scored: Iterable[Scored], ours: Collection[str]) -> Share:
    """Of the prober's own faults, those booked on the target.

    Where nothing else is broken the whole run must be BLIND. Where requests fail at random the target does fail too;
    there no cause of the target's may be named.
    """
    own = [each for each in scored if each.case.kind is Kind.SINGLE and each.truth <= set(ours)]
    return share(own, lambda each: _is_blamed(each, ours))


def _is_blamed(scored: Scored, ours: Collection[str]) -> bool:
    if not scored.record.failures:
        return scored.record.verdict != "blind"
    return bool(scored.named - set(ours))


# ── what was confused with what ──────────────────────────────────────────────────────────────────────────────────────


def confusion(scored: Iterable[Scored]) -> dict[str, Counter[str]]:
    """By what was really broken, what was said instead and how often; only where it was not right."""
    rows: dict[str, Counter[str]] = {}
    for each in scored:
        if not each.is_right:
            rows.setdefault(" + ".join(each.case.faults), Counter())[str(each.answer)] += 1
    return dict(sorted(rows.items(), key=lambda row: (-row[1].total(), row[0])))


@dataclass(frozen=True, slots=True)
class Coincidence:
    """Two faults the table holds for alike, and in how many groups they really read alike."""

    pair: tuple[str, str]
    dialect: str
    share: Share


def coincide(records: Iterable[Record]) -> Iterator[Coincidence]:
    """The table of what is alike, held against what was read where nothing failed at random."""
    single = [r for r in records if r.case.kind is Kind.SINGLE and not r.failures and not r.trouble]
    by_case = {(r.case.group, r.case.faults[0]): r for r in single}
    for dialect in sorted({r.case.dialect for r in single}):
        groups = sorted({r.case.group for r in single if r.case.dialect == dialect})
        for pair in _pairs_of_the_table(dialect):
            both = [(by_case.get((group, pair[0])), by_case.get((group, pair[1]))) for group in groups]
            found = [_read_alike(first, second) for first, second in both if first and second]
            if found:
                yield Coincidence(pair, dialect, Share(sum(found), len(found)))


def _pairs_of_the_table(dialect: str) -> list[tuple[str, str]]:
    always = [a for a in ALIKE if dialect in a.dialects and not a.only_slow and not a.only_without_words]
    return sorted({pair for each in always for pair in combinations(sorted(each.members), 2)})


def _read_alike(first: Record, second: Record) -> bool:
    """Nothing that is wrong in either reads otherwise in the other, as far as both were asked."""
    asked = first.readings.keys() & second.readings.keys()
    wrong = {*first.abnormal, *second.abnormal} & asked
    return all(first.readings[signal] == second.readings[signal] for signal in wrong)
