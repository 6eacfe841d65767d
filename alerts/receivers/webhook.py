"""Webhook: one signed JSON document per notification."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from alerts.receivers.brief import all_resolved, heading
from alerts.receivers.http import Request
from alerts.receivers.receiver import Kind, as_json
from alerts.receivers.words import summarise
from tidings.types import Notification

BODY_VERSION = 1
TOLERANCE_SECONDS = 300
_HEADER_SAFE = re.compile(r"[^\x21-\x7e]")


def requests_of(notification: Notification, secret: str, now: datetime) -> Sequence[Request]:
    """One request, with the headers X-Tidings-Timestamp (Unix seconds), X-Tidings-Signature (`sha256=` and the HMAC
    of timestamp, a full stop and the body; left out without a secret) and Idempotency-Key (notification_id, the
    same for each try)."""
    body = body_of(notification)
    timestamp = str(int(now.timestamp()))
    headers = {
        "X-Tidings-Timestamp": timestamp,
        "Idempotency-Key": _HEADER_SAFE.sub("-", notification.notification_id),
    }
    if secret:
        headers["X-Tidings-Signature"] = sign(secret, timestamp, body)
    return [Request(body, headers)]


def body_of(notification: Notification) -> bytes:
    """The JSON document: version, event (firing, resolved), reason, notification_id, group, summary, and `alert`
    (or `alerts` where there are several) with every field of tidings.types.Alert."""
    alerts = [asdict(alert) for alert in notification.alerts]
    document: dict[str, Any] = {
        "version": BODY_VERSION,
        "event": "resolved" if all_resolved(notification) else "firing",
        "reason": notification.reason,
        "notification_id": notification.notification_id,
        "group": notification.group,
    }
    if len(alerts) == 1:
        return as_json(document | {"summary": summarise(notification.alerts[0]), "alert": alerts[0]})
    return as_json(document | {"summary": heading(notification), "alerts": alerts})


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 of timestamp, a full stop and the body."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def verify(
    secret: str,
    timestamp: str,
    body: bytes,
    signature: str,
    now: datetime,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> bool:
    """Whether a request came from us and lately: for receivers written in Python.

    `timestamp` and `signature` are the two headers, `body` the bytes as received. Refuses what is older or
    newer than `tolerance_seconds`, so that a recorded request cannot be played again, and an empty secret.
    """
    if not secret or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    expected = sign(secret, timestamp, body).encode()
    genuine = hmac.compare_digest(expected, signature.encode("utf-8", "replace"))
    return genuine and abs(now.timestamp() - int(timestamp)) <= tolerance_seconds


WEBHOOK = Kind(requests_of)
