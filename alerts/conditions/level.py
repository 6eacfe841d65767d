"""Level: a figure beyond a fixed limit, whatever the past."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.conditions.reading import anything_arrived, read_totals, with_sources
from alerts.finding import Finding
from alerts.measures import MEASURE_WORDS, measure_of
from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.types import Measured


def level(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys with `min_stories` or more stories in [now - window, now) whose measure is beyond the rule's level.

    `expected` is the level; the p-value is 1, because nothing is said of chance. Needs no history. None: no data.
    """
    start = now - timedelta(seconds=rule.window_seconds)
    if not anything_arrived(rule, windows, start, now):
        return None
    findings = {}
    for key, total in read_totals(rule, windows, start, now).items():
        value = measure_of(total, rule.looks_at)
        beyond = value > rule.level if rule.direction == "above" else value < rule.level
        if beyond and total.stories >= rule.min_stories:
            measured = Measured(
                kind="level",
                measure=MEASURE_WORDS[rule.looks_at],
                direction=rule.direction,
                threshold=rule.level,
                stories=total.stories,
                share=measure_of(total, "negative_share"),
                inputs={"value": [value], "level": [rule.level]},
            )
            findings[key] = level_finding(measured)
    return with_sources(rule, windows, start, now, findings)


def level_finding(measured: Measured) -> Finding:
    """The finding that `measured.inputs` lead to: `value` of the window, and the `level`."""
    value, limit = measured.inputs["value"][0], measured.inputs["level"][0]
    return Finding(value, limit, 1.0, replace(measured, lower=limit, upper=limit))
