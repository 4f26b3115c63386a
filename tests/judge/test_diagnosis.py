"""Tests of prober/judge/diagnosis.py: the engine's rules on a small catalogue, then recorded cases on the real one."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from prober.judge.causes import catalogue
from prober.judge.diagnosis import diagnose
from prober.judge.signals import READINGS, is_normal
from prober.model.diagnosis import Cause, Confidence, Layer, State
from prober.model.signal import Reading, Signal

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))

DOOR, KEY, LOG = (
    Signal("accepts", ("local", "backend")),
    Signal("secrets", ("auth", "backend")),
    Signal("words", ("backend",)),
)
HEALTH = Signal("health", ("auth",))


def cause(name, predicts, **more):
    """A cause with a surface and a root."""
    layers = (Layer("surface", tuple(predicts)), Layer("root"))
    sets = {signal: frozenset(values.split("|")) for signal, values in predicts.items()}
    given = {"family": "E", "title": name, "layers": layers, "remedy": ("mend it",), "verify": "look", "page": name}
    return Cause(name=name, predicts=sets, **{**given, **more})


def readings(**values):
    """Readings by signal text, e.g. `{"accepts(local, backend)": "refused"}`."""
    return {(s := parse(text)): Reading(s, value, (f"step-{n}",), is_normal(s, value))
            for n, (text, value) in enumerate(values.items())}  # fmt: skip


def parse(text):
    """A Signal from its text."""
    name, _, about = text.rstrip(")").partition("(")
    return Signal(name, tuple(part.strip() for part in about.split(",")) if about else ())


def named(diagnosis):
    """The causes' names, in order."""
    return [each.cause.name for each in diagnosis.causes]


REFUSED = {str(DOOR): "refused"}
DRIFT = cause("drift", {DOOR: "refused", KEY: "different"})
MISSING = cause("missing", {DOOR: "refused", KEY: "equal", LOG: "inter_service|invalid_token"})
WRONG = cause("wrong", {DOOR: "refused", KEY: "equal", LOG: "invalid_token"})
DOWN = cause("down", {HEALTH: "unreachable", DOOR: "refused|crashed"}, masks=("drift", "missing"))
FEW = (DRIFT, MISSING, WRONG, DOWN)


class TestEngine:
    """The rules at the head of the engine's file."""

    def test_all_normal_is_healthy(self):
        """Nothing abnormal, no cause."""
        assert State.HEALTHY is diagnose(readings(**{str(DOOR): "accepted"}), FEW).state

    def test_nothing_that_fits_is_unknown(self):
        """An abnormal reading that no cause predicts is told as unexplained, not squeezed into one."""
        diagnosis = diagnose(readings(**{str(DOOR): "silent"}), FEW)

        assert (State.UNKNOWN, [DOOR]) == (diagnosis.state, [r.signal for r in diagnosis.unexplained])

    def test_a_forbidden_reading_rules_a_cause_out(self):
        """Equal keys were seen, so no drift; and the diagnosis says by what it was ruled out."""
        diagnosis = diagnose(readings(**REFUSED, **{str(KEY): "equal", str(LOG): "inter_service"}), FEW)

        assert (["missing"], Confidence.HIGH) == (named(diagnosis), diagnosis.causes[0].confidence)
        assert "drift: secrets(auth, backend) = equal" in [f"{r.name}: {r.by}" for r in diagnosis.ruled_out]

    def test_all_that_fit_equally_are_named_with_what_would_split_them(self):
        """A single refused door says little; the set is named, and the looks that would decide."""
        diagnosis = diagnose(readings(**REFUSED), (DRIFT, WRONG))

        assert (State.AMBIGUOUS, ["drift", "wrong"], (KEY,)) == (
            diagnosis.state,
            named(diagnosis),
            diagnosis.would_split,
        )

    def test_a_symptom_that_one_wants_and_the_others_do_not_speak_of_would_split_them(self):
        """It stands or falls by that: a mint that works clears a service of having no key."""
        sick, silent = cause("sick", {DOOR: "refused", HEALTH: "error"}), cause("silent", {DOOR: "refused"})
        well = cause("well", {DOOR: "refused", HEALTH: "ok"})

        assert (HEALTH,) == diagnose(readings(**REFUSED), (sick, silent)).would_split
        assert () == diagnose(readings(**REFUSED), (well, silent)).would_split

    def test_an_unknown_signal_refutes_nothing(self):
        """What could not be looked at leaves every cause standing."""
        assert {"drift", "missing", "wrong", "down"} == set(named(diagnose(readings(**REFUSED), FEW)))

    def test_a_pair_only_where_no_single_explains_it_all(self):
        """Two faults at once are normal, but one is preferred."""
        both = readings(**REFUSED, **{str(HEALTH): "unreachable", str(KEY): "different"})

        assert ["down"] == named(diagnose(readings(**REFUSED, **{str(HEALTH): "unreachable"}), FEW))
        assert ["drift", "down"] == named(diagnose(both, FEW))

    def test_what_hides_behind_a_cause_is_told(self):
        """Outer faults mask inner ones."""
        diagnosis = diagnose(readings(**{str(HEALTH): "unreachable"}), FEW)

        assert (["down"], ("drift", "missing")) == (named(diagnosis), diagnosis.masked)

    def test_the_telling_goes_from_surface_to_root_and_cites_steps(self):
        """Each layer names the steps that show it."""
        diagnosis = diagnose(readings(**REFUSED, **{str(KEY): "different"}), FEW)

        assert [("surface", ("step-0", "step-1")), ("root", ())] == [(w.layer, w.steps) for w in diagnosis.whys]


SLOW = Signal("pace", ("auth",))
FLICKERS = cause("flickers", {DOOR: "refused|refused~|accepted", SLOW: "slow"})
HOLE = Signal("control", ("forged", "backend"))
WAIT = Signal("refusal", ("backend",))
LATE = {"slow", "waited", "timed_out"}


def test_what_comes_and_goes_is_explained_by_what_comes_and_goes():
    """A steady fault does not forbid the flicker, and does not explain it; nor does one that nothing else points to."""
    unsteady = {str(DOOR): "refused~"}

    assert ["flickers"] == named(diagnose(readings(**unsteady, **{str(SLOW): "slow"}), (*FEW, FLICKERS)))
    assert State.UNKNOWN is diagnose(readings(**unsteady), (*FEW, FLICKERS)).state


def test_a_flicker_beside_a_steady_fault_changes_nothing():
    """A crash now and then at another door is told as unexplained; the cause stays as sure as it was."""
    seen = readings(**{str(DOOR): "refused", str(KEY): "different", "accepts(auth, websocket)": "crashed~"})
    diagnosis = diagnose(seen, FEW)

    assert (["drift"], Confidence.HIGH) == (named(diagnosis), diagnosis.causes[0].confidence)
    assert ["accepts(auth, websocket)"] == [str(reading.signal) for reading in diagnosis.unexplained]


def test_coming_late_chooses_among_those_that_explain_equally_much():
    """Who waits longer than it should points to one of two that the rest cannot tell apart."""
    prompt, patient = (
        cause("prompt", {DOOR: "refused", WAIT: "quick"}),
        cause("patient", {DOOR: "refused", WAIT: "waited|quick"}),
    )
    told = {value: named(diagnose(readings(**REFUSED, **{str(WAIT): value}), (prompt, patient)))
            for value in ("quick", "waited")}  # fmt: skip

    assert {"quick": ["prompt", "patient"], "waited": ["patient"]} == told


def test_coming_late_overrules_nothing():
    """A machine that stood still makes every refusal late: it neither clears a cause nor outweighs a look."""
    prompt, patient = (
        cause("prompt", {DOOR: "refused", KEY: "different", WAIT: "quick"}),
        cause("patient", {DOOR: "refused", WAIT: "waited"}),
    )
    late = readings(**REFUSED, **{str(KEY): "different", str(WAIT): "waited"})

    assert ["prompt"] == named(diagnose(late, (prompt,)))
    assert ["prompt"] == named(diagnose(late, (prompt, patient)))


def test_who_was_quick_ran_out_of_no_patience():
    """No machine makes anything quick: a cause that has everybody wait is out, whatever else it explains."""
    patient = cause("patient", {DOOR: "refused", KEY: "different", WAIT: "waited"})
    quick = readings(**REFUSED, **{str(KEY): "different", str(WAIT): "quick"})

    assert ["wrong"] == named(diagnose(quick, (patient, cause("wrong", {DOOR: "refused", WAIT: "quick"}))))
    assert State.UNKNOWN is diagnose(quick, (patient,)).state


def test_what_was_said_makes_no_second_cause():
    """Beside a steady fault, a flicker and the words about it are chance; where a door is refused they tell which."""
    flicker = cause("flicker", {DOOR: "refused|refused~", LOG: "invalid_token"})
    down = cause("down", {HEALTH: "unreachable"})
    seen = {str(HEALTH): "unreachable", str(LOG): "invalid_token"}

    assert ["down"] == named(diagnose(readings(**seen, **{str(DOOR): "refused~"}), (down, flicker)))
    assert ["down", "flicker"] == named(diagnose(readings(**seen, **{str(DOOR): "refused"}), (down, flicker)))


def test_an_open_door_outranks_everything():
    """Of three faults at once, two that explain more do not drown the one that let a bad token in."""
    hole = cause("hole", {HOLE: "accepted"})
    drift, down = (
        cause("drift", {DOOR: "refused", KEY: "different"}),
        cause("down", {HEALTH: "unreachable", LOG: "nothing"}),
    )
    seen = readings(**{str(HOLE): "accepted", str(DOOR): "refused", str(KEY): "different", str(HEALTH): "unreachable"})
    diagnosis = diagnose(seen, (drift, down, hole))

    assert ("hole", Confidence.HIGH) == next((e.cause.name, e.confidence) for e in diagnosis.causes if e.cause is hole)


SIGNALS = st.sampled_from(sorted({signal for cause in catalogue() for signal in cause.predicts}))
WORLDS = st.dictionaries(SIGNALS, st.integers(0, 9), min_size=1, max_size=12).map(
    lambda found: {
        s: Reading(s, v := READINGS[s.name][n % len(READINGS[s.name])], (str(s),), is_normal(s, v))
        for s, n in found.items()
    }
)
ORDER = {Confidence.LOW: 0, Confidence.MEDIUM: 1, Confidence.HIGH: 2}


@given(WORLDS)
def test_whatever_was_seen_the_engine_answers_by_its_rules(world):
    """No named single cause forbids what was seen and proves something, and every cause explains something."""
    diagnosis = diagnose(world, catalogue())
    singles = [each for each in diagnosis.causes if len(diagnosis.causes) == 1]

    assert all(each.explains for each in diagnosis.causes)
    assert all(
        reading.value in each.cause.predicts.get(signal, {reading.value})
        for each in singles
        for signal, reading in world.items()
        if reading.value not in LATE and not behind_an_open_door(signal, world)
    )


def behind_an_open_door(signal, world):
    """Whether that a good token was let in there says nothing, since one was let in that nobody signed."""
    open_doors = [s.about[1] for s, reading in world.items() if s.name == "control" and not reading.normal
                  and s.about[0] in ("none", "spoofed", "forged")]  # fmt: skip
    return signal.name == "accepts" and world[signal].normal and signal.about[1].startswith(tuple(open_doors))


@given(WORLDS, st.sampled_from(["waited", "timed_out"]))
def test_coming_late_makes_no_known_cause_unknown(world, late):
    """What has an explanation without that has one with it."""
    without = {signal: reading for signal, reading in world.items() if signal not in (WAIT, SLOW)}
    times = {WAIT: Reading(WAIT, late, ("waits",), True), SLOW: Reading(SLOW, "slow", ("slow",), True)}
    before, after = diagnose(without, catalogue()), diagnose({**without, **times}, catalogue())

    assert before.state is State.UNKNOWN or after.state is not State.UNKNOWN


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_recorded_case_has_its_causes(path):
    """What was seen in each recorded run leads to the causes that were behind it."""
    case = YAML(typ="safe").load(path)
    diagnosis = diagnose(readings(**case["readings"]), catalogue())

    assert (case["state"], case["causes"]) == (diagnosis.state, named(diagnosis))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_removing_evidence_never_raises_confidence(path):
    """Less seen is never surer: for every reading left out, no named cause gains."""
    case = YAML(typ="safe").load(path)["readings"]
    full = {each.cause.name: ORDER[each.confidence] for each in diagnose(readings(**case), catalogue()).causes}
    fewer = [diagnose(readings(**dict(kept)), catalogue()) for kept in combinations(case.items(), len(case) - 1)]

    assert all(
        ORDER[each.confidence] <= full[each.cause.name]
        for diagnosis in fewer
        for each in diagnosis.causes
        if each.cause.name in full
    )


@pytest.mark.parametrize(
    ("value", "expected"), [("changed", ["surface", "a deploy", "root"]), ("unchanged", ["surface", "root"])]
)
def test_a_layer_that_depends_on_a_reading_is_told_only_where_it_holds(value, expected):
    """What describes and accuses nobody may be evidence all the same; where it is not, nothing is said of it."""
    deploy = Signal("deploy", ("backend",))
    layers = (Layer("surface", (DOOR,)), Layer("a deploy", (deploy,), when="changed"), Layer("root"))
    told = diagnose(readings(**REFUSED, **{str(deploy): value}), (cause("drift", {DOOR: "refused"}, layers=layers),))

    assert expected == [why.text for why in told.whys]


def test_a_layer_cites_only_what_shows_it():
    """Of two controls under one sentence the refused one is not cited; a layer that was contradicted is not told."""
    first, second, good = Signal("control", ("forged", "auth")), Signal("control", ("forged", "backend")), DOOR
    layers = (Layer("a forged token is accepted", (first, second)), Layer("good tokens pass", (good,)), Layer("root"))
    hole = cause("hole", {first: "accepted|refused", second: "accepted|refused"}, layers=layers)
    seen = readings(**{str(first): "accepted", str(second): "refused", str(good): "refused"})
    other = cause("other", {good: "refused"})
    told = diagnose(seen, (hole, other))

    assert [("a forged token is accepted", ("step-0",)), ("root", ())] == [(w.text, w.steps) for w in told.whys][:2]
