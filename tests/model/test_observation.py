"""What was seen of a socket's end."""

import pytest

from prober.model.observation import CUT, Initiator
from prober.model.trouble import Phase
from tests import builders as b


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (b.refused_late(1008), True),
        (b.welcomed(close_code=CUT, initiator=Initiator.NONE), True),
        (b.welcomed(close_code=1000, initiator=Initiator.CLIENT), False),
        (b.welcomed(close_code=None, initiator=Initiator.NONE), False),
        (b.refused_early(403), False),  # it never began
    ],
)
def test_who_ended_a_socket(seen, expected):
    """The peer did, if it sent the first close frame or the connection was cut; not when we closed or it is open."""
    assert expected is seen.ended_by_peer


def test_a_latency_is_that_of_the_phases():
    """Waiting for our own turn between them is not the target's; without phases the look is all there is."""
    phases = {Phase.CONNECT: 0.25, Phase.FIRST_BYTE: 0.5}

    assert 0.75 == b.look(b.http(200), duration_seconds=4.0, phases=phases).latency_seconds
    assert 4.0 == b.look(b.http(200), duration_seconds=4.0).latency_seconds
