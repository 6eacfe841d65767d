"""Alerts over HTTP: one signed JSON document per change of state."""

import hashlib
import hmac
import json
import logging
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from alerts.receivers.words import summarise
from tidings import __version__
from tidings.clock import Clock, WallClock
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import WebhookSettings, read_secret
from tidings.types import Alert

BODY_VERSION = 1
TOLERANCE_SECONDS = 300
_TRY_AGAIN = {408, 425, 429}
_HEADER_SAFE = re.compile(r"[^\x21-\x7e]")


class WebhookReceiver:
    """Posts each alert to one URL. The URL may hold a secret, so only its host is ever named.

    Headers: X-Tidings-Timestamp (Unix seconds), X-Tidings-Signature (`sha256=` and the HMAC of timestamp,
    a full stop and the body; left out without a secret), Idempotency-Key (alert_id:state, same for each try).
    """

    def __init__(self, settings: WebhookSettings, clock: Clock | None = None, name: str = "webhook") -> None:
        """Reads the secret; ConfigError names the setting that is wrong. Connects to nothing."""
        self.name = name
        self._url = settings.url
        self._secret = read_secret(settings.secret, settings.secret_file)
        self._timeout = settings.timeout_seconds
        self._clock = clock or WallClock()
        self._host = _host(settings.url)
        if settings.timeout_seconds <= 0:
            raise ConfigError("webhook.timeout_seconds must be more than 0")
        # At DEBUG urllib3 logs the path of each request, which may be the secret part of the URL.
        http_log = logging.getLogger("urllib3.connectionpool")
        http_log.setLevel(max(logging.INFO, http_log.level))

    def send(self, alert: Alert) -> None:
        """Posts once. Unavailable: 408, 425, 429, 5xx or no connection; TidingsError: any other refusal."""
        body = body_of(alert)
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"tidings/{__version__}",
            "X-Tidings-Timestamp": timestamp,
            "Idempotency-Key": _HEADER_SAFE.sub("-", f"{alert.alert_id}:{alert.state}"),
        }
        if self._secret:
            headers["X-Tidings-Signature"] = sign(self._secret, timestamp, body)
        status = self._post(body, headers)
        if 200 <= status < 300:
            return
        if status in _TRY_AGAIN or status >= 500:
            raise Unavailable(f"webhook at {self._host} answered {status}")
        if 300 <= status < 400:
            raise TidingsError(
                f"webhook at {self._host} answered {status}; redirects are not followed: "
                "set webhook.url to the final address"
            )
        raise TidingsError(f"webhook at {self._host} answered {status}; check webhook.url and webhook.secret")

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status code. Errors of requests are not chained: their text holds the URL."""
        try:
            # Streamed, so that an endless answer is never read.
            with requests.post(
                self._url,
                data=body,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code
        except requests.Timeout:
            raise Unavailable(f"webhook at {self._host}: no answer within {self._timeout:g} s") from None
        except requests.exceptions.SSLError:
            raise Unavailable(f"webhook at {self._host}: TLS failed; check its certificate") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise TidingsError(f"webhook at {self._host}: webhook.url is not a valid address") from None
        except requests.RequestException as error:
            raise Unavailable(f"webhook at {self._host}: {type(error).__name__}") from None


def body_of(alert: Alert) -> bytes:
    """The JSON document: version, event (firing, resolved), summary, alert. Times are RFC 3339, UTC.

    `alert` has every field of tidings.types.Alert but `unsent`, with evidence and series inside.
    """
    fields = asdict(alert)
    del fields["unsent"]
    document = {"version": BODY_VERSION, "event": alert.state, "summary": summarise(alert), "alert": fields}
    return json.dumps(document, default=_as_json, allow_nan=False, separators=(",", ":")).encode("ascii")


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


def _host(url: str) -> str:
    """The host for messages; ConfigError, without the URL, when it is none to post to."""
    try:
        parts = urlsplit(url)
        host, port, scheme = parts.hostname, parts.port, parts.scheme
    except ValueError:
        host, port, scheme = None, None, ""
    if scheme not in ("http", "https") or not host or not url.isprintable():
        raise ConfigError("webhook.url must be an http or https address")
    return f"{host}:{port}" if port else host


def _as_json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no JSON form")
