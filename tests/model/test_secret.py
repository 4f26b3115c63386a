"""A secret has one way out; a redactor lets none through."""

import copy
import json
import pickle
import timeit

import pytest

from prober.model.forms import encoded, forms
from prober.model.secret import Redactor, Secret, TokenRedactor, worth_of

VALUE = "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6Mf4Hd0Jg"
SECRET = Secret("jwt", VALUE)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzdGFnaW5nIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "printed",
    [
        str(SECRET),
        repr(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        format(SECRET, ">40"),
        "%s" % SECRET,  # noqa: UP031 - this way of printing must be safe too
        str([SECRET]),
        str({"key": SECRET}),
        str(ValueError(SECRET)),
        json.dumps({"key": SECRET}, default=str),
    ],
)
def test_it_cannot_be_printed(printed):
    """However it is turned into text, only its name comes out."""
    assert VALUE not in printed
    assert "Secret('jwt')" in printed


@pytest.mark.parametrize("attempt", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_cannot_be_taken_along(attempt):
    """Nothing that would write it down, or make a second one, is let."""
    with pytest.raises(TypeError, match=r"^Secret\('jwt'\) is not to be pickled or copied$"):
        attempt(SECRET)


def test_it_has_no_attributes_to_dump():
    """What prints all of an object's attributes finds none."""
    with pytest.raises(TypeError, match="__dict__"):
        vars(SECRET)


def test_it_equals_nothing_but_itself():
    """A comparison by `==` could be timed, so it never looks at the value."""
    assert SECRET == SECRET  # noqa: PLR0124 - the point
    assert SECRET != Secret("jwt", VALUE)
    assert SECRET != VALUE
    assert 1 == len({SECRET, SECRET})


@pytest.mark.parametrize(("other", "same"), [(VALUE, True), (VALUE[:-1], False), ("", False), ("schlüssel", False)])
def test_it_is_compared_in_constant_time(other, same):
    """Equal or not is all that a comparison tells, also of texts beyond ASCII."""
    assert same is SECRET.matches(other)


def test_it_can_be_revealed():
    """The one way out is called by its name, so that it can be searched for."""
    assert VALUE == SECRET.reveal()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key={VALUE}!", "key=[jwt]!"),
        (f"{VALUE}{VALUE}", "[jwt][jwt]"),
        (f"Bearer {TOKEN}", "Bearer [token]"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "[token]"),  # without a signature
        ("jwt.ZXlKaGJHY2lPaUpJVXpJMU5pSjk", "jwt.[token]"),  # wrapped for a subprotocol
        ("eyJ alone is no token", "eyJ alone is no token"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_a_redactor_blots(text, expected):
    """Known values become their names and token shapes become `[token]`; the rest stays."""
    assert expected == Redactor([SECRET])(text)


def test_a_longer_secret_is_blotted_before_a_shorter_one_inside_it():
    """Else the rest of the longer one would be left standing."""
    redact = Redactor([Secret("short", "abcdef"), Secret("long", "abcdef-ghijkl")])

    assert "[long] [short]" == redact("abcdef-ghijkl abcdef")


def test_short_values_are_left_alone():
    """A secret of a few characters would blot out ordinary words; such are refused when they are loaded."""
    assert "later" == Redactor([Secret("short", "late")])("later")


@pytest.mark.parametrize("form", [form for form in dict.fromkeys(forms(VALUE)) if len(form) > 11])
def test_it_is_blotted_in_each_of_its_forms(form):
    """Encoded or hashed, whole or the larger part of it: a hash is shown cut off as often as not."""
    redact = Redactor([SECRET])

    assert ("<[jwt]>", "<[jwt]>") == (redact(f"<{form}>"), redact(f"<{form[:-4]}>"))


def test_a_token_is_heeded_until_it_is_forgotten():
    """By what makes it good; another redactor may know it too."""
    redact, token = Redactor([SECRET]), Secret("token", f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{VALUE[::-1]}")
    heeded = redact.heed(token)
    shown = [redact(VALUE[::-1]), Redactor([SECRET], [heeded])(VALUE[::-1])]
    redact.forget(heeded)

    assert ["[token]", "[token]", VALUE[::-1]] == [*shown, redact(VALUE[::-1])]


def test_a_secret_that_was_a_token_too_stays_a_secret():
    """Whoever knows it cannot have it shown by giving it to us as a token until it is forgotten as one."""
    redact = Redactor([SECRET])
    for heeded in [redact.heed(Secret("token", VALUE)) for _ in range(8)]:
        redact.forget(heeded)

    assert "[jwt]" == redact(VALUE[2:])


@pytest.mark.parametrize(
    ("token", "worth"),
    [
        (TOKEN, "c2lnbmF0dXJl"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", ""),
        ("eyJvcGFxdWUi", "eyJvcGFxdWUi"),
        (VALUE, VALUE),
    ],
)
def test_what_makes_a_token_good(token, worth):
    """Of a JWT the signature; whatever else it is, all of it."""
    assert worth == worth_of(Secret("token", token))


@pytest.mark.parametrize("text", [TOKEN, "c2lnbmF0dXJl", "…c2lnbmF0dXJl…", "63326c6e626d463064584a6c"])
def test_a_token_is_blotted_by_its_signature(text):
    """Alone, or encoded once more."""
    assert "[token]" in TokenRedactor(Secret("token", TOKEN))(text)


@pytest.mark.parametrize("value", [VALUE, 'k/e"y+with=signs', TOKEN])
def test_a_token_is_blotted_in_each_of_its_forms(value):
    """As a secret is, but for hashes of it."""
    redact, worth = TokenRedactor(Secret("token", value)), worth_of(Secret("token", value))
    written = [form for form in dict.fromkeys(encoded(worth)) if len(form) > 11]

    assert [f"<{'[token]'}>"] * len(written) == [redact(f"<{form}>") for form in written]
    assert "<[token]>" == redact(f"<{value}>")


def best_seconds(what):
    """How long it takes at best of many: what else the machine does only ever adds."""
    return min(timeit.repeat(what, number=1, repeat=30))


def test_how_much_of_a_guess_is_right_cannot_be_told_from_the_delay():
    """One that is wrong at its first character takes as long as one that is wrong at its last.

    What it takes to read both is left out. A comparison that ends at the first difference is done in no time; so
    half of the time is far from both, whatever the machine.
    """
    secret, guesses = Secret("token", "x" * 2**20), ("y" + "x" * (2**20 - 1), "x" * (2**20 - 1) + "y")
    reading = best_seconds(lambda: (secret.reveal().encode(), guesses[0].encode()))
    early, late = (best_seconds(lambda guess=guess: secret.matches(guess)) - reading for guess in guesses)

    assert late / 2 < early < late * 2
