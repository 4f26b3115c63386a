"""The groups of predictions that causes share say what they are called."""

import pytest

from prober.judge import prediction
from prober.judge.prediction import (
    DOORS,
    GOOD_ISSUERS,
    SOCKETS,
    at_every_door,
    at_sockets,
    auth_is_gone,
    auth_is_well,
    auth_yes_backend_no,
    backend_is_well,
    reads,
)
from prober.judge.signals import READINGS, accepts, health, is_normal

GROUPS = (auth_is_well(), backend_is_well(), auth_yes_backend_no(), auth_is_gone(), at_sockets("silent"))


def test_readings_are_a_set():
    """In which order a cause names them does not matter."""
    assert frozenset({"ok", "error"}) == reads("error", "ok")


@pytest.mark.parametrize("group", GROUPS)
def test_groups_predict_from_the_closed_set(group):
    """A group allows only what its signals can read."""
    assert {} == {s: values for s, values in group.items() if not values <= set(READINGS[s.name])}


def test_every_door_means_every_door_and_both_tokens():
    """Both routes and both ways into the socket, with auth's token and with ours."""
    assert {accepts(i, d): reads("refused", "crashed") for i in GOOD_ISSUERS for d in DOORS} == at_every_door(
        "refused", "crashed"
    )
    assert {"local"} == {signal.about[0] for signal in at_every_door("refused", issuers=("local",))}
    assert set(SOCKETS) == {signal.about[1] for signal in at_sockets("silent")}


@pytest.mark.parametrize("group", [auth_is_well(), backend_is_well()], ids=["auth", "backend"])
def test_who_is_well_reads_normal(group):
    """A service that is well reads in every signal as a healthy environment does, and in no other way."""
    assert {True} == {is_normal(signal, value) for signal, values in group.items() for value in values}


def test_who_is_gone_reads_normal_nowhere():
    """Nothing that asks a service that does not answer can look healthy."""
    assert {False} == {is_normal(signal, value) for signal, values in auth_is_gone().items() for value in values}


def test_the_k_class_is_well_at_auth_and_refused_at_the_backend():
    """Both services are up, auth accepts both tokens, and no door of the backend does."""
    group = auth_yes_backend_no()

    assert (reads("ok"), reads("ok")) == (group[health("auth")], group[health("backend")])
    assert {reads("accepted")} == {group[accepts(issuer, "auth")] for issuer in GOOD_ISSUERS}
    assert {reads("refused")} == {group[accepts(issuer, door)] for issuer in GOOD_ISSUERS for door in DOORS}


def test_prediction_names_no_cause():
    """These are words that causes share; which causes there are is none of their business."""
    assert not [name for name in vars(prediction) if "cause" in name.lower()]
