"""Google Secret Manager, as its own library asks it."""

import secrets

import pytest

from prober.gather.secret_source import Unusable
from prober.gather.secrets.gcp import FromGcp
from prober.model.copies import Fetched
from tests.rotation.managers import SecretManager

PLACE = "projects/staging/secrets/jwt"


@pytest.fixture
def manager():
    """One that holds seven versions of `jwt`, each a value of its own."""
    made = SecretManager()
    made.values = [secrets.token_urlsafe(32) for _ in range(7)]
    for value in made.values:
        made.add("jwt", value)
    with made.running():
        yield made


def ask(manager, place=PLACE):
    """What is found at `place`."""
    return FromGcp()(place, {"SECRET_MANAGER_EMULATOR_HOST": manager.address})


def refused(manager, place=PLACE):
    """What keeps us from it: as what it is counted, and how it is told."""
    with pytest.raises(Unusable) as why:
        ask(manager, place)
    return why.value.outcome, str(why.value)


def test_latest_is_told_by_the_number_it_resolved_to(manager):
    """Which version a service runs is what drifted in the incident reports."""
    found = ask(manager)

    assert (manager.values[6], "7", "") == (found.value, found.version, found.latest)


def test_a_pinned_version_is_held_against_the_newest(manager):
    """Its value is that of the pinned one."""
    found = ask(manager, f"{PLACE}/versions/5")

    assert (manager.values[4], "5", "7") == (found.value, found.version, found.latest)


def test_a_newest_that_cannot_be_read_is_not_told(manager):
    """The pinned one is good all the same."""
    manager.disable("jwt", 7)

    assert ("5", "") == (ask(manager, f"{PLACE}/versions/5").version, ask(manager, f"{PLACE}/versions/5").latest)


def test_a_disabled_version_is_missing(manager):
    """`latest` is the newest that was made, disabled or not."""
    manager.disable("jwt", 7)

    assert (Fetched.MISSING, "the version is disabled or destroyed (HTTP 400)") == refused(manager)


@pytest.mark.parametrize("place", ["projects/staging/secrets/other", f"{PLACE}/versions/8"])
def test_what_is_not_there_is_missing(manager, place):
    """A secret, or one version of it."""
    assert (Fetched.MISSING, "Secret Manager has no such secret or version (HTTP 404)") == refused(manager, place)


@pytest.mark.parametrize(
    ("status", "outcome", "why"),
    [
        (403, Fetched.REFUSED, "Secret Manager refuses us (HTTP 403): grant roles/secretmanager.secretAccessor"),
        (429, Fetched.AWAY, "Secret Manager is asked too often (HTTP 429)"),
        (500, Fetched.AWAY, "Secret Manager is out of order (HTTP 5xx)"),
        (503, Fetched.AWAY, "Secret Manager is out of order (HTTP 5xx)"),
    ],
)
def test_each_no_is_told_in_our_words(manager, status, outcome, why):
    """Whether it is away or refuses us decides whom to ask."""
    manager.status = status

    assert (outcome, why) == refused(manager)


def test_a_dead_manager_is_away(manager):
    """Nobody listens."""
    manager.die()

    assert (Fetched.AWAY, "Secret Manager cannot be reached") == refused(manager)


def test_nobody_follows_elsewhere(manager):
    """Where a redirect leads our credentials are none of anybody's business."""
    elsewhere = SecretManager()
    with elsewhere.running():
        manager.redirect_to = f"http://{elsewhere.address}"

        assert (Fetched.AWAY, "Secret Manager points elsewhere, where nobody follows") == refused(manager)
    assert not elsewhere.asked


def test_an_endless_answer_is_not_read(manager):
    """A secret has 64 KiB at most."""
    manager.padding = 2 * 1024 * 1024

    assert (Fetched.UNUSABLE, "the answer is too long for a secret") == refused(manager)


def test_bytes_that_are_no_text_are_not_quoted(manager):
    """The complaint of the codec would hold them."""
    manager.add("jwt", b"\xff\xfe")

    assert (Fetched.UNUSABLE, "is not text") == refused(manager)


@pytest.mark.parametrize("place", ["staging/jwt", "projects/p/secrets", f"{PLACE}/versions/7/8"])
def test_what_is_no_place_is_not_asked_for(manager, place):
    """The complaint shows how one is written."""
    outcome, why = refused(manager, place)

    assert (Fetched.UNUSABLE, True, []) == (outcome, "projects/P/secrets/S" in why, manager.asked)


def test_without_the_extra_it_is_said_which(manager, monkeypatch):
    """The library is large, and optional."""
    monkeypatch.setitem(__import__("sys").modules, "google.cloud", None)

    outcome, why = refused(manager)
    assert (Fetched.UNUSABLE, True) == (outcome, 'pip install "post-deploy-prober[gcp]"' in why)
