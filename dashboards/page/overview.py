"""The overview: what everybody sees, and what its template says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.page.charts import Chart, figure_id, sentiment_chart
from dashboards.page.language import Words
from dashboards.page.links import topic_path
from dashboards.page.reads import SPAN, STEP_SECONDS, Overview
from tidings.types import Word

QUIET_SECONDS = 300  # so long without a scored item, and the stream is said to be quiet
MOST_CHARTS = 9  # are shown; live events hold all, since the busiest change


@dataclass(frozen=True, slots=True)
class Shown:
    """The latest overview, and the words that moved scores (by item_id)."""

    overview: Overview
    explained: Mapping[str, tuple[Word, ...]]


def overview_values(shown: Shown, words: Words, replayed: bool) -> dict[str, Any]:
    """What the overview's template needs; `replayed`: stream time is history's."""
    overview = shown.overview
    idle = (overview.read_at - overview.scored_at).total_seconds() if overview.scored_at else 0.0
    return {
        "title": words.text("overview.title"),
        "overview": overview,
        "explained": shown.explained,
        "replayed": replayed,
        "quiet_seconds": idle // 60 * 60 if idle >= QUIET_SECONDS else None,
        "charts": _charts(overview, words),
        "most_charts": MOST_CHARTS,
        "step_seconds": STEP_SECONDS,
        "span_seconds": SPAN.total_seconds(),
    }


def _charts(overview: Overview, words: Words) -> list[Chart]:
    name = words.text("column.sentiment")
    charts = []
    for key, windows in overview.charts:
        title, link = (words.topic(key), topic_path(key)) if key else (words.text("overview.whole"), "")
        charts.append(sentiment_chart(figure_id("topic", key), title, windows, name, link))
    return charts
