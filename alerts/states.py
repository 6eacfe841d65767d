"""The life of an alert as pure functions: inactive, pending, firing, resolved."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

from alerts.finding import Finding
from alerts.rule import Rule
from tidings.types import Alert


def labels_of(rule: Rule, key: str) -> dict[str, str]:
    """The labels of an alert: the rule's own, and the scope and key."""
    return {**rule.labels, "scope": rule.scope, "key": key}


def fingerprint_of(rule: Rule, key: str) -> str:
    """16 hexadecimal digits that stay the same for a rule name and labels, whatever else changes."""
    text = json.dumps([rule.name, sorted(labels_of(rule, key).items())])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def advance(
    previous: Alert | None,
    finding: Finding | None,
    rule: Rule,
    key: str,
    now: datetime,
) -> Alert | None:
    """The alert after an evaluation at `now` that had data; `previous` itself where nothing changed.

    Figures are those of the peak: while an alert is active they change only when the value gets worse (is_worse), all
    together. `updated_at` is when the condition last held (or the state changed); `keep_firing_for` counts
    from it. A pending alert whose condition passes ends as resolved without fired_at, and nobody is told. An alert
    that is_later waits for a later `now`.
    """
    if previous is None:
        return None if finding is None else _begin(finding, rule, key, now)
    if is_later(previous, now):
        return previous
    if finding is None:
        held_at = previous.updated_at or previous.started_at
        kept = (now - held_at).total_seconds() < rule.keep_firing_for_seconds
        return previous if previous.state == "firing" and kept else resolve(previous, now)
    alert = previous
    if is_worse(finding, previous):
        alert = replace(
            alert,
            value=finding.value,
            expected=finding.expected,
            p_value=finding.p_value,
            measured=replace(
                finding.measured,
                began_at=previous.measured.began_at,
                headline_share=finding.measured.headline_share or previous.measured.headline_share,
            ),
        )
    if previous.state == "pending" and (now - previous.started_at).total_seconds() >= rule.for_seconds:
        alert = replace(alert, state="firing", fired_at=now)
    # Without keep_firing_for nothing reads the time, so a calm evaluation writes nothing.
    if alert is not previous or (rule.keep_firing_for_seconds and previous.state == "firing"):
        alert = replace(alert, updated_at=now)
    return alert


def is_later(alert: Alert, now: datetime) -> bool:
    """Whether the alert is of after `now`: begun in a minute that was still running (Engine.look)."""
    return (alert.updated_at or alert.started_at) > now


def is_worse(later: Alert | Finding, earlier: Alert) -> bool:
    """Whether the value has moved further from what is expected: up, or down where low values are unusual."""
    below = later.measured.direction == "below"
    return later.value < earlier.value if below else later.value > earlier.value


def resolve(alert: Alert, now: datetime) -> Alert:
    """The alert, resolved at `now`."""
    return replace(alert, state="resolved", resolved_at=now, updated_at=now)


def _begin(finding: Finding, rule: Rule, key: str, now: datetime) -> Alert:
    fingerprint = fingerprint_of(rule, key)
    fires = rule.for_seconds == 0
    return Alert(
        alert_id=f"{fingerprint}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        fingerprint=fingerprint,
        rule=rule.name,
        scope=rule.scope,
        key=key,
        severity=rule.severity,
        state="firing" if fires else "pending",
        value=finding.value,
        expected=finding.expected,
        p_value=finding.p_value,
        measured=finding.measured,
        window_seconds=rule.window_seconds,
        started_at=now,
        fired_at=now if fires else None,
        updated_at=now,
        labels=labels_of(rule, key),
    )
