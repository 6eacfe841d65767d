"""How our panels look: one function per kind, over the builders of grafana-foundation-sdk."""

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, stat, statushistory, table, timeseries
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from dashboards.query import Query, source

Step = tuple[float | None, str]
MOOD: tuple[Step, ...] = ((None, "red"), (-0.2, "text"), (0.2, "green"))
PLAIN: tuple[Step, ...] = ((None, "text"),)
BAD_ABOVE_0: tuple[Step, ...] = ((None, "green"), (1, "red"))


def number(
    title: str,
    description: str,
    sql: str,
    *,
    steps: Sequence[Step] = PLAIN,
    unit: str = "",
    decimals: int = 0,
    empty: str = "0",
    width: int = 4,
) -> stat.Panel:
    """One large number: the only row and column of the query."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .with_target(Query(sql))
        .height(4)
        .span(width)
        .decimals(decimals)
        .no_value(empty)
        .thresholds(_thresholds(steps))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .color_mode(words.BigValueColorMode.VALUE)
        .graph_mode(words.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    )
    return panel.unit(unit) if unit else panel


def lines(
    title: str,
    description: str,
    sql: str,
    label: str = "",
    *,
    width: int = 12,
    height: int = 9,
    every: str = "1m",
) -> timeseries.Panel:
    """Lines over time: a column `time`, and one number per value of the column `label` (or per column, without)."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .with_target(Query(sql, "timeseries"))
        .height(height)
        .span(width)
        .interval(every)
        .line_width(2)
        .show_points(words.VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(words.LegendDisplayMode.LIST)
            .placement(words.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI).sort(words.SortOrder.DESCENDING)
        )
    )
    return panel.display_name(f"${{__field.labels.{label}}}") if label else panel


def bars(
    title: str, description: str, sql: str, label: str, *, width: int = 12, height: int = 8, every: str = "1m"
) -> timeseries.Panel:
    """Counts over time, stacked."""
    stack = common.StackingConfig().mode(words.StackingMode.NORMAL).group("A")
    return (
        lines(title, description, sql, label, width=width, height=height, every=every)
        .draw_style(words.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .line_width(0)
        .stacking(stack)
        .decimals(0)
        .min(0)
    )


def heat_map(
    title: str, description: str, sql: str, label: str, *, every: str, height: int
) -> statushistory.Panel:
    """A row per value of `label`, a tile per moment, coloured from -1 (red) to 1 (green).

    Grafana's panel "Status history", because its "Heatmap" leaves out values that are not above 0.
    """
    return (
        statushistory.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .with_target(Query(sql, "timeseries"))
        .height(height)
        .span(24)
        .interval(every)
        .max_data_points(96)
        .display_name(f"${{__field.labels.{label}}}")
        .min(-1)
        .max(1)
        .decimals(2)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_RD_YL_GR))
        .show_value(words.VisibilityMode.NEVER)
        .row_height(0.9)
        .line_width(0)
        .fill_opacity(80)
        .legend(common.VizLegendOptions().show_legend(False))
        .tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.SINGLE))
    )


def rows(
    title: str,
    description: str,
    sql: str,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    width: int = 24,
    height: int = 10,
) -> table.Panel:
    """A table; `columns` maps a column to its properties, as `column()` and its kin make them."""
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(source())
        .with_target(Query(sql))
        .height(height)
        .span(width)
        .align(words.FieldTextAlignment.AUTO)
    )
    for name, properties in (columns or {}).items():
        panel = panel.override_by_name(
            name, [DynamicConfigValue(id_val=id_val, value=value) for id_val, value in properties.items()]
        )
    return panel


def column(unit: str = "", decimals: int | None = None, width: int = 0) -> dict[str, Any]:
    """Properties of a column: its unit, decimals, least width in pixels."""
    given = {"unit": unit, "decimals": decimals, "custom.minWidth": width}
    return {
        name: value
        for name, value in given.items()
        if value not in ("", None) and (value or name == "decimals")
    }


def mood() -> dict[str, Any]:
    """A column of sentiment: red below -0.2, green above 0.2."""
    return {
        "decimals": 2,
        "color": {"mode": "thresholds"},
        "custom.cellOptions": {"type": "color-text"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"color": colour, "value": value} for value, colour in MOOD],
        },
    }


def link(title: str, url: str = "${__value.raw}", elsewhere: bool = False) -> dict[str, Any]:
    """A column whose cells lead to `url`; `elsewhere` opens another tab."""
    return {"links": [{"title": title, "url": url, "targetBlank": elsewhere}]}


def field_link(title: str, url: str) -> dashboard.DashboardLink:
    """A link of every point of a panel."""
    return dashboard.DashboardLink(title).url(url)


def hidden() -> dict[str, Any]:
    """A column that is only there for the links of others. Both names: Grafana renamed the property in version 12."""
    return {"custom.hidden": True, "custom.hideFrom.viz": True}


def _thresholds(steps: Sequence[Step]) -> dashboard.ThresholdsConfig:
    made = [Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)
