"""The committed dashboard is what the generator makes, Grafana's models take it, and it can be read at 3 am."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import units

from deploy.grafana.dashboard import text
from deploy.grafana.kit import About, Column, Look, Query, grid, numbers
from prober.model.chain import Trigger
from prober.model.verdict import Outcome, RunVerdict
from tests.prometheus.boards import DASHBOARD, asked, document, panels
from tests.prometheus.programs import DEPLOY, read

BOARD = document()
PANELS = list(panels(BOARD))
NAMES = [f"{panel['id']} {panel['title']}" for panel in PANELS]
INTERFACE = Path(__file__).parents[1] / "publish/golden/metrics.txt"

UNITS = {value for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)}

#: Metrics that the golden page does not have: Prometheus' own, and those that are not of a report.
ELSEWHERE = {
    *("up", "scrape_samples_scraped"),
    *("prober_selftest_up", "prober_event_loop_lag_seconds", "prober_history_bytes"),
    *("prober_notifications_total", "prober_gate_verdicts_total"),
}


def places(panel):
    """Every cell of the grid a panel stands on."""
    at = panel["gridPos"]
    rows, columns = range(at["y"], at["y"] + at["h"]), range(at["x"], at["x"] + at["w"])
    return {(row, column) for row in rows for column in columns}


def test_it_is_what_the_generator_makes():
    """Nobody edits the JSON; whoever edits the generator writes it anew."""
    assert text() == DASHBOARD.read_text(encoding="utf-8"), (
        "stale: .venv/bin/python -m deploy.grafana.dashboard > deploy/grafana/dashboard.json"
    )


def test_the_prober_runs_without_it():
    """What makes the dashboard is needed by whoever changes it, and by nobody else."""
    sources = (Path(__file__).parents[2] / "prober").rglob("*.py")

    assert [] == [path for path in sources if re.search(r"\bgrafana_foundation_sdk\b", imports(path))]


def imports(path):
    """The lines of a source file that import something."""
    return "\n".join(re.findall(r"^\s*(?:from|import) .*", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_models_of_grafana_take_all_of_it():
    """Read into the library's models and written again it is the same: no field that Grafana would not know."""
    register_default_plugins()
    again = json.loads(json.dumps(model.Dashboard.from_json(BOARD).to_json(), cls=JSONEncoder))
    known = document()
    for mark in known["annotations"]["list"]:  # the models lack these; Grafana's Prometheus source has them
        for name in ("useValueForTime", "titleFormat", "textFormat"):
            del mark[name]

    assert known == again


def test_numbers_are_given_once():
    """Links to a panel hold for as long as there is one: ids are unique, rows' and panels' alike."""
    ids = [each["id"] for each in (*PANELS, *(each for each in BOARD["panels"] if each["type"] == "row"))]

    assert sorted(set(ids)) == sorted(ids)


def test_a_panel_belongs_to_its_row_by_number():
    """301 stands in row 300, so that a new panel needs no other to be renumbered."""
    row = None
    for each in BOARD["panels"]:
        row = each["id"] if each["type"] == "row" else row
        inside = each["panels"] if each["type"] == "row" else [each]

        assert {row} == {panel["id"] // 100 * 100 for panel in inside} or not inside


def test_no_panel_stands_on_another():
    """Neither among those on the page nor among those of a folded row; and none reaches over the edge."""
    shown = [BOARD["panels"], *(each["panels"] for each in BOARD["panels"] if each["type"] == "row")]

    assert [] == [(a["id"], b["id"]) for group in shown for a, b in combinations(group, 2) if places(a) & places(b)]
    assert [] == [panel["id"] for panel in PANELS if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24]


@pytest.mark.parametrize("panel", PANELS, ids=NAMES)
def test_every_panel_explains_itself(panel):
    """It has a title, a sentence about what it means, a unit that Grafana knows, a word for «nothing», and queries."""
    defaults = panel["fieldConfig"]["defaults"]

    assert panel["title"]
    assert re.search(r"\.$", panel["description"])
    assert defaults["unit"] in UNITS
    assert defaults["noValue"]
    assert panel["targets"]
    assert {"${datasource}"} == {panel["datasource"]["uid"], *(each["datasource"]["uid"] for each in panel["targets"])}


def test_every_metric_in_it_is_one_of_ours():
    """No query asks for a name that the prober does not export."""
    told = set(re.findall(r"^# TYPE (\S+)", INTERFACE.read_text(encoding="utf-8"), re.MULTILINE))
    names = {name for query in asked(BOARD) for name in re.findall(r"\b([a-z_]+)\{", query.expr)}
    families = {re.sub(r"_bucket$", "", name) for name in names}

    assert set() == {
        name for name in families - ELSEWHERE if name not in told and name.removesuffix("_total") not in told
    }


def test_every_variable_in_it_is_defined():
    """A misspelt variable would ask for a series of that very name, and find none."""
    known = {each["name"] for each in BOARD["templating"]["list"]} | {"__rate_interval", "__range"}
    used = {name for query in asked(BOARD) for name in re.findall(r"\$\{?(\w+)", query.expr)}

    assert known - {"datasource", "prober"} == used


def test_every_outcome_has_a_colour():
    """A verdict or outcome that is added to the model is not shown in a colour of chance."""
    painted = {each["matcher"]["options"] for panel in PANELS for each in panel["fieldConfig"]["overrides"]}

    assert {*map(str, RunVerdict), *map(str, Outcome)} <= painted
    assert {*map(str, Trigger)} & painted == set()


def test_the_series_of_a_big_number_say_what_they_are():
    """A number that is green or red by its value has a colour for every value it can have."""
    look = Look(values={1: ("yes", "green"), 0: ("no", "red")})
    panel = numbers(About(1, "It", "Is it?", (4, 4)), look, Query("it", "{{name}}")).build()

    (mapping,) = panel.field_config.defaults.mappings
    assert {"1": ("yes", "green"), "0": ("no", "red")} == {
        value: (each.text, each.color) for value, each in mapping.options.items()
    }


def test_a_cell_is_painted_only_if_its_colour_means_something():
    """A name that is a link stays plain; a ratio that is red below and green above does not."""
    columns = (
        Column("name", label="name", look=Look(links=(("there", "http://there.example/"),))),
        Column("ratio", expr="ratio", look=Look(steps=((None, "red"), (1, "green")))),
    )
    panel = grid(About(1, "It", "How is it?", (4, 4)), Look(), *columns).build()
    painted = {
        each.matcher.options: "custom.cellOptions" in {one.id_val for one in each.properties}
        for each in panel.field_config.overrides
    }

    assert {"name": False, "ratio": True} == painted


# ── provisioning ─────────────────────────────────────────────────────────────────────────────────────────────────────


def mounts(service):
    """Where each file or folder of deploy/ lies in a service of compose.yaml."""
    volumes = read(DEPLOY / "compose.yaml")["services"][service]["volumes"]
    return {target: DEPLOY / source for source, target, _ in (each.split(":") for each in volumes)}


def test_grafana_finds_the_dashboard_where_compose_puts_it():
    """The provider's folder is a mount that holds dashboard.json, and the provisioning lies where Grafana looks."""
    found = mounts("grafana")
    (provider,) = read(DEPLOY / "grafana/provisioning/dashboards/prober.yaml")["providers"]

    assert DASHBOARD == found[provider["options"]["path"] + "/dashboard.json"]
    assert (DEPLOY / "grafana/provisioning") == found["/etc/grafana/provisioning"]


def test_grafana_asks_the_prometheus_of_compose():
    """The source's address is a service of compose.yaml, at the port Prometheus listens on."""
    (source,) = read(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]

    assert "http://prometheus:9090" == source["url"]
    assert "prometheus" in read(DEPLOY / "compose.yaml")["services"]
    assert "prometheus" == source["type"]
    assert source["isDefault"]


def test_an_exemplar_leads_to_the_report_of_its_run():
    """The label that exemplars carry is the one the source makes a link of; compose has Prometheus keep exemplars."""
    (source,) = read(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    (link,) = source["jsonData"]["exemplarTraceIdDestinations"]
    prometheus = read(DEPLOY / "compose.yaml")["services"]["prometheus"]

    assert ("run_id", "/api/v1/runs/$${__value.raw}") == (
        link["name"],
        link["url"].removeprefix("http://127.0.0.1:9464"),
    )
    assert "--enable-feature=exemplar-storage" in prometheus["command"]
