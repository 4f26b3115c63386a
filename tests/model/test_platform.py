"""What a platform said is asked for by name: the first that is set, and what is surely missing."""

import pytest

from prober.model.platform import Source, Variable
from tests import builders as b


def test_the_first_name_that_is_set_is_the_one_in_use():
    """Services try their names in turn."""
    told = b.configuration(JWT_SECRET_KEY="1", JWT_SECRET="2")

    assert "JWT_SECRET_KEY" == told.variable(("JWT_SECRET_STAGING", "JWT_SECRET_KEY", "JWT_SECRET")).name
    assert told.variable(("ANOTHER",)) is None


@pytest.mark.parametrize(
    ("more", "lacks"),
    [({}, True), ({"ANOTHER": "1"}, False), ({"is_complete": False}, False), ({"unsure": ("ANOTHER",)}, False)],
)
def test_only_what_is_surely_missing_is_lacking(more, lacks):
    """What nobody could see may be there."""
    assert lacks is b.configuration(**more).lacks("ANOTHER")


def test_nothing_is_kept_of_names_that_nobody_asks_about():
    """A platform is asked about what its config names, and no more."""
    asked = b.platform(requires=("REDIS_URL",), forbids=("DEMO_MODE",)).asked_names

    assert {"REDIS_URL", "DEMO_MODE", "SERVICE_SECRET", "JWT_SECRET", "E2E_OAUTH_SIMULATION_KEY"} < asked
    assert "DATABASE_URL" not in asked


def test_a_setting_holds_no_value():
    """There is no field that one could be put into."""
    assert {"name", "source", "secret", "version", "alike"} == set(Variable.__slots__)
    assert {"literal", "secret", "other"} == set(Source)
