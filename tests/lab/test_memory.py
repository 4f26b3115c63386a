"""What is remembered is remembered for a while, and not without bound."""

from prober.lab import memory
from prober.lab.memory import Memory


def test_a_value_is_kept_for_its_time():
    """A value can be had until it is too old."""
    long, short = Memory[str](60), Memory[str](-1)
    long.put("k", "v")
    short.put("k", "v")

    assert ("v", None) == (long.get("k"), short.get("k"))


def test_nothing_is_kept_once_forgotten():
    """A cleared memory knows nothing."""
    kept = Memory[str](60)
    kept.put("k", "v")
    kept.clear()

    assert kept.get("k") is None


def test_the_oldest_gives_way(monkeypatch):
    """A full memory drops what came first."""
    monkeypatch.setattr(memory, "MOST", 2)
    kept = Memory[int](60)
    for number in range(3):
        kept.put(str(number), number)

    assert [None, 1, 2] == [kept.get(str(number)) for number in range(3)]
