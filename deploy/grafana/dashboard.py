"""The Grafana dashboard as code: its variables, its annotation, and where everything stands.

python -m deploy.grafana.dashboard > deploy/grafana/dashboard.json
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.kit import SOURCE, Row
from deploy.grafana.queries import CHAIN, pick
from deploy.grafana.rows import causes, chains, controls, matrix, ourselves, overview, secrets, services, slots, steps

#: From what one asks first to what one asks last.
ROWS = (overview, causes, chains, steps, matrix, controls, secrets, services, slots, ourselves)

COLUMNS = 24
WINDOWS = ("5m", "15m", "1h", "6h")


class NewRevisions(Builder[model.AnnotationQuery]):
    """A vertical line where a service began to answer with another revision."""

    def build(self) -> model.AnnotationQuery:
        """As Grafana reads it."""
        changed = pick("prober_service_revision_change_timestamp_seconds")
        present = pick("prober_service_revision_info")
        joined = f"{changed} * on (job, instance, service) group_left (revision) {present}"
        expr = f"1000 * max by (service, revision) ({joined})"
        return _AtValue(name="New revisions", datasource=SOURCE, icon_color="blue", expr=expr)


class _AtValue(model.AnnotationQuery):
    """An annotation whose time is the query's value; the library's model has no fields for that."""

    def to_json(self) -> dict[str, object]:
        more = {"useValueForTime": True, "titleFormat": "{{service}}: new revision", "textFormat": "{{revision}}"}
        return super().to_json() | more


# ── variables ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _asked(name: str, label: str, series: str, about: str) -> build.QueryVariable:
    """Values of a label, any number of them. «All» also takes series without that label."""
    return (
        build.QueryVariable(name)
        .label(label)
        .description(about)
        .datasource(SOURCE)
        .query({"query": f"label_values({series}, {name})", "refId": name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(model.VariableOption(text="All", value="$__all", selected=True))
    )


def variables() -> Iterator[Any]:
    """What people choose at the top."""
    yield build.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    job, instance = 'job=~"$job"', 'instance=~"$instance"'
    yield _asked("job", "job", "prober_build_info", "Scrape job of the prober.")
    yield _asked(
        "environment",
        "environment",
        f"prober_build_info{{{job}}}",
        "Label `environment` of the scrape config; All where there is none.",
    )
    yield _asked("instance", "prober", f'prober_build_info{{{job}, environment=~"$environment"}}', "Which prober.")
    yield _asked("chain", "chain", pick("prober_success_ratio_threshold"), "Chains of probes.yaml.")
    yield _asked("step", "step", f"prober_step_results_total{{{job}, {instance}, {CHAIN}}}", "Steps of these chains.")
    yield (
        build.CustomVariable("window")
        .label("window")
        .description("Over which the success ratio is counted.")
        .values(",".join(WINDOWS))
        .options([model.VariableOption(text=each, value=each, selected=each == WINDOWS[1]) for each in WINDOWS])
        .current(model.VariableOption(text=WINDOWS[1], value=WINDOWS[1], selected=True))
    )
    yield (
        build.TextBoxVariable("prober")
        .label("prober's address")
        .description("Where links to reports lead: the address of the prober as your browser reaches it.")
        .default_value("http://127.0.0.1:9464")
        .current(model.VariableOption(text="http://127.0.0.1:9464", value="http://127.0.0.1:9464", selected=True))
    )


# ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────────────


def placed(panels: Sequence[Any], top: int) -> int:
    """Give panels their places, left to right and then down, like words on lines; returns where the next row begins."""
    left = below = 0
    columns = [top] * COLUMNS  # how far down each is filled
    for panel in panels:
        size = panel.build().grid_pos
        left, below = min(_places(columns, size.w), key=lambda place: (place[1], place[0]))
        panel.grid_pos(model.GridPos(x=left, y=below, w=size.w, h=size.h))
        columns[left : left + size.w] = [below + size.h] * size.w
    return max(columns)


def _places(columns: Sequence[int], width: int) -> Iterable[tuple[int, int]]:
    return ((left, max(columns[left : left + width])) for left in range(COLUMNS - width + 1))


def dashboard() -> build.Dashboard:
    """All of it."""
    board = (
        build.Dashboard("prober: why tokens are refused")
        .uid("prober")
        .description("What the prober found: verdicts, causes, 403 and 1008 counts, secrets, and its own health.")
        .tags(["prober", "staging"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .variables(list(variables()))
        .annotation(NewRevisions())
        .link(_link("The prober's page", "${prober}/"))
        .link(_link("Reports of failed runs", "${prober}/api/v1/runs?verdict=fail"))
    )
    top = 0
    for each in ROWS:
        top = _add(board, each.row(), top)
    return board


def _link(title: str, address: str) -> build.DashboardLink:
    link = build.DashboardLink(title).type(model.DashboardLinkType.LINK).icon("external link").url(address)
    return link.target_blank(target_blank=True)


def _add(board: build.Dashboard, row: Row, top: int) -> int:
    """A row: its panels stand below it when it is open, inside it when it is folded; returns where the next begins."""
    end = placed(row.panels, top + 1)
    heading = build.Row(row.title).id(row.id).grid_pos(model.GridPos(x=0, y=top, w=COLUMNS, h=1))
    heading.collapsed(collapsed=not row.is_open)
    for panel in () if row.is_open else row.panels:
        heading.with_panel(panel)
    board.with_row(heading)
    for panel in row.panels if row.is_open else ():
        board.with_panel(panel)
    return end if row.is_open else top + 1


def text() -> str:
    """dashboard.json."""
    return json.dumps(dashboard().build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
