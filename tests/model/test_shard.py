import pytest

from prober.model.shard import MOST, Shard


@pytest.mark.parametrize("text", ["1/1", "2/3", "1000/1000"])
def test_a_shard_is_read_as_it_is_written(text):
    """Number of how many."""
    assert text == str(Shard.read(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "0/3",
        "4/3",
        "x/y",
        "1/0",
        "/3",
        "2/",
        "1/2/3",
        "-1/3",
        "1.0/3",
        "²/3",
        f"1/{MOST + 1}",
        "1/" + "9" * 5000,
    ],
)
def test_what_is_no_shard_is_told_with_what_would_do(text):
    """However it is wrong."""
    with pytest.raises(ValueError, match=r"is no shard; write I/N with 1 ≤ I ≤ N ≤ 1000, e.g. 2/3"):
        Shard.read(text)
