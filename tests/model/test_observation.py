"""What was seen of a socket's end."""

import pytest

from prober.model.observation import CUT, Initiator
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
