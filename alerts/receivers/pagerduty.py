"""PagerDuty Events API v2: an alert is triggered and resolved by its dedup_key (developer.pagerduty.com)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alerts.receivers.brief import brief
from alerts.receivers.http import Answer, Request, Trouble, by_status
from alerts.receivers.receiver import Kind, as_json
from alerts.receivers.words import one_line, summarise
from tidings.shown import safe_link
from tidings.types import Alert, Notification

LONGEST_SUMMARY = 1024
LONGEST_KEY = 255
URL = "https://events.pagerduty.com/v2/enqueue"
_RETRY_SECONDS = 60.0  # "preferably with a backoff of a few minutes", where no header says how long


def requests_of(notification: Notification, secret: str, now: datetime) -> Sequence[Request]:
    """One event per alert; `secret` is the integration's routing key. Sent twice it is still one incident."""
    return [Request(as_json(event_of(alert, secret))) for alert in notification.alerts]


def event_of(alert: Alert, routing_key: str) -> dict[str, Any]:
    """The event: trigger, or resolve, of the alert's episode."""
    one = brief(alert)
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if alert.state == "resolved" else "trigger",
        "dedup_key": one_line(alert.alert_id, LONGEST_KEY),
    }
    if alert.state == "resolved":
        return event
    links = [(one_line(name, 40), safe_link(text)) for name, text in sorted(alert.annotations.items())]
    links += [(story.title, story.link) for story in one.stories]
    details = dict(one.facts) | {"When": one.when, "Chart": one.chart, **alert.labels}
    return event | {
        "client": "Tidings",
        "payload": {
            "summary": summarise(alert)[:LONGEST_SUMMARY],
            "source": "tidings",
            "severity": alert.severity
            if alert.severity in ("critical", "error", "warning", "info")
            else "error",
            "timestamp": alert.fired_at or alert.started_at,
            "component": one_line(alert.key) or "all",
            "class": one_line(alert.rule),
            "custom_details": details | {"Stories": [f"{s.title} ({s.source})" for s in one.stories]},
        },
        "links": [{"href": link, "text": text} for text, link in links if link],
    }


def verdict(answer: Answer) -> Trouble | None:
    """202 is success; 429 and 5xx pass; 400 says that the event or the key is wrong."""
    trouble = by_status(answer)
    if trouble is None or not trouble.again:
        return trouble
    return Trouble(trouble.what, True, trouble.retry_after_seconds or _RETRY_SECONDS)


PAGERDUTY = Kind(requests_of, verdict, url=URL, needs_secret=True)
