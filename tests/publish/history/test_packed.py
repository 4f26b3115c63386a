import pytest

from prober.model.report import Facts
from prober.publish.history.packed import pack, unpack
from tests import builders as b
from tests.publish import builders as p


@pytest.mark.parametrize(
    "report",
    [
        p.build_report(),
        p.broken_report(),
        p.build_report(p.result(p.MESSAGES, b.trouble())),
        p.build_report(facts=(Facts(service="auth", certificate_not_after=b.NOON),)),
    ],
    ids=["healthy", "diagnosed", "trouble", "certificate"],
)
def test_unpacked_it_is_the_report_again(report):
    """Nothing is lost."""
    packed = pack(report)

    assert unpack(packed) == report
    assert (packed.run_id, packed.ended, packed.verdict) == (report.run.id, report.run.ended, report.run.verdict)


def test_what_reports_have_in_common_is_not_copied():
    """Chain, steps and causes are the very same ones."""
    report = p.broken_report()

    again = unpack(pack(report))

    assert again.run.chain is report.run.chain
    assert again.run.results[0].step is report.run.results[0].step
    assert again.diagnosis.causes[0].cause is report.diagnosis.causes[0].cause


def test_it_is_small():
    """What a report looks up and what it points to aside, it is a few thousand bytes."""
    packed = pack(p.broken_report())

    assert len(packed.data) < 4096
