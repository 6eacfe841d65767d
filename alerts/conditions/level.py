"""Level: a figure beyond a fixed limit, whatever the past."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.conditions.reading import anything_arrived, read_totals, with_sources
from alerts.finding import Finding
from alerts.measures import MEASURE_WORDS, measure_of
from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.types import Measured, Window
from tidings.weighed import Weighed


def level(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys with `min_stories` or more stories in [now - window, now) whose measure is beyond the rule's level.

    `expected` is the level; the p-value is 1, because nothing is said of chance. Needs no history. None: no data.
    """
    start = now - timedelta(seconds=rule.window_seconds)
    if not anything_arrived(rule, windows, start, now):
        return None
    findings = {}
    totals = read_totals(rule, windows, start, now)
    weighed = _weighed(rule, windows, totals, start, now)
    for key, total in totals.items():
        value = measure_of(weighed.get(key, total), rule.looks_at)
        beyond = value > rule.level if rule.direction == "above" else value < rule.level
        if beyond and total.stories >= rule.min_stories:
            measured = Measured(
                kind="level",
                measure=MEASURE_WORDS[rule.looks_at],
                direction=rule.direction,
                threshold=rule.level,
                stories=total.stories,
                share=measure_of(weighed.get(key, total), "negative_share"),
                inputs={"value": [value], "level": [rule.level]},
            )
            findings[key] = level_finding(measured)
    return with_sources(rule, windows, start, now, findings)


def _weighed(
    rule: Rule, windows: Windows, totals: Mapping[str, Window], start: datetime, now: datetime
) -> dict[str, Weighed]:
    """Each key's window as its sources weigh; none where they weigh alike."""
    keys = [key for key, total in totals.items() if total.stories >= rule.min_stories]
    if not (rule.source_weights and keys):
        return {}
    seconds = rule.window_seconds
    found = windows.weighed(rule.scope, keys, start, now, seconds, rule.source_weights, rule.filters)
    return {key: window for key, (window,) in found.items()}


def level_finding(measured: Measured) -> Finding:
    """The finding that `measured.inputs` lead to: `value` of the window, and the `level`."""
    value, limit = measured.inputs["value"][0], measured.inputs["level"][0]
    return Finding(value, limit, 1.0, replace(measured, lower=limit, upper=limit))
