"""The benchmark of ticks sees ticks."""

from tests.benchmarks import ticks


async def test_turns_come_due_and_are_counted():
    """As many as were asked for in a second, however many chains share them."""
    found = await ticks.measure(200, seconds=1.5, rate=100)

    assert 200 == found.chains
    assert 100 <= found.turns <= 200
    assert 0 < found.microseconds
    assert found.floor_ms[0] <= found.floor_ms[1] <= found.floor_ms[2]
