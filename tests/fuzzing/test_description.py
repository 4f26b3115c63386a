"""Every answer is as /openapi.json describes it: a real prober, asked by schemathesis."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.live import samples
from tests.reliability.flood import Unpaced
from tests.reliability.peer import peer
from tests.reliability.rig import Home, living

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


async def ask(life, environment, *more):
    """What schemathesis says of it, and its exit code."""
    words = ["-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
    words += ["--seed", "1", *more, f"{life.url}/openapi.json"]
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.fuzzing.patience",
        "NO_COLOR": "1",
        **environment,
    }
    piped = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(sys.executable, *words, **piped, env=given, cwd=life.log.parent)
    said, _ = await process.communicate()
    return process.returncode, said.decode()


class Target(Unpaced):
    """With a service that may be paused and nobody looks at."""

    def config(self):
        """At an address of its own."""
        config = Unpaced.config(self)
        config["services"]["spare"] = {"role": "other", "url": "http://127.0.0.1:9"}
        return config


@pytest.mark.parametrize(
    ("bound", "least"),
    [
        pytest.param(("--phases", "coverage,fuzzing", "--max-examples", "2"), 400, id="short"),
        pytest.param(("--max-time", "600"), 5000, id="long", marks=pytest.mark.long),
    ],
)
@pytest.mark.timeout(900)
async def test_every_answer_is_as_described(tmp_path, bound, least):
    """Status, form, headers: of what is right, of what is wrong in every way, and of one thing after the other.

    Nothing is answered 500, and nothing of ours breaks; 503 where it is described.
    """
    async with peer() as target, living(home := Home(tmp_path, Target(target))) as life:
        code, said = await ask(life, home.target.environment, *bound)
        broke = [str(each) for each in samples(await life.page(), "prober_internal_errors_total") if each.value]

    assert 0 == code, said
    assert least < int(re.search(r"(\d+) generated", said)[1]), said
    assert [] == broke
