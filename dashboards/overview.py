"""The dashboard 'Tidings: overview': what is said, how it is meant, and what was alerted."""

from typing import Any

from dashboards.panels import Annotation, Dashboard, Panel, QueryVariable, Target, TextVariable

# Windows of scope topic add up to all items, because each item has exactly one topic.
_TOPICS = (
    "WHERE scope = 'topic' AND $__timeFilter(start)\n"
    "  AND $__conditionalAll(key IN (${topic:singlequote}), $topic)"
)
_MEAN = "if(sum(items) = 0, NULL, sum(sentiment * items) / sum(items))"

_SENTIMENT = {"min": -1, "max": 1, "decimals": 2}
_COUNT = {"decimals": 0, "noValue": "0"}
_STAT: dict[str, Any] = {
    "colorMode": "value",
    "graphMode": "none",
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
}
_LEGEND = {
    "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
    "tooltip": {"mode": "multi", "sort": "desc"},
}


def _thresholds(*steps: tuple[float | None, str]) -> dict[str, Any]:
    return {
        "color": {"mode": "thresholds"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"color": colour, "value": value} for value, colour in steps],
        },
    }


_MOOD = _thresholds((None, "red"), (-0.2, "text"), (0.2, "green"))


def _by_name(column: str, **properties: Any) -> dict[str, Any]:
    return {
        "matcher": {"id": "byName", "options": column},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def _link(column: str, title: str) -> dict[str, Any]:
    return _by_name(column, links=[{"title": title, "url": "${__value.raw}", "targetBlank": True}])


def _series(label: str, **custom: Any) -> dict[str, Any]:
    return {"displayName": f"${{__field.labels.{label}}}", "custom": custom}


def _stat(title: str, description: str, sql: str, x: int, look: dict[str, Any]) -> Panel:
    return Panel(title, "stat", Target(sql), x, 0, 6, 4, description, defaults=look, options=_STAT)


def _volume(title: str, column: str, x: int, description: str) -> Panel:
    sql = (
        f"SELECT $__timeInterval(start) AS time, key AS topic, sum({column}) AS n\n"
        f"FROM sentiment_1m\n{_TOPICS}\nGROUP BY time, topic\nORDER BY time, topic"
    )
    bars = _series(
        "topic", drawStyle="bars", fillOpacity=60, lineWidth=0, stacking={"mode": "normal", "group": "A"}
    )
    return Panel(
        title,
        "timeseries",
        Target(sql, "timeseries"),
        x,
        13,
        12,
        8,
        description,
        min_interval="1m",
        defaults={**_COUNT, "min": 0, **bars},
        options=_LEGEND,
    )


_SENTIMENT_BY_TOPIC = Panel(
    "Sentiment by topic",
    "timeseries",
    Target(
        "SELECT $__timeInterval(start) AS time, key AS topic, sum(sentiment * items) / sum(items) AS mean\n"
        f"FROM sentiment_1m\n{_TOPICS}\nGROUP BY time, topic\nORDER BY time, topic",
        "timeseries",
    ),
    0,
    4,
    24,
    9,
    "Mean over items of p_positive - p_negative, between -1 and 1.",
    min_interval="1m",
    defaults={**_SENTIMENT, **_series("topic", lineWidth=2, spanNulls=True, showPoints="auto")},
    options=_LEGEND,
)

_NAMES = Panel(
    "Negative stories by name",
    "timeseries",
    Target(
        "SELECT $__timeInterval(start) AS time, key AS entity, sum(negative_story_sum) AS stories\n"
        "FROM sentiment_1m\n"
        "WHERE scope = 'entity' AND $__timeFilter(start) AND key IN (\n"
        "  SELECT key FROM sentiment_1m\n"
        "  WHERE scope = 'entity' AND $__timeFilter(start)\n"
        "    AND positionCaseInsensitiveUTF8(key, ${entity:singlequote}) > 0\n"
        "  GROUP BY key ORDER BY sum(negative_story_sum) DESC, key LIMIT 8)\n"
        "GROUP BY time, entity\nORDER BY time, entity",
        "timeseries",
    ),
    0,
    21,
    12,
    10,
    "Expected number of negative stories (sum of p_negative) of the eight names with most of them.",
    min_interval="1m",
    defaults={"min": 0, "decimals": 1, **_series("entity", lineWidth=2, showPoints="auto")},
    options=_LEGEND,
)

_ALERTS = Panel(
    "Alerts",
    "table",
    Target(
        "SELECT started_at, severity, state, rule, scope, key, value, expected, p_value, fired_at, resolved_at\n"
        "FROM alerts\n"
        "WHERE state != 'resolved' OR $__timeFilter(started_at)\n"
        "ORDER BY started_at DESC\nLIMIT 100"
    ),
    12,
    21,
    12,
    10,
    "Alerts that began in the period, and all that are still open.",
    overrides=[
        _by_name("value", decimals=1),
        _by_name("expected", decimals=2),
        _by_name("p_value", unit="sci"),
    ],
)

_NEGATIVE_ITEMS = Panel(
    "Most negative items",
    "table",
    Target(
        "SELECT published_at, source, if(title = '', text, title) AS headline, topic, "
        "arrayStringConcat(entities, ', ') AS names, round(sentiment, 2) AS score, url\n"
        "FROM items\n"
        "WHERE $__timeFilter(published_at) AND sentiment_label = 'negative'\n"
        "  AND $__conditionalAll(topic IN (${topic:singlequote}), $topic)\n"
        "  AND (${entity:singlequote} = ''\n"
        "    OR arrayExists(e -> positionCaseInsensitiveUTF8(e, ${entity:singlequote}) > 0, entities))\n"
        "ORDER BY p_negative DESC, published_at DESC\nLIMIT 1 BY story_id\nLIMIT 50"
    ),
    0,
    31,
    24,
    12,
    "One row per story, by its most negative item; copies are left out.",
    overrides=[
        _by_name("score", **_MOOD, decimals=2),
        _by_name("headline", **{"custom.minWidth": 400}),
        _link("url", "Open the item"),
    ],
)

OVERVIEW = Dashboard(
    uid="tidings-overview",
    title="Tidings: overview",
    description="Sentiment and volume by topic, the most negative items, and alerts. All times are UTC.",
    tags=("tidings",),
    variables=(
        QueryVariable(
            "topic",
            "Topic",
            "SELECT DISTINCT key FROM sentiment_1d WHERE scope = 'topic' ORDER BY key",
        ),
        TextVariable("entity", "Name contains", "A company, country or person; part of the name is enough."),
    ),
    annotations=(
        Annotation(
            "Alerts",
            "SELECT fired_at AS time, resolved_at AS timeEnd,\n"
            "  concat(rule, ': ', if(key = '', scope, key), ', ', toString(round(value, 1)), ' negative stories, ',\n"
            "    toString(round(expected, 1)), ' expected') AS text,\n"
            "  severity AS tags\n"
            "FROM alerts\n"
            "WHERE fired_at IS NOT NULL AND $__timeFilter(fired_at)\nORDER BY time\nLIMIT 500",
            "red",
        ),
    ),
    panels=(
        _stat(
            "Items",
            "Texts published in the period.",
            f"SELECT sum(items) AS items_total\nFROM sentiment_1m\n{_TOPICS}",
            0,
            {**_COUNT, **_thresholds((None, "text"))},
        ),
        _stat(
            "Stories",
            "Near-identical items of one UTC day are one story.",
            f"SELECT sum(stories) AS stories_total\nFROM sentiment_1m\n{_TOPICS}",
            6,
            {**_COUNT, **_thresholds((None, "text"))},
        ),
        _stat(
            "Mean sentiment",
            "Mean over items of p_positive - p_negative, between -1 and 1.",
            f"SELECT {_MEAN} AS mean\nFROM sentiment_1m\n{_TOPICS}",
            12,
            {**_SENTIMENT, **_MOOD},
        ),
        _stat(
            "Open alerts",
            "Alerts that fire now, whatever the period.",
            "SELECT count() AS open_alerts\nFROM alerts\nWHERE state = 'firing'",
            18,
            {**_COUNT, **_thresholds((None, "green"), (1, "red"))},
        ),
        _SENTIMENT_BY_TOPIC,
        _volume("Items by topic", "items", 0, "Every item counts, copies too."),
        _volume(
            "Stories by topic", "stories", 12, "A story counts once, in the minute of its earliest item."
        ),
        _NAMES,
        _ALERTS,
        _NEGATIVE_ITEMS,
    ),
)

DASHBOARDS = (OVERVIEW,)
