"""Tests of prober/judge/causes: every file is a page and a prediction, and the engine names each for what it does."""

import re
from importlib import import_module
from itertools import combinations
from pathlib import Path
from pkgutil import iter_modules

import pytest

from prober.judge import causes
from prober.judge.causes import catalogue
from prober.judge.diagnosis import diagnose
from prober.judge.prediction import DOORS, GOOD_ISSUERS
from prober.judge.signals import READINGS, accepts, control, credentials, health, is_normal, mint, secrets, words
from prober.model.diagnosis import Cause, Confidence, Diagnosis, State
from prober.model.signal import Reading, Readings, Signal

CAUSES = {cause.name: cause for cause in catalogue()}

SECTIONS = ("What you see:", "Why, in five steps:", "Told apart from:", "Remedy:", "Verify:", "References:")

FAMILIES = set("XBMDEFGHP")

#: Whom a signal can be about.
ABOUT = {
    "health": {("auth",), ("backend",)},
    "mint": {("auth",)},
    "accepts": {(issuer, verifier) for issuer in GOOD_ISSUERS for verifier in ("auth", *DOORS)},
    "credentials": {()},
    "secrets": {("auth", "backend"), ("auth", "prober"), ("backend", "prober")},
    "control": {(bad, verifier) for bad in ("none", "forged", "expired") for verifier in ("auth", *DOORS)},
    "service_secret": {("auth",), ("backend",)},
    "words": {("backend",)},
}

#: Causes that predict the very same readings, and why nothing we can read tells them apart.
IRREDUCIBLE = {
    frozenset({"auth_slower_than_budget", "breaker_open"}): (
        "both say that auth is unreachable; the time to the refusal would split them, and is no signal yet"
    ),
    frozenset({"ws_crash_before_auth", "ws_crash_after_accept"}): (
        "a crash reads the same before and after the accept; the stage of the socket is no signal yet"
    ),
}

#: Causes that pages and masks may name before they are written.
FUTURE: set[str] = set()


def readings(values: dict[Signal, str]) -> Readings:
    """A run as its readings; each is shown by a step of its own."""
    return {
        signal: Reading(signal, value, (str(signal),), is_normal(signal, value)) for signal, value in values.items()
    }


def brought_about(cause: Cause) -> Readings:
    """A run that reads as this cause predicts, as bad as it allows."""
    return readings({signal: worst(signal, values) for signal, values in cause.predicts.items()})


def worst(signal: Signal, values: frozenset[str]) -> str:
    """An abnormal one of these values if there is one; always the same one."""
    return min(values, key=lambda value: (is_normal(signal, value), value))


def section(cause: Cause, heading: str) -> str:
    """One section of a manual page, without its heading."""
    found = next(part for part in cause.page.split("\n\n") if part.startswith(heading))
    return found.removeprefix(heading)


def names_of(diagnosis: Diagnosis) -> set[str]:
    """The causes a diagnosis names."""
    return {named.cause.name for named in diagnosis.causes}


every_cause = pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)


# ── what every file must have ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [module.name for module in iter_modules(causes.__path__)])
def test_named_for_its_file(name):
    """A cause is found in the file that bears its name."""
    cause = import_module(f"{causes.__name__}.{name}").CAUSE

    assert cause.name == name


@every_cause
def test_every_file_is_a_page(cause):
    """The docstring of a cause's file is its manual page, with every section in its order."""
    places = [cause.page.find(f"\n\n{heading}") for heading in SECTIONS]

    assert -1 not in places
    assert sorted(places) == places


@every_cause
def test_five_steps(cause):
    """Every page asks why five times."""
    steps = re.findall(r"^(\d)\. ", section(cause, "Why, in five steps:"), flags=re.MULTILINE)

    assert list("12345") == steps


@every_cause
def test_told_apart_from_known_causes(cause):
    """A page tells its cause apart from others that exist, and not from itself."""
    neighbours = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", section(cause, "Told apart from:")))

    assert neighbours
    assert neighbours <= (CAUSES.keys() | FUTURE) - {cause.name}


@every_cause
def test_told_in_a_report(cause):
    """A cause brings all that a report tells: a family, a chain of layers, a remedy and how to verify it."""
    texts = [cause.title, cause.verify, *cause.remedy, *(layer.text for layer in cause.layers)]

    assert cause.family in FAMILIES
    assert len(cause.layers) >= 2
    assert len(cause.remedy) >= 1
    assert all(text.strip() and text[-1] != "." for text in texts)


@every_cause
def test_layers_cite_what_is_predicted(cause):
    """The surface is shown by something the cause brings about, so that a report can cite a step for it."""
    shown = {signal for layer in cause.layers[:-1] for signal in layer.shown_by}

    assert any(signal in cause.predicts for signal in shown)


@every_cause
def test_masks_name_causes(cause):
    """What a cause hides is itself a cause."""
    unknown = set(cause.masks) - CAUSES.keys() - FUTURE

    assert not unknown
    assert cause.name not in cause.masks


def test_future_is_not_written_yet():
    """A cause that has been written is no longer one to come."""
    written = FUTURE & CAUSES.keys()

    assert not written


# ── what every prediction must say ───────────────────────────────────────────────────────────────────────────────────


@every_cause
def test_predicts_from_the_closed_set(cause):
    """A cause predicts only what a signal can say, about whom it can say it."""
    impossible = {
        str(signal): values - set(READINGS[signal.name])
        for signal, values in cause.predicts.items()
        if values - set(READINGS[signal.name]) or not values or signal.about not in ABOUT[signal.name]
    }

    assert impossible == {}


@every_cause
def test_predicts_something_abnormal(cause):
    """A cause changes at least one reading, or nobody could see it."""
    abnormal = {signal for signal, values in cause.predicts.items() if any(not is_normal(signal, v) for v in values)}

    assert abnormal


def test_no_two_causes_claim_the_same():
    """Two causes predict the very same readings only where it is written down why nothing tells them apart."""
    twins = {frozenset({a.name, b.name}) for a, b in combinations(CAUSES.values(), 2) if a.predicts == b.predicts}

    assert IRREDUCIBLE.keys() == twins


# ── what the engine makes of them ────────────────────────────────────────────────────────────────────────────────────


@every_cause
def test_named_for_what_it_brings_about(cause):
    """A run that reads as a cause predicts is explained by single causes, and that cause is among them."""
    diagnosis = diagnose(brought_about(cause), catalogue())

    assert cause.name in names_of(diagnosis)
    assert diagnosis.unexplained == ()


@pytest.mark.parametrize("twins", IRREDUCIBLE, ids=lambda twins: " = ".join(sorted(twins)))
def test_irreducible_sets_stay_together(twins):
    """Of causes that nothing tells apart, none is named without the others, and none with high confidence."""
    first = CAUSES[min(twins)]

    diagnosis = diagnose(brought_about(first), catalogue())

    assert names_of(diagnosis) >= twins
    assert Confidence.HIGH not in {named.confidence for named in diagnosis.causes}


def refused_by_backend(**told: str) -> dict[Signal, str]:
    """Auth accepts our token and its own, the backend refuses both; `told` adds what else was read."""
    rest = {"credentials": credentials(), "words": words(), "keys": secrets("auth", "backend")}
    return {
        health("auth"): "ok",
        health("backend"): "ok",
        mint(): "ok",
        **{accepts(issuer, "auth"): "accepted" for issuer in GOOD_ISSUERS},
        **{accepts(issuer, door): "refused" for issuer in GOOD_ISSUERS for door in DOORS},
        **{rest[name]: value for name, value in told.items()},
    }


AT_BACKEND = {"service_secret_drift_at_backend", "service_id_drift_at_backend"}
UNREACHABLE = {"auth_slower_than_budget", "backend_cannot_reach_auth", "breaker_open", "service_header_illegal"}
SAYS_INVALID = {"service_credentials_missing", *AT_BACKEND, "test_user_unknown"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"keys": "different"}, {"jwt_secret_drift"}),
        ({"keys": "differ_by_white_space"}, {"jwt_secret_drift"}),
        ({"credentials": "wrong_secret"}, {"service_secret_drift_at_auth"}),
        ({"credentials": "wrong_id"}, {"service_id_drift_at_auth"}),
        ({"credentials": "not_configured"}, {"service_credentials_absent_at_auth"}),
        ({"credentials": "accepted", "keys": "equal", "words": "header_illegal"}, {"service_header_illegal"}),
        ({"credentials": "accepted", "keys": "equal", "words": "inter_service"}, {"service_credentials_missing"}),
        ({"credentials": "accepted", "keys": "equal", "words": "auth_unreachable"}, UNREACHABLE),
        ({"credentials": "accepted", "keys": "equal", "words": "token_rejected"}, AT_BACKEND),
        ({"credentials": "accepted", "keys": "equal", "words": "invalid_token"}, SAYS_INVALID),
        ({"credentials": "accepted", "words": "invalid_token"}, SAYS_INVALID | {"jwt_secret_drift"}),
        ({"credentials": "accepted", "keys": "equal"}, SAYS_INVALID | UNREACHABLE),
    ],
    ids=str,
)
def test_auth_yes_backend_no(told, expected):
    """When auth accepts and the backend refuses, each further reading leaves the causes that fit it, and no other."""
    diagnosis = diagnose(readings(refused_by_backend(**told)), catalogue())

    assert expected == names_of(diagnosis)


def test_two_faults_of_mint_and_trust():
    """A missing bypass key beside service credentials that auth refuses is told as two faults."""
    seen = refused_by_backend(credentials="wrong_secret") | {mint(): "not_configured"}
    minted = {signal for signal in seen if signal.name == "accepts" and signal.about[0] == "auth"}

    diagnosis = diagnose(readings({s: v for s, v in seen.items() if s not in minted}), catalogue())

    assert diagnosis.state is State.DIAGNOSED
    assert {"bypass_key_absent", "service_secret_drift_at_auth"} == names_of(diagnosis)


def auth_is_down(door: str) -> dict[Signal, str]:
    """Nobody can ask auth; every door reads `door` for a token of ours."""
    return {
        health("auth"): "unreachable",
        health("backend"): "ok",
        mint(): "unreachable",
        credentials(): "unanswered",
        accepts("local", "auth"): "unanswered",
        **{accepts("local", name): door for name in DOORS},
    }


def test_auth_down():
    """With auth down and a strict backend, auth is the one cause named."""
    diagnosis = diagnose(readings(auth_is_down("refused")), catalogue())

    assert {"auth_down"} == names_of(diagnosis)


def test_auth_down_behind_a_fallback():
    """With auth down and a backend that still accepts our tokens, the fallback is named."""
    diagnosis = diagnose(readings(auth_is_down("accepted")), catalogue())

    assert {"auth_down_local_fallback"} == names_of(diagnosis)


def test_auth_down_and_the_fallback_has_another_key():
    """Incident report 001: auth is surely down; the fallback's key is not ours, and whose is wrong auth cannot tell."""
    seen = auth_is_down("refused") | {secrets("prober", "backend"): "different", words(): "invalid_token"}

    diagnosis = diagnose(readings(seen), catalogue())
    confidence = {named.cause.name: named.confidence for named in diagnosis.causes}

    assert confidence == {
        "auth_down": Confidence.HIGH,
        "jwt_secret_drift": Confidence.MEDIUM,
        "prober_secret_wrong": Confidence.MEDIUM,
    }


@pytest.mark.parametrize("door", ["auth", *DOORS])
@pytest.mark.parametrize(
    ("bad", "expected"), [("forged", "signature_unchecked"), ("expired", "expiry_unchecked")], ids=["forged", "expired"]
)
def test_one_door_too_open(bad, expected, door):
    """One verifier that lets a bad token in is enough to name the check that is missing."""
    seen = {control(other, each): "refused" for other in ("none", "forged", "expired") for each in ("auth", *DOORS)}

    diagnosis = diagnose(readings(seen | {control(bad, door): "accepted"}), catalogue())

    assert {expected} == names_of(diagnosis)


def test_both_checks_missing():
    """A verifier that checks neither signature nor expiry has two faults, and both are told."""
    seen = {control("none", "backend"): "refused"} | {
        control(bad, "backend"): "accepted" for bad in ("forged", "expired")
    }

    diagnosis = diagnose(readings(seen), catalogue())

    assert {"signature_unchecked", "expiry_unchecked"} == names_of(diagnosis)


def test_our_own_faults_are_marked():
    """Only what we alone can mend is called ours."""
    ours = {cause.name for cause in CAUSES.values() if cause.ours}

    assert ours == {"prober_secret_wrong", "bypass_key_not_sent"}


def test_causes_are_listed_in_order():
    """The catalogue is in the order of names, so that a tie reads the same on every machine."""
    files = sorted(path.stem for path in Path(causes.__file__).parent.glob("[!_]*.py"))

    assert files == [cause.name for cause in catalogue()]
