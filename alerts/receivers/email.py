"""Notifications by e-mail: plain text and HTML, with each alert's chart as an inline image and as text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from alerts.receivers import smtp
from alerts.receivers.brief import all_resolved, heading, severity_of
from alerts.receivers.chart import chart_png
from alerts.receivers.email_values import colour_of, usual_per_bar, values_of
from alerts.receivers.words import one_line, summarise
from tidings.clock import Clock, WallClock
from tidings.errors import ConfigError
from tidings.settings import EmailSettings, read_secret
from tidings.types import Alert, Notification

MOST_ALERTS = 20
MOST_IMAGES = 5
LONGEST_SUBJECT = 200


class EmailReceiver:
    """Sends each notification, with all its alerts, to all recipients in one message over SMTP."""

    def __init__(
        self, settings: EmailSettings, clock: Clock | None = None, name: str = "email", section: str = "email"
    ) -> None:
        """Reads the password; ConfigError names the setting that is wrong. Connects to nothing.

        `section` is where the recipients stand.
        """
        self.name = name
        self._settings = settings
        self._recipients_setting = f"{section}.recipients"
        self._password = read_secret(settings.password, settings.password_file)
        self._clock = clock or WallClock()
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
        )
        if not settings.host or not settings.recipients:
            raise ConfigError(f"email.host and {self._recipients_setting} must both be set to send e-mail")
        _mailbox(settings.sender, "email.sender")
        for recipient in settings.recipients:
            _mailbox(recipient, self._recipients_setting)

    def send(self, notification: Notification) -> None:
        """Sends one message; Unavailable: the server cannot take it now; TidingsError: it refuses it."""
        smtp.deliver(self.message(notification), self._settings, self._password, self._recipients_setting)

    def probe(self) -> str:
        """Connects and says so; Unavailable when that fails. Logs in nowhere: health checks ask every minute."""
        with smtp.connect(replace(self._settings, user=""), "") as connection:
            connection.noop()
        return f"{self._settings.host}:{self._settings.port} answers"

    def message(self, notification: Notification) -> EmailMessage:
        """The whole message; pure but for its Date. Its Message-ID is the same for each try.

        What concerns one alert refers to one and the same thread.
        """
        sender = _mailbox(self._settings.sender, "email.sender")
        # Longer lines than the usual 78, or a long domain makes References an encoded word.
        message = EmailMessage(policy.SMTP.clone(max_line_length=250))
        message["Subject"] = subject_of(notification)
        message["From"] = sender
        message["To"] = [_mailbox(to, self._recipients_setting) for to in self._settings.recipients]
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{_id(notification.notification_id)}@{sender.domain}>"
        message["References"] = f"<{_id(notification.alerts[0].alert_id)}@{sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        shown = notification.alerts[:MOST_ALERTS]
        charts = [_chart(alert, f"chart-{index}@tidings") for index, alert in enumerate(shown[:MOST_IMAGES])]
        values = {
            "heading": heading(notification),
            "several": len(notification.alerts) > 1,
            "more": len(notification.alerts) - len(shown),
            "alerts": [
                values_of(alert, charts[index].cid if index < len(charts) else "")
                for index, alert in enumerate(shown)
            ],
        }
        message.set_content(self._templates.get_template("email.txt").render(values))
        message.add_alternative(self._templates.get_template("email.html").render(values), subtype="html")
        _attach(message, charts)
        return message


@dataclass(frozen=True, slots=True)
class _Chart:
    cid: str  # empty: there is nothing to show
    png: bytes


def subject_of(notification: Notification) -> str:
    """Such as '[Tidings] critical: negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)'."""
    alerts = notification.alerts
    if len(alerts) > 1:
        word = "resolved" if all_resolved(notification) else severity_of(notification)
        return one_line(f"[Tidings] {word}: {heading(notification)}", LONGEST_SUBJECT)
    word = "resolved" if alerts[0].state == "resolved" else one_line(alerts[0].severity, 20)
    return f"[Tidings] {word}: {summarise(alerts[0])}"


def _chart(alert: Alert, cid: str) -> _Chart:
    png = chart_png(alert.series, alert.window_seconds, colour_of(alert), usual_per_bar(alert))
    return _Chart(cid if png else "", png or b"")


def _attach(message: EmailMessage, charts: Sequence[_Chart]) -> None:
    html = message.get_body(("html",))
    for chart in charts:
        if chart.cid and isinstance(html, EmailMessage):
            html.add_related(chart.png, "image", "png", cid=f"<{chart.cid}>", disposition="inline")


def _id(text: str) -> str:
    """The text with only what a Message-ID may hold (RFC 5322, dot-atom)."""
    return (
        "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "." for c in text).strip(".") or "none"
    )


def _mailbox(text: str, setting: str) -> Address:
    name, spec = parseaddr(text)
    try:
        address = Address(one_line(name), addr_spec=spec)
    except (ValueError, IndexError):
        raise ConfigError(f"{setting}: {text!r} is not an e-mail address") from None
    if not address.username or not address.domain or not text.isprintable():
        raise ConfigError(f"{setting}: {text!r} is not an e-mail address; write name@host")
    return address
