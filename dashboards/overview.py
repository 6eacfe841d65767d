"""The dashboard 'Tidings: overview': what is said, how it is meant, who moved, and what was alerted."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import VisibilityMode

from dashboards import panels, parts

# Windows of scope topic add up to all items, because each item has exactly one topic.
_TOPICS = (
    "WHERE scope = 'topic' AND $__timeFilter(start)\n"
    "  AND $__conditionalAll(key IN (${topic:singlequote}), $topic)"
)
_MEAN = "if(sum(items) = 0, NULL, sum(sentiment * items) / sum(items))"
_NAME = "positionCaseInsensitiveUTF8(key, ${entity:singlequote}) > 0"
_TO_TOPIC = parts.drill_link("var-topic=${__field.labels.topic:percentencode}&${__url_time_range}")

_NEGATIVE_NAMES = f"""SELECT $__timeInterval(start) AS time, key AS entity, sum(negative_story_sum) AS stories
FROM sentiment_1m
WHERE scope = 'entity' AND $__timeFilter(start) AND key IN (
  SELECT key FROM sentiment_1m
  WHERE scope = 'entity' AND $__timeFilter(start) AND {_NAME}
  GROUP BY key ORDER BY sum(negative_story_sum) DESC, key LIMIT 8)
GROUP BY time, entity
ORDER BY time, entity"""

# A window counts `days` later: as it is for 0, as what was usual for 1 to ${period}.
_MOVERS = f"""SELECT name, told, told_before, negative, negative_before, mood, mood_before,
  mood - mood_before AS change, concat('var-entity=', encodeURLComponent(name)) AS drill
FROM (
  SELECT name,
    sumIf(stories, days = 0) AS told, sumIf(stories, days > 0) / ${{period}} AS told_before,
    sumIf(negative_story_sum, days = 0) AS negative,
    sumIf(negative_story_sum, days > 0) / ${{period}} AS negative_before,
    if(told = 0, NULL, sumIf(sentiment * items, days = 0) / sumIf(items, days = 0)) AS mood,
    if(told_before = 0, NULL, sumIf(sentiment * items, days > 0) / sumIf(items, days > 0)) AS mood_before,
    sumIf(sentiment * items, days = 0) - sumIf(sentiment * items, days > 0) / ${{period}} AS moved
  FROM (
    SELECT key AS name, stories, items, sentiment, negative_story_sum, days, start + toIntervalDay(days) AS time
    FROM sentiment_1m ARRAY JOIN range(0, ${{period}} + 1) AS days
    WHERE scope = 'entity' AND {_NAME}
      AND start >= $__fromTime - toIntervalDay(${{period}}) AND start <= $__toTime)
  WHERE $__timeFilter(time)
  GROUP BY name
  HAVING told + told_before > 0)
ORDER BY abs(moved) DESC, name
LIMIT 20"""

_NEGATIVE_ITEMS = """SELECT published_at, source, if(title = '', text, title) AS headline, topic,
  arrayStringConcat(entities, ', ') AS names, round(sentiment, 2) AS score, url
FROM items
WHERE $__timeFilter(published_at) AND sentiment_label = 'negative'
  AND $__conditionalAll(topic IN (${topic:singlequote}), $topic)
  AND (${entity:singlequote} = ''
    OR arrayExists(e -> positionCaseInsensitiveUTF8(e, ${entity:singlequote}) > 0, entities))
ORDER BY p_negative DESC, published_at DESC
LIMIT 1 BY story_id
LIMIT 50"""

_ALERTS = f"""SELECT started_at, severity, state, rule, scope, key, value, expected, p_value, fired_at, resolved_at,
  {parts.ALERT_DRILL} AS drill
FROM alerts
WHERE state != 'resolved' OR $__timeFilter(started_at)
ORDER BY started_at DESC
LIMIT 100"""


def overview() -> Dashboard:
    """Market overview; alerts.dashboard_url leads here, with topic and entity chosen."""
    board = parts.start(
        "tidings-overview",
        "Tidings: overview",
        "Sentiment and volume by topic, who moved most, the most negative items, and alerts. All times are UTC.",
        refresh="30s",
    )
    board = (
        board.with_variable(parts.topic_variable())
        .with_variable(parts.name_variable())
        .with_variable(parts.period_variable(1, (1, 7, 28)))
        .annotation(parts.alert_marks())
        .annotation(parts.grafana_marks())
    )
    return _details(_numbers(board))


def _numbers(board: Dashboard) -> Dashboard:
    firing = "SELECT count() AS open_alerts\nFROM alerts\nWHERE state = 'firing'"
    sentiment = "Mean over items of p_positive - p_negative, between -1 and 1."
    by_topic = f"FROM sentiment_1m\n{_TOPICS}\nGROUP BY time, topic\nORDER BY time, topic"
    return (
        board.with_panel(
            panels.number(
                "Items",
                "Texts published in the period.",
                f"SELECT sum(items) AS items_total\nFROM sentiment_1m\n{_TOPICS}",
                width=6,
            )
        )
        .with_panel(
            panels.number(
                "Stories",
                "Near-identical items of one UTC day are one story.",
                f"SELECT sum(stories) AS stories_total\nFROM sentiment_1m\n{_TOPICS}",
                width=6,
            )
        )
        .with_panel(
            panels.number(
                "Mean sentiment",
                sentiment,
                f"SELECT {_MEAN} AS mean\nFROM sentiment_1m\n{_TOPICS}",
                steps=panels.MOOD,
                decimals=2,
                empty="no items",
                width=6,
            )
        )
        .with_panel(
            panels.number(
                "Open alerts",
                "Alerts that fire now, whatever the period.",
                firing,
                steps=panels.BAD_ABOVE_0,
                width=6,
            )
        )
        .with_panel(
            panels.lines(
                "Sentiment by topic",
                sentiment,
                f"SELECT $__timeInterval(start) AS time, key AS topic, {_MEAN} AS mean\n{by_topic}",
                "topic",
                width=24,
            )
            .min(-1)
            .max(1)
            .decimals(2)
            .span_nulls(True)
            .data_links([panels.field_link("Stories of this topic", _TO_TOPIC)])
        )
        .with_panel(
            panels.heat_map(
                "Sentiment by topic and hour",
                "A tile is one hour (more over long periods) of one topic, from red (-1) to green (1).",
                f"SELECT $__timeInterval(start) AS time, key AS topic, {_MEAN} AS mean\n"
                + by_topic.replace("sentiment_1m", "sentiment_1h"),
                "topic",
                every="1h",
                height=12,
            ).data_links([panels.field_link("Stories of this topic", _TO_TOPIC)])
        )
    )


def _details(board: Dashboard) -> Dashboard:
    to_name = panels.link(
        "Stories of this name", parts.drill_link("${__data.fields.drill:raw}&${__url_time_range}")
    )
    volume = f"FROM sentiment_1m\n{_TOPICS}\nGROUP BY time, topic\nORDER BY time, topic"
    numbers = {name: panels.column(decimals=1) for name in ("told_before", "negative", "negative_before")}
    return (
        board.with_panel(
            panels.rows(
                "Top movers",
                "Names whose sentiment, summed over items, changed most against the same hours before.",
                _MOVERS,
                {
                    "name": to_name | panels.column(width=160),
                    **numbers,
                    **{name: panels.mood() for name in ("mood", "mood_before", "change")},
                    "drill": panels.hidden(),
                },
                height=11,
            )
        )
        .with_panel(
            panels.bars(
                "Items by topic",
                "Every item counts, copies too.",
                f"SELECT $__timeInterval(start) AS time, key AS topic, sum(items) AS n\n{volume}",
                "topic",
            )
        )
        .with_panel(
            panels.bars(
                "Stories by topic",
                "A story counts once, in the minute of its earliest item.",
                f"SELECT $__timeInterval(start) AS time, key AS topic, sum(stories) AS n\n{volume}",
                "topic",
            )
        )
        .with_panel(
            panels.lines(
                "Negative stories by name",
                "Expected number of negative stories (sum of p_negative) of the eight names with most of them.",
                _NEGATIVE_NAMES,
                "entity",
                height=10,
            )
            .min(0)
            .decimals(1)
            .show_points(VisibilityMode.AUTO)
        )
        .with_panel(
            panels.rows(
                "Alerts",
                "Alerts that began in the period, and all that are still open.",
                _ALERTS,
                {
                    "key": panels.link("What it saw", parts.drill_link()),
                    "value": panels.column(decimals=1),
                    "expected": panels.column(decimals=2),
                    "p_value": panels.column("sci"),
                    "drill": panels.hidden(),
                },
                width=12,
            )
        )
        .with_panel(
            panels.rows(
                "Most negative items",
                "One row per story, by its most negative item; copies are left out.",
                _NEGATIVE_ITEMS,
                {
                    "score": panels.mood(),
                    "headline": panels.column(width=400),
                    "url": panels.link("Open the item", elsewhere=True),
                },
                height=12,
            )
        )
    )
