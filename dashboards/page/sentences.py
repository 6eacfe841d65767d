"""An alert in one sentence, in the page's language; in English as the notifications say it."""

from dashboards.page.language import Words, texts
from tidings.types import Alert

OWN_COUNTS = "tidings-counts"  # the fingerprint of the alert that Tidings raises about itself (alerts/own.py)
_SIGNED = "sentiment"


def subject_of(alert: Alert, words: Words) -> str:
    """What the alert is about: a name, 'the topic Macro', 'the whole stream'."""
    key = words.topic(alert.key) if alert.scope == "topic" else alert.key
    return words.text(f"say.subject.{alert.scope}", key=" ".join(key.split())[:80])


def sentence_of(alert: Alert, words: Words) -> str:
    """Such as 'Negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)'."""
    if alert.fingerprint == OWN_COUNTS:
        labels = alert.labels
        return words.text(
            "say.counts", windows=labels["differing_windows"], offsets=labels["unexplained_offsets"]
        )
    measured = alert.measured
    kind, value = measured.kind, words.number(alert.value)
    if kind in ("drop", "drift", "level"):
        measure = {"drop": _SIGNED, "drift": "negative stories"}.get(kind, measured.measure)
        value, expected = words.measure(measure, alert.value), words.measure(measure, alert.expected)
    else:
        expected = words.count(alert.expected)
    key = f"say.level.{measured.direction}" if kind == "level" else f"say.{kind}"
    if key not in texts():  # of a version that knows more kinds
        key = "say.spike"
    said = words.text(
        key,
        subject=subject_of(alert, words),
        value=value,
        expected=expected,
        window=words.duration(alert.window_seconds),
        measure=measure_name(measured.measure, words),
    )
    return said[:1].upper() + said[1:]


def measure_name(measure: str, words: Words) -> str:
    """What was counted, in words."""
    return words.known(f"measure.{measure.replace(' ', '_')}", measure)
