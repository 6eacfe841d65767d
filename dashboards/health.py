"""The dashboard 'Tidings: pipeline health': ClickHouse knows what became of the items, Prometheus how it went."""

from grafana_foundation_sdk.builders import common, stat
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row

from dashboards import panels, parts, processes

_DELAY = """SELECT $__timeInterval(published_at) AS time,
  quantile(0.5)(dateDiff('millisecond', published_at, scored_at) / 1000) AS half,
  quantile(0.95)(dateDiff('millisecond', published_at, scored_at) / 1000) AS most
FROM items
WHERE $__timeFilter(published_at)
GROUP BY time
ORDER BY time"""

_MODELS = """SELECT $__timeInterval(published_at) AS time, model_version AS model, count() AS n
FROM items
WHERE $__timeFilter(published_at)
GROUP BY time, model
ORDER BY time, model"""

_CONFIDENCE = """SELECT $__timeInterval(published_at) AS time, avgIf(topic_p, flag = '') AS topic_confidence,
  avgIf(greatest(p_negative, p_neutral, p_positive), flag = '') AS sentiment_confidence,
  countIf(sentiment_label = 'negative') / count() AS negative_share, countIf(flag != '') / count() AS not_scored_share
FROM items
WHERE $__timeFilter(published_at)
GROUP BY time
ORDER BY time"""

# Population stability index over topics; half a story is added to each, so that a new topic has a finite part.
_DRIFT = """SELECT if(sum(now) = 0 OR sum(before) = 0, NULL, arraySum((p, q) -> (p - q) * log(p / q),
  arrayMap(n -> (n + 0.5) / (sum(now) + 0.5 * count()), groupArray(now)),
  arrayMap(n -> (n + 0.5) / (sum(before) + 0.5 * count()), groupArray(before)))) AS index
FROM (
  SELECT key, sumIf(stories, start >= $__fromTime) AS now, sumIf(stories, start < $__fromTime) AS before
  FROM sentiment_1h
  WHERE scope = 'topic' AND start >= $__fromTime - toIntervalDay(${period}) AND start <= $__toTime
  GROUP BY key)"""

_MIX = """SELECT key AS topic, sumIf(stories, start >= $__fromTime) AS now,
  sumIf(stories, start < $__fromTime) / ${period} AS a_day_before,
  sumIf(sentiment * items, start >= $__fromTime) / sumIf(items, start >= $__fromTime) AS mood,
  sumIf(sentiment * items, start < $__fromTime) / sumIf(items, start < $__fromTime) AS mood_before
FROM sentiment_1h
WHERE scope = 'topic' AND start >= $__fromTime - toIntervalDay(${period}) AND start <= $__toTime
GROUP BY topic
ORDER BY now DESC, topic"""

_DEAD = """SELECT $__timeInterval(recorded_at) AS time, reason, count() AS n
FROM dead_letters
WHERE $__timeFilter(recorded_at)
GROUP BY time, reason
ORDER BY time, reason"""

# As the view audit has it, but of the period only: what it holds in memory are the period's offsets.
_AUDIT = """SELECT kafka_topic, kafka_partition, max(kafka_offset) AS last_offset, count() AS consumed,
  countIf(outcome = 'stored') AS stored, countIf(outcome = 'duplicate') AS duplicates,
  countIf(outcome = 'dead letter') AS dead_letters, countIf(outcome = 'erased') AS erased,
  countIf(outcome = 'expired') AS expired, countIf(outcome = 'unexplained') AS unexplained,
  max(kafka_offset) - min(kafka_offset) + 1 - count() AS gaps
FROM consumed
WHERE $__timeFilter(recorded_at)
GROUP BY kafka_topic, kafka_partition
ORDER BY kafka_topic, kafka_partition"""

_SOURCES = """SELECT source, items, toDateTime(watermark) AS latest,
  dateDiff('second', watermark, (SELECT max(watermark) FROM sources)) AS behind,
  late_items, toUInt32(worst_late_seconds) AS furthest_behind
FROM sources
ORDER BY latest DESC
LIMIT 200"""


def health() -> Dashboard:
    """Pipeline health. Without a Prometheus data source its first part stays whole, and the second is empty."""
    board = parts.start(
        "tidings-health",
        "Tidings: pipeline health",
        "What became of the items (ClickHouse), and how the processes do (Prometheus, from their /metrics). UTC.",
        period="now-6h",
    )
    board = (
        board.with_variable(DatasourceVariable("prometheus").label("Prometheus").type("prometheus"))
        .with_variable(parts.period_variable(28, (1, 7, 28)))
        .annotation(parts.alert_marks())
    )
    board = _model(_store(board.with_row(Row("From the store"))))
    board = board.with_row(Row("From Prometheus"))
    for panel in processes.panels_of_metrics():
        board = board.with_panel(panel)
    return board


def _store(board: Dashboard) -> Dashboard:
    lost = "SELECT countIf(outcome = 'unexplained') AS unexplained\nFROM consumed\nWHERE $__timeFilter(recorded_at)"
    late = "SELECT dateDiff('second', max(watermark), now()) AS behind\nFROM sources"
    version = (
        "SELECT argMax(model_version, scored_at) AS model\nFROM items\nWHERE $__timeFilter(published_at)"
    )
    return (
        board.with_panel(
            panels.number(
                "Lost offsets",
                "Kafka offsets read in the period without a trace: must be 0.",
                lost,
                steps=panels.BAD_ABOVE_0,
                width=6,
            )
        )
        .with_panel(
            panels.number("Latest item", "How old the newest text of any source is.", late, unit="s", width=6)
        )
        .with_panel(
            _text(
                panels.number(
                    "Model", "The version that scored the latest text.", version, empty="none", width=6
                )
            )
        )
        .with_panel(
            panels.number(
                "Drift of topics",
                "Population stability index of the topics' stories against the days before. Above 0.2: look.",
                _DRIFT,
                steps=((None, "green"), (0.1, "yellow"), (0.2, "red")),
                decimals=2,
                empty="no history",
                width=6,
            )
        )
        .with_panel(
            panels.lines("From publication to score", "Half of the items, and 95 of 100, are faster.", _DELAY)
            .unit("s")
            .min(0)
        )
        .with_panel(
            panels.bars("Dead letters by reason", "Messages that are no item.", _DEAD, "reason", height=9)
        )
        .with_panel(
            panels.rows(
                "What became of every Kafka offset",
                "Of the period: consumed = stored + duplicates + dead letters + erased + expired + unexplained.",
                _AUDIT,
                width=12,
            )
        )
        .with_panel(
            panels.rows(
                "Sources",
                "Who has gone quiet or comes late.",
                _SOURCES,
                {"behind": panels.column("s"), "furthest_behind": panels.column("s")},
                width=12,
            )
        )
    )


def _text(panel: stat.Panel) -> stat.Panel:
    """Shows a text: without this, a stat panel looks for numbers only."""
    return panel.reduce_options(
        common.ReduceDataOptions().calcs(["lastNotNull"]).fields("/.*/").values(False)
    )


def _model(board: Dashboard) -> Dashboard:
    moods = {name: panels.mood() for name in ("mood", "mood_before")}
    return (
        board.with_panel(panels.bars("Items by model version", "Which model scored them.", _MODELS, "model"))
        .with_panel(
            panels.lines(
                "Confidence and shares",
                "Means over scored items; a model that meets new language becomes less sure.",
                _CONFIDENCE,
                height=8,
            )
            .min(0)
            .max(1)
            .decimals(2)
        )
        .with_panel(
            panels.rows(
                "Topics now and before",
                "Stories of the period, and a day's stories before it.",
                _MIX,
                {"a_day_before": panels.column(decimals=1), **moods},
            )
        )
    )
