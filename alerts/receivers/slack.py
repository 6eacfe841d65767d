"""Slack: an incoming webhook with blocks (docs.slack.dev, "Sending messages using incoming webhooks")."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alerts.receivers.brief import Brief, briefs, heading
from alerts.receivers.http import Answer, Request, Trouble, by_status
from alerts.receivers.receiver import Kind, as_json
from alerts.receivers.words import capital
from tidings.types import Notification

LONGEST_HEADER = 150
LONGEST_SECTION = 3000


def requests_of(notification: Notification, secret: str, now: datetime) -> Sequence[Request]:
    """One message; `text` is what the notification on a phone shows."""
    return [Request(as_json(document_of(notification)))]


def document_of(notification: Notification) -> dict[str, Any]:
    """A header, then for each alert a section with facts and stories. At most 50 blocks are allowed."""
    title = heading(notification)
    shown, more = briefs(notification)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:LONGEST_HEADER], "emoji": False}}
    ]
    for one in shown:
        blocks += [*_blocks(one, len(notification.alerts) > 1), {"type": "divider"}]
    blocks.pop()
    if more:
        blocks.append(_context(f"and {more} more"))
    return {"text": escape(title), "blocks": blocks}


def _blocks(one: Brief, titled: bool) -> list[dict[str, Any]]:
    lines = [f"*{escape(one.title)}*"] if titled else []
    lines += [escape(capital(one.when))]
    lines += [f"*{escape(name)}:* {escape(text)}" for name, text in one.facts]
    for story in one.stories:
        title = escape(story.title)
        lines.append(
            f"• {f'<{escape(story.link)}|{title}>' if story.link else title} ({escape(story.source)})"
        )
    text = ""
    for line in lines:  # whole lines: a cut link would be no link
        if len(text) + len(line) < LONGEST_SECTION:
            text += f"\n{line}" if text else line
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return [section, _context(one.chart)] if one.chart else [section]


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": False}]}


def escape(text: str) -> str:
    """The three characters that are mark-up to Slack, and the bar that divides a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "¦")


def verdict(answer: Answer) -> Trouble | None:
    """Slack answers `ok`, or a word that says why not, such as `no_service` or `channel_is_archived`."""
    word = answer.body.decode("ascii", "replace").strip()
    word = word if re.fullmatch(r"[a-z_]{1,60}", word) else ""
    trouble = by_status(answer)
    if trouble is None:
        return Trouble(f"answered {word}", again=False) if word not in ("", "ok") else None
    return (
        Trouble(f"{trouble.what} ({word})", trouble.again, trouble.retry_after_seconds) if word else trouble
    )


SLACK = Kind(requests_of, verdict)
