"""WeCom (企业微信): a group robot's Markdown message (developer.work.weixin.qq.com/document/path/91770)."""

from collections.abc import Sequence
from datetime import datetime

from alerts.receivers.brief import markdown
from alerts.receivers.http import Answer, Request, Trouble
from alerts.receivers.receiver import Kind, as_json, by_code
from tidings.types import Notification

LONGEST_BYTES = 4096
# The service's table of all codes, developer.work.weixin.qq.com/document/path/90313 (also WxCpErrorMsgEnum of
# github.com/binarywang/WxJava): -1 busy, try again later; 45009 too many calls (20 messages a minute, path/91770);
# 45033 too many at once.
_AGAIN = {-1: None, 45009: 60.0, 45033: 60.0}
# 93000 is not in the table; robots answer it for a wrong key ("invalid webhook url") and, as fastlane's plugin
# wechat_work has seen, for a message that is too long.
_HINTS = {
    93000: "no such robot, or the message was not understood",
    40008: "message kind",
    40058: "a field is missing or wrong",
    45002: "the message is too long",
}


def requests_of(notification: Notification, secret: str, now: datetime) -> Sequence[Request]:
    """One message of at most 4096 bytes."""
    document = {"msgtype": "markdown", "markdown": {"content": markdown(notification, LONGEST_BYTES)}}
    return [Request(as_json(document))]


def verdict(answer: Answer) -> Trouble | None:
    """`errcode` in the JSON of a 200 answer."""
    return by_code(answer, "errcode", _AGAIN, _HINTS)


WECOM = Kind(requests_of, verdict)
