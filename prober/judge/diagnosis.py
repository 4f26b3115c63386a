"""Which causes predict what was seen: one small engine that never names a cause.

Rule 1: an unknown signal supports and refutes nothing. Rule 2: a cause that forbids a reading that was seen is out.
Rule 3: singles first; a pair only where it explains more than any single. Rule 4: all that fit equally are named.
Rule 5: that something came late rules nothing out; it chooses among those that explain equally much.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from prober.judge.signals import READINGS, UNSTEADY, is_normal, unsteady
from prober.model.diagnosis import Cause, Confidence, Diagnosis, Layer, Named, RuledOut, State, Why
from prober.model.signal import Reading, Readings, Signal

#: How sure we are of one cause among this many that fit equally; more is `low`.
_CONFIDENCE = {1: Confidence.HIGH, 2: Confidence.MEDIUM, 3: Confidence.MEDIUM}


@dataclass(frozen=True, slots=True, eq=False)
class _Hypothesis:
    """One or two causes at once, held against what was seen."""

    causes: tuple[Cause, ...]
    explained: frozenset[Signal]
    overruled: int  # readings that a member forbids, and the other brings about or that came late: fits less directly


def diagnose(readings: Readings, catalogue: Sequence[Cause]) -> Diagnosis:
    """All hypotheses that explain most of what is abnormal, with the fewest causes, most directly."""
    abnormal = tuple(reading for reading in readings.values() if not reading.normal)
    if not abnormal:
        return Diagnosis(state=State.HEALTHY)
    evidence = _without_open_doors(readings)
    best = _best(evidence, catalogue)
    if not best:
        return Diagnosis(state=State.UNKNOWN, unexplained=abnormal)
    return _tell(best, readings, evidence, catalogue)


def _without_open_doors(readings: Readings) -> Readings:
    """A door that lets in who shows no signature may as well have refused the good tokens that it let in."""
    openings = [r.signal.about for r in readings.values() if r.signal.name == "control" and not r.normal]
    stands_open = tuple(verifier for bad, verifier in openings if bad in _UNSIGNED)
    return {
        signal: replace(reading, value=unsteady("refused")) if _let_in(reading, stands_open) else reading
        for signal, reading in readings.items()
    }


def _let_in(reading: Reading, stands_open: tuple[str, ...]) -> bool:
    return reading.signal.name == "accepts" and reading.normal and reading.signal.about[1].startswith(stands_open)


#: Who is let in with one of these would be let in with anything: nobody looked at a signature.
_UNSIGNED = frozenset({"none", "spoofed", "forged"})


def _best(readings: Readings, catalogue: Sequence[Cause]) -> tuple[_Hypothesis, ...]:
    singles = _fitting(((cause,) for cause in catalogue), readings)
    everything = frozenset(signal for signal, reading in readings.items() if not reading.normal)
    if any(single.explained == everything for single in singles):
        return _foremost(singles)
    relevant = [cause for cause in catalogue if _explains(cause, readings)]
    pairs = [pair for pair in _fitting(combinations(relevant, 2), readings) if _each_adds(pair, readings)]
    return _foremost([*singles, *pairs])


def _foremost(hypotheses: Sequence[_Hypothesis]) -> tuple[_Hypothesis, ...]:
    ranked = {hypothesis: _rank(hypothesis) for hypothesis in hypotheses}
    best = min(ranked.values(), default=None)
    return tuple(hypothesis for hypothesis, rank in ranked.items() if rank == best)


def _rank(hypothesis: _Hypothesis) -> tuple[int, int, int, int]:
    """An open door outranks everything; then what explains most, with the fewest causes, most directly."""
    open_doors = sum(signal.name == "control" for signal in hypothesis.explained)
    return (-open_doors, -len(hypothesis.explained), len(hypothesis.causes), hypothesis.overruled)


# ── one hypothesis against what was seen ─────────────────────────────────────────────────────────────────────────────


def _fitting(candidates: Iterable[tuple[Cause, ...]], readings: Readings) -> list[_Hypothesis]:
    thinkable = (causes for causes in candidates if all(_is_thinkable(cause, readings) for cause in causes))
    certain = {signal: reading for signal, reading in readings.items() if reading.value not in _LATE}
    fits = [causes for causes in thinkable if _contradiction(causes, certain) is None]
    found = [_hypothesis(causes, readings) for causes in fits]
    return [hypothesis for hypothesis in found if _is_supported(hypothesis, readings)]


#: What a busy machine, theirs or ours, can make of anything; nothing makes it quick, so that remains evidence.
_LATE = frozenset({"slow", "waited", "timed_out"})


def _is_supported(hypothesis: _Hypothesis, readings: Readings) -> bool:
    """It explains a symptom that is steady; or one that flickers, and something beside points to it."""
    symptoms = [readings[signal] for signal in hypothesis.explained if signal.name not in _WORDS_ALONE]
    if all(map(_is_unsteady, symptoms)):
        return bool(symptoms) and any(_points_to(hypothesis, reading) for reading in readings.values())
    return True


def _points_to(hypothesis: _Hypothesis, reading: Reading) -> bool:
    """It accuses nobody, is not the usual reading, and is what a cause predicts: a slow auth, a young process."""
    is_unusual = reading.normal and reading.value != READINGS[reading.signal.name][0]
    return is_unusual and any(_predicts(cause, reading) for cause in hypothesis.causes)


#: What somebody said tells causes apart; that somebody said it is no symptom.
_WORDS_ALONE = frozenset({"words"})


def _hypothesis(causes: tuple[Cause, ...], readings: Readings) -> _Hypothesis:
    explained = frozenset().union(*(_explains(cause, readings) for cause in causes))
    overruled = sum(not _allows(cause, reading) for cause in causes for reading in readings.values())
    return _Hypothesis(causes, explained, overruled)


def _is_thinkable(cause: Cause, readings: Readings) -> bool:
    """Not without its key evidence, if it has one; and not where its surface was looked at and is as it should be."""
    surface = cause.layers[0].shown_by
    is_unharmed = any(signal in readings for signal in surface) and not _explains(cause, readings).intersection(surface)
    has_key = not cause.key or any(signal in readings and _predicts(cause, readings[signal]) for signal in cause.key)
    return has_key and not is_unharmed


def _contradiction(causes: tuple[Cause, ...], readings: Readings) -> Reading | None:
    return next((reading for reading in readings.values() if not _compatible(causes, reading)), None)


def _compatible(causes: tuple[Cause, ...], reading: Reading) -> bool:
    """A fault shows even beside another, so all must allow what is normal; what is abnormal, one may bring about."""
    speaking = [cause for cause in causes if reading.signal in cause.predicts]
    if not speaking:
        return True
    verdicts = [_allows(cause, reading) for cause in speaking]
    return all(verdicts) if reading.normal else any(verdicts)


def _allows(cause: Cause, reading: Reading) -> bool:
    """What comes and goes speaks against a cause only if neither its good nor its bad moments fit."""
    allowed = cause.predicts.get(reading.signal, (reading.value,))
    moments = {reading.value.rstrip(UNSTEADY), READINGS[reading.signal.name][0]} if _is_unsteady(reading) else set()
    return reading.value in allowed or not moments.isdisjoint(allowed)


def _is_unsteady(reading: Reading) -> bool:
    return reading.value.endswith(UNSTEADY)


def _explains(cause: Cause, readings: Readings) -> frozenset[Signal]:
    """The abnormal readings this cause predicts."""
    known = cause.predicts.keys() & readings.keys()
    return frozenset(s for s in known if not readings[s].normal and readings[s].value in cause.predicts[s])


def _each_adds(pair: _Hypothesis, readings: Readings) -> bool:
    """Each explains something steady that the other does not, and a symptom: what was said makes no second cause."""
    steady = {signal for signal, reading in readings.items() if not _is_unsteady(reading)}
    first, second = (_explains(cause, readings) & steady for cause in pair.causes)
    show_both = all(any(signal.name not in _WORDS_ALONE for signal in each) for each in (first, second))
    return show_both and bool(first - second) and bool(second - first)


# ── the telling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell(
    best: tuple[_Hypothesis, ...], readings: Readings, evidence: Readings, catalogue: Sequence[Cause]
) -> Diagnosis:
    named = _named(best, readings)
    explained = frozenset().union(*(hypothesis.explained for hypothesis in best))
    return Diagnosis(
        state=State.DIAGNOSED if len(best) == 1 else State.AMBIGUOUS,
        causes=named,
        whys=_whys(named, readings),
        ruled_out=_ruled_out(named, evidence, catalogue),
        would_split=_would_split(best, evidence),
        masked=_masked(named),
        unexplained=tuple(r for r in readings.values() if not r.normal and r.signal not in explained),
    )


def _named(best: tuple[_Hypothesis, ...], readings: Readings) -> tuple[Named, ...]:
    causes = dict.fromkeys(cause.name for hypothesis in best for cause in hypothesis.causes)
    by_name = {cause.name: cause for hypothesis in best for cause in hypothesis.causes}
    return tuple(
        Named(
            cause=by_name[name],
            confidence=_confidence(by_name[name], best),
            explains=tuple(readings[signal] for signal in sorted(_explains(by_name[name], readings))),
        )
        for name in causes
    )


def _confidence(cause: Cause, best: tuple[_Hypothesis, ...]) -> Confidence:
    if all(cause in hypothesis.causes for hypothesis in best):
        return Confidence.HIGH
    return _CONFIDENCE.get(len(best), Confidence.LOW)


def _whys(named: tuple[Named, ...], readings: Readings) -> tuple[Why, ...]:
    """What is certain is told down to the root; where nothing is, only the surface that all share."""
    certain = [each.cause for each in named if each.confidence is Confidence.HIGH]
    if certain:
        return tuple(why for cause in certain for why in _layers(cause, readings))
    return _layers(named[0].cause, readings)[:1]


def _layers(cause: Cause, readings: Readings) -> tuple[Why, ...]:
    """The layers that were seen, or that nobody can see; one that this run contradicts is left out."""
    fitting = [layer for layer in cause.layers if layer.when is None or layer.when in _values(layer, readings)]
    cited = [(layer, _cited(layer, cause, readings)) for layer in fitting]
    told = [(layer.text, steps) for layer, steps in cited if steps or not _looked_at(layer, readings)]
    labels = {0: "surface", len(told) - 1: "root"}
    return tuple(
        Why(layer=labels.get(index, f"layer {index}"), text=text, steps=steps)
        for index, (text, steps) in enumerate(told)
    )


def _values(layer: Layer, readings: Readings) -> set[str]:
    return {readings[signal].value for signal in layer.shown_by if signal in readings}


def _looked_at(layer: Layer, readings: Readings) -> bool:
    return any(signal in readings for signal in layer.shown_by)


def _cited(layer: Layer, cause: Cause, readings: Readings) -> tuple[str, ...]:
    """The steps that show this layer: those where something is wrong as predicted, else those where all is well."""
    seen = [readings[signal] for signal in layer.shown_by if signal in readings]
    wrong = [reading for reading in seen if not reading.normal and _predicts(cause, reading)]
    well = [reading for reading in seen if reading.normal and _allows(cause, reading)]
    return tuple(dict.fromkeys(step for reading in wrong or well for step in reading.steps))


def _predicts(cause: Cause, reading: Reading) -> bool:
    return reading.value in cause.predicts.get(reading.signal, ())


def _ruled_out(named: tuple[Named, ...], readings: Readings, catalogue: Sequence[Cause]) -> tuple[RuledOut, ...]:
    """The causes one might have thought of: those that explain part of what is wrong and forbid another reading."""
    chosen = {each.cause.name for each in named}
    rivals = [cause for cause in catalogue if cause.name not in chosen and _explains(cause, readings)]
    against = [(rival, _contradiction((rival,), readings)) for rival in rivals]
    return tuple(RuledOut(name=rival.name, by=reading) for rival, reading in against if reading)


def _would_split(best: tuple[_Hypothesis, ...], readings: Readings) -> tuple[Signal, ...]:
    """What was not read and the hypotheses differ on; first of all what would decide whichever way it reads.

    Last what some of them want to be wrong and others do not speak of: they stand or fall by it.
    """
    if len(best) == 1:
        return ()
    predictions = [_predictions(hypothesis) for hypothesis in best]
    unread = sorted({signal for each in predictions for signal in each if signal not in readings})
    decisive = [signal for signal in unread if any(not (left & right) for left, right in _said(predictions, signal))]
    helpful = [signal for signal in unread if any(left != right for left, right in _said(predictions, signal))]
    symptoms = [signal for signal in unread if _is_symptom_of_some(predictions, signal)]
    return tuple(dict.fromkeys((*decisive, *helpful, *symptoms)))


_Predictions = Mapping[Signal, frozenset[str]]


def _predictions(hypothesis: _Hypothesis) -> _Predictions:
    """What its causes allow together: of two, whatever either may bring about."""
    signals = {signal for cause in hypothesis.causes for signal in cause.predicts}
    return {s: frozenset().union(*(c.predicts.get(s, frozenset()) for c in hypothesis.causes)) for s in signals}


def _is_symptom_of_some(predictions: Sequence[_Predictions], signal: Signal) -> bool:
    told = [each[signal] for each in predictions if signal in each]
    is_wrong = any(not any(is_normal(signal, value) for value in values) for values in told)
    return is_wrong and len(told) < len(predictions) and signal.name not in _WORDS_ALONE


def _said(predictions: Sequence[_Predictions], signal: Signal) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """What each two of them allow for `signal`, where both speak of it."""
    return combinations([each[signal] for each in predictions if signal in each], 2)


def _masked(named: tuple[Named, ...]) -> tuple[str, ...]:
    chosen = {each.cause.name for each in named}
    hidden = dict.fromkeys(name for each in named for name in each.cause.masks)
    return tuple(name for name in hidden if name not in chosen)
