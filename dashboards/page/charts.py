"""Charts as values: what a figure's `data-chart` holds (static/chart_data.js reads it), and its table says."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tidings.types import Alert, Window

Point = tuple[int, float | None]  # epoch seconds, and a value where there is one


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure: its id, its heading and where that leads, the spec that is drawn, the columns of its table."""

    figure: str
    title: str
    spec: dict[str, Any]
    link: str = ""
    note: str = ""
    tall: bool = False
    columns: tuple[str, ...] = field(default=())

    def rows(self) -> list[tuple[int, tuple[float | None, ...]]]:
        """The table: epoch seconds, and the values of the baseline (where there is one) and of each series."""
        lines = [self.spec["baseline"]] if "baseline" in self.spec else []
        points = [dict(line["points"]) for line in [*lines, *self.spec["series"]]]
        times = sorted({at for line in points for at in line})
        return [(at, tuple(line.get(at) for line in points)) for at in times]


def figure_id(kind: str, key: str) -> str:
    """A name for HTML's id: readable, and no two keys share one."""
    plain = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:30]
    tail = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:6]
    return "-".join(part for part in (kind, plain, tail) if part)


def sentiment_chart(figure: str, title: str, windows: Sequence[Window], name: str, link: str = "") -> Chart:
    """Mean sentiment of the items per window; windows without items are gaps."""
    points = [(_epoch(w.start), round(w.sentiment_sum / w.items, 3) if w.items else None) for w in windows]
    spec = {"series": [{"name": name, "points": points}], "y": [-1, 1]}
    return Chart(figure, title, spec, link, columns=(name,))


def count_chart(
    figure: str,
    title: str,
    windows: Sequence[Window],
    name: str,
    usual: tuple[str, Sequence[Window]] | None,
    note: str,
) -> Chart:
    """Negative stories (sum of p_negative) per window, against what `usual` windows (named) held: their mean, and
    between nothing and what 19 of 20 stayed below."""
    points = [(_epoch(w.start), round(w.negative_story_sum, 2)) for w in windows]
    spec: dict[str, Any] = {"series": [{"name": name, "points": points}]}
    columns: tuple[str, ...] = (name,)
    if usual and usual[1]:
        label, before = usual
        counts = sorted(w.negative_story_sum for w in before)
        mean, high = sum(counts) / len(counts), counts[min(len(counts) - 1, int(0.95 * len(counts)))]
        spec["baseline"] = {"name": label, "points": _level(windows, mean)}
        spec["bands"] = {"lower": _level(windows, 0.0), "upper": _level(windows, high)}
        columns = (label, name)
    return Chart(figure, title, spec, note=note, tall=True, columns=columns)


def alert_chart(alert: Alert, title: str, say: Callable[[str], str], note: str) -> Chart | None:
    """What the alert looked at, bar by bar, its window shaded, and what was expected of each bar."""
    windows = alert.series
    if not windows:
        return None
    end = windows[-1].start + timedelta(seconds=windows[-1].seconds)
    shaded = [_epoch(end) - alert.window_seconds, _epoch(end)]
    if alert.measured.measure == "sentiment":
        chart = sentiment_chart("alert-chart", title, windows, say("column.sentiment"))
        expected = alert.expected
    else:
        chart = count_chart("alert-chart", title, windows, say("column.negative"), None, note)
        expected = alert.expected * windows[-1].seconds / max(1, alert.window_seconds)
    spec = chart.spec | {"marks": [shaded]}
    if alert.measured.measure in ("sentiment", "negative stories"):
        spec["baseline"] = {"name": say("column.expected"), "points": _level(windows, expected)}
    columns = (say("column.expected"), *chart.columns) if "baseline" in spec else chart.columns
    return Chart("alert-chart", title, spec, note=note, tall=True, columns=columns)


def _level(windows: Sequence[Window], value: float) -> list[Point]:
    return [(_epoch(window.start), round(value, 3)) for window in windows]


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
