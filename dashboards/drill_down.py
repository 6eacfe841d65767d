"""The dashboard 'Tidings: topics and names': the stories, sources, evidence of one topic or company; what is usual."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import panels, parts

# What is chosen, of texts: only `items` knows topic, names and source together.
_ITEMS = """WHERE $__timeFilter(published_at)
  AND $__conditionalAll(topic IN (${topic:singlequote}), $topic)
  AND $__conditionalAll(hasAny(entities, [${entity:singlequote}]), $entity)
  AND $__conditionalAll(source IN (${source:singlequote}), $source)"""
_NEGATIVE = f"{_ITEMS}\n  AND sentiment_label = 'negative'"
# And of counts: the chosen names, or else the chosen topics, or else everything. A window counts `days` later.
_WINDOWS = f"""FROM (
  SELECT start + toIntervalDay(days) AS time, days, items, sentiment, negative_story_sum
  FROM sentiment_1h_by_key ARRAY JOIN range(0, ${{period}} + 1) AS days
  WHERE scope = multiIf({parts.ENTITY_IS_CHOSEN}, 'entity', {parts.TOPIC_IS_CHOSEN}, 'topic', 'all')
    AND $__conditionalAll(key IN (${{entity:singlequote}}), $entity)
    AND ({parts.ENTITY_IS_CHOSEN} OR $__conditionalAll(key IN (${{topic:singlequote}}), $topic))
    AND start >= $__fromTime - toIntervalDay(${{period}}) AND start <= $__toTime)
WHERE $__timeFilter(time)
GROUP BY time
ORDER BY time"""

_STORIES = f"""SELECT min(published_at) AS first_published_at,
  argMin(if(title = '', text, title), (published_at, item_id)) AS headline,
  argMin(topic, (published_at, item_id)) AS subject,
  arrayStringConcat(argMin(entities, (published_at, item_id)), ', ') AS names,
  count() AS reach, arrayStringConcat(arraySort(groupUniqArray(source)), ', ') AS told_by,
  round(argMin(sentiment, (published_at, item_id)), 2) AS score, argMin(url, (published_at, item_id)) AS link
FROM items
{_ITEMS}
GROUP BY story_id
ORDER BY first_published_at DESC, headline
LIMIT 200"""

_SOURCES = f"""SELECT source AS told_by, count() AS items, uniqExact(story_id) AS stories,
  uniqExactIf(story_id, sentiment_label = 'negative') AS negative_stories, avg(sentiment) AS mood,
  max(published_at) AS latest, concat('var-source=', encodeURLComponent(source)) AS drill
FROM items
{_ITEMS}
GROUP BY told_by, source
ORDER BY stories DESC, told_by
LIMIT 50"""

_NAMES = f"""SELECT name, uniqExact(story_id) AS stories,
  uniqExactIf(story_id, sentiment_label = 'negative') AS negative_stories,
  avg(sentiment) AS mood, concat('var-entity=', encodeURLComponent(name)) AS drill
FROM items ARRAY JOIN entities AS name
{_ITEMS}
GROUP BY name
ORDER BY stories DESC, name
LIMIT 50"""

_EVIDENCE = f"""SELECT published_at, rule, key, headline, source AS told_by, reach, round(sentiment, 2) AS score,
  arrayStringConcat(e.words, ', ') AS words, url AS link
FROM evidence AS e
WHERE (state != 'resolved' OR $__timeFilter(started_at)) AND {parts.ALERT_IS_CHOSEN}
ORDER BY ifNull(fired_at, started_at) DESC, score
LIMIT 100"""


def drill_down() -> Dashboard:
    """Topics and companies; alerts, tables and charts of the other dashboards lead here."""
    board = parts.start(
        parts.DRILL_DOWN,
        "Tidings: topics and names",
        "Choose topics, names or sources: their stories and sources, what is usual, and the evidence of alerts. UTC.",
    )
    board = (
        board.with_variable(parts.topic_variable())
        .with_variable(parts.entity_variable())
        .with_variable(parts.source_variable())
        .with_variable(parts.period_variable(28, (1, 7, 28, 60)))
        .annotation(parts.alert_marks(parts.ALERT_IS_CHOSEN))
    )
    return _texts(_usual(_numbers(board)))


def _numbers(board: Dashboard) -> Dashboard:
    stories = f"SELECT uniqExact(story_id) AS stories\nFROM items\n{_ITEMS}"
    negative = f"SELECT uniqExact(story_id) AS negative_stories\nFROM items\n{_NEGATIVE}"
    sources = f"SELECT uniqExact(source) AS sources\nFROM items\n{_ITEMS}"
    mood = f"SELECT if(count() = 0, NULL, avg(sentiment)) AS mean\nFROM items\n{_ITEMS}"
    return (
        board.with_panel(
            panels.number("Stories", "Near-identical items of one UTC day are one.", stories, width=6)
        )
        .with_panel(panels.number("Negative stories", "Stories with a negative item.", negative, width=6))
        .with_panel(panels.number("Sources", "Who told them.", sources, width=6))
        .with_panel(
            panels.number(
                "Mean sentiment",
                "Over items.",
                mood,
                steps=panels.MOOD,
                decimals=2,
                empty="no items",
                width=6,
            )
        )
    )


def _usual(board: Dashboard) -> Dashboard:
    negative = (
        "SELECT time, sumIf(negative_story_sum, days = 0) AS observed,\n"
        f"  sumIf(negative_story_sum, days > 0) / ${{period}} AS expected\n{_WINDOWS}"
        " WITH FILL FROM toStartOfHour($__fromTime) TO $__toTime STEP INTERVAL 1 HOUR"
    )
    mood = f"SELECT time, {_mean('days = 0')} AS observed,\n  {_mean('days > 0')} AS expected\n{_WINDOWS}"
    return board.with_panel(
        panels.lines(
            "Negative stories an hour, and what is usual",
            "Sum of p_negative over stories. Expected: the mean of the same hour of the days before. Not by source.",
            negative,
            width=24,
            every="1h",
        )
        .min(0)
        .decimals(1)
    ).with_panel(
        panels.lines(
            "Sentiment by hour, and what is usual",
            "Mean over items, and over the same hours of the days before. Not by source.",
            mood,
            width=24,
            height=7,
            every="1h",
        )
        .min(-1)
        .max(1)
        .decimals(2)
        .span_nulls(True)
    )


def _mean(condition: str) -> str:
    items = f"sumIf(items, {condition})"
    return f"if({items} = 0, NULL, sumIf(sentiment * items, {condition}) / {items})"


def _texts(board: Dashboard) -> Dashboard:
    here = parts.drill_link("${__data.fields.drill:raw}&${__url_time_range}")
    item = panels.link("Open the item", elsewhere=True)
    return (
        board.with_panel(
            panels.rows(
                "Stories",
                "The latest 200, each as its earliest item told it; reach is the number of items.",
                _STORIES,
                {"headline": panels.column(width=400), "score": panels.mood(), "link": item},
                height=12,
            )
        )
        .with_panel(
            panels.rows(
                "Sources",
                "Who told these stories.",
                _SOURCES,
                {
                    "told_by": panels.link("Stories of this source", here),
                    "mood": panels.mood(),
                    "drill": panels.hidden(),
                },
                width=12,
            )
        )
        .with_panel(
            panels.rows(
                "Names in these stories",
                "Companies, countries and people that the same texts speak of.",
                _NAMES,
                {
                    "name": panels.link("Stories of this name", here),
                    "mood": panels.mood(),
                    "drill": panels.hidden(),
                },
                width=12,
            )
        )
        .with_panel(
            panels.rows(
                "Evidence of alerts",
                "The stories behind alerts of the period and those still open; words moved the score most.",
                _EVIDENCE,
                {"headline": panels.column(width=400), "score": panels.mood(), "link": item},
            )
        )
    )
