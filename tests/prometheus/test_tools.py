import asyncio

import pytest

from tests.prometheus.programs import DEPLOY, alertmanager_config, binary, environ, prometheus_config


async def tool(name, *words, told=""):
    """What a tool says, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        binary(name),
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environ(),
    )
    said, _ = await process.communicate(told.encode())
    return process.returncode, said.decode()


@pytest.mark.parametrize("dialect", ["real", "reports"])
async def test_promtool_likes_the_live_page(outfit, dialect):
    """Not a word about names, types or help texts of a prober that is at work."""
    code, said = await tool("promtool", "check", "metrics", told=await outfit.probers[dialect].page())

    assert (code, said) == (0, "")


async def test_the_deployed_configs_are_valid(tmp_path):
    """What deploy/ ships, and what these tests make of it."""
    found = [
        await tool("promtool", "check", "config", str(DEPLOY / "prometheus/prometheus.yml")),
        await tool("promtool", "check", "config", str(prometheus_config(tmp_path, {"real": "a:1"}, "b:2"))),
        await tool("amtool", "check-config", str(DEPLOY / "alertmanager/alertmanager.yml")),
        await tool("amtool", "check-config", str(alertmanager_config(tmp_path, "http://127.0.0.1:1/"))),
    ]

    assert [code for code, _ in found] == [0] * 4, found
