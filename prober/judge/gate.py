"""Go, no-go or not enough evidence: a sequential test over the rounds of a gate, and what its evidence proves.

Wald's sequential probability ratio test between «holds in 99 % of rounds» and «in 78 %». Worked out exactly: where all
rounds hold it says good after 20; at 62 % it says bad after 5.8 rounds in the mean, within 10 in 86 of 100 gates; at
97 % it is wrong in 5.1 %. With 80 % for bad and 1 % of errors either way it would be wrong in 6.5 %.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import comb, log

from prober.model.gate import Aims, Because, Round
from prober.model.verdict import RunVerdict

#: Rounds that could be judged.
_JUDGED = (RunVerdict.PASS, RunVerdict.FAIL)

#: A first round that could not be judged is chance.
_FEWEST_UNJUDGED = 3

#: To so small a part a proven ratio is worked out.
_PRECISION = 1e-6


def settled(rounds: Sequence[Round], aims: Aims) -> Because | None:
    """What the rounds so far come to; None while another one would tell more."""
    judged = [each for each in rounds if each.verdict in _JUDGED]
    failed = [each for each in judged if each.verdict is RunVerdict.FAIL]
    if any(each.open_doors for each in rounds):
        return Because.FAIL_OPEN
    if len(judged) < aims.coverage * len(rounds) and len(rounds) - len(judged) >= _FEWEST_UNJUDGED:
        return _unjudged(rounds)
    said = _said(len(judged), len(failed), aims)
    if said is Because.BROKE and always_failing(judged):
        return Because.SAME_STEP
    if said is None and len(rounds) >= aims.most_rounds:
        return Because.UNDECIDED
    return said


def _unjudged(rounds: Sequence[Round]) -> Because:
    ours = any(each.verdict is RunVerdict.BLIND for each in rounds)
    return Because.BLIND if ours else Because.MOOT


def _said(samples: int, failures: int, aims: Aims) -> Because | None:
    evidence = failures * log((1 - aims.bad) / (1 - aims.good)) + (samples - failures) * log(aims.bad / aims.good)
    if evidence >= log((1 - aims.false_good) / aims.false_bad):
        return Because.BROKE
    if evidence > log(aims.false_good / (1 - aims.false_bad)):
        return None
    is_proven = aims.proven is None or proven(samples, failures, aims.confidence) >= aims.proven
    return Because.HELD if is_proven else None


def always_failing(rounds: Sequence[Round]) -> tuple[str, ...]:
    """The steps that failed in every one of these rounds, in the order of the first."""
    if not rounds:
        return ()
    always = set[str].intersection(*(set(each.failed) for each in rounds))
    return tuple(name for name in rounds[0].failed if name in always)


def proven(samples: int, failures: int, confidence: float = 0.95) -> float:
    """The ratio that so many samples prove at least, one-sided; 0 without samples.

    Source: Clopper and Pearson, Biometrika 26 (1934) 404. 59 samples without a failure prove 95 %; 93 with one.
    """
    if failures >= samples:
        return 0.0
    low, high = 0.0, 1.0
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if _at_most(failures, samples, middle) < 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def _at_most(failures: int, samples: int, ratio: float) -> float:
    """How likely so few failures are where the ratio is that low."""
    return sum(
        comb(samples, failed) * (1 - ratio) ** failed * ratio ** (samples - failed) for failed in range(failures + 1)
    )


def warming(rounds: Sequence[Round], aims: Aims) -> int:
    """How many of the rounds came before what is to be judged was there: they are told, and not judged.

    While services are being started, or the announced revision has not answered yet, up to the grace; and those before
    the last change of a revision, unless it came and went.
    """
    return max(_starting(rounds, aims), _before_change(rounds))


def _starting(rounds: Sequence[Round], aims: Aims) -> int:
    """Those at the beginning that were not yet it."""
    for number, each in enumerate(rounds):
        since = (each.began - rounds[0].began).total_seconds()
        if since >= aims.warm_up_seconds or _is_there(each, aims):
            return number
    return len(rounds)


def _is_there(each: Round, aims: Aims) -> bool:
    told = revisions_of(each).values()
    return not each.is_down and (not aims.revision or not told or aims.revision in told)


def _before_change(rounds: Sequence[Round]) -> int:
    """A service that went from one revision to another, once, was deployed meanwhile."""
    services = {service for each in rounds for service in each.instances}
    return max((_change(revisions_seen(rounds, service)) for service in services), default=0)


def _change(seen: Sequence[tuple[int, str]]) -> int:
    """Where a sequence of revisions changed for good; 0 where it never did, or did more than once."""
    changes = [number for (_, before), (number, now) in pairwise(seen) if before != now]
    return changes[0] if len(changes) == 1 else 0


def revisions_of(each: Round) -> dict[str, str]:
    """By service, the revision that answered in a round."""
    return {service: told.revision for service, told in each.instances.items() if told.revision}


def revisions_seen(rounds: Sequence[Round], service: str) -> list[tuple[int, str]]:
    """In which round which revision of a service answered."""
    told = ((number, revisions_of(each).get(service)) for number, each in enumerate(rounds))
    return [(number, revision) for number, revision in told if revision]
