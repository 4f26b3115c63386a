"""Tests of prober/publish/phrases.py: everything the diagnosis can say, it can say in plain words."""

import re
from dataclasses import replace

import pytest

from prober.judge import signals
from prober.judge.causes import catalogue
from prober.judge.signals import READINGS, accepts, control, credentials, health, secrets, unsteady, words
from prober.model.chain import Shows
from prober.model.signal import Reading, Signal
from prober.publish import phrases
from tests import builders as b

API = replace(b.BACKEND, name="api")
CHAT = replace(b.BACKEND, name="chat")
IDP = replace(b.AUTH, name="idp")

SECOND = b.http_step("messages-second", token=replace(b.LOCAL, variant="second"), service=API, is_follow_up=True)
CHAIN = b.chain(b.health_step(IDP), b.http_step(service=API), SECOND)

#: One signal of each name, asked as the judge asks it.
ASKED = {
    "auth_path": signals.auth_path(),
    "breaker": signals.breaker(),
    "mint": signals.mint(),
    "accepts": accepts("local", "backend"),
    "knock": signals.knock("backend"),
    "refusal": signals.refusal(),
    "credentials": credentials(),
    "secrets": secrets("auth", "backend"),
    "control": control("none", "websocket"),
    "words": words(),
    "configured": signals.configured("backend", "service_credentials"),
    "kept_out": signals.kept_out("backend", "bypass_key"),
    "versions": signals.versions("jwt_secret"),
}


def asked(name):
    """A signal called `name`; one about a service where nothing else is said."""
    return ASKED.get(name, Signal(name, ("backend",)))


@pytest.mark.parametrize("name", READINGS)
def test_every_signal_and_every_reading_has_a_phrase(name):
    """A new one comes with its words."""
    assert name in phrases.PHRASES
    assert [] == [value for value in READINGS[name] if value not in phrases.PHRASES[name].answers]


def test_no_phrase_is_left_over():
    """A signal that goes takes its words along."""
    assert READINGS.keys() == phrases.PHRASES.keys()


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in READINGS.items() for value in values])
def test_phrases_are_plain(name, value):
    """No brackets of the diagnosis, no names with underscores, no gap left unfilled."""
    told = phrases.answer_text(asked(name), value) + phrases.question_text(asked(name))

    assert not re.search(r"[{}_=~]", told)


def test_answers_to_one_question_differ():
    """Two readings that sound alike would tell nothing."""
    alike = [
        name for name, phrase in phrases.PHRASES.items() if len(set(phrase.answers.values())) < len(phrase.answers)
    ]

    assert [] == alike


@pytest.mark.parametrize("cause", catalogue(), ids=lambda cause: cause.name)
def test_every_prediction_can_be_told(cause):
    """Whatever a cause predicts of whomever, there are words for it."""
    told = [phrases.answer_text(signal, value) for signal, values in cause.predicts.items() for value in sorted(values)]

    assert [] == [text for text in told if re.search(r"[{}_=~]", text)]


@pytest.mark.parametrize(
    ("signal", "value", "expected"),
    [
        (health("auth"), "ok", "idp says that it is well"),
        (accepts("auth", "websocket"), "refused", "api's WebSocket refuses a token that idp minted"),
        (secrets("auth", "backend"), "different", "idp and api hold different signing keys"),
        (secrets("auth", "prober"), "equal", "idp and the prober hold the same signing key"),
        (control("forged", "backend"), "accepted", "api ACCEPTS a forged token"),
        (credentials(), "wrong_secret", "idp says that the service secret that we hold is wrong"),
        (words(), "auth_unreachable", "api says that it cannot reach idp"),
    ],
)
def test_services_have_the_names_that_they_have_here(signal, value, expected):
    """Whoever reads it knows their services by their own names."""
    reading = Reading(signal, value, ("messages",), normal=False)

    assert expected == phrases.reading_text(reading, CHAIN)


def test_where_two_play_one_role_the_cited_one_is_named():
    """A reading is about the services that its steps looked at."""
    chain = b.chain(b.http_step("api", service=API), b.http_step("chat", service=CHAT))
    told = [
        phrases.reading_text(Reading(health("backend"), "ok", steps, normal=True), chain)
        for steps in (("chat",), ("api", "chat"), ())
    ]

    assert [f"{name} says that it is well" for name in ("chat", "api or chat", "api or chat")] == told


def test_without_a_chain_roles_are_told():
    """A manual knows nobody's names."""
    assert "the backend cannot be reached" == phrases.answer_text(health("backend"), "unreachable")


@pytest.mark.parametrize(
    ("signal", "value", "expected"),
    [
        (
            accepts("local", "backend"),
            "refused",
            "whether api accepts a token that we signed: now refused, now accepted",
        ),
        (health("auth"), "no_upstream", "whether idp is well: now no upstream, now well"),
    ],
)
def test_what_comes_and_goes_is_told_by_both_its_moments(signal, value, expected):
    """Neither of them alone would be true."""
    assert expected == phrases.reading_text(Reading(signal, unsteady(value), (), normal=False), CHAIN)


def test_what_nobody_has_words_for_is_told_as_the_diagnosis_writes_it():
    """A new signal, reading, token or door is no crash."""
    told = [
        phrases.answer_text(Signal("mood", ("backend",)), "sour"),
        phrases.answer_text(health("backend"), "sour"),
        phrases.question_text(Signal("mood")),
        phrases.question_text(accepts("{borrowed}", "hatch")),
    ]

    assert ["mood(backend) = sour", "health(backend) = sour", "mood", "whether hatch accepts {borrowed}"] == told


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (accepts("second", "backend"), "whether api accepts a second test user (step messages-second, a follow-up)"),
        (health("auth"), "whether idp is well (step idp-health)"),
        (signals.refusal(), "how long api takes to refuse a good token"),
    ],
)
def test_what_would_tell_names_the_step_that_asks(signal, expected):
    """A question is of use to whoever knows how to ask it."""
    assert expected == phrases.would_tell_text(signal, CHAIN)


def test_a_kind_of_step_may_answer_a_signal():
    """The secrets are compared by the one step that compares."""
    chain = b.chain(b.secret_match_step(), b.http_step("ready", token=None, shows=Shows.READINESS))

    assert phrases.would_tell_text(secrets("auth", "backend"), chain).endswith("(step secret-match)")
    assert phrases.would_tell_text(signals.readiness("backend"), chain).endswith("(step ready)")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((b.health_step(), b.http_step()), {}),
        ((b.health_step(IDP), b.http_step(service=API)), {"the backend": ("api",), "the auth service": ("idp",)}),
        ((b.http_step("a", service=API), b.http_step("b", service=CHAT)), {"the backend": ("api", "chat")}),
    ],
)
def test_other_names_are_known(steps, expected):
    """The texts of causes say «the backend»; where it is called otherwise, that has to be told."""
    assert expected == phrases.otherwise_called(b.chain(*steps))
