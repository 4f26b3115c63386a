"""Tests of prober/publish/evidence_text.py."""

import pytest

from prober.publish.document import document
from prober.publish.evidence import evidence_of
from prober.publish.evidence_text import evidence_text
from tests.publish import builders as p


@pytest.mark.parametrize(
    ("name", "report"),
    [("evidence-healthy.txt", p.build_report()), ("evidence-broken.txt", p.broken_report())],
    ids=["healthy", "broken"],
)
def test_the_page_reads_as_it_should(golden, name, report):
    """Verdict and cause, why, the time line, why not the others; then look by look, what did not hold first."""
    text = evidence_text(evidence_of(document(report)))

    assert text == golden(name, text)


def test_who_asked_and_what_was_announced_is_said():
    """Where somebody said so."""
    report = p.build_report(reason="nightly", revision="abc1234")
    text = evidence_text(evidence_of(document(report)))

    assert "asked for: nightly\nannounced: abc1234\nanswered: auth abc1234\n" in text
