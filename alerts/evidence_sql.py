"""The SQL that gives an alert's value again, for people to run: over the public views, pure text."""

from datetime import UTC, datetime, timedelta

from tidings.clock import midnight
from tidings.types import NO_FILTERS, Alert, Filters

# What adds up over windows, by Measured.measure; over items the same figures are counted from the stories.
_OF_WINDOWS = {
    "negative stories": "sum(negative_story_sum)",
    "negative share": "sum(negative_story_sum) / sum(stories)",
    "stories": "sum(stories)",
    "items": "sum(items)",
    "sentiment": "sum(sentiment * items) / sum(items)",
}
_OF_ITEMS = {
    "negative stories": "sumIf(p, is_first)",
    "negative share": "sumIf(p, is_first) / countIf(is_first)",
    "stories": "countIf(is_first)",
    "items": "count()",
    "sentiment": "avg(s)",
}
_WEIGHED = {
    "negative share": "sumIf(w * p, is_first) / sumIf(w, is_first)",
    "sentiment": "sum(w * s) / sum(w)",
}
_NAMED = {
    "all": "1",
    "topic": "topic = {key}",
    "source": "source = {key}",
    "entity": "has(entities, {key})",
    "topic_entity": "arrayExists(name -> concat(topic, ' | ', name) = {key}, entities)",
}
_ESCAPED = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def sql_of(alert: Alert) -> str:
    """One SELECT that returns the alert's value, rounded as the store rounds; "" where there is none to ask for.

    It counts what is stored now: items that came late, after the alert was last measured, are in it too.
    """
    if not alert.series or alert.measured.measure not in _OF_WINDOWS:
        return ""
    end = alert.series[-1].start + timedelta(seconds=alert.series[-1].seconds)
    start = end - timedelta(seconds=alert.window_seconds)
    if alert.scope == "topic_entity" or alert.measured.filters != NO_FILTERS or _weighs(alert):
        return _from_items(alert, start, end)
    return (
        f"SELECT {_OF_WINDOWS[alert.measured.measure]} AS value\n"
        "FROM sentiment_1m\n"
        f"WHERE scope = {quoted(alert.scope)} AND key = {quoted(alert.key)}\n"
        f"  AND start >= {_time(start)} AND start < {_time(end)}"
    )


def quoted(text: str) -> str:
    """The text as a ClickHouse string literal."""
    return "'" + "".join(_ESCAPED.get(character, character) for character in text) + "'"


def _from_items(alert: Alert, start: datetime, end: datetime) -> str:
    """A story counts in the minute of its earliest item of the UTC day, as windows count it."""
    day = midnight(start)
    named = _NAMED[alert.scope].format(key=quoted(alert.key))
    value = (_WEIGHED if _weighs(alert) else _OF_ITEMS)[alert.measured.measure]
    return (
        f"SELECT {value} AS value\n"
        "FROM (\n"
        f"    SELECT published_at, topic, source, entities, toFloat64(sentiment) AS s,{_weights(alert)}\n"
        "        if(flag = '', toFloat64(p_negative), 0) AS p,\n"
        "        row_number() OVER (PARTITION BY toStartOfDay(published_at), story_id\n"
        "                           ORDER BY published_at, item_id) = 1 AS is_first\n"
        "    FROM items\n"
        f"    WHERE published_at >= {_time(day)} AND published_at < {_time(end)}{_passes(alert.measured.filters)}\n"
        ")\n"
        f"WHERE published_at >= {_time(start)} AND {named}"
    )


def _passes(filters: Filters) -> str:
    given = (("source", filters.sources), ("kind", filters.kinds), ("lang", filters.languages))
    return "".join(f" AND {name} IN ({', '.join(map(quoted, texts))})" for name, texts in given if texts)


def _weighs(alert: Alert) -> bool:
    return bool(alert.measured.source_weights) and alert.measured.measure in _WEIGHED


def _weights(alert: Alert) -> str:
    if not _weighs(alert):
        return ""
    sources = ", ".join(map(quoted, alert.measured.source_weights))
    weights = ", ".join(repr(float(weight)) for weight in alert.measured.source_weights.values())
    return f"\n        transform(toString(source), [{sources}], [{weights}], 1.) AS w,"


def _time(moment: datetime) -> str:
    return f"toDateTime('{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}', 'UTC')"
