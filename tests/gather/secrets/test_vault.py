"""HashiCorp Vault's KV version 2, as hvac asks it."""

import secrets

import pytest

from prober.gather.secret_source import Unusable
from prober.gather.secrets.vault import FromVault
from prober.model.copies import Fetched
from tests.rotation.managers import Vault

PLACE = "secret/staging/auth#jwt_secret"
PATH = "staging/auth"


@pytest.fixture
def manager():
    """One with three versions of a secret, and a role that may read it."""
    made = Vault()
    made.values = [secrets.token_urlsafe(32) for _ in range(3)]
    for value in made.values:
        made.add(PATH, jwt_secret=value, other="x", number=7)
    made.roles[("prober", "by-secret-id")] = [PATH]
    made.roles[("prober", "by-pod")] = [PATH]
    with made.running():
        yield made


def environ(manager, **more):
    """Where it is, and as whom."""
    return {"VAULT_ADDR": f"http://{manager.address}", **more}


def given(manager, *paths):
    """An environment with a token."""
    return environ(manager, VAULT_TOKEN=manager.token(*(paths or [PATH])))


def refused(settings, place=PLACE):
    """What keeps us from it: as what it is counted, and how it is told."""
    with pytest.raises(Unusable) as why:
        FromVault()(place, settings)
    return why.value.outcome, str(why.value)


def test_a_value_comes_with_the_version_it_is_of(manager):
    """And with the token it was asked with, which is to be blotted out."""
    settings = given(manager)
    found = FromVault()(PLACE, settings)

    assert (manager.values[2], "3", "") == (found.value, found.version, found.latest)
    assert (settings["VAULT_TOKEN"],) == found.credentials


def test_a_pinned_version_is_held_against_the_newest(manager):
    """`@2` behind the key pins one."""
    found = FromVault()(f"{PLACE}@2", given(manager))

    assert (manager.values[1], "2", "3") == (found.value, found.version, found.latest)


def test_a_deleted_version_is_missing(manager):
    """As one that never was."""
    manager.delete(PATH, 3)
    told = (Fetched.MISSING, "Vault has no such secret, or its version was deleted (HTTP 404)")

    assert told == refused(given(manager))
    assert told == refused(given(manager), f"{PLACE}@9")


@pytest.mark.parametrize("key", ["nothing", "number"])
def test_a_key_without_text_is_missing(manager, key):
    """Whatever else the secret holds."""
    assert (Fetched.MISSING, "holds no text under that key") == refused(given(manager), f"secret/{PATH}#{key}")


def test_a_policy_that_lacks_it_refuses_us(manager):
    """As does a token that has ended."""
    told = (Fetched.REFUSED, "Vault refuses us (HTTP 403): the token ended, or its policy lacks `read` there")

    assert told == refused(given(manager, "another/path"))
    assert told == refused(environ(manager, VAULT_TOKEN="hvs.of-yesterday"))


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (429, "Vault is asked too often (HTTP 429)"),
        (500, "Vault is out of order"),
        (502, "Vault is out of order"),
        (503, "Vault is sealed, or in maintenance (HTTP 503)"),
    ],
)
def test_each_no_is_told_in_our_words(manager, status, why):
    """These are all away."""
    manager.status = status

    assert (Fetched.AWAY, why) == refused(given(manager))


def test_a_sealed_one_is_away_until_it_is_unsealed(manager):
    """The token we hold stays good."""
    vault, settings = FromVault(), given(manager)
    vault(PLACE, settings)
    manager.is_sealed = True
    with pytest.raises(Unusable):
        vault(PLACE, settings)
    manager.is_sealed = False

    assert "3" == vault(PLACE, settings).version


def test_a_token_that_is_given_is_renewed_before_it_ends(manager):
    """At half of its life; nobody else would."""
    now = [0.0]
    vault, settings = FromVault(lambda: now[0]), given(manager)
    manager.life_seconds = 100
    for now[0] in (0.0, 40.0, 60.0, 70.0):
        vault(PLACE, settings)

    assert 2 == manager.asked.count(("POST", "/v1/auth/token/renew-self"))


def test_another_token_is_taken_up(manager, tmp_path):
    """Whoever keeps the file writes a new one there."""
    file = tmp_path / "token"
    file.write_text(f"{manager.token(PATH)}\n")
    vault, settings = FromVault(), environ(manager, VAULT_TOKEN_FILE=str(file))
    vault(PLACE, settings)
    manager.revoke_all()
    file.write_text(manager.token(PATH))

    assert (file.read_text(),) == vault(PLACE, settings).credentials


def test_a_role_logs_in_once(manager, tmp_path):
    """With its secret id from a file; the token is kept for half of its life."""
    (tmp_path / "id").write_text("by-secret-id\n")
    vault = FromVault()
    settings = environ(manager, VAULT_ROLE_ID="prober", VAULT_SECRET_ID_FILE=str(tmp_path / "id"))
    vault(PLACE, settings)

    assert "3" == vault(PLACE, settings).version
    assert 1 == manager.asked.count(("POST", "/v1/auth/approle/login"))


def test_a_pod_logs_in_by_its_account(manager, tmp_path):
    """With the token that Kubernetes mounts."""
    (tmp_path / "token").write_text("by-pod")
    settings = environ(manager, VAULT_KUBERNETES_ROLE="prober", VAULT_KUBERNETES_TOKEN_FILE=str(tmp_path / "token"))

    assert "3" == FromVault()(PLACE, settings).version


def test_a_login_that_was_revoked_is_done_again(manager):
    """We were lent that token, and may ask for another."""
    vault, settings = FromVault(), environ(manager, VAULT_ROLE_ID="prober", VAULT_SECRET_ID="by-secret-id")
    vault(PLACE, settings)
    manager.revoke_all()

    assert "3" == vault(PLACE, settings).version


def test_nobody_follows_elsewhere(manager):
    """The token travels in a header that requests would carry along."""
    elsewhere = Vault()
    with elsewhere.running():
        settings = given(manager)
        manager.redirect_to = f"http://{elsewhere.address}"

        assert Fetched.AWAY is refused(settings)[0]
    assert not elsewhere.asked


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "VAULT_ADDR is not set"),
        ({"VAULT_ADDR": "http://vault.example:8200", "VAULT_TOKEN": "t"}, "VAULT_ADDR is not https"),
        ({"VAULT_ADDR": "https://127.0.0.1:1"}, "as whom?"),
        ({"VAULT_ADDR": "https://127.0.0.1:1", "VAULT_TOKEN_FILE": "/nowhere"}, "/nowhere cannot be read"),
    ],
)
def test_without_where_and_as_whom_nobody_is_asked(settings, why):
    """The complaint names the variable."""
    assert why in refused(settings)[1]


def test_a_dead_one_is_away(manager):
    """Nobody listens."""
    settings = given(manager)
    manager.die()

    assert (Fetched.AWAY, "Vault cannot be reached") == refused(settings)


def test_without_the_extra_it_is_said_which(manager, monkeypatch):
    """Hvac is optional."""
    monkeypatch.setitem(__import__("sys").modules, "hvac", None)

    assert 'pip install "post-deploy-prober[vault]"' in refused(given(manager))[1]
