"""The benchmark's short form: a regression of what is ours alone shows in these ratios, whatever the machine.

Each is the least of a few rounds in which all take turns, since neighbours only ever add to CPU time. Bounds leave half
as much again as was measured on a quiet machine (docs/performance.md); the loop that all stand beside does no more than
what a turn needs.
"""

from tests.benchmarks import latency, raw, turns

_ROUNDS = 2
_AT_ONCE = 10


async def test_a_turn_costs_what_it_did(monkeypatch):
    """Beside a bare loop that does the same on the wire, and beside the transports of others."""
    found = {"raw": [], "lean": [], "stock": []}
    for _ in range(_ROUNDS):
        found["raw"].append((await raw.measure(100, _AT_ONCE)).microseconds)
        for transport in ("lean", "stock"):
            monkeypatch.setenv("PROBER_TRANSPORT", transport)
            found[transport].append((await turns.measure(40, _AT_ONCE)).microseconds)
    least = {name: min(each) for name, each in found.items()}

    assert least["lean"] / least["raw"] < 12, least
    assert least["lean"] / least["stock"] < 1, least


async def test_a_latency_is_the_targets_however_many_look(monkeypatch):
    """Of 500 at once, half are told within 2 ms; a stopwatch is off by hundreds of times as much."""
    monkeypatch.setenv("PROBER_TRANSPORT", "lean")
    many = (await latency.measure(500, ("500 at once",)))["500 at once"]

    assert many.told_p50 < 2
    assert many.told_p50 * 20 < many.stopwatch_p50
