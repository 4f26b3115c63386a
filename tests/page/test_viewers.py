import pytest

from prober.publish.feed import MOST_LISTENERS
from tests.page import viewers


@pytest.mark.long
@pytest.mark.asyncio(loop_scope="module")
async def test_the_short_form(tmp_path):
    """Fifty viewers are told of each run and fetch what changed; nobody is turned away, and turns go on beside them."""
    async with viewers.looked_at(tmp_path, 1, "5s") as there:
        shown = await viewers.shown(there.served.url, times=1)
        phase = await viewers.measured(there, viewers.Crowd(50, 3, reports=100))

    assert (0, ()) == (phase.heard.refused, tuple(phase.heard.broken))
    assert phase.heard.reports >= 100
    assert 50 <= phase.heard.parts <= phase.heard.reports
    assert len(phase.late) >= 1
    assert [1, 1, 1] == [len(shown.first_paint), len(shown.live), len(shown.long_view)]
    assert shown.kilobytes > 5


def test_as_many_may_listen_as_are_measured():
    """And a few others."""
    assert MOST_LISTENERS > 50
