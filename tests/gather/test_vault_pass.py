"""As whom Vault is asked; test_vault.py sees what comes of it."""

import pytest

from prober.gather.secret_source import Unusable
from prober.gather.vault_pass import let_in
from tests.rotation.managers import Vault


@pytest.fixture
def manager():
    """One that lends tokens for a hundred seconds."""
    made = Vault()
    made.life_seconds = 100
    made.roles[("prober", "by-secret-id")] = ["x"]
    with made.running():
        yield made


def test_a_pass_is_good_for_half_of_the_tokens_life(manager):
    """By the stopwatch; and only as long as nobody gives us another token."""
    settings = {"VAULT_ADDR": f"http://{manager.address}", "VAULT_TOKEN": manager.token("x")}
    held = let_in(settings, 1000.0)

    assert [True, False] == [held.is_good(settings, seconds) for seconds in (1049.0, 1050.0)]
    assert not held.is_good({**settings, "VAULT_TOKEN": "another"}, 1000.0)


def test_a_given_token_goes_before_a_login(manager):
    """And is not lent: no login would give it again."""
    role = {"VAULT_ADDR": f"http://{manager.address}", "VAULT_ROLE_ID": "prober", "VAULT_SECRET_ID": "by-secret-id"}
    given = {**role, "VAULT_TOKEN": manager.token("x")}

    assert (True, False) == (let_in(role, 0.0).is_lent, let_in(given, 0.0).is_lent)


def test_a_wrong_login_is_refused_without_quoting_it(manager):
    """The secret id is a secret."""
    settings = {"VAULT_ADDR": f"http://{manager.address}", "VAULT_ROLE_ID": "prober", "VAULT_SECRET_ID": "wrong-id"}

    with pytest.raises(Unusable, match=r"^Vault does not take what we say \(HTTP 400\)$"):
        let_in(settings, 0.0)
