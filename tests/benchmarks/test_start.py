"""The short form of `python -m tests.benchmarks.start`: ratios, and nothing by the clock."""

from tests.benchmarks.start import FEW, MANY, Cost, Scene, Start, complaints, cost, probed


def test_a_config_is_checked_in_little_more_than_the_imports_take(tmp_path):
    """Twice is for a busy machine, where the same work may take half as long again; 1.2 is the long form's goal."""
    found = cost("check", Scene(tmp_path), times=2)

    assert found.libraries_seconds < found.imports_seconds
    assert found.ratio <= 2


def test_a_first_probe_is_waited_for(tmp_path):
    """`prober run` has spent something by then, and gone somewhere."""
    seen = probed(Scene(tmp_path), "run")

    assert seen.cpu_seconds > 0
    assert 0 < seen.mib < 500


def started(**other):
    """A start that misses nothing, but for this."""
    cpu = {"--help": 0.1, "check": 1.0, "run": 1.0, "serve": 1.0} | other.get("cpu", {})
    costs = [Cost(name, seconds, 1.0, 0.5) for name, seconds in cpu.items()]
    return Start(costs, other.get("probes", {"run": 0.5, "serve": 0.9}), other.get("mib", {FEW: 80.0, MANY: 90.0}))


def test_each_goal_can_be_missed():
    """And none is by who keeps them all."""
    assert [] == complaints(started())
    assert ["missed: --help, CPU seconds: 0.16, the goal is 0.15"] == complaints(started(cpu={"--help": 0.16}))
    assert ["missed: serve, times the bare import: 1.30, the goal is 1.2"] == complaints(started(cpu={"serve": 1.3}))
    assert ["missed: run, seconds to its first probe: 1.50, the goal is 1"] == complaints(started(probes={"run": 1.5}))
    assert ["missed: serve, MiB with 100 chains: 91.00, the goal is 90"] == complaints(started(mib={MANY: 91.0}))


def test_what_was_measured_is_told_by_command():
    """With what it is held against."""
    told = str(started())

    assert "--help      0.100 s CPU,  0.10 × the import of its modules (1.000 s; of those not ours 0.500 s)" in told
    assert "serve        90.0 MiB once ready, 100 chains" in told
