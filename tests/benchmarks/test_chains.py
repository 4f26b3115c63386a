from prober.config.load import load
from prober.lab.world import World
from tests.benchmarks.chains import write_config


def test_each_chain_is_the_labs_own(tmp_path):
    """As many as asked for, under names of their own, at the interval asked for; else as in prober/lab/probes.yaml."""
    environment = dict.fromkeys(World().environment, "x") | {"AUTH_URL": "http://127.0.0.1:1"}
    environment |= {
        "BACKEND_URL": "http://127.0.0.1:2",
        "LAB_MINT_PATH": "/mint",
        "BACKEND_REVISION": "1",
        "LAB_SECRET_METHOD": "proof",
    }
    environment |= {"LAB_AUTH_SECRET_PATH": "/a", "LAB_BACKEND_SECRET_PATH": "/b"}

    chains = load(write_config(tmp_path / "probes.yaml", 3, 7), environment).chains

    assert list(chains) == ["validation-0001", "validation-0002", "validation-0003"]
    assert {chain.interval_seconds for chain in chains.values()} == {7.0}
    assert {len(chain.steps) for chain in chains.values()} == {36}
