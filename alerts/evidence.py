"""What the stories behind an alert say of it: the words that moved them, how much hangs on one, when it began."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.finding import Condition
from alerts.protocols import Explain, Windows
from alerts.rule import Rule
from alerts.without import is_negative, still_fires
from tidings.types import Alert, Evidence, Measured, Window

LONGEST_SECONDS = 5.0
MOST_STORIES = 1_000  # so many are looked at; an alert keeps the first few
# What is added up over stories, and the sum of a window that holds it.
SUMS = {"negative stories": "negative_story_sum", "stories": "stories", "items": "items"}

_log = logging.getLogger(__name__)


def counted(measured: Measured, window_seconds: int) -> timedelta:
    """How far back the stories reach that were counted: over the window, or over all recent windows of a drift."""
    return timedelta(seconds=window_seconds * int(measured.inputs.get("recent", [1.0])[0]))


def with_words(
    found: Sequence[Evidence],
    known: Sequence[Evidence],
    explain: Explain | None,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[Evidence, ...]:
    """`found` with words: those of `known`, the evidence so far, and for new stories `explain`'s.

    Each story is explained once, whether that gave words or not. After a failure, or LONGEST_SECONDS, the rest
    goes without, so that no alert is kept waiting.
    """
    before = {(story.item_id, story.title): story.words for story in known}
    began, explained = monotonic(), []
    for story in found:
        key = (story.item_id, story.title)
        if key in before:
            story = replace(story, words=before[key])
        elif explain is not None and monotonic() - began >= LONGEST_SECONDS:
            _log.warning("evidence goes without its words: they took over %g seconds", LONGEST_SECONDS)
            explain = None
        elif explain is not None:
            try:
                story = replace(story, words=explain(story.title))
            except Exception as error:  # whatever it is, the alert matters more
                _log.warning("evidence goes without its words: %s: %s", type(error).__name__, error)
                explain = None
        explained.append(story)
    return tuple(explained)


def examined(
    alert: Alert,
    rule: Rule,
    condition: Condition,
    windows: Windows,
    stories: Sequence[Evidence],
    series: Sequence[Window],
    now: datetime,
) -> Measured:
    """What was measured, and how it hangs together: without its largest story, without its largest source, since when.

    `stories` are those that were counted (`counted`) up to `now`, `series` its chart.
    """
    # A later peak does not move the beginning, and may no longer see it.
    known = alert.measured.began_at
    began = known or began_at(alert, stories, series)
    measured = replace(
        alert.measured, filters=rule.filters, source_weights=dict(rule.source_weights), began_at=began
    )
    if not stories or measured.kind == "no_data":  # silence has no story that it hangs on
        return measured
    weights: dict[str, float] = {}
    for story in stories:
        weights[story.source] = weights.get(story.source, 0.0) + weight_of(story, measured)
    largest = max(stories, key=lambda story: (weight_of(story, measured), story.reach))
    loudest = max(weights, key=lambda source: weights[source])

    def without(left_out: Sequence[Evidence]) -> bool:
        return still_fires(condition, rule, windows, alert.key, now, measured.threshold, stories, left_out)

    return replace(
        measured,
        sources=measured.sources or len({story.source for story in stories if is_negative(story)}),
        without_story=without([largest]),
        without_source=without([story for story in stories if story.source == loudest]),
    )


def part_of(story: Evidence, alert: Alert) -> float | None:
    """The part of the alert's value that the story brings, at most 1; None where that is no sum of stories."""
    if alert.measured.measure not in SUMS or alert.value <= 0:
        return None
    return min(1.0, weight_of(story, alert.measured) / alert.value)


def weight_of(story: Evidence, measured: Measured) -> float:
    """How much a story adds to the alert's value: its p_negative, or 1 story, or its items."""
    return {"stories": 1.0, "items": float(story.reach)}.get(measured.measure, story.p_negative)


def began_at(alert: Alert, stories: Sequence[Evidence], series: Sequence[Window]) -> datetime | None:
    """When the burst began: the time of its first story. None where no count was measured, or nothing stands out.

    The burst is the run of the chart's windows, up to the last one and within the alert's window, that holds the most
    more than the baseline explains, the upper bound of the whole window's count being spread evenly: where Page's
    CUSUM (1954) sees the change.
    """
    if not series or alert.measured.measure not in SUMS:
        return None
    end = series[-1].start + timedelta(seconds=series[-1].seconds)
    present = [w for w in series if w.start >= end - timedelta(seconds=alert.window_seconds)]
    usual = max(alert.measured.upper, alert.expected) / max(1, len(present))
    excess, most, start = 0.0, 0.0, None
    for window in reversed(present):
        count = float(getattr(window, SUMS[alert.measured.measure]))
        excess += count - usual
        if excess >= most and count > 0:
            most, start = excess, window.start
    if start is None:
        return None
    return min((story.published_at for story in stories if story.published_at >= start), default=start)
