"""The windows, counted from the stored items in plain Python; shares nothing with the store's SQL."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

SUMS = ("items", "negative_items", "stories", "negative_stories", "negative_story_sum")
SCOPES = {"all", "topic", "source", "entity"}
ITEMS = """SELECT item_id, story_id, source, topic, entities, sentiment_label, flag,
toFloat64(p_negative) AS p_negative, toUnixTimestamp64Milli(published_at) AS at_ms FROM items"""
WINDOWS = f"""SELECT toString(scope) AS name, key, toUnixTimestamp(start) AS second, {", ".join(SUMS)}
FROM window_rows FINAL"""
_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
Window = tuple[str, str, int]  # scope, key, minute since 1970
Rows = Sequence[dict[str, Any]]


def recount(items: Rows) -> dict[Window, list[float]]:
    """SUMS of every window that holds items: a story counts once a UTC day, in the minute of its earliest item."""
    first: dict[tuple[int, str], str] = {}
    for one in sorted(items, key=lambda one: (int(one["at_ms"]), one["item_id"])):
        first.setdefault((int(one["at_ms"]) // _DAY_MS, one["story_id"]), one["item_id"])
    found: dict[Window, list[float]] = defaultdict(lambda: [0, 0, 0, 0, 0.0])
    for one in items:
        at = int(one["at_ms"])
        leads = first[at // _DAY_MS, one["story_id"]] == one["item_id"]
        negative = one["sentiment_label"] == "negative"
        p_negative = 0.0 if one["flag"] else float(one["p_negative"])
        named = [("all", ""), ("topic", one["topic"]), ("source", one["source"])]
        for scope, key in [*named, *(("entity", entity) for entity in set(one["entities"]))]:
            sums = found[scope, key, at // _MINUTE_MS]
            for number, value in enumerate((1, negative, leads, leads and negative, leads * p_negative)):
                sums[number] += value
    return found


def differences(windows: Rows, items: Rows) -> list[str]:
    """In words, every window that is not what the items make it; one that holds nothing may be there as zeros."""
    said = {
        (row["name"], row["key"], int(row["second"]) // 60): [float(row[name]) for name in SUMS]
        for row in windows
    }
    counted, nothing = recount(items), [0.0] * len(SUMS)
    return [
        f"{window}: the windows say {said.get(window)}, the items {counted.get(window)}"
        for window in sorted(said.keys() | counted.keys())
        if not _equal(said.get(window, nothing), counted.get(window, nothing))
    ]


def _equal(left: Sequence[float], right: Sequence[float]) -> bool:
    return left[:-1] == right[:-1] and math.isclose(left[-1], right[-1], rel_tol=1e-6, abs_tol=1e-9)
