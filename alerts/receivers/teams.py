"""Microsoft Teams: an Adaptive Card for the workflow "Post to a channel when a webhook request is received"."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alerts.receivers.brief import all_resolved, briefs, heading, linked, plain, severity_of
from alerts.receivers.http import Request
from alerts.receivers.receiver import Kind, as_json
from alerts.receivers.words import capital
from tidings.types import Notification

LONGEST_BODY = 28_000  # Teams refuses messages of more than 28 KB
_COLOURS = {"critical": "Attention", "warning": "Warning", "info": "Accent"}


def requests_of(notification: Notification, secret: str, now: datetime) -> Sequence[Request]:
    """One message, with fewer alerts in detail where it would be too long."""
    for alerts in (10, 5, 2, 1):
        body = as_json(document_of(notification, alerts))
        if len(body) <= LONGEST_BODY:
            break
    return [Request(body)]


def document_of(notification: Notification, most: int = 10) -> dict[str, Any]:
    """The message with its card: a heading, then for each alert facts, chart and stories."""
    shown, more = briefs(notification)
    more += len(shown[most:])
    colour = "Good" if all_resolved(notification) else _COLOURS[severity_of(notification)]
    body = [
        _text(plain(heading(notification)), size="Medium", weight="Bolder", color=colour, style="heading")
    ]
    for one in shown[:most]:
        if len(notification.alerts) > 1:
            body.append(_text(plain(one.title), weight="Bolder", separator=True))
        body.append(_text(plain(capital(one.when)), isSubtle=True, spacing="None"))
        facts = [{"title": plain(name), "value": plain(text)} for name, text in one.facts]
        body.append({"type": "FactSet", "facts": facts})
        if one.chart:
            body.append(_text(one.chart, fontType="Monospace"))
        body += [_text(linked(story), spacing="Small") for story in one.stories]
    if more:
        body.append(_text(f"and {more} more", isSubtle=True))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "Full"},
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **style: object) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **style}


TEAMS = Kind(requests_of)
