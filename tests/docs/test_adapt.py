"""docs/adapt.md holds: its file, put together as the page says, passes at two real services and names what breaks."""

import re
from io import StringIO

import pytest
from rich.console import Console
from ruamel.yaml import YAML

from prober.app import Prober
from prober.config.load import load
from prober.gather.secret_check import unavailable_secrets
from prober.model.errors import ConfigError
from prober.publish.text import render
from tests.docs import shop
from tests.docs.reading import ROOT, blocks

PAGE = ROOT / "docs" / "adapt.md"
BLOCKS = list(blocks(PAGE))
ADDRESSES = {"ACCOUNTS_URL": "https://accounts.staging.example", "ORDERS_URL": "https://orders.staging.example"}


def grown():
    """The file after each of the page's parts, as a reader would put them in."""
    text = ""
    for block in BLOCKS:
        if block.marker == "probes.yaml: above chains":
            text = text.replace("chains:\n", f"{block.text}\nchains:\n")
        elif block.marker.startswith("probes.yaml:"):
            text += block.text
        if block.marker.startswith("probes.yaml:"):
            yield text


def shown(marker):
    """The blocks under markers of this form, with what the form caught."""
    found = ((re.fullmatch(marker, block.marker), block) for block in BLOCKS)
    return [(match.groups(), block.text) for match, block in found if match]


WHOLE = list(grown())[-1]
COMPLAINTS = shown("check: (.+) ==> (.+)")
RUNS = shown("shop: (.+)")


def written(folder, text):
    """A probes.yaml."""
    path = folder / "probes.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", list(grown()), ids=["1", "2", "3", "4", "5"])
def test_the_file_is_valid_after_each_part(text, tmp_path):
    """`prober check` is run after each, so it must not complain of what comes later."""
    assert load(written(tmp_path, text), ADDRESSES).chains.keys() == {"shop"}


def test_what_check_says_is_what_the_page_shows(tmp_path):
    """The counts after a part, and which secrets are missing."""
    told = [(block.text, re.findall(r"valid: .*, (\d+) steps", block.text)) for block in BLOCKS]
    counts = [len(load(written(tmp_path, text), ADDRESSES).chains["shop"].steps) for text in grown()]
    missing = [f"  not here: {each}" for each in unavailable_secrets(load(tmp_path / "probes.yaml", ADDRESSES), {})]

    assert [str(counts[place]) for place in (0, 1, -1)] == [count for _, found in told for count in found]
    assert [missing] == [lines for text, _ in told if (lines := re.findall("  not here: .*", text))]


@pytest.mark.parametrize(("change", "complaint"), COMPLAINTS, ids=[new for (_old, new), _ in COMPLAINTS])
def test_a_complaint_is_the_real_one(change, complaint, tmp_path, monkeypatch):
    """The file as the page's comment changes it."""
    monkeypatch.chdir(tmp_path)
    old, new = change
    assert old in WHOLE

    with pytest.raises(ConfigError) as found:
        load(written(tmp_path, WHOLE.replace(old, new)).relative_to(tmp_path), ADDRESSES)
    assert complaint.strip() == str(found.value)


@pytest.fixture
async def services():
    """The shop, open."""
    async with shop.running() as found:
        yield found


async def looked(path, services):
    """The report of a run; taken anew where we stood still ourselves, for the services are in the same process."""
    prober = Prober(path, services.environment)
    try:
        for _attempt in range(3):
            (found,) = await prober.once(())
            if not any(result.verdict == "blind" for result in found.run.results):
                break
        return found
    finally:
        await prober.aclose()


@pytest.mark.parametrize(("state", "report"), RUNS, ids=[state for (state,), _ in RUNS])
async def test_it_says_what_the_page_shows(services, state, report, tmp_path, monkeypatch):
    """Well it passes; broken it names the cause. The page shows how the report begins."""
    monkeypatch.chdir(tmp_path)
    if state[0] != "well":
        setattr(services.faults, state[0], True)
    found = await looked(written(tmp_path, WHOLE), services)
    text = StringIO()
    render(found, Console(file=text, width=100), told_live=False)

    assert report.removeprefix("$ prober run\n").strip() == text.getvalue().partition("\n\n")[0].strip()


async def test_an_open_door_is_told_whatever_the_cause(services, tmp_path):
    """The page's own example of what no known cause explains: it fails all the same, and says that auth is open."""
    services.faults.orders_checks_nothing = True
    found = await looked(written(tmp_path, WHOLE), services)

    assert {"orders-refuses-forged", "orders-refuses-expired", "orders-refuses-nobody"} == {
        result.step.name for result in found.run.results if result.verdict == "fail"
    }


# ── what you do not have ─────────────────────────────────────────────────────────────────────────────────────────────

PIECES = [YAML(typ="safe", pure=True).load(block.text) for block in BLOCKS if block.language == "yaml"]


def without(*issuers):
    """The page's file for a team that has none of these issuers: they go, and so do the steps that ask for them."""
    file = YAML(typ="safe", pure=True).load(WHOLE)
    file["issuers"] = {name: form for name, form in file["issuers"].items() if name not in issuers}
    steps = []
    for step in file["chains"]["shop"]["steps"]:
        if "tokens" in step:
            step["tokens"] = [token for token in step["tokens"] if token not in issuers]
        if step.get("token") not in issuers and step.get("tokens") != []:
            steps.append(step)
    file["chains"]["shop"]["steps"] = steps
    return file


def saved(folder, file):
    """A file from plain values."""
    out = StringIO()
    writer = YAML()
    writer.representer.ignore_aliases = lambda _value: True  # probes.yaml has none
    writer.dump(file, out)
    return written(folder, out.getvalue())


@pytest.mark.parametrize("missing", [("local", "forged", "expired"), ("accounts",)], ids=["no key", "no route"])
async def test_less_will_do(services, missing, tmp_path):
    """Without a copy of the key, as for RS256, or without a route that mints, the rest passes."""
    found = await looked(saved(tmp_path, without(*missing)), services)

    assert "pass" == found.run.verdict


def test_the_page_s_other_pieces_fit_the_file(tmp_path):
    """Private addresses, issuers without a key, a socket: each is a change to the file that is valid."""
    addresses, issuers, socket = PIECES[-3:]
    with_socket = without()
    with_socket["services"]["orders"].update(socket["services"]["orders"])
    with_socket["chains"]["shop"]["steps"] += socket["chains"]["shop"]["steps"]

    for file in ({**without(), **addresses}, {**without("local", "forged", "expired"), **issuers}, with_socket):
        assert load(saved(tmp_path, file), ADDRESSES).chains.keys() == {"shop"}


async def test_two_backends_have_a_chain_each(services, tmp_path):
    """In one file; what is wrong with both is found in both."""
    services.faults.orders_has_no_credentials = True
    file = without()
    file["services"]["carts"] = file["services"]["orders"]
    steps = [{**step, "service": "carts"} if step.get("service") == "orders" else step for step in shop_steps(file)]
    file["chains"]["carts"] = {"interval": "30s", "steps": steps}
    prober = Prober(saved(tmp_path, file), services.environment)
    try:
        reports = await prober.once(())
    finally:
        await prober.aclose()

    named = {report.run.chain.name: {each.cause.name for each in report.diagnosis.causes} for report in reports}
    assert {name: {"service_credentials_missing"} for name in ("shop", "carts")} == named


def shop_steps(file):
    """The steps of the page's chain."""
    return file["chains"]["shop"]["steps"]
