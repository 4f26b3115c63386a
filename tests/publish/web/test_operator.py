from inspect import getmembers, isfunction, signature

import pytest

from prober.publish.web.operator import Operator
from tests.publish.web.conftest import FakeOperator


@pytest.mark.parametrize("name", [name for name, _ in getmembers(Operator, isfunction) if not name.startswith("_")])
def test_the_fake_is_like_the_real_thing(name):
    """The operator of these tests takes what the protocol says."""
    assert str(signature(getattr(FakeOperator, name))) == str(signature(getattr(Operator, name)))
