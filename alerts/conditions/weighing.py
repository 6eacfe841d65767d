"""How many stories and items a window is worth: all of them, or fewer where their sources do not weigh alike."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from alerts.conditions.reading import Period, baseline_days, baseline_totals, read_past
from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.types import Filters, Window
from tidings.weighed import Weighed, Weights

# A sum, and how many it is the sum of.
Worth = tuple[float, float]


def stories_of(
    rule: Rule,
    windows: Windows,
    period: Period,
    past: Mapping[str, Sequence[Window]],
    present: Mapping[str, Window],
) -> dict[str, list[Worth]]:
    """Per key of `past` the negative stories and the stories of its windows, oldest first and the present one last."""
    if rule.source_weights:
        return _weighed(rule, windows, period, past, lambda each: (each.share * each.stories, each.stories))
    return _plain(past, present, lambda each: (each.negative_story_sum, float(each.stories)))


def items_of(
    rule: Rule, windows: Windows, period: Period, present: Mapping[str, Window]
) -> dict[str, list[Worth]]:
    """The same of items, per key of `present`: the sum of their sentiment, and their number."""
    if rule.source_weights:
        return _weighed(rule, windows, period, present, lambda each: (each.mean * each.items, each.items))
    past = read_past(rule, windows, period, present)
    return _plain(past, present, lambda each: (each.sentiment_sum, float(each.items)))


def stream_share(rule: Rule, windows: Windows, period: Period) -> float:
    """The part of the whole stream's stories that was negative over the baseline; a half where there were none."""
    if rule.source_weights:
        begin, end = baseline_days(period)
        seconds = round((end - begin).total_seconds())
        (stream,) = windows.weighed("all", [""], begin, end, *_how(rule, seconds))[""]
        return stream.share if stream.story_weight else 0.5
    totals = baseline_totals(rule, windows, period, "all")
    stories = sum(each.stories for each in totals)
    negative = math.fsum(each.negative_story_sum for each in totals)
    return negative / stories if stories else 0.5


def _weighed(
    rule: Rule, windows: Windows, period: Period, keys: Iterable[str], worth: Callable[[Weighed], Worth]
) -> dict[str, list[Worth]]:
    how = _how(rule, rule.window_seconds)
    found = windows.weighed(rule.scope, list(keys), period.past, period.now, *how)
    return {key: [worth(each) for each in series] for key, series in found.items()}


def _plain(
    past: Mapping[str, Sequence[Window]], present: Mapping[str, Window], worth: Callable[[Window], Worth]
) -> dict[str, list[Worth]]:
    return {key: [worth(each) for each in (*series, present[key])] for key, series in past.items()}


def _how(rule: Rule, seconds: int) -> tuple[int, Weights, Filters]:
    return seconds, rule.source_weights, rule.filters
