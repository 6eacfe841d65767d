"""What was measured, in sentences: observed against expected, the odds, what it hangs on. Pure functions."""

from alerts.durations import say_duration
from alerts.evidence import part_of
from alerts.receivers.words import advise, capital, say_count, say_odds, say_time
from tidings.types import Alert, Evidence

_COUNTS = ("negative stories", "smoothed negative stories", "stories", "items")
_NO_BASELINE = ("level",)  # compares with a limit: chance has no say


def observed(alert: Alert) -> str:
    """Such as '23 negative stories in 10 minutes, where 0.8 would be usual (0 to 3)'; an own alert says what to do."""
    if advice := advise(alert):
        return advice
    measured = alert.measured
    window = say_duration(alert.window_seconds)
    value, expected = _figure(measured.measure, alert.value), _figure(measured.measure, alert.expected)
    counted = measured.measure in _COUNTS
    found = (
        f"{value} {measured.measure} in {window}" if counted else f"{measured.measure} {value} over {window}"
    )
    if measured.kind in _NO_BASELINE:
        return f"{found}, where the limit is {expected}"
    found = f"{found}, where {say_count(alert.expected) if counted else expected} would be usual"
    if measured.upper <= measured.lower:
        return found
    return f"{found} ({_figure(measured.measure, measured.lower)} to {_figure(measured.measure, measured.upper)})"


def odds(alert: Alert) -> str:
    """How rare that is by chance: 'about 1 in 42,000 such windows'; nothing where chance has no say."""
    if advise(alert) or alert.measured.kind in _NO_BASELINE or alert.p_value > 0.5:
        return ""
    return f"{say_odds(alert.p_value)} such windows"


def share(alert: Alert) -> str:
    """Such as '62% of 21 stories were negative, 15% would be usual'; nothing where no share was measured."""
    measured = alert.measured
    if measured.share is None or not measured.stories:
        return ""
    said = f"{measured.share:.0%} of {measured.stories:,} stories were negative"
    return (
        said if measured.share_expected is None else f"{said}, {measured.share_expected:.0%} would be usual"
    )


def firmness(alert: Alert) -> str:
    """Whether it would have fired without its largest story, and its largest source; nothing where unknown."""
    without = {"story": alert.measured.without_story, "source": alert.measured.without_source}
    known = {name: holds for name, holds in without.items() if holds is not None}
    if not known:
        return ""
    parts = [
        f"without its largest {name}: {'still an alert' if holds else 'no alert'}"
        for name, holds in known.items()
    ]
    return capital("; ".join(parts))


def began(alert: Alert) -> str:
    """When the burst began; nothing where unknown."""
    return say_time(alert.measured.began_at)


def share_of(story: Evidence, alert: Alert) -> str:
    """How much of the alert's value the story brings, such as '12%'; nothing where that is no sum of stories."""
    part = part_of(story, alert)
    return "" if part is None else f"{part:.0%}"


def _figure(measure: str, value: float) -> str:
    """A number of stories rounded, a share in percent, a sentiment with its sign."""
    if measure in _COUNTS:
        return f"{round(value):,}"
    return f"{value:.0%}" if measure == "negative share" else f"{value:+.2f}"
