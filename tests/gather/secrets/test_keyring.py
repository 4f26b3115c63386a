"""The keyring: fetches once, checks, and blots out."""

import secrets

import pytest

from prober.gather.secrets import EXPOSURES, SOURCES, Exposure, Keyring, blot_all
from prober.model.errors import SecretUnavailable
from prober.model.secret import Secret

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


@pytest.mark.parametrize("reference", ["JWT", "vault:jwt", "env:", ""])
def test_a_reference_without_a_known_source_is_refused(reference):
    """The complaint lists the sources there are."""
    ring = Keyring({"jwt": reference}, {"JWT": VALUE})

    with pytest.raises(SecretUnavailable) as refused:
        ring.get("jwt")

    assert refused.value.why == "needs a reference that begins with one of env:, file:"


def test_a_name_without_reference_is_refused():
    """A secret nobody configured is our own fault too, and says so."""
    with pytest.raises(SecretUnavailable, match=r"secret 'other' \(no reference\)"):
        Keyring({}, {}).get("other")


def test_each_source_has_a_scheme():
    """The sources are those the documents promise."""
    assert set(SOURCES) == {"env", "file"} == set(EXPOSURES)


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
