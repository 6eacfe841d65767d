"""Would a rule have fired all the same, had some stories not been told? The same condition, asked again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.finding import Condition
from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.types import NO_FILTERS, Evidence, Filters, Prediction, Scope, Window
from tidings.weighed import Weighed, Weights


def still_fires(
    condition: Condition,
    rule: Rule,
    windows: Windows,
    key: str,
    now: datetime,
    threshold: float,
    stories: Sequence[Evidence],
    left_out: Sequence[Evidence],
) -> bool:
    """Whether `condition` finds `key` at `now` without the stories `left_out`, against the same `threshold`.

    `stories` are all of the window, those left out (one or more) included. A threshold of 0 is the rule's own.
    """
    alone = replace(rule, include=(key,), exclude=())
    if threshold:  # a budget over all keys must not become one over a single key
        alone = replace(alone, p_below=threshold, budget_per_week=None)
    found = condition(alone, _Without(windows, key, stories, left_out), now)
    return found is not None and key in found


class _Without:
    """`Windows` in which some stories of one key were not told. Of a story's items all are taken to be alike."""

    def __init__(
        self, windows: Windows, key: str, stories: Sequence[Evidence], left_out: Sequence[Evidence]
    ) -> None:
        self._windows = windows
        self._key = key
        self._left_out = left_out
        gone = {story.item_id for story in left_out}
        kept = {story.source for story in stories if story.item_id not in gone and is_negative(story)}
        self._first = min(story.published_at for story in left_out)
        self._lost_sources = len({story.source for story in left_out if is_negative(story)} - kept)

    def first_start(self) -> datetime | None:
        return self._windows.first_start()

    def totals(
        self, scope: Scope, start: datetime, end: datetime, minimum: float, filters: Filters = NO_FILTERS
    ) -> list[Window]:
        found = self._windows.totals(scope, start, end, minimum, filters)
        if scope == "all" and self._key:  # asked in order to know whether anything arrived at all
            return found
        reduced = [self._reduced(window) if window.key == self._key else window for window in found]
        return [window for window in reduced if window.negative_story_sum >= minimum]

    def series(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Window]]:
        found = self._windows.series(scope, keys, start, end, seconds, filters)
        if self._key in found and (scope != "all" or not self._key):
            # A window that began before `since` ended before the first of them: most of a baseline.
            since = self._first - timedelta(seconds=seconds)
            reduced = [self._reduced(w) if w.start > since else w for w in found[self._key]]
            found = {**found, self._key: reduced}
        return found

    def sources(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, int]:
        found = self._windows.sources(scope, keys, start, end, filters)
        return {key: count - self._lost_sources * (key == self._key) for key, count in found.items()}

    def weighed(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        weights: Weights,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Weighed]]:
        found = self._windows.weighed(scope, keys, start, end, seconds, weights, filters)
        if self._key not in found or (scope == "all" and self._key):
            return found
        of_source, reduced = dict(weights), list(found[self._key])
        for story in self._left_out:
            at = int((story.published_at - start).total_seconds()) // seconds
            if 0 <= at < len(reduced):
                reduced[at] = _less(reduced[at], story, of_source.get(story.source, 1.0))
        return {**found, self._key: reduced}

    def evidence(
        self,
        scope: Scope,
        key: str,
        start: datetime,
        end: datetime,
        limit: int,
        filters: Filters = NO_FILTERS,
    ) -> tuple[Evidence, ...]:
        return self._windows.evidence(scope, key, start, end, limit, filters)

    def _reduced(self, window: Window) -> Window:
        end = window.start + timedelta(seconds=window.seconds)
        gone = [story for story in self._left_out if window.start <= story.published_at < end]
        negative = [story for story in gone if is_negative(story)]
        items = sum(story.reach for story in gone)
        return replace(
            window,
            items=max(0, window.items - items),
            negative_items=max(0, window.negative_items - sum(story.reach for story in negative)),
            sentiment_sum=window.sentiment_sum - sum(story.sentiment * story.reach for story in gone),
            stories=max(0, window.stories - len(gone)),
            negative_stories=max(0, window.negative_stories - len(negative)),
            negative_story_sum=max(0.0, window.negative_story_sum - sum(story.p_negative for story in gone)),
        )


def _less(window: Weighed, story: Evidence, weight: float) -> Weighed:
    """The window without a story, whose items all are taken to come from its source."""
    items = weight * story.reach
    return Weighed(
        max(0.0, window.story_weight - weight),
        max(0.0, window.story_squares - weight * weight),
        max(0.0, window.negative_sum - weight * story.p_negative),
        max(0.0, window.item_weight - items),
        max(0.0, window.item_squares - weight * items),
        window.sentiment_sum - items * story.sentiment,
    )


def is_negative(story: Evidence) -> bool:
    """Whether negative is the story's most probable sentiment."""
    p_positive = story.sentiment + story.p_negative
    p_neutral = 1 - story.p_negative - p_positive
    return Prediction("", 0.0, story.p_negative, p_neutral, p_positive, "").sentiment_label == "negative"
