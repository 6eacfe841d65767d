"""Prometheus Alertmanager: POST /api/v2/alerts (its api/v2/openapi.yaml, postableAlerts)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from alerts.receivers.http import Request
from alerts.receivers.receiver import Kind, as_json
from alerts.receivers.telling import observed, odds
from alerts.receivers.words import one_line, summarise
from tidings.shown import safe_link
from tidings.types import Alert, Notification

# Alertmanager itself resolves what has no end and is not repeated: a firing alert gets an end far ahead.
FIRING_FOR = timedelta(days=7)


def requests_of(notification: Notification, secret: str, now: datetime) -> Sequence[Request]:
    """All alerts in one request; a secret is sent as a bearer token."""
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return [Request(as_json([alert_of(alert, now) for alert in notification.alerts]), headers)]


def alert_of(alert: Alert, now: datetime) -> dict[str, Any]:
    """One postableAlert. The same labels name the same alert, so that its end finds its beginning."""
    begins = alert.fired_at or alert.started_at
    ends = alert.resolved_at or now if alert.state == "resolved" else now + FIRING_FOR
    labels = {
        **{re.sub(r"[^a-zA-Z0-9_]", "_", f"_{name}" if name[:1].isdigit() else name): one_line(text)
           for name, text in alert.labels.items() if name},
        "alertname": one_line(alert.rule),
        "severity": one_line(alert.severity),
        "scope": alert.scope,
        "key": one_line(alert.key),
        "alert_id": one_line(alert.alert_id),
    }  # fmt: skip
    stories = [
        f"{one_line(s.title)} ({one_line(s.source, 80)}) {safe_link(s.url)}".strip() for s in alert.evidence
    ]
    annotations = {
        "summary": summarise(alert),
        "description": ". ".join(text for text in (observed(alert), odds(alert)) if text),
        "stories": "\n".join(stories),
        **{
            re.sub(r"[^a-zA-Z0-9_]", "_", name): one_line(text, 1000)
            for name, text in alert.annotations.items()
        },
    }
    return {
        "labels": {name: text for name, text in labels.items() if text},
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": begins,
        "endsAt": max(ends, begins + timedelta(seconds=1)),
    }


ALERTMANAGER = Kind(requests_of, path="/api/v2/alerts")
