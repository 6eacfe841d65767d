"""Alerts as annotations in a Grafana: a mark when one fires, which becomes a region when it ends."""

from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from dashboards.grafana import Grafana
from dashboards.parts import TAG
from tidings.settings import GrafanaSettings, read_secret
from tidings.types import Alert, Notification

_LONGEST_TAG = 100  # Grafana's column


class AnnotationReceiver:
    """Writes an organization annotation per alert, found again by its tag `alert_id:…`: telling twice leaves one.

    `describe` puts an alert into one line. Reads the token; connects to nothing yet. ConfigError where address or token
    cannot be right.
    """

    name = "grafana"

    def __init__(self, settings: GrafanaSettings, describe: Callable[[Alert], str]) -> None:
        token = read_secret(settings.token, settings.token_file)
        self._grafana = Grafana(settings.url, token, timeout_seconds=settings.timeout_seconds)
        self._describe = describe

    def send(self, notification: Notification) -> None:
        """One annotation for each of its alerts that fired. Unavailable: try again; other errors are final."""
        for alert in notification.alerts:
            if alert.fired_at is not None:
                self._tell(alert, alert.fired_at)

    def probe(self) -> str:
        """Where it writes to, and that annotations can be read there; Unavailable or ConfigError when not."""
        self._grafana.rows(lambda client: client.annotations.get_annotation(tags=[TAG], limit=1))
        return f"{self._grafana.where}: annotations can be read"

    def _tell(self, alert: Alert, fired_at: datetime) -> None:
        given: dict[str, Any] = {
            "time_from": _ms(fired_at),
            "time_to": _ms(alert.resolved_at or fired_at),
            "tags": tags_of(alert),
            "text": self._text(alert),
        }
        mine = quote(alert_tag(alert), safe="")
        there = self._grafana.rows(lambda client: client.annotations.get_annotation(tags=[mine], limit=1))
        if there:
            number = there[0]["id"]
            self._grafana.call(lambda client: client.annotations.partial_update_annotation(number, **given))
        else:
            self._grafana.call(lambda client: client.annotations.add_annotation(**given))

    def _text(self, alert: Alert) -> str:
        """Grafana shows HTML, of which it keeps what is harmless; what others wrote is escaped all the same."""
        text = escape(self._describe(alert))
        link = alert.annotations.get("dashboard", "")
        plain = link.startswith(("http://", "https://"))
        return f'{text} <a href="{escape(link)}">dashboard</a>' if plain else text


def alert_tag(alert: Alert) -> str:
    """The tag by which an alert's annotation is found."""
    return f"alert_id:{alert.alert_id}"


def tags_of(alert: Alert) -> list[str]:
    """tidings, alert_id:…, rule:…, severity:…, and what it is about, such as entity:Harbour Bank."""
    about = [f"{alert.scope}:{alert.key}"] if alert.key else []
    tags = [TAG, alert_tag(alert), f"rule:{alert.rule}", f"severity:{alert.severity}", *about]
    return [tag[:_LONGEST_TAG] for tag in tags]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
