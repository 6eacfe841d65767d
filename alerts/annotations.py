"""Annotations: a rule's own sentences and links, as Jinja2 templates over the alert. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from alerts.durations import say_duration
from tidings.types import Alert, Evidence

LONGEST = 2000  # characters of one rendered annotation

# Plain text, so nothing is escaped here: whoever puts it into HTML escapes it there.
_TEMPLATES = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLE = Alert(
    *("a-1", "a", "rule", "entity", "Acme", "warning", "firing", 5.0, 0.5, 1e-4, 86_400, _EPOCH, _EPOCH),
    evidence=(Evidence("1", "A headline", _EPOCH, "wire", "", -0.9, 0.9),),
)  # fmt: skip


def render_annotations(templates: Mapping[str, str], alert: Alert) -> dict[str, str]:
    """Each template rendered; one that fails says so in its place, because an alert is never kept back for it.

    The names are: rule, scope, key, severity, labels, value, expected, p_value, window (such as '24 hours'),
    started_at, stories (headlines, the most negative first) and measured (a tidings.types.Measured).
    """
    return {name: _render(template, alert) for name, template in templates.items()}


def check_template(template: str) -> str:
    """What is wrong with a template; nothing where it can be rendered."""
    try:
        _TEMPLATES.from_string(template).render(_names(_SAMPLE))
    except Exception as error:  # a template can do anything, such as divide by zero
        return _say(error)
    return ""


def _render(template: str, alert: Alert) -> str:
    try:
        return _TEMPLATES.from_string(template).render(_names(alert))[:LONGEST]
    except Exception as error:  # as above
        return f"(cannot be rendered: {_say(error)})"


def _say(error: Exception) -> str:
    text = error.message if isinstance(error, TemplateError) and error.message else str(error)
    return " ".join(f"{type(error).__name__}: {text}".split())


def _names(alert: Alert) -> dict[str, object]:
    return {
        "rule": alert.rule,
        "scope": alert.scope,
        "key": alert.key,
        "severity": alert.severity,
        "labels": dict(alert.labels),
        "value": alert.value,
        "expected": alert.expected,
        "p_value": alert.p_value,
        "window": say_duration(alert.window_seconds),
        "started_at": alert.started_at,
        "stories": [story.title for story in alert.evidence],
        "measured": alert.measured,
    }
