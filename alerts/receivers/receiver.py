"""The one receiver that speaks HTTP: a kind says what is posted and what an answer means."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alerts.receivers.http import Answer, Endpoint, Request, Trouble, by_status
from tidings.clock import Clock, WallClock
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import OutgoingSettings, ReceiverSettings, read_secret
from tidings.types import Notification

# Of WeCom, DingTalk and Feishu, in both languages of their answers; limits are by the minute.
_TOO_MANY = re.compile(r"too (many|fast)|frequen|over limit|out of limit|频率|限流|太快", re.IGNORECASE)
_TOO_MANY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A service: `requests` of (notification, secret, now), `verdict` on an answer; where it is, if it is fixed.

    `path` is added to an address that does not end with it; without `needs_secret` the secret may be empty.
    """

    requests: Callable[[Notification, str, datetime], Sequence[Request]]
    verdict: Callable[[Answer], Trouble | None] = by_status
    url: str = ""
    path: str = ""
    needs_secret: bool = False


class HttpReceiver:
    """Posts each notification to one URL. The URL may hold a secret, so only its host is ever named."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        settings: ReceiverSettings,
        outgoing: OutgoingSettings,
        clock: Clock | None = None,
        section: str = "",
    ) -> None:
        """Reads the secrets; ConfigError names the setting that is wrong, in `section`. Connects to nothing."""
        self.name = name
        self._section = section or f"receivers.{name}"
        self._kind = kind
        self._secret = read_secret(settings.secret, settings.secret_file)
        if kind.needs_secret and not self._secret:
            raise ConfigError(f"{self._section}.secret or secret_file must be set")
        url = read_secret(settings.url, settings.url_file) or kind.url
        if not url:
            raise ConfigError(f"{self._section}.url must be an http or https address: set it, or url_file")
        if kind.path and not url.rstrip("/").endswith(kind.path):
            url = url.rstrip("/") + kind.path
        self._endpoint = Endpoint(url, f"{self._section}.url", settings.timeout_seconds, outgoing, name)
        self._clock = clock or WallClock()

    def send(self, notification: Notification) -> None:
        """Posts once. Unavailable: try again, perhaps at a given time; any other TidingsError is final."""
        for request in self._kind.requests(notification, self._secret, self._clock.now()):
            trouble = self._kind.verdict(self._endpoint.post(request))
            if trouble is None:
                continue
            if trouble.again:
                raise Unavailable(f"{self._endpoint.where} {trouble.what}", trouble.retry_after_seconds)
            raise TidingsError(
                f"{self._endpoint.where} {trouble.what}; check {self._section}.url and {self._section}.secret"
            )

    def probe(self) -> str:
        """Where it posts to and whether somebody listens there; Unavailable when nobody does."""
        return self._endpoint.probe()


def as_json(document: object) -> bytes:
    """Compact JSON in UTF-8; times are RFC 3339, UTC; numbers and characters that it does not have are null and ?."""
    text = json.dumps(
        _finite(document), default=_as_text, allow_nan=False, ensure_ascii=False, separators=(",", ":")
    )
    return text.encode("utf-8", "replace")


def by_code(
    answer: Answer, field: str, again: Mapping[int, float | None], hints: Mapping[int, str]
) -> Trouble | None:
    """The verdict of services that answer 200 with a code in the JSON: 0 is success, those of `again` pass.

    `again` maps a code to the seconds to wait, where known; `hints` says what to do about a final one. A code that
    comes with words for "too many" passes as well: lists of codes are never complete, and what is final is lost.
    The service's own words are not shown: they may repeat what was sent.
    """
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    code = document.get(field) if isinstance(document, dict) else None
    if not isinstance(code, int):
        return by_status(answer) or Trouble(
            "gave an answer that is not the service's; is it the right address?", False
        )
    if code in again:
        return Trouble(f"answered code {code}", True, answer.retry_after_seconds or again[code])
    if code == 0:
        return by_status(answer)
    if _TOO_MANY.search(f"{document.get('errmsg')} {document.get('msg')}"):
        return Trouble(f"answered code {code}", True, answer.retry_after_seconds or _TOO_MANY_SECONDS)
    hint = hints.get(code, "")
    trouble = by_status(answer)
    return Trouble(
        f"answered code {code}{f' ({hint})' if hint else ''}", trouble is not None and trouble.again
    )


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no JSON form")
