import random

import pytest

from tests.safety.configs import MOST_MEBIBYTES, document, examine


def test_each_config_is_loaded_or_told_what_is_wrong_with_it():
    """No exception, each complaint with its place, no secret in it, in little memory and in no time worth telling."""
    findings = examine(150, seed=20)

    assert [] == [flaw for flaw in findings.wrong if " s, " not in flaw]  # time and memory: the long run
    assert 150 == findings.loaded + findings.refused
    assert findings.loaded > 5
    assert findings.largest_mebibytes < MOST_MEBIBYTES


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_makes_the_same_config(seed):
    """So that what was found can be found again."""
    assert document(random.Random(seed)) == document(random.Random(seed))
