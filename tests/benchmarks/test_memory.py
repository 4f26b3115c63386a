"""What a chain takes of memory stays within bounds."""

from tests.benchmarks import memory


async def test_an_idle_chain_takes_little():
    """8 KiB at most: ten thousand that wait for their turn are 80 MiB."""
    idle, _, _ = await memory._shares(50)

    assert 0 < idle < 8
