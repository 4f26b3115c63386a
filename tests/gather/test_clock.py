import pytest

from prober.gather.clock import PhaseWatch, SystemClock
from prober.model.trouble import Phase


class Still:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.at = 0.0

    def seconds(self) -> float:
        """What it was set to."""
        return self.at


@pytest.fixture
def clock():
    """A clock that stands at nought."""
    return Still()


@pytest.fixture
def watch(clock):
    """A watch by that clock."""
    return PhaseWatch(clock)


def test_a_phase_lasts_until_the_next_is_entered(clock, watch):
    """Phases follow each other without a gap: entering one ends the one before."""
    watch.enter(Phase.CONNECT)
    clock.at = 2.0
    watch.enter(Phase.TLS)
    clock.at = 5.0
    watch.leave()

    assert {Phase.CONNECT: 2.0, Phase.TLS: 3.0} == watch.durations
    assert watch.current is None


def test_a_phase_entered_twice_adds_up(clock, watch):
    """Two connections in one exchange are one figure."""
    for _ in range(2):
        with watch.phase(Phase.CONNECT):
            clock.at += 1.5

    assert {Phase.CONNECT: 3.0} == watch.durations


def test_a_phase_cut_short_is_booked_and_left_standing(clock, watch):
    """After a failure the watch still says which phase it was in, and how long that lasted."""

    def handshake():
        with watch.phase(Phase.TLS):
            clock.at = 4.0
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        handshake()
    clock.at = 9.0
    watch.stop()

    assert Phase.TLS == watch.current
    assert {Phase.TLS: 4.0} == watch.durations


def test_the_stopwatch_never_steps_back():
    """Durations are never negative."""
    clock = SystemClock()

    assert 0 <= -clock.seconds() + clock.seconds()


def test_the_wall_clock_knows_its_zone():
    """A time without a zone would be read differently on another machine."""
    assert SystemClock().now().utcoffset().total_seconds() == 0


def test_a_phase_may_have_begun_and_ended_before_we_knew(clock, watch):
    """What the kernel knew earlier than we did; never before the phase that went before."""
    watch.enter(Phase.FIRST_BYTE)
    clock.at = 10.0
    watch.enter(Phase.TRANSFER, ago=8.0)
    watch.leave(ago=5.0)

    assert {Phase.FIRST_BYTE: 2.0, Phase.TRANSFER: 3.0} == watch.durations

    watch.enter(Phase.CONNECT)
    watch.enter(Phase.TLS, ago=99.0)

    assert 0.0 == watch.durations[Phase.CONNECT]
