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
# The codes of open.dingtalk.com/document/orgapp/custom-robots-send-group-messages: -1 busy; 410100 too fast: the robot
# is then mute for up to ten minutes. What robots answered people: 130101 "send too fast, exceed 20 times per minute"
# (github.com/ccfos/nightingale/issues/369); 90030 "webhook over limit", the calls of the day
# (question 595588 in Alibaba Cloud's community).
_AGAIN = {-1: None, 130101: 600.0, 410100: 600.0, 90030: 3600.0}
_UNKNOWN = "no such token: copy the robot's address anew"
_HINTS = {
    310000: "its security setting refuses: signature, key word or IP address",
    300001: _UNKNOWN,
    300005: _UNKNOWN,  # what the address answers today to a token that does not exist; 300001 in older tables
    400101: _UNKNOWN,
    400013: "its group was dissolved",
    400102: "the robot is turned off",
    400106: "the robot is not in the group",
    430101: "a link in it is taken for unsafe",
    430102: "its text is not allowed",
    430104: "its content is not allowed",
}


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
