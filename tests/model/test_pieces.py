"""Pieces are found wherever they begin and end."""

import secrets
import time

import pytest

from prober.model.pieces import SHORTEST_PIECE, Pieces

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
    pieces = known("the-first-0ne-of-all")
    pieces.learn(["the-first-0ne-of-the-others"], "[other]")
    pieces.forget("the-first-0ne-of-all")

    assert "the-first-0ne-of-th" not in pieces.blot("the-first-0ne-of-the-others")
    assert "xx0ne-of-all" == pieces.blot("xx0ne-of-all")


def test_a_copy_learns_by_itself():
    """What it is taught, the first does not know."""
    first = known("the-first-0ne-of-all")
    second = first.copy()
    second.learn([VALUE], "[second]")

    assert (VALUE, "[second]") == (first.blot(VALUE), second.blot(VALUE))


@pytest.mark.parametrize("value", ["a" * 4096, "ab" * 2048, secrets.token_urlsafe(4096)])
def test_no_value_makes_it_slow(value):
    """Not one that repeats itself in a text that does so too: 64 KiB take well under a second."""
    pieces, text = known(value), (value * 20)[: 64 * 1024]
    began = time.process_time()
    pieces.blot(text)

    assert 1 > time.process_time() - began
