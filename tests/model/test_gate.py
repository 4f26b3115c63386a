"""Tests of prober/model/gate.py."""

import pytest

from prober.model.gate import VERDICTS, Because, GateVerdict
from tests.publish.gates import build_gate


def test_every_reason_is_a_verdict():
    """Only one of them lets anybody go on."""
    assert set(VERDICTS) == set(Because)
    assert [Because.HELD] == [because for because, verdict in VERDICTS.items() if verdict is GateVerdict.PASS]


@pytest.mark.parametrize(("letters", "ratio"), [("++++", 1.0), ("+-", 0.5), ("--", 0.0), ("bb", None)])
def test_a_ratio_is_of_what_was_judged(letters, ratio):
    """Of nothing judged it is unknown."""
    assert build_gate(letters).ratio == ratio
