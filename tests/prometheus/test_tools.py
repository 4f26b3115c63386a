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


async def test_the_rules_are_valid():
    """`promtool check rules`, as CI runs it."""
    code, said = await tool("promtool", "check", "rules", str(DEPLOY / "prometheus/rules.yml"))

    assert code == 0, said


async def test_the_rules_fire_when_they_should():
    """Every case of deploy/prometheus/rules_test.yml holds."""
    code, said = await tool("promtool", "test", "rules", str(DEPLOY / "prometheus/rules_test.yml"))

    assert code == 0, said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("> 2.5", "> 0"),
        (">= 8", ">= 0"),
        ("== 0", "== 1"),
        ('expected="false"', 'expected="true"'),
        ("on (job, instance, chain)", "on (chain)"),
        ("for: 2m", "for: 1h"),
        ("absent(prober_build_info)", "absent(up)"),
    ],
)
async def test_the_rule_tests_bite(tmp_path, right, wrong):
    """A rule that is changed for the worse fails them."""
    rules = (DEPLOY / "prometheus/rules.yml").read_text(encoding="utf-8")
    cases = (DEPLOY / "prometheus/rules_test.yml").read_text(encoding="utf-8")
    (tmp_path / "rules.yml").write_text(rules.replace(right, wrong), encoding="utf-8")
    (tmp_path / "rules_test.yml").write_text(cases, encoding="utf-8")

    code, _ = await tool("promtool", "test", "rules", str(tmp_path / "rules_test.yml"))

    assert code != 0


async def test_the_deployed_configs_are_valid(tmp_path):
    """What deploy/ ships, and what these tests make of it."""
    found = [
        await tool("promtool", "check", "config", str(DEPLOY / "prometheus/prometheus.yml")),
        await tool("promtool", "check", "config", str(prometheus_config(tmp_path, {"real": "a:1"}, "b:2"))),
        await tool("amtool", "check-config", str(DEPLOY / "alertmanager/alertmanager.yml")),
        await tool("amtool", "check-config", str(alertmanager_config(tmp_path, "http://127.0.0.1:1/"))),
    ]

    assert [code for code, _ in found] == [0] * 4, found
