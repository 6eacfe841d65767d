"""One shared way to post to a URL that may hold a secret: checked address, bounded answer, no redirects."""

import ipaddress
import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tidings import __version__
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import OutgoingSettings

LONGEST_ANSWER = 65_536
LONGEST_RETRY_SECONDS = 86_400.0
_TRY_AGAIN = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted; `query` is added to the URL's own."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: at most LONGEST_ANSWER bytes of body; `retry_after_seconds` when the header says so."""

    status: int
    body: bytes
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an answer is no success, in words without secrets, and whether trying again may help."""

    what: str
    again: bool
    retry_after_seconds: float | None = None


def by_status(answer: Answer) -> Trouble | None:
    """The verdict of HTTP itself: 2xx is success; 408, 425, 429 and 5xx pass; the rest is final."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return Trouble(f"answered {status}; redirects are not followed: give the final address", again=False)
    again = status in _TRY_AGAIN or status >= 500
    return Trouble(f"answered {status}", again, answer.retry_after_seconds)


class Endpoint:
    """One URL to post to. Only its host is ever named, in errors and logs."""

    def __init__(
        self, url: str, setting: str, timeout_seconds: float, outgoing: OutgoingSettings, name: str
    ) -> None:
        """Checks the URL; ConfigError names `setting` (such as webhook.url). Connects to nothing."""
        try:
            parts = urlsplit(url)
            host, port, scheme = parts.hostname, parts.port, parts.scheme
        except ValueError:
            host, port, scheme = None, None, ""
        if scheme not in ("http", "https") or not host or not url.isprintable():
            raise ConfigError(f"{setting} must be an http or https address")
        if timeout_seconds <= 0:
            raise ConfigError(f"{setting.removesuffix('url')}timeout_seconds must be more than 0")
        allowed = [pattern.lower() for pattern in outgoing.allowed_hosts]
        if allowed and not any(fnmatchcase(host, pattern) for pattern in allowed):
            raise ConfigError(f"{setting}: host {host} is not among outgoing.allowed_hosts")
        if not outgoing.allow_private and (host == "localhost" or _is_private(host)):
            raise ConfigError(f"{setting}: {host} is a private address; set outgoing.allow_private = true")
        self.host, self.port = host, port or (443 if scheme == "https" else 80)
        self.where = f"{name} at {host}:{port}" if port else f"{name} at {host}"
        self._url, self._setting = url, setting
        self._timeout_seconds = timeout_seconds
        self._allow_private = outgoing.allow_private
        # At DEBUG urllib3 logs the path of each request, which may be the secret part of the URL.
        http_log = logging.getLogger("urllib3.connectionpool")
        http_log.setLevel(max(logging.INFO, http_log.level))

    def post(self, request: Request) -> Answer:
        """The answer, whatever its status. Unavailable: none came; TidingsError: the address is not allowed.

        Errors of requests are not chained: their text holds the URL.
        """
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"tidings/{__version__}",
            "Accept-Encoding": "identity",
            **request.headers,
        }
        try:
            with requests.Session() as session:
                if not self._allow_private:
                    session.mount("http://", _PublicOnly())
                    session.mount("https://", _PublicOnly())
                with session.post(
                    self._url,
                    params=request.query,
                    data=request.body,
                    headers=headers,
                    timeout=self._timeout_seconds,
                    allow_redirects=False,
                    auth=_no_netrc,
                    stream=True,
                ) as response:
                    body = self._read(response)
                    after = _retry_after(response.headers, datetime.now(UTC))
                    return Answer(response.status_code, body, after)
        except _PrivateAddressError:
            raise TidingsError(
                f"{self.where} resolves to a private address; set outgoing.allow_private = true"
            ) from None
        except requests.Timeout:
            raise Unavailable(f"{self.where}: no answer within {self._timeout_seconds:g} s") from None
        except requests.exceptions.SSLError:
            raise Unavailable(f"{self.where}: TLS failed; check its certificate") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise TidingsError(f"{self.where}: {self._setting} is not a valid address") from None
        except (requests.RequestException, OSError) as error:
            raise Unavailable(f"{self.where}: {type(error).__name__}") from None

    def probe(self) -> str:
        """Connects and says so, posting nothing; Unavailable when nobody listens."""
        if requests.utils.get_environ_proxies(self._url):
            return f"{self.host}:{self.port}, through a proxy: not tried"
        try:
            with socket.create_connection(
                (self.host, self.port), timeout=self._timeout_seconds
            ) as connection:
                if not self._allow_private and _is_private(connection.getpeername()[0]):
                    raise ConfigError(
                        f"{self.host} resolves to a private address; set outgoing.allow_private = true"
                    )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Unavailable(f"{self.host}:{self.port} cannot be reached: {reason}") from None
        return f"{self.host}:{self.port} answers"

    def _read(self, response: requests.Response) -> bytes:
        """The beginning of the body: an endless or a slow one is left, whatever it goes on to say."""
        body, deadline = b"", time.monotonic() + self._timeout_seconds
        while len(body) < LONGEST_ANSWER and time.monotonic() < deadline:
            part: bytes = response.raw.read1(LONGEST_ANSWER - len(body))
            if not part:
                break
            body += part
        return body


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds from `Retry-After` (RFC 9110: seconds or an HTTP date), or from Feishu's own header; at most a day."""
    text = headers.get("Retry-After") or headers.get("x-ogw-ratelimit-reset") or ""
    seconds: float | None = None
    if text.strip().isascii() and text.strip().isdigit():
        seconds = float(text.strip()[:9])
    elif text:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return None if seconds is None else min(max(0.0, seconds), LONGEST_RETRY_SECONDS)


def _is_private(host: str) -> bool:
    """Whether `host` is an IP address that is not public; a name is none."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return not address.is_global or address.is_multicast


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from adding a login of ~/.netrc."""
    return request


class _PrivateAddressError(Exception):
    """The connection's other end is not public. Raised before a byte is sent."""


def _refuse_private(connection: socket.socket) -> socket.socket:
    """Looks at the address really connected to, so that no second look-up can give another one."""
    if _is_private(connection.getpeername()[0]):
        connection.close()
        raise _PrivateAddressError
    return connection


class _PublicConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _refuse_private(super()._new_conn())


class _PublicTLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _refuse_private(super()._new_conn())


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PublicTLSConnection


class _PublicOnly(HTTPAdapter):
    """Connects to public addresses only; a proxy of the environment is trusted to be one's own."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PublicPool, "https": _PublicTLSPool}
