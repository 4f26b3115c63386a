"""How a panel of the dashboard is made: each kind is one function around a builder of grafana-foundation-sdk.

Every panel has a number of its own that never changes (people link to `?viewPanel=`), a description and a unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as style
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

#: Whatever a probe finds has the same colour in every panel.
GOOD, BAD, WORST, DOUBT, OURS, QUIET = "green", "red", "dark-red", "yellow", "purple", "text"

VERDICT_COLORS: Mapping[str, str] = {"pass": GOOD, "fail": BAD, "blind": OURS, "skip": QUIET, "partial": DOUBT}
OUTCOME_COLORS: Mapping[str, str] = {
    "accepted": GOOD,
    "minted": GOOD,
    "match": GOOD,
    "refused": BAD,
    "failed": BAD,
    "mismatch": BAD,
    "unclear": DOUBT,
    "unknown": DOUBT,
    "blind": OURS,
}
#: For controls it is the other way round: a bad token must be refused.
CONTROL_COLORS: Mapping[str, str] = {"refused": GOOD, "accepted": WORST, "unclear": DOUBT}

DASHES: Mapping[str, object] = {"fill": "dash", "dash": [10, 10]}
DOTS: Mapping[str, object] = {"fill": "dot", "dash": [0, 6]}


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its series are called."""

    expr: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What every panel has; `size` is its width of 24, and its height in units of about 30 pixels."""

    id: int
    title: str
    text: str
    size: tuple[int, int]
    unit: str = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How values look, where it is not as usual."""

    values: Mapping[float, tuple[str, str]] = field(default_factory=dict)  # value: word and colour
    steps: Sequence[tuple[float | None, str]] = ((None, QUIET),)  # from this value on: colour
    colors: Mapping[str, str] = field(default_factory=dict)  # colour by the name of a series
    styles: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # properties by a pattern of names
    links: Sequence[tuple[str, str]] = ()  # title and address
    none: str = "no data"  # what to say without any series
    decimals: float | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a query's values, or a label without one; `look` colours its cells."""

    title: str
    expr: str = ""
    label: str = ""
    unit: str = "short"
    look: Look | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of panels, folded unless it is open."""

    id: int
    title: str
    panels: Sequence[Any]
    is_open: bool = False


# ── kinds of panels ──────────────────────────────────────────────────────────────────────────────────────────────────


def numbers(about: About, look: Look, *queries: Query, graph: bool = False) -> Any:
    """One big word or figure a series, as it is now."""
    panel = (
        stat.Panel()
        .color_mode(style.BigValueColorMode.BACKGROUND_SOLID if _is_painted(look) else style.BigValueColorMode.NONE)
        .graph_mode(style.BigValueGraphMode.AREA if graph else style.BigValueGraphMode.NONE)
        .text_mode(style.BigValueTextMode.VALUE_AND_NAME)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return _dressed(panel, about, look, [_instant(query) for query in queries])


def lines(about: About, look: Look, *queries: Query, stacked: bool = False, table_legend: bool = False) -> Any:
    """Series over time."""
    panel = (
        timeseries.Panel()
        .fill_opacity(30 if stacked else 0)
        .line_width(1)
        .show_points(style.VisibilityMode.AUTO)
        .tooltip(common.VizTooltipOptions().mode(style.TooltipDisplayMode.MULTI).sort(style.SortOrder.DESCENDING))
        .legend(_legend(table_legend=table_legend))
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(style.StackingMode.NORMAL))
    return _dressed(panel, about, look, [_range(query) for query in queries])


def states(about: About, look: Look, *queries: Query) -> Any:
    """What held when: a band a series."""
    panel = (
        statetimeline.Panel()
        .merge_values(merge_values=True)
        .show_value(style.VisibilityMode.NEVER)
        .row_height(0.85)
        .fill_opacity(80)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(style.TooltipDisplayMode.SINGLE).sort(style.SortOrder.NONE))
    )
    return _dressed(panel, about, look, [_range(query) for query in queries])


def bars(about: About, look: Look, *queries: Query) -> Any:
    """One bar a series, as it is now."""
    panel = (
        bargauge.Panel()
        .display_mode(style.BarGaugeDisplayMode.BASIC)
        .orientation(style.VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return _dressed(panel, about, look, [_instant(query) for query in queries])


def grid(
    about: About,
    look: Look,
    *columns: Column,
    pivot: tuple[str, str] | None = None,
    rising: str = "",
    falling: str = "",
) -> Any:
    """A table as of now: labels, then a column a query; or with `pivot` one label's values down, another's across.

    Sorted by the column called `rising`, or the other way by the one called `falling`.
    """
    panel = table.Panel().show_header(show_header=True).cell_height(style.TableCellHeight.SM)
    asked = [column for column in columns if column.expr]
    queries = [_instant(Query(column.expr)).format(PromQueryFormat.TABLE) for column in asked]
    panel = _dressed(panel, about, look, queries)
    for transformation in _pivoted(*pivot) if pivot else _joined(columns, asked):
        panel.with_transformation(transformation)
    for column in columns:
        if properties := _column(column):
            panel.override_by_name(column.title, properties)
    if rising or falling:
        panel.sort_by([common.TableSortByFieldState().display_name(rising or falling).desc(desc=bool(falling))])
    if pivot:
        panel.override_by_field_type("number", [_property("custom.cellOptions", {"type": "color-background"})])
    return panel


# ── their parts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _dressed(panel: Any, about: About, look: Look, queries: Iterable[Any]) -> Any:
    """What all kinds share."""
    panel.id(about.id).title(about.title).description(about.text).span(about.size[0]).height(about.size[1])
    panel.datasource(SOURCE).unit(about.unit).no_value(look.none)
    panel.mappings(_mappings(look)).thresholds(_thresholds(look))
    panel.data_links([_link(*each) for each in look.links])
    for name, number in {"decimals": look.decimals, "min": look.minimum, "max": look.maximum}.items():
        if number is not None:
            getattr(panel, name)(number)
    for series, color in look.colors.items():
        panel.override_by_name(series, [_property("color", {"mode": "fixed", "fixedColor": color})])
    for pattern, properties in look.styles.items():
        panel.override_by_regexp(pattern, [_property(*each) for each in properties.items()])
    for letter, query in zip("ABCDEFGHIJ", queries, strict=False):
        panel.with_target(query.ref_id(letter).datasource(SOURCE))
    return panel


def _instant(query: Query) -> Any:
    return prometheus.Dataquery().expr(query.expr).legend_format(query.legend).instant()


def _range(query: Query) -> Any:
    return prometheus.Dataquery().expr(query.expr).legend_format(query.legend).range().exemplar(query.exemplars)


def _mappings(look: Look) -> list[Any]:
    words = {
        f"{value:g}": model.ValueMappingResult(text=word, color=color) for value, (word, color) in look.values.items()
    }
    return [model.ValueMap(options=words)] if words else []


def _thresholds(look: Look) -> Any:
    steps = [model.Threshold(value=value, color=color) for value, color in look.steps]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _legend(*, table_legend: bool = False) -> Any:
    legend = common.VizLegendOptions().show_legend(show_legend=True)
    if table_legend:
        legend.calcs(["lastNotNull", "max"]).sort_by("Max").sort_desc(sort_desc=True)
    return legend.placement(style.LegendPlacement.RIGHT if table_legend else style.LegendPlacement.BOTTOM).display_mode(
        style.LegendDisplayMode.TABLE if table_legend else style.LegendDisplayMode.LIST
    )


def _link(title: str, address: str) -> Any:
    return dashboard.DashboardLink(title).url(address).target_blank(target_blank=True)


def _property(name: str, value: object) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val=name, value=value)


def _joined(columns: Sequence[Column], asked: Sequence[Column]) -> Iterable[model.DataTransformerConfig]:
    """All queries as one table, with our names for its columns, in our order."""
    value = "Value" if len(asked) == 1 else "Value #{}"
    names = {value.format(letter): column.title for letter, column in zip("ABCDEFGHIJ", asked, strict=False)}
    names |= {column.label: column.title for column in columns if column.label}
    place = {name: columns.index(next(c for c in columns if c.title == title)) for name, title in names.items()}
    yield model.DataTransformerConfig(id_val="merge", options={})
    yield model.DataTransformerConfig(
        id_val="organize", options={"excludeByName": {"Time": True}, "indexByName": place, "renameByName": names}
    )


def _pivoted(down: str, across: str) -> Iterable[model.DataTransformerConfig]:
    options = {"rowField": down, "columnField": across, "valueField": "Value", "emptyValue": "null"}
    yield model.DataTransformerConfig(id_val="groupingToMatrix", options=options)
    yield model.DataTransformerConfig(
        id_val="organize", options={"renameByName": {f"{down}\\{across}": f"{down} ↓  {across} →"}}
    )


def _column(column: Column) -> list[model.DynamicConfigValue]:
    """What sets a column apart."""
    properties = [_property("unit", column.unit)] if column.expr else []
    if column.width:
        properties.append(_property("custom.width", column.width))
    if column.look:
        properties += [
            _property("mappings", _mappings(column.look)),
            _property("thresholds", _thresholds(column.look).build()),
            _property("links", [_link(*each).build() for each in column.look.links]),
        ]
    if column.look and _is_painted(column.look):
        properties.append(_property("custom.cellOptions", {"type": "color-background"}))
    return properties


def _is_painted(look: Look) -> bool:
    """Whether a value's colour says something."""
    return bool(look.values) or len(look.steps) > 1
