"""What a rule does, in plain words."""

from collections.abc import Sequence

from alerts.durations import say_duration
from alerts.measures import MEASURE_WORDS
from alerts.rule import Rule
from tidings.types import Filters

_SHOWN = 5  # of a list of keys
_WHOM = {
    "entity": "a name",
    "topic": "a topic",
    "source": "a source",
    "topic_entity": "a name within a topic",
    "all": "the whole stream",
}


def describe(rule: Rule) -> str:
    """The rule in sentences: when it fires, on what it waits, when it resolves."""
    sentences = [f"Fires when {_condition(rule)}."]
    if rule.min_sources > 1:
        sentences.append(f"Its negative stories must come from at least {rule.min_sources} sources.")
    if rule.min_clear:
        more = "stories" if rule.min_clear > 1 else "story"
        sentences.append(f"At least {rule.min_clear} {more} must be clearly negative.")
    if rule.in_headline:
        sentences.append(
            f"Before it fires, the headlines of at least {rule.in_headline:.0%} of the bad news must be about it:"
            " more than those in which it only speaks, acts or comes after another name."
        )
    if counted := _filtered(rule.filters):
        sentences.append(f"Only {counted} count.")
    if rule.source_weights:
        told = ", ".join(f"{source} {weight:g}" for source, weight in rule.source_weights)
        sentences.append(f"In shares and means sources weigh 1, but {told}.")
    if rule.seasonal:
        sentences.append("Each hour of the week is judged by its own past.")
    if rule.kind != "level":
        needed = say_duration(rule.needed_windows * rule.window_seconds)
        sentences.append(f"Needs {needed} of history first.")
    if rule.for_seconds:
        sentences.append(f"It must hold for {say_duration(rule.for_seconds)} before the alert fires.")
    if rule.keep_firing_for_seconds:
        sentences.append(f"Resolves after {say_duration(rule.keep_firing_for_seconds)} without it.")
    labels = "".join(f", {name}={value}" for name, value in sorted(rule.labels.items()))
    return " ".join([*sentences, f"Severity {rule.severity}{labels}."])


def _condition(rule: Rule) -> str:
    last = f"in the last {say_duration(rule.window_seconds).removeprefix('1 ')}"
    past = f"the {say_duration(rule.baseline_seconds)} before"
    whom, least = _whom(rule), f"{rule.min_stories:g}"
    rare = _rare(rule, {"drop": "so low a mean", "no_data": "so few"}.get(rule.kind, "so many"))
    if rule.kind == "drop":
        return (
            f"{last} the mean sentiment of {whom} is lower than {past} explain: {rare}"
            f" (at least {least} stories)"
        )
    if rule.kind == "drift":
        return (
            f"the negative stories on {whom}, averaged over windows of {say_duration(rule.window_seconds)} with"
            f" the latest weighing most, have crept above {past}: {rare} (at least {least} in those windows)"
        )
    if rule.kind == "level":
        what = MEASURE_WORDS[rule.looks_at]
        return f"{last} the {what} of {whom} is {rule.direction} {rule.level:g} (at least {least} stories)"
    if rule.kind == "volume":
        what = MEASURE_WORDS[rule.looks_at]
        return f"{last} {whom} has at least {least} {what}, good or bad, and {rare}, judged by {past}"
    if rule.kind == "no_data":
        what = MEASURE_WORDS[rule.looks_at]
        return (
            f"{last} {whom} that usually has at least {least} {what} has gone quiet: {rare}, judged by {past}"
        )
    if rule.kind == "new_key":
        return (
            f"{last} {whom} that had fewer than {least} stories in {past} has at least {least} negative stories,"
            f" and {rare}"
        )
    return f"{last} {whom} has at least {least} negative stories, and {rare}, judged by {past}"


def _whom(rule: Rule) -> str:
    whom = _WHOM[rule.scope]
    if rule.include:
        whom = f"one of {_some(rule.include)}"
    return whom + (f" (never {_some(rule.exclude)})" if rule.exclude else "")


def _some(keys: Sequence[str]) -> str:
    more = len(keys) - _SHOWN
    return ", ".join(keys[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _rare(rule: Rule, what: str) -> str:
    if rule.budget_per_week is not None:
        often = "once" if rule.budget_per_week == 1 else f"{rule.budget_per_week:g} times"
        return f"{what} would come by chance no more than {often} a week over all that the rule watches"
    return f"{what} would come by chance in fewer than 1 of {round(1 / rule.p_below):,} windows"


def _filtered(filters: Filters) -> str:
    parts = []
    if filters.kinds:
        parts.append(" and ".join(filters.kinds))
    if filters.sources:
        parts.append(f"items from {', '.join(filters.sources)}")
    if filters.languages:
        parts.append(f"items in {', '.join(filters.languages)}")
    return ", ".join(parts)
