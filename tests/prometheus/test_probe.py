"""A real Prometheus scrapes /probe by the config that docs/probe.md shows, and by one that was blackbox_exporter's."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest_asyncio
from ruamel.yaml import YAML

from prober.lab.world import World
from tests.live import Served, serving
from tests.prometheus.conftest import CONFIG
from tests.prometheus.programs import HOST, Prometheus, binary, free_port, running, write
from tests.prometheus.test_tools import tool

DOCS = Path(__file__).parents[2] / "docs/probe.md"

_SOON = 90.0
_OUR_KEY = "JWT_SECRET_STAGING"


@dataclass(frozen=True, slots=True)
class Staging:
    """A lab, a prober that sees it, and a Prometheus that asks that prober."""

    world: World
    prober: Served
    prometheus: Prometheus


def _from_docs(job, target, prober):
    """The scrape config of the docs, for our addresses."""
    block = re.search(r"```yaml\n(scrape_configs:.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (config,) = YAML(typ="safe", pure=True).load(block[1])["scrape_configs"]
    config["relabel_configs"][-1]["replacement"] = urlsplit(prober.url).netloc
    return config | {"job_name": job, "static_configs": [{"targets": [target]}]}


def _as_blackbox(job, prober):
    """The same with the module that blackbox_exporter ships: only its targets were changed, to chains."""
    return _from_docs(job, "validation", prober) | {"params": {"module": ["http_2xx"]}}


@asynccontextmanager
async def _scraping(folder, *jobs):
    port = free_port()
    every = {"scrape_interval": "5s", "scrape_timeout": "5s"}
    config = write(folder / "prometheus.yml", {"global": every, "scrape_configs": list(jobs)})
    words = (
        binary("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={HOST}:{port}",
    )
    assert (await tool("promtool", "check", "config", str(config)))[0] == 0
    async with running(words, f"http://{HOST}:{port}", folder / "prometheus.log") as client:
        yield Prometheus(client)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def staging(tmp_path_factory) -> AsyncIterator[Staging]:
    """Well at first; beside the prober that sees it there is one that lacks its key."""
    folder = tmp_path_factory.mktemp("probe")
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World(dialect="real"))
        blinded = {name: value for name, value in world.environment.items() if name != _OUR_KEY}
        environments = {"seeing": world.environment, "blind": blinded}
        seeing, blind = [
            await stack.enter_async_context(
                serving(CONFIG, environment | {"PROBER_HISTORY": str(folder / f"{name}.db")}, folder / f"{name}.log")
            )
            for name, environment in environments.items()
        ]
        jobs = (
            _from_docs("by service", world.environment["BACKEND_URL"], seeing),
            _as_blackbox("by chain", seeing),
            _as_blackbox("blind", blind),
        )
        yield Staging(world, seeing, await stack.enter_async_context(_scraping(folder, *jobs)))


async def test_a_healthy_staging_is_scraped_and_a_broken_one_is_seen(staging):
    """`probe_success` is 1, then 0 with the cause beside it, then 1 again; by whichever names the config asks."""
    asked = staging.prometheus
    both = 'count(probe_success{job=~"by .*"} == %d)'

    assert await asked.becomes(both % 1, 2, _SOON)
    assert await asked.value('probe_http_status_code{job="by service"}') == 200
    await staging.world.change("jwt_secret_drift")
    assert await asked.becomes(both % 0, 2, _SOON)
    assert await asked.value('probe_cause{job="by chain", cause="jwt_secret_drift", confidence="high"}') == 1
    await staging.world.change()
    assert await asked.becomes(both % 1, 2, _SOON)


async def test_the_instance_is_what_was_asked_for(staging):
    """As dashboards of blackbox_exporter have it: the target, not our address."""
    found = await staging.prometheus.query('probe_duration_seconds{job=~"by .*"}')

    assert all(
        f'"instance": "{each}"' in "".join(found) for each in ("validation", staging.world.environment["BACKEND_URL"])
    )


async def test_our_own_fault_is_seen_as_ours(staging):
    """A prober without its key: `up` is 0, and of the target nothing is said."""
    asked = staging.prometheus

    assert await asked.becomes('up{job="blind"}', 0, _SOON)
    assert await asked.query('probe_success{job="blind"}') == {}


async def test_promtool_likes_the_answer(staging):
    """Not a word about names, types or help texts."""
    async with httpx.AsyncClient(base_url=staging.prober.url, trust_env=False, timeout=30) as client:
        answer = await client.get("/probe?chain=validation")

    assert await tool("promtool", "check", "metrics", told=answer.raise_for_status().text) == (0, "")
