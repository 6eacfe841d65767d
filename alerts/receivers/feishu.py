"""Feishu and Lark (飞书): a custom bot's card, signed (open.feishu.cn, "Custom bot usage guide")."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alerts.receivers.brief import all_resolved, heading, markdown, severity_of
from alerts.receivers.http import Answer, Request, Trouble
from alerts.receivers.receiver import Kind, as_json, by_code
from tidings.types import Notification

LONGEST_BYTES = (
    6_000  # of UTF-8; as escaped JSON at most 12,000 more. The service takes 20 KB with everything
)
_COLOURS = {"critical": "red", "warning": "orange", "info": "blue"}
# The custom bot guide, open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN: 100 messages a minute and 5 a second,
# else 11232, more easily at full and half hours; 9499 is "Bad Request" there, and was seen with "too many request",
# which by_code understands. 99991400 is the gateway's (…/server-docs/api-call-guide/frequency-control), with a header
# that says how long.
_AGAIN = {11232: 60.0, 99991400: 60.0}
_HINTS = {
    9499: "the message was not understood",
    19001: "no such bot",
    19002: "the message lacks something",
    19007: "the bot is turned off",
    19021: "signature or clock is wrong",
    19022: "this IP address is not on its list",
    19024: "its key word is missing",
}


def requests_of(notification: Notification, secret: str, now: datetime) -> Sequence[Request]:
    """One card; with a secret the document has `timestamp` (seconds) and `sign`."""
    document = document_of(notification)
    if secret:
        timestamp = str(int(now.timestamp()))
        document = {"timestamp": timestamp, "sign": sign(secret, timestamp)} | document
    return [Request(as_json(document))]


def document_of(notification: Notification) -> dict[str, Any]:
    """The card: a coloured header and one Markdown element."""
    colour = "green" if all_resolved(notification) else _COLOURS[severity_of(notification)]
    return {
        "msg_type": "interactive",
        "card": {
            "config": {"wide_screen_mode": True},
            "header": {"title": {"tag": "plain_text", "content": heading(notification)}, "template": colour},
            "elements": [{"tag": "markdown", "content": markdown(notification, LONGEST_BYTES)}],
        },
    }


def sign(secret: str, timestamp: str) -> str:
    """Base64 of the HMAC-SHA256 of nothing, keyed with timestamp, a new line and the secret."""
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode(
        "ascii"
    )


def verdict(answer: Answer) -> Trouble | None:
    """`code` in the JSON, 0 on success."""
    return by_code(answer, "code", _AGAIN, _HINTS)


FEISHU = Kind(requests_of, verdict)
