"""Panels, variables and dashboards as plain values, and the JSON that Grafana reads.

The JSON is Grafana's classic dashboard model (schema version 39, Grafana 10.4 and later) with queries
as grafana-clickhouse-datasource 4 stores them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

DATASOURCE_TYPE = "grafana-clickhouse-datasource"
DATASOURCE_UID = "tidings-clickhouse"
SCHEMA_VERSION = 39

# The plug-in's numbers for how a result is read.
_FORMATS = {"timeseries": 0, "table": 1}


@dataclass(frozen=True)
class Target:
    """One query. A `timeseries` result has a column `time`; its text columns become labels."""

    sql: str
    result: Literal["timeseries", "table"] = "table"


@dataclass(frozen=True)
class Panel:
    """One panel on the 24 columns wide grid.

    `defaults` and `overrides` go into fieldConfig, `options` to the panel type as they are.
    """

    title: str
    kind: Literal["stat", "timeseries", "table"]
    target: Target
    x: int
    y: int
    w: int
    h: int
    description: str = ""
    min_interval: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    overrides: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class QueryVariable:
    """A drop-down filled by a query of one column; several values, or All."""

    name: str
    label: str
    sql: str


@dataclass(frozen=True)
class TextVariable:
    """A text field, empty at first."""

    name: str
    label: str
    description: str = ""


@dataclass(frozen=True)
class Annotation:
    """Marks on the time axis: a query with columns time, timeEnd, text and tags."""

    name: str
    sql: str
    colour: str


@dataclass(frozen=True)
class Dashboard:
    """A dashboard; `uid` is its stable address in Grafana, at most 40 characters."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    variables: Sequence[QueryVariable | TextVariable]
    annotations: Sequence[Annotation]
    tags: Sequence[str] = ()
    period: str = "now-24h"
    refresh: str = "30s"


def datasource_ref() -> dict[str, str]:
    """How panels name the data source."""
    return {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID}


def to_json(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana's JSON model."""
    return {
        "annotations": {"list": [_annotation(mark) for mark in dashboard.annotations]},
        "description": dashboard.description,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [],
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels, start=1)],
        "refresh": dashboard.refresh,
        "schemaVersion": SCHEMA_VERSION,
        "tags": list(dashboard.tags),
        "templating": {"list": [_variable(variable) for variable in dashboard.variables]},
        "time": {"from": dashboard.period, "to": "now"},
        "timepicker": {},
        "timezone": "utc",
        "title": dashboard.title,
        "uid": dashboard.uid,
        "version": 1,
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    model = {
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "type": panel.kind,
        "datasource": datasource_ref(),
        "gridPos": {"x": panel.x, "y": panel.y, "w": panel.w, "h": panel.h},
        "targets": [_target(panel.target, "A")],
        "fieldConfig": {
            "defaults": dict(panel.defaults),
            "overrides": [dict(one) for one in panel.overrides],
        },
        "options": dict(panel.options),
    }
    if panel.min_interval:
        model["interval"] = panel.min_interval
    return model


def _target(target: Target, ref: str) -> dict[str, Any]:
    return {
        "datasource": datasource_ref(),
        "editorType": "sql",
        "format": _FORMATS[target.result],
        "queryType": target.result,
        "rawSql": target.sql,
        "refId": ref,
    }


def _annotation(mark: Annotation) -> dict[str, Any]:
    return {
        "name": mark.name,
        "datasource": datasource_ref(),
        "enable": True,
        "hide": False,
        "iconColor": mark.colour,
        "target": _target(Target(mark.sql), "Annotation"),
    }


def _variable(variable: QueryVariable | TextVariable) -> dict[str, Any]:
    if isinstance(variable, TextVariable):
        return {
            "name": variable.name,
            "label": variable.label,
            "description": variable.description,
            "type": "textbox",
            "query": "",
            "current": {"text": "", "value": ""},
            "hide": 0,
        }
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": datasource_ref(),
        "definition": variable.sql,
        "query": variable.sql,
        "current": {"text": ["All"], "value": ["$__all"]},
        "includeAll": True,
        "multi": True,
        "refresh": 1,
        "sort": 1,
        "regex": "",
        "hide": 0,
    }
