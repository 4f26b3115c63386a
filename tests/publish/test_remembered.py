"""What a kept report still tells after a restart."""

import pytest

from prober.model.observation import Match
from prober.model.verdict import RunVerdict
from prober.publish.document import document
from prober.publish.remembered import Remembered
from tests import builders as b
from tests.publish import builders as p


def test_it_is_what_others_ask_for():
    """Verdict, causes, controls, secrets, revisions, and when that was."""
    report = p.broken_report(id="before", ended=b.NOON)
    told = Remembered.of(document(report))

    assert ("validation", "before", b.NOON, RunVerdict.FAIL) == (told.chain, told.run_id, told.ended, told.verdict)
    assert ("jwt_secret_drift",) == told.causes
    assert {(pair.secret, pair.left, pair.right): pair.match for pair in report.secrets} == told.pairs
    assert {Match.DIFFERENT} <= set(told.pairs.values())
    assert [("auth", "abc1234")] == [(facts.service, facts.revision) for facts in told.facts]
    assert {} == told.controls  # moot where the good token was refused too


def test_controls_that_could_be_told():
    """Each with its service, and whether its bad token was accepted."""
    report = p.build_report()
    clear = {control.step: (control.service, False) for control in report.controls}

    assert clear == Remembered.of(document(report)).controls != {}


def test_what_is_no_report_is_refused():
    """Of another schema, say."""
    with pytest.raises(KeyError):
        Remembered.of({"schema": 9})
