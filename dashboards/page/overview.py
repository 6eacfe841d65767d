"""The overview as HTML: the whole page, and the parts of it that live events replace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.page.charts import Chart, figure_id, sentiment_chart
from dashboards.page.language import Words
from dashboards.page.links import topic_path
from dashboards.page.reads import SPAN, STEP_SECONDS, Overview
from dashboards.page.render import render
from tidings.types import Word

QUIET_SECONDS = 300  # so long without a scored item, and the stream is said to be quiet
MOST_CHARTS = 9


@dataclass(frozen=True, slots=True)
class Shown:
    """What everybody sees now: the latest overview, the words that moved scores (by item_id), whether the store
    answered, whether stream time is replayed history."""

    overview: Overview
    explained: Mapping[str, tuple[Word, ...]]
    away: bool = False
    replayed: bool = False


def overview_values(shown: Shown, words: Words) -> dict[str, Any]:
    """What the overview's templates need."""
    return _values(shown) | {
        "title": words.text("overview.title"),
        "charts": _charts(shown.overview, words)[:MOST_CHARTS],
        "step_seconds": STEP_SECONDS,
        "span_seconds": SPAN.total_seconds(),
    }


def events(shown: Shown, words: Words) -> dict[str, str]:
    """The live events: each the full state of its part. Charts are JSON by figure id, the others HTML."""
    values = _values(shown)
    charts = {chart.figure: chart.spec for chart in _charts(shown.overview, words)}
    return {
        "charts": json.dumps(charts, ensure_ascii=False, separators=(",", ":")),
        "tape": render("tape.html", words, values),
        "alerts": render("alerts_open.html", words, values),
        "status": render("status.html", words, values),
    }


def _values(shown: Shown) -> dict[str, Any]:
    overview = shown.overview
    idle = (overview.read_at - overview.scored_at).total_seconds() if overview.scored_at else 0.0
    return {
        "overview": overview,
        "explained": shown.explained,
        "away": shown.away,
        "replayed": shown.replayed,
        "quiet_seconds": idle // 60 * 60 if idle >= QUIET_SECONDS else None,
    }


def _charts(overview: Overview, words: Words) -> list[Chart]:
    name = words.text("column.sentiment")
    charts = []
    for key, windows in overview.charts:
        title, link = (words.topic(key), topic_path(key)) if key else (words.text("overview.whole"), "")
        charts.append(sentiment_chart(figure_id("topic", key), title, windows, name, link))
    return charts
