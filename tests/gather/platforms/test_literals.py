"""Literals are told apart and found alike without being kept."""

from prober.gather.platforms.literals import Literals


def test_equal_values_have_one_number():
    """Within one look."""
    literals = Literals()

    assert literals.alike("netra-backend") == literals.alike("netra-backend")
    assert literals.alike("netra-backend") != literals.alike("netra-backend-old")


def test_no_value_is_kept():
    """Nor anything by which somebody without this look's key could find it again."""
    value = "a-password-that-nobody-keeps"
    literals, other = Literals(), Literals()
    literals.alike(value)
    other.alike(value)

    held = str(literals._numbers)
    assert value not in held
    assert "Literals()" == repr(literals)
    assert set(literals._numbers).isdisjoint(other._numbers)


def test_any_text_of_json_will_do():
    """JSON can hold halves of characters, which no encoding can."""
    assert 0 == Literals().alike("\ud800")
