import json

import pytest

from prober.config.limits import LARGEST_BYTES, MOST_STEPS, MOST_VALUES, USUAL, Limits, limits
from prober.config.load import load
from prober.model.errors import ConfigError


def written(folder, chains, steps=100):
    """A config of so many chains, in a file."""
    named = [{"name": f"s{number}", "probe": "tcp", "service": "auth"} for number in range(steps)]
    config = {
        "version": 1,
        "environment": "staging",
        "budget": {"requests_per_second": 1e4},
        "services": {"auth": {"role": "auth", "url": "https://auth.example"}},
        "chains": {f"chain-{number}": {"steps": named} for number in range(chains)},
    }
    path = folder / "probes.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


@pytest.mark.parametrize("environ", [{}, {"PROBER_MOST_STEPS": ""}])
def test_what_nobody_says_is_as_usual(environ):
    """An empty variable says nothing."""
    assert USUAL == limits(environ)


def test_more_steps_are_as_many_times_the_bytes_and_values():
    """So that whoever needs one of them needs to know of one only."""
    assert Limits(5000, int(2.5 * LARGEST_BYTES), int(2.5 * MOST_VALUES)) == limits({"PROBER_MOST_STEPS": "5000"})


@pytest.mark.parametrize("text", ["many", "1999", "0", "-1", "1000001", "1e6", "9" * 5000])
def test_what_is_no_such_number_is_complained_of(text):
    """Nobody lowers them: what was valid stays valid."""
    with pytest.raises(ConfigError, match=r"PROBER_MOST_STEPS: '.*' is no number of steps; write 2000 to 1000000"):
        limits({"PROBER_MOST_STEPS": text})


def test_a_file_that_is_beyond_them_is_read_where_more_is_allowed_for(tmp_path):
    """By its steps or its values; what is still beyond is told with what is allowed for."""
    allowed, wanted = {"PROBER_MOST_STEPS": "3100"}, "or allow for more by PROBER_MOST_STEPS"
    found = load(written(tmp_path, 31), allowed)

    assert 31 * 100 == sum(len(chain.steps) for chain in found.chains.values())
    with pytest.raises(ConfigError, match=f"have 3200 steps together; make it 3100 at most, {wanted}"):
        load(written(tmp_path, 32), allowed)
    with pytest.raises(ConfigError, match=f"have 3100 steps together; make it {MOST_STEPS} at most, {wanted}"):
        load(written(tmp_path, 31), {})
