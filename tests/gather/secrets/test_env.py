"""Secrets from the environment."""

import pytest

from prober.gather.secret_source import Unusable
from prober.gather.secrets.env import exposure_in_environment, from_env


def test_a_variable_is_given_as_it_stands():
    """Nothing is stripped: a services' own copy may not be stripped either."""
    assert " value\n" == from_env("JWT", {"JWT": " value\n"}).value


def test_a_variable_that_is_not_set_is_named():
    """The complaint says which variable is missing."""
    with pytest.raises(Unusable, match="the environment variable JWT is not set"):
        from_env("JWT", {"OTHER": "value"})


def test_whoever_reads_the_environment_reads_the_secret():
    """Wherever it is set; one that is not set is nowhere."""
    assert "JWT stands in the environment" in exposure_in_environment("JWT", {"JWT": "value"})
    assert not exposure_in_environment("JWT", {})
