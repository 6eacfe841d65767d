"""An alert in words and bars: pure functions that every receiver may use."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts.durations import say_duration
from alerts.own import COUNTS
from tidings.shown import visible
from tidings.types import Alert, Window

_BLOCKS = "▁▂▃▄▅▆▇█"
_LARGE = ((1_000_000_000, "billion"), (1_000_000, "million"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart; `height` is 0 to 1, `present` says whether it lies in the alert's window."""

    start: datetime
    value: float
    height: float
    present: bool


def capital(text: str) -> str:
    """The text with a capital at its beginning, the rest as it is."""
    return text[:1].upper() + text[1:]


def one_line(text: str, longest: int = 300) -> str:
    """The text on one line without control, direction and surrogate characters, cut at `longest`."""
    line = " ".join(visible(text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def say_count(value: float) -> str:
    """A number of stories as people count them: whole, but 'fewer than 0.1' and one decimal below ten."""
    if value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.05 else "fewer than 0.1"


def say_odds(p_value: float) -> str:
    """A probability as odds: 0.0003 is 'about 1 in 3,300'; below one in a billion it is said so."""
    if p_value < 1e-9:
        return "less than 1 in a billion"
    ratio = 1 / min(1.0, p_value)
    digits = 10 ** max(0, math.floor(math.log10(ratio)) - 1)
    rounded = round(ratio / digits) * digits
    for size, word in _LARGE:
        if rounded >= size:
            return f"about 1 in {rounded / size:g} {word}"
    return f"about 1 in {rounded:,}"


def say_time(moment: datetime | None) -> str:
    """Such as '14 Mar 2008, 12:30 UTC'; nothing for None."""
    if moment is None:
        return ""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def subject_of(alert: Alert) -> str:
    """What the alert is about: 'Northgate Bank', 'the topic Macro', 'the whole stream'."""
    if alert.scope == "all":
        return "the whole stream"
    prefix = "" if alert.scope in ("entity", "topic_entity") else f"the {alert.scope} "
    return prefix + one_line(alert.key, 80)


def summarise(alert: Alert) -> str:
    """One line: 'negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)'."""
    if alert.fingerprint == COUNTS:
        said = {name: one_line(text) for name, text in alert.labels.items()}
        return (
            f"counts that do not agree: {said['differing_windows']} windows differ from their items,"
            f" {said['unexplained_offsets']} Kafka offsets are unexplained"
        )
    return _SAID.get(alert.measured.kind, _say_spike)(alert, say_duration(alert.window_seconds))


def say_measure(measure: str, value: float) -> str:
    """A value as people read it: 0.62 of a share is '62%', a sentiment has its sign, what is counted is a number."""
    if measure == "negative share":
        return f"{value:.0%}"
    if measure == "sentiment":
        return f"{value:+.2f}"
    return say_count(value)


def _say_spike(alert: Alert, window: str) -> str:
    usual = say_count(alert.expected)
    return f"negative stories on {subject_of(alert)}: {round(alert.value):,} in {window} (expected {usual})"


def _say_drop(alert: Alert, window: str) -> str:
    value, usual = (say_measure("sentiment", x) for x in (alert.value, alert.expected))
    return f"sentiment on {subject_of(alert)} has dropped: {value} over {window} (expected {usual})"


def _say_drift(alert: Alert, window: str) -> str:
    value, usual = say_count(alert.value), say_count(alert.expected)
    return f"negative stories on {subject_of(alert)} creep up: {value} per {window} (expected {usual})"


def _say_level(alert: Alert, window: str) -> str:
    measured = alert.measured
    value, limit = (say_measure(measured.measure, x) for x in (alert.value, alert.expected))
    return f"{measured.measure} on {subject_of(alert)}: {value} over {window} ({measured.direction} {limit})"


def _say_volume(alert: Alert, window: str) -> str:
    usual = say_count(alert.expected)
    what = alert.measured.measure
    return f"attention to {subject_of(alert)}: {round(alert.value):,} {what} in {window} (expected {usual})"


def _say_no_data(alert: Alert, window: str) -> str:
    usual, what = say_count(alert.expected), alert.measured.measure
    return f"{subject_of(alert)} has gone quiet: {round(alert.value):,} {what} in {window} (expected {usual})"


def _say_new_key(alert: Alert, window: str) -> str:
    value = round(alert.value)
    return f"negative stories on {subject_of(alert)}, seldom spoken of before: {value:,} in {window}"


_SAID: Mapping[str, Callable[[Alert, str], str]] = {
    "drop": _say_drop,
    "drift": _say_drift,
    "level": _say_level,
    "volume": _say_volume,
    "no_data": _say_no_data,
    "new_key": _say_new_key,
}


def advise(alert: Alert) -> str:
    """What to do about an alert of Tidings' own counts; nothing for any other."""
    if alert.fingerprint != COUNTS:
        return ""
    return "`tidings store reconcile` and `tidings store audit` say which; docs/proof.md says what to do."


def bars_of(series: Sequence[Window], window_seconds: int) -> list[Bar]:
    """The series as bars, the highest at 1; those in the last `window_seconds` are the present ones."""
    if not series:
        return []
    top = max(window.negative_story_sum for window in series) or 1.0
    end = series[-1].start + timedelta(seconds=series[-1].seconds)
    since = end - timedelta(seconds=window_seconds)
    return [
        Bar(w.start, w.negative_story_sum, max(0.0, w.negative_story_sum / top), w.start >= since)
        for w in series
    ]


def sparkline(series: Sequence[Window]) -> str:
    """The series as a line of block characters; a window without negative stories is a low dot."""
    heights = [bar.height for bar in bars_of(series, 0)]
    return "".join("·" if h < 0.02 else _BLOCKS[min(7, int(h * 8))] for h in heights)
