"""Go, no-go or not enough evidence: a sequential test over the rounds of a gate, and what its evidence proves.

Wald's sequential probability ratio test between «holds in 99 % of rounds» and «in 78 %». Worked out exactly: where all
rounds hold it says good after 20; at 62 % it says bad after 5.8 rounds in the mean, within 10 in 86 of 100 gates; at
97 % it is wrong in 5.1 %. With 80 % for bad and 1 % of errors either way it would be wrong in 6.5 %.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, comb, log

from prober.model.aims import Aims
from prober.model.gate import Because, Round
from prober.model.verdict import RunVerdict

#: Rounds that could be judged.
_JUDGED = (RunVerdict.PASS, RunVerdict.FAIL)

#: A first round that could not be judged is chance.
_FEWEST_UNJUDGED = 3

#: Once is a deploy of the same revision.
_RESTARTS = 2

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


def concluded(rounds: Sequence[Round], aims: Aims) -> Because | None:
    """What all rounds of a gate come to, those told of that are not judged; None while another one would tell more."""
    judged = rounds[warming(rounds, aims) :]
    if any(each.open_doors for each in rounds):
        return Because.FAIL_OPEN
    because = _of_announced(judged, settled(judged, aims), aims) if judged else None
    return Because.RESTARTING if because is Because.HELD and restarts(judged) >= _RESTARTS else because


def _of_announced(rounds: Sequence[Round], because: Because | None, aims: Aims) -> Because | None:
    """Where services tell their revisions, the announced one must hold by itself, and be there at the end."""
    if not aims.revision or not any(map(revisions_of, rounds)):
        return because
    mine = [each for each in rounds if _answered(each, aims.revision)]
    of_mine = settled(mine, aims) if mine else None
    if of_mine in _BAD:
        return of_mine
    if because is not Because.HELD:
        return because
    if not _answered(rounds[-1], aims.revision):
        return Because.NOT_DEPLOYED
    return because if of_mine is because else Because.UNDECIDED if len(rounds) >= aims.most_rounds else None


_BAD = (Because.BROKE, Because.SAME_STEP)


def _answered(each: Round, revision: str) -> bool:
    return revision in revisions_of(each).values()


def restarts(rounds: Sequence[Round]) -> int:
    """How often the service that was started anew most often was, between two of these rounds."""
    services = {service for each in rounds for service in each.instances}
    return max((_restarts(rounds, service) for service in services), default=0)


def _restarts(rounds: Sequence[Round], service: str) -> int:
    told = [(each.began, each.instances[service]) for each in rounds if service in each.instances]
    return sum(
        before.revision == now.revision
        and None not in (before.uptime_seconds, now.uptime_seconds)
        and (now.uptime_seconds or 0) < min(before.uptime_seconds or 0, (at - then).total_seconds())
        for (then, before), (at, now) in pairwise(told)
    )


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


def fewest_rounds(ratio: float, confidence: float = 0.95) -> int:
    """How many rounds prove a ratio, above 0 and below 1, if all of them hold: n where ratio^n = 1 − confidence."""
    return ceil(log(1 - confidence) / log(ratio))


def _at_most(failures: int, samples: int, ratio: float) -> float:
    """How likely so few failures are where the ratio is that low."""
    return sum(
        comb(samples, failed) * (1 - ratio) ** failed * ratio ** (samples - failed) for failed in range(failures + 1)
    )


def warming(rounds: Sequence[Round], aims: Aims) -> int:
    """How many of the rounds came before what is to be judged was there: they are told, and not judged.

    Up to the last one within the grace that met a service being started, or not yet the announced revision; and those
    before a service changed its revision, unless it came and went.
    """
    return max(_starting(rounds, aims), _before_change(rounds, aims))


def _starting(rounds: Sequence[Round], aims: Aims) -> int:
    """Those up to the last that was not yet it: what holds before an outage of the deploy is what was there before."""
    early = [
        number
        for number, each in enumerate(rounds)
        if (each.began - rounds[0].began).total_seconds() < aims.warm_up_seconds and not _is_there(each, aims)
    ]
    return early[-1] + 1 if early else 0


def _is_there(each: Round, aims: Aims) -> bool:
    told = revisions_of(each).values()
    return not each.is_down and (not aims.revision or not told or aims.revision in told)


def _before_change(rounds: Sequence[Round], aims: Aims) -> int:
    """A service that went from one revision to another, once, was deployed meanwhile.

    Where nobody said which one was: only if nothing had failed, for it may as well have been taken back.
    """
    services = {service for each in rounds for service in each.instances}
    number = max((_change(revisions_seen(rounds, service), aims.revision) for service in services), default=0)
    had_failed = any(each.verdict is RunVerdict.FAIL for each in rounds[:number])
    return 0 if had_failed and not aims.revision else number


def _change(seen: Sequence[tuple[int, str]], announced: str) -> int:
    """Where a sequence of revisions changed for good; 0 where it never did, did more than once, or to another one."""
    changes = [(number, now) for (_, before), (number, now) in pairwise(seen) if before != now]
    return changes[0][0] if len(changes) == 1 and announced in ("", changes[0][1]) else 0


def revisions_of(each: Round) -> dict[str, str]:
    """By service, the revision that answered in a round."""
    return {service: told.revision for service, told in each.instances.items() if told.revision}


def revisions_seen(rounds: Sequence[Round], service: str) -> list[tuple[int, str]]:
    """In which round which revision of a service answered."""
    told = ((number, revisions_of(each).get(service)) for number, each in enumerate(rounds))
    return [(number, revision) for number, revision in told if revision]
