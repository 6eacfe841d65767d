"""All dashboards, and their JSON: Grafana's dashboard model as grafana-foundation-sdk knows it."""

import json
from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard, RowPanel

from dashboards.alerting import alerting
from dashboards.drill_down import drill_down
from dashboards.health import health
from dashboards.overview import overview


def dashboards(budgets: Mapping[str, float] | None = None) -> list[Dashboard]:
    """Every dashboard; `budgets` maps rules to their false alarms a week (those that have a budget)."""
    return [_numbered(board) for board in (overview(), drill_down(), alerting(budgets or {}), health())]


def to_json(board: Dashboard) -> dict[str, Any]:
    """What Grafana stores, as plain values."""
    model: dict[str, Any] = json.loads(json.dumps(board, cls=JSONEncoder))
    return model


def _numbered(builder: Builder) -> Dashboard:
    """Panels need an id each for links to them to hold; the SDK gives none."""
    board = builder.build()
    for number, panel in enumerate(board.panels or [], start=1):
        panel.id_val = number
        if isinstance(panel, RowPanel):
            panel.panels = []
    return board
