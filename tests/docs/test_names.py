"""Whatever is documented exists, and whatever exists is documented: in both directions, name by name."""

import re
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path
from pkgutil import walk_packages

import pytest
from ruamel.yaml import YAML

import prober
from prober import cli
from prober.config.schema import Document, known_keys
from prober.demo import describe_faults
from prober.judge.causes import catalogue
from prober.model import errors
from prober.model.alarm import Alert
from scripts.pages import alerts, commands, http, metrics
from tests.docs.reading import PAGES, ROOT, anchors, blocks, links, name

TEXTS = {name(page): page.read_text("utf-8") for page in PAGES}
WHOLE = "\n".join(TEXTS.values())
CAUSES = {cause.name for cause in catalogue()}
METRICS = {each.name for each in metrics.families(metrics.shipped())}
SOURCES = {path: path.read_text("utf-8") for path in Path(prober.__file__).parent.rglob("*.py")}


def told(pattern):
    """Each name of this form, with the first page that tells of it."""
    return {found: page for page, text in reversed(TEXTS.items()) for found in re.findall(pattern, text)}


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    """To a file of ours, and to a heading in it where it names one."""
    assert [] == [link for link in links(page) if not leads(page, link)]


def leads(page, link):
    """Whether a link of a page leads to a file and, if it names one, a heading."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_a_dead_link_is_found(tmp_path):
    """To a page or to a heading that is not there."""
    page = tmp_path / "page.md"
    page.write_text("# A Title, with `code`\n\n[a](other.md) [b](#no) [c](#a-title-with-code) `[d](e)`\n")

    assert ["other.md", "#no"] == [link for link in links(page) if not leads(page, link)]


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_metric_that_is_told_of_exists():
    """Series of a histogram are its own, and so is what rules record."""
    shapes = {f"{each}{end}" for each in METRICS for end in ("", "_bucket", "_sum", "_count")}
    recorded = {"prober_samples", "prober_failures", "prober_success"}  # chain:prober_samples:last30
    others = {each for each in CAUSES if each.startswith("prober_")} | recorded
    tests = set(re.findall(r"test_\w+", "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))))

    found = told(r"(?<![\w/])prober_[a-z_]+[a-z](?!\w*\.py)")
    assert {} == {each: page for each, page in found.items() if each not in shapes | others | tests}


def test_every_metric_is_told_of():
    """In the reference, and what /probe answers where that is told."""
    answered = set(re.findall(r'"(probe_\w+)"', SOURCES[Path(prober.__file__).parent / "publish/probe_metrics.py"]))

    assert set() == METRICS - told(r"prober_\w+").keys()
    assert answered == told(r"\bprobe_[a-z_]+\b").keys() & answered
    left_out = {"probe_http_version", "probe_ip_protocol"}  # probe.md says why
    assert {} == {each: page for each, page in told(r"`(probe_[a-z_]+)").items() if each not in answered | left_out}


# ── alerts and causes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_alert_is_told_of_and_exists():
    """A runbook each (test_runbooks.py), and its line in alerting.md; no other name of that form anywhere."""
    names = {rule.name for rule in alerts.alerts()}

    assert names == told(r"\bProber[A-Z][a-z]\w+\b").keys() - {"ProberError"}
    assert names == set(re.findall(r"\bProber[A-Z]\w+\b", TEXTS["docs/alerting.md"]))
    assert set(map(str, Alert)) <= set(re.findall(r"`(\w+)`", TEXTS["docs/alerting.md"]))


def test_every_cause_has_its_page():
    """And each can be played, but for those that have no fault of their name."""
    assert set() == CAUSES - anchors(ROOT / "docs/causes.md")
    assert CAUSES <= {row["name"] for row in describe_faults()}


def test_every_route_is_told_of_once_more():
    """Beside the reference, where it says what it is good for."""
    prose = "\n".join(text for page, text in TEXTS.items() if not page.startswith("docs/reference/"))
    short = {re.sub(r"\{\w+\}", "{}", route.partition(" ")[2]) for route, _ in http.routes()}
    told_of = re.sub(r"\{\w+\}|NAME\b|SERVICE\b|validation\b", "{}", prose)

    assert [] == sorted(route for route in short if route not in told_of)


# ── exit codes and variables ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_exit_code_is_told_of_and_used():
    """Those of verdicts and exceptions; and 0, 2 of click, and what a shell says of a signal."""
    kinds = [each for _, each in getmembers(errors, isclass) if issubclass(each, errors.ProberError)]
    used = {0, 2, *cli.EXIT_CODES.values(), *(each.exit_code for each in kinds), cli._INTERRUPTED}

    assert used == set(commands.EXIT_CODES)
    assert {str(code) for code in used if code < 100} == set(re.findall(r"\b([0-9]) [a-z]", exit_line()))


def exit_line():
    """What `prober --help` ends with, and the README repeats."""
    line = re.search(r"Exit codes: (.*?)\.\n", TEXTS["README.md"], re.DOTALL)[1]
    return re.sub(r"\s+", " ", line)


def test_every_variable_is_told_of_and_read():
    """Names that look like variables of ours in the code are in the reference, and the other way round."""
    in_code = {found for text in SOURCES.values() for found in re.findall(r'"(PROBER_[A-Z_]+|GITHUB_[A-Z_]+)"', text)}
    in_lab = {"PROBER_HISTORY"}  # the lab sets it for the shipped probes.yaml
    of_libraries = {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}  # rich reads these

    assert in_code - in_lab <= commands.VARIABLES.keys()
    assert [] == [each for each in commands.VARIABLES.keys() - of_libraries if each not in "".join(SOURCES.values())]


def test_every_variable_of_ours_in_a_document_is_read():
    """By the program, or by a file that we ship or show."""
    shipped = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()] + [ROOT / "probes.yaml"]
    shown = "\n".join(block.text for page in PAGES for block in blocks(page))
    named = {*commands.VARIABLES, *re.findall(r"PROBER_[A-Z_]+", shown + "\n".join(p.read_text() for p in shipped))}

    assert {} == {each: page for each, page in told(r"\bPROBER_[A-Z_]+\b").items() if each not in named}


# ── probes.yaml ──────────────────────────────────────────────────────────────────────────────────────────────────────


def unknown_keys(value, at=()):
    """Paths in a piece of probes.yaml that the file cannot have."""
    if isinstance(value, dict):
        tag = next(((value[key],) for key in ("probe", "mint") if key in value), ())
        known = known_keys((*at, *tag))
        yield from ((*at, key) for key in value if known and key not in known)
        for key, inner in value.items():
            yield from unknown_keys(inner, (*at, *tag, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from unknown_keys(inner, (*at, place))


def pieces():
    """Every YAML block that is a piece of probes.yaml."""
    for page in PAGES:
        for block in blocks(page):
            if block.language == "yaml" or block.marker.startswith("probes.yaml"):
                value = YAML(typ="safe", pure=True).load(block.text.replace("…", "x"))
                if isinstance(value, dict) and value.keys() <= set(Document.model_fields):
                    yield block, value


def test_every_key_in_a_piece_of_the_config_exists():
    """However deep it stands."""
    assert [] == [(block.place, path) for block, value in pieces() for path in unknown_keys(value)]
    assert [("alerts", "nope")] == list(unknown_keys({"alerts": {"nope": 1, "page": True}}))


def test_every_module_can_be_told_of():
    """The walk over our sources above has not passed by an empty folder."""
    assert len(list(walk_packages(import_module("prober").__path__))) > 10


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_page_is_in_the_index():
    """docs/README.md says of each what it is good for: add a line there."""
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    inner = {page for page in PAGES if page.parent.name == "runbooks"}  # they have an index of their own

    assert [] == [name(page) for page in PAGES if page not in listed | inner | {index}]


# ── the house ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_house_has_the_rooms_that_are_there():
    """ARCHITECTURE.md draws every file and folder at the top, each once, and names no room that is not there."""
    (house,) = [block.text for block in blocks(ROOT / "ARCHITECTURE.md") if block.text.startswith("prober/\n")]
    drawn = re.findall(r"^├── ([\w./]+)|^└── ([\w./]+)", house, re.MULTILINE)
    top = {path.name + "/" * path.is_dir() for path in Path(prober.__file__).parent.iterdir()}
    rooms = re.findall(r"^│   [├└]── (\w+)/", house, re.MULTILINE)

    assert sorted(top - {"__init__.py", "__main__.py", "__pycache__/", "py.typed"}) == sorted(
        "".join(each) for each in drawn
    )
    assert [] == [room for room in rooms if rooms.count(room) > 1 or not list(Path(prober.__file__).parent.rglob(room))]
