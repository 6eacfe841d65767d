"""Grafana's HTTP API: login, and what its answers mean. The only file that knows grafana-api."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import requests
from grafana_api.grafana_api import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError
from grafana_api.grafana_face import GrafanaFace

from tidings.errors import ConfigError, TidingsError, Unavailable

NOT_FOUND = 404


class Grafana:
    """A Grafana at `url`, with a service account's token, or user and password.

    `call` raises ConfigError (login, rights, address), Unavailable (try again) or TidingsError (refused); none of them
    shows a secret. Connects to nothing when it is made; ConfigError when address or login cannot be right.
    """

    def __init__(
        self, url: str, token: str = "", user: str = "", password: str = "", timeout_seconds: float = 10.0
    ) -> None:
        where = _address(url)
        if not token and not (user and password):
            raise ConfigError("Grafana needs a login: give a service account token, or user and password")
        self.where = f"Grafana at {where.scheme}://{where.netloc}{where.path}"
        self._client = GrafanaFace(
            token or (user, password),
            host=where.hostname,
            port=where.port,
            url_path_prefix=f"{where.path.strip('/')}/".lstrip("/"),
            protocol=where.scheme,
            timeout=timeout_seconds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._client.api.s.close()

    def call(self, action: Callable[[Any], Any]) -> Any:
        """What `action` makes of the client of grafana-api."""
        try:
            return action(self._client)
        except GrafanaUnauthorizedError:
            raise ConfigError(
                f"{self.where} refuses the login (401): check the token, or user and password"
            ) from None
        except GrafanaClientError as error:
            raise self._refusal(error) from None
        except GrafanaException as error:
            raise Unavailable(
                f"{self.where} failed ({error.status_code}): {_reason(error)}; try again"
            ) from None
        except requests.JSONDecodeError:
            raise TidingsError(f"{self.where} did not answer in JSON; is the address right?") from None
        except TypeError:  # grafana_api looks for a "message" in error pages of proxies
            raise TidingsError(f"{self.where} answered with an error page; is the address right?") from None
        except requests.RequestException as error:
            raise Unavailable(
                f"{self.where} cannot be reached ({type(error).__name__}); is it running?"
            ) from None

    def rows(self, action: Callable[[Any], Any]) -> list[dict[str, Any]]:
        """The same where the answer is a list of objects."""
        answer = self.call(action)
        if not isinstance(answer, list):
            raise TidingsError(
                f"{self.where} answered with something else than a list; is the address right?"
            )
        return [row for row in answer if isinstance(row, dict)]

    def found(self, action: Callable[[Any], Any]) -> dict[str, Any] | None:
        """The same where there may be nothing (404); a 404 without a message of Grafana's is not Grafana's."""
        try:
            answer = self.call(action)
        except _Missing:
            return None
        if not isinstance(answer, dict):
            raise TidingsError(
                f"{self.where} answered with something else than an object; is the address right?"
            )
        return answer

    def _refusal(self, error: GrafanaClientError) -> TidingsError:
        text = f"{self.where} refused ({error.status_code}): {_reason(error)}"
        if error.status_code == 403:
            return ConfigError(
                f"{self.where} forbids this (403): give the account the permissions of docs/grafana.md"
            )
        if error.status_code == NOT_FOUND and isinstance(error.response, dict):
            return _Missing(text)
        return Unavailable(f"{text}; try again") if error.status_code in (408, 429) else TidingsError(text)


class _Missing(TidingsError):
    """Grafana has no such thing."""


def _address(url: str) -> SplitResult:
    try:
        where = urlsplit(url)
        port = where.port
    except ValueError:
        where, port = urlsplit(""), None
    if where.scheme not in ("http", "https") or not where.hostname or port == 0:
        raise ConfigError("Grafana's address must look like http://host:3000")
    if "@" in where.netloc:
        raise ConfigError("Grafana's address must not hold a login: give token, or user and password")
    return where


def _reason(error: GrafanaException) -> str:
    """Grafana's own words for it; never the request, which holds the data source's password."""
    answer = error.response
    text = answer.get("message") or answer.get("status") if isinstance(answer, dict) else "no reason given"
    return str(text)[:200]
