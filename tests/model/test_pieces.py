"""Pieces are found wherever they begin and end."""

import secrets
import time

import pytest

from prober.model.pieces import SHORTEST_PIECE, Loose, Pieces, form_of

VALUE = "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6Mf4Hd0Jg"


def known(*forms, label="[jwt]"):
    """Pieces that know these."""
    pieces = Pieces()
    pieces.learn(forms, label)
    return pieces


@pytest.mark.parametrize("at", range(len(VALUE) - SHORTEST_PIECE + 1))
@pytest.mark.parametrize("before", range(6))
def test_each_piece_of_twelve_letters_is_found(at, before):
    """Whichever piece it is, and wherever it stands."""
    text = "." * before + VALUE[at : at + SHORTEST_PIECE] + ".."

    assert "." * before + "[jwt].." == known(VALUE).blot(text)


def test_eleven_letters_are_left():
    """So little comes together by chance, and leaves nearly all to guess."""
    piece = VALUE[: SHORTEST_PIECE - 1]

    assert piece == known(VALUE).blot(piece)


@pytest.mark.parametrize("before", ["", ".", "....."])
@pytest.mark.parametrize("piece", [VALUE, VALUE.lower(), VALUE[3:15], VALUE[-12:], f"{VALUE}{VALUE[2:20]}"])
def test_what_is_known_loosely_is_found_all_the_same(piece, before):
    """In the first text as in those after it, and after many that held nothing."""
    loose, text = Loose([VALUE, VALUE[::-1]], "[jwt]"), f"{before}{piece}."
    shown = [loose.blot(each) for each in ("nothing of it", text, text, "nothing of it")]
    tired = Loose([VALUE, VALUE[::-1]], "[jwt]")
    untouched = {tired.blot("nothing of it at all") for _ in range(1000)}

    assert ["nothing of it", known(VALUE, VALUE[::-1]).blot(text)] * 2 == [shown[0], shown[1], shown[3], shown[2]]
    assert {"nothing of it at all"} == untouched
    assert shown[1] == tired.blot(text)


def test_what_is_known_loosely_is_found_in_nothing_else():
    """Not where two forms meet, nor in a text of half a form."""
    loose = Loose(["abcdef123456", "ghijkl789012"], "[jwt]")

    assert "123456\nghijkl" == loose.blot("123456\nghijkl")
    assert "abcdef12345" == loose.blot("abcdef12345")


def test_a_piece_that_tells_nothing_hides_none_that_does():
    """The same words are a small part of one form, and the larger part of another."""
    pieces = known("staging-service-and-much-more-of-it-than-that-9")
    pieces.learn(["staging-service"], "[other]")

    assert "the [other] says" == pieces.blot("the staging-service says")


def test_the_longest_piece_is_taken():
    """Of two secrets that begin alike, that which stands there."""
    pieces = known("same-beginning-A1B2C3")
    pieces.learn(["same-beginning-X7Y8Z9"], "[other]")

    assert "<[other]>" == pieces.blot("<same-beginning-X7Y8Z9>")


def test_the_case_of_letters_does_not_hide_it():
    """A proxy may write a header in small letters; what stands beside keeps its own case."""
    assert "Ä [jwt] Ö" == known(VALUE).blot(f"Ä {VALUE.lower()} Ö")
    assert "A [jwt] O" == known(VALUE).blot(f"A {VALUE.upper()} O")


def test_several_pieces_are_found_one_after_the_other():
    """With nothing between them too."""
    assert "[jwt][jwt] and [jwt]" == known(VALUE).blot(f"{VALUE}{VALUE} and {VALUE[5:20]}")


def test_plain_words_are_left_unless_they_are_most_of_it():
    """Secrets that people make up hold words, which stand in many texts."""
    pieces = known("netra-backend-Secret-2024")

    assert "netra-backend says [jwt]" == pieces.blot("netra-backend says netra-backend-Secret-20")


def test_what_is_forgotten_is_left():
    """And what is still known is found."""
    pieces, form = known("the-first-0ne-of-the-others", label="[other]"), form_of("the-first-0ne-of-all", "[jwt]")
    pieces.enter(form)
    pieces.forget(form)

    assert "the-first-0ne-of-th" not in pieces.blot("the-first-0ne-of-the-others")
    assert "xx0ne-of-all" == pieces.blot("xx0ne-of-all")


def test_of_two_that_are_alike_one_is_forgotten():
    """A peer may give us, as a token, what is a secret anyway."""
    pieces, form = known(VALUE), form_of(VALUE, "[token]")
    pieces.enter(form)
    pieces.forget(form)

    assert "[jwt]" == pieces.blot(VALUE)


def test_a_short_form_is_none():
    """And forgetting it changes nothing."""
    pieces, form = known("abcdefghijk"), form_of("abcdefghijk", "[token]")
    pieces.enter(form)
    pieces.forget(form)

    assert "abcdefghijk" == pieces.blot("abcdefghijk")


@pytest.mark.parametrize("value", ["a" * 4096, "ab" * 2048, secrets.token_urlsafe(4096)])
def test_no_value_makes_it_slow(value):
    """Not one that repeats itself in a text that does so too: 64 KiB take under a second."""
    texts = [(value * 20)[: 64 * 1024], (f"{value[:3000]}!" * 20)[: 64 * 1024]]
    began = time.process_time()
    for pieces in (known(value), Loose([value], "[jwt]")):
        for text in texts:
            pieces.blot(text)

    assert 4 > time.process_time() - began
