"""The session that libraries of managers are given; test_gcp.py and test_vault.py see what becomes of redirects."""

import pytest

from prober.gather.secret_session import LARGEST_BYTES, TooLarge, bounded
from tests.rotation.managers import Vault


@pytest.fixture
def manager():
    """One that answers anybody with 404."""
    with Vault().running() as made:
        made.status = 404
        yield made


def test_a_short_answer_is_read_as_usual(manager):
    """Status and JSON."""
    answer = bounded().get(f"http://{manager.address}/v1/x")

    assert (404, {"errors": ["no"]}) == (answer.status_code, answer.json())


def test_an_answer_has_a_bound(manager):
    """It is not read to its end."""
    manager.padding = LARGEST_BYTES

    with pytest.raises(TooLarge, match="longer than 1024 KiB"):
        bounded().get(f"http://{manager.address}/v1/x")


def test_nothing_is_taken_from_the_environment(manager, monkeypatch):
    """A proxy would see what is secret."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")

    assert 404 == bounded().get(f"http://{manager.address}/v1/x").status_code


def test_a_question_that_was_asked_is_not_asked_again(manager):
    """Only connecting is tried again."""
    manager.status = 503
    bounded().get(f"http://{manager.address}/v1/x")

    assert [("GET", "/v1/x")] == manager.asked
