"""What can keep us from seeing."""

import pytest

from prober.model.trouble import TroubleKind
from prober.model.verdict import Reason


@pytest.mark.parametrize("kind", TroubleKind)
def test_every_trouble_is_a_reason(kind):
    """A step that could not be looked at says why in the same word, here and in the metrics."""
    assert str(kind) == str(Reason(kind))
