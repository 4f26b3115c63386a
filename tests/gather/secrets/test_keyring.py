"""The keyring: fetches once, checks, and blots out."""

import asyncio
import secrets

import pytest

from prober.gather.clock import SystemClock
from prober.gather.secrets import EXPOSURES, REMOTE, Exposure, Keyring, blot_all, sources
from prober.model.chain import IdentityToken
from prober.model.errors import SecretUnavailable
from prober.model.secret import Secret
from tests.rotation.managers import SecretManager, Vault

VALUE = "Zk3-v9Qp_7Lw2Xs8"


def test_a_secret_is_fetched_from_its_reference():
    """`env:NAME` names the variable."""
    secret = Keyring({"jwt": "env:JWT_SECRET"}, {"JWT_SECRET": VALUE}).get("jwt")

    assert (secret.name, secret.reveal()) == ("jwt", VALUE)


def test_a_secret_is_fetched_from_a_file(tmp_path):
    """`file:PATH` names the file, and its last newline is no part of the secret."""
    (tmp_path / "jwt").write_text(f"{VALUE}\n")

    assert Keyring({"jwt": f"file:{tmp_path}/jwt"}, {}).get("jwt").reveal() == VALUE


def test_a_secret_is_fetched_once():
    """A variable that changes later changes nothing, and the very same Secret is given."""
    environ = {"JWT": VALUE}
    ring = Keyring({"jwt": "env:JWT"}, environ)
    first = ring.get("jwt")
    environ["JWT"] = "another-value"

    assert ring.get("jwt") is first


def test_a_fetch_that_failed_is_tried_again():
    """A secret that was missing is found once it is there."""
    environ = {}
    ring = Keyring({"jwt": "env:JWT"}, environ)
    with pytest.raises(SecretUnavailable):
        ring.get("jwt")
    environ["JWT"] = VALUE

    assert ring.get("jwt").reveal() == VALUE


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "is empty"),
        (f"{VALUE}\n", "has white space at an end; a trailing newline is the usual reason"),
        (f" {VALUE}", "has white space at an end; a trailing newline is the usual reason"),
        ("Zk3-v9Qp 7Lw2Xs8", "has white space inside"),
        ("Zk3-v9Qp\x007Lw2Xs8", "holds a control character"),
        ("Zk3-v9Qp-Schlüssel", "holds a character that is not ASCII"),
        ("short", "is shorter than 6 characters, too short to be kept out of what is shown"),
    ],
)
def test_an_unusable_value_is_refused_without_quoting_it(value, why):
    """The sentence names secret, reference and flaw; the value is in no part of the exception's text."""
    ring = Keyring({"jwt": "env:JWT"}, {"JWT": value})

    with pytest.raises(SecretUnavailable) as refused:
        ring.get("jwt")

    assert str(refused.value) == f"secret 'jwt' (env:JWT): {why}"


@pytest.mark.parametrize("reference", ["JWT", "aws:jwt", "env:", ""])
def test_a_reference_without_a_known_source_is_refused(reference):
    """The complaint lists the sources there are."""
    ring = Keyring({"jwt": reference}, {"JWT": VALUE})

    with pytest.raises(SecretUnavailable) as refused:
        ring.get("jwt")

    assert refused.value.why == "needs a reference that begins with one of env:, file:, gcp:, vault:"


def test_a_name_without_reference_is_refused():
    """A secret nobody configured is our own fault too, and says so."""
    with pytest.raises(SecretUnavailable, match=r"secret 'other' \(no reference\)"):
        Keyring({}, {}).get("other")


def test_each_source_has_a_scheme():
    """The sources are those the documents promise."""
    assert {"env", "file", "gcp", "vault"} == set(sources()) == set(EXPOSURES) | REMOTE


def test_a_redactor_given_early_blots_what_is_fetched_later():
    """The wires get their redactor before any secret is fetched."""
    ring = Keyring({"jwt": "env:JWT"}, {"JWT": VALUE})
    redact = ring.redactor()
    ring.get("jwt")

    assert redact(f"key={VALUE}") == "key=[jwt]"


def test_a_redactor_blots_tokens_by_their_shape():
    """Tokens need not be remembered, so memory stays flat."""
    redact = Keyring({}, {}).redactor()

    assert redact("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln back") == "got [token] back"


def test_a_redactor_blots_the_signatures_of_the_newest_tokens():
    """A target may say one back in a later answer; older ones have run out, and memory stays flat."""
    ring = Keyring({}, {})
    signatures = [secrets.token_urlsafe(32) for _ in range(600)]
    for signature in signatures:
        ring.heed(Secret("token", f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{signature}"))
    shown = [ring.redactor()(signature) for signature in signatures]

    assert signatures[:88] + ["[token]"] * 512 == shown


def test_what_others_may_come_by_is_told(tmp_path):
    """By name, reference and reason; what is kept well, or not there, is not."""
    for name, mode in (("open", 0o644), ("kept", 0o400)):
        (tmp_path / name).write_text(VALUE)
        (tmp_path / name).chmod(mode)
    places = {
        "open": f"file:{tmp_path}/open",
        "kept": f"file:{tmp_path}/kept",
        "gone": "env:GONE",
        "strange": "vault:x",
    }
    [told] = Keyring(places, {}).exposures()

    assert Exposure("open", f"file:{tmp_path}/open", told.why) == told


def test_the_last_words_are_blotted_by_every_keyring():
    """Where something breaks nobody knows whose secrets it quotes."""
    values = {name: secrets.token_urlsafe(32) for name in ("one", "two")}
    rings = [Keyring({name: "env:KEY"}, {"KEY": value}) for name, value in values.items()]
    for ring, name in zip(rings, values, strict=True):
        ring.get(name)

    assert "[one] [two]" == blot_all(" ".join(values.values()))


# ── rotation ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Stopwatch(SystemClock):
    """One that goes on when it is told."""

    def __init__(self):
        """At nought."""
        self.at = 0.0

    def seconds(self):
        """What it was told."""
        return self.at


@pytest.fixture
def manager():
    """A Secret Manager with one version of `jwt`."""
    made = SecretManager()
    made.add("jwt", VALUE)
    with made.running():
        yield made


def ring_of(manager, clock=None, **more):
    """A ring that asks it, with an overlap of a minute; `fetches` hears of each time."""
    fetches = []
    environ = {"SECRET_MANAGER_EMULATOR_HOST": manager.address}
    places = {"jwt": "gcp:projects/p/secrets/jwt"}
    made = Keyring(places, environ, overlap_seconds=60, clock=clock or Stopwatch(), told=fetches.append, **more)
    made.fetches = fetches
    return made


def labels(ring):
    """The versions of `jwt` that count."""
    return [version.label for version in ring.held("jwt")]


async def test_both_versions_count_until_the_overlap_is_over(manager):
    """The newest comes first; afterwards it alone counts, and the one before it only tells who was left behind."""
    clock = Stopwatch()
    ring = ring_of(manager, clock)
    await ring.prime()
    manager.add("jwt", "another-value-of-it")
    await ring.refresh()
    during = labels(ring)
    clock.at = 61.0

    assert (["2", "1"], ["2"], "1") == (during, labels(ring), ring.outdated("jwt").label)
    assert [False, True] == [fetch.is_rotated for fetch in ring.fetches]


async def test_the_same_value_under_another_number_begins_no_overlap(manager):
    """Somebody added what was there already."""
    ring = ring_of(manager)
    await ring.prime()
    manager.add("jwt", VALUE)
    await ring.refresh()

    assert ["2"] == labels(ring)


async def test_tokens_that_were_sent_are_known_after_a_rotation_too(manager):
    """What was lent to us as well: neither has to do with the secret that was changed."""
    ring, wanted = ring_of(manager), IdentityToken(audience="https://backend.test")
    sent, lent = secrets.token_urlsafe(32), [secrets.token_urlsafe(32) for _ in range(3)]
    await ring.prime()
    ring.heed(Secret("token", f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{sent}"))
    for signature in lent:
        ring.lend(wanted, Secret("identity token", f"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.{signature}"))
    manager.add("jwt", "another-value-of-it")
    await ring.refresh()
    shown = [ring.redactor()(each) for each in (sent, *lent)]

    assert ["[token]", lent[0], "[identity token]", "[identity token]"] == shown


@pytest.mark.parametrize("trouble", ["away", "denied", "disabled", "unusable"])
async def test_the_last_good_value_stays(manager, trouble):
    """Whatever the source does later."""
    ring = ring_of(manager)
    await ring.prime()
    first = ring.get("jwt")
    {
        "away": manager.die,
        "denied": lambda: setattr(manager, "status", 403),
        "disabled": lambda: manager.disable("jwt", 1),
        "unusable": lambda: manager.add("jwt", "with a newline at its end\n"),
    }[trouble]()
    await ring.refresh()

    assert ring.get("jwt") is first
    [copy] = ring.copies()
    assert ("1", True) == (copy.version, copy.failing is not None)


async def test_a_source_that_hangs_is_left_behind(manager, monkeypatch):
    """After the deadline; and it is not asked a third time before it has answered."""
    monkeypatch.setattr("prober.gather.secrets.FETCH_SECONDS", 0.05)
    manager.hangs.set()
    ring = ring_of(manager)
    for _ in range(3):
        await ring.refresh()

    assert ["away"] * 3 == [fetch.outcome for fetch in ring.fetches]
    assert "it has not answered the question before" == ring.fetches[2].why
    with pytest.raises(SecretUnavailable):
        ring.get("jwt")


async def test_without_a_value_nobody_waits_for_the_source_twice(manager):
    """What could not be had at the start is missing at once, until the next question brings it."""
    manager.status = 503
    ring = ring_of(manager)
    await ring.prime()
    asked = len(manager.asked)
    with pytest.raises(SecretUnavailable, match="out of order"):
        ring.get("jwt")
    manager.status = 0
    assert asked == len(manager.asked)
    await ring.refresh()

    assert VALUE == ring.get("jwt").reveal()


async def test_who_was_turned_away_at_once_is_served_by_one_question(manager):
    """Ten looks that were refused ask the source once."""
    ring = ring_of(manager, SystemClock())
    await ring.prime()
    before = len(manager.asked)
    await asyncio.gather(*(ring.renew(["jwt"]) for _ in range(10)))

    assert 1 == len(manager.asked) - before


async def test_nobody_waits_long_for_a_newer_version(manager, monkeypatch):
    """Nor at all for a source that has just failed."""
    monkeypatch.setattr("prober.gather.secrets._LOOK_WAITS_SECONDS", 0.05)
    ring = ring_of(manager, SystemClock())
    await ring.prime()
    manager.hangs.set()
    await ring.renew(["jwt"])
    manager.hangs.clear()
    manager.status = 503
    await ring.refresh()
    asked = len(manager.asked)
    await ring.renew(["jwt"])

    assert asked == len(manager.asked)


async def test_the_environment_is_not_asked_again():
    """That of a process does not change."""
    ring = Keyring({"jwt": "env:JWT"}, {"JWT": VALUE})
    first = ring.get("jwt")
    await ring.refresh()
    await ring.renew(["jwt"])

    assert ring.get("jwt") is first


async def test_every_version_is_blotted_out(manager):
    """A service may quote the old one, long after."""
    ring = ring_of(manager)
    await ring.prime()
    manager.add("jwt", "another-value-of-it")
    await ring.refresh()

    assert "[jwt] [jwt]" == ring.redactor()(f"{VALUE} another-value-of-it")


async def test_the_managers_own_token_is_blotted_out():
    """It opens more than what it was used for."""
    vault = Vault()
    vault.add("auth", jwt=VALUE)
    with vault.running():
        token = vault.token("auth")
        ring = Keyring(
            {"jwt": "vault:secret/auth#jwt"}, {"VAULT_ADDR": f"http://{vault.address}", "VAULT_TOKEN": token}
        )
        await ring.prime()

    assert "[the manager's token] [jwt]" == ring.redactor()(f"{token} {VALUE}")


async def test_a_reload_forgets_no_version(manager):
    """Not even while the source is away; another place is another secret."""
    ring = ring_of(manager)
    await ring.prime()
    manager.add("jwt", "another-value-of-it")
    await ring.refresh()
    manager.die()
    after, moved = ring_of(manager), Keyring({"jwt": "env:JWT"}, {"JWT": VALUE})
    for each in (after, moved):
        each.take_over(ring)
    await after.refresh()

    assert (["2", "1"], [""]) == (labels(after), labels(moved))
