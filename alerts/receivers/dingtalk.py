"""DingTalk (钉钉): a custom robot's Markdown message, signed (open.dingtalk.com, custom robot access)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from alerts.receivers.brief import heading, markdown, plain
from alerts.receivers.http import Answer, Request, Trouble
from alerts.receivers.receiver import Kind, as_json, by_code
from tidings.types import Notification

LONGEST_BYTES = 14_000  # the service takes 20,000 bytes with everything
# -1 busy; 130101 and 410100 more than 20 messages a minute: the robot is then mute for up to ten minutes.
_AGAIN = {-1: None, 130101: 600.0, 410100: 600.0}
_HINTS = {310000: "its security setting refuses: signature, key word or IP address", 300001: "no such token"}


def requests_of(notification: Notification, secret: str, now: datetime) -> Sequence[Request]:
    """One message; with a secret the URL gets `timestamp` (milliseconds) and `sign`."""
    document = {
        "msgtype": "markdown",
        "markdown": {"title": plain(heading(notification)), "text": markdown(notification, LONGEST_BYTES)},
    }
    timestamp = str(int(now.timestamp() * 1000))
    query = {"timestamp": timestamp, "sign": sign(secret, timestamp)} if secret else {}
    return [Request(as_json(document), query=query)]


def sign(secret: str, timestamp: str) -> str:
    """Base64 of the HMAC-SHA256, keyed with the secret, of timestamp, a new line and the secret."""
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def verdict(answer: Answer) -> Trouble | None:
    """`errcode` in the JSON of a 200 answer."""
    return by_code(answer, "errcode", _AGAIN, _HINTS)


DINGTALK = Kind(requests_of, verdict)
