"""Alerts by e-mail: plain text and HTML, with the chart as a table, because mail clients strip SVG."""

import logging
import smtplib
import ssl
from collections.abc import Mapping
from datetime import timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from alerts.durations import say_duration
from alerts.receivers.words import (
    advise,
    bars_of,
    one_line,
    safe_link,
    say_count,
    say_odds,
    say_time,
    sparkline,
    summarise,
    visible,
)
from tidings.clock import Clock, WallClock
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.highlight import highlight_html, say_words
from tidings.settings import EmailSettings, read_secret
from tidings.types import Alert, Evidence

TIMEOUT_SECONDS = 20.0
LONGEST_TITLE = 300
_CHART_PIXELS = 64
_COLOURS = {"critical": "#b3261e", "warning": "#a85b00", "info": "#2f5d9b"}
_RESOLVED_COLOUR = "#2e7d4f"

_log = logging.getLogger(__name__)


class EmailReceiver:
    """Sends each alert to all recipients in one message over SMTP."""

    def __init__(self, settings: EmailSettings, clock: Clock | None = None, name: str = "email") -> None:
        """Reads the password; ConfigError names the setting that is wrong. Connects to nothing."""
        self.name = name
        self._settings = settings
        self._password = read_secret(settings.password, settings.password_file)
        self._clock = clock or WallClock()
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
        )
        if not settings.host or not settings.recipients:
            raise ConfigError("email.host and email.recipients must both be set to send e-mail")
        _mailbox(settings.sender, "email.sender")
        for recipient in settings.recipients:
            _mailbox(recipient, "email.recipients")

    def send(self, alert: Alert) -> None:
        """Sends one message; Unavailable: the server cannot take it now; TidingsError: it refuses it."""
        message = self.message(alert)
        where = f"SMTP server {self._settings.host}:{self._settings.port}"
        try:
            with self._connect(where) as smtp:
                refused = smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise _by_code(f"{where} refused every recipient", min(codes), "email.recipients") from None
        except smtplib.SMTPResponseException as error:
            raise _by_code(f"{where} refused the message", error.smtp_code, "email.sender") from None
        except smtplib.SMTPNotSupportedError:
            raise TidingsError(f"{where} does not take addresses beyond ASCII; check email.sender") from None
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"{where}: {_reason(error)}") from None
        if refused:
            _log.warning(
                "%s refused %d of %d recipients", where, len(refused), len(self._settings.recipients)
            )

    def message(self, alert: Alert) -> EmailMessage:
        """The whole message; pure but for its Date. Its Message-ID is the same for each try."""
        sender = _mailbox(self._settings.sender, "email.sender")
        word = "resolved" if alert.state == "resolved" else one_line(alert.severity, 20)
        values = _values(alert)
        # Longer lines than the usual 78, or a long domain makes References an encoded word.
        message = EmailMessage(policy.SMTP.clone(max_line_length=250))
        message["Subject"] = f"[Tidings] {word}: {summarise(alert)}"
        message["From"] = sender
        message["To"] = [_mailbox(to, "email.recipients") for to in self._settings.recipients]
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{alert.alert_id}.{alert.state}@{sender.domain}>"
        if alert.state == "resolved":
            message["References"] = f"<{alert.alert_id}.firing@{sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._templates.get_template("email.txt").render(values))
        message.add_alternative(self._templates.get_template("email.html").render(values), subtype="html")
        return message

    def _connect(self, where: str) -> smtplib.SMTP:
        """A connection ready to send. What goes wrong here concerns the server, not this alert: retried."""
        settings = self._settings
        smtp: smtplib.SMTP | None = None
        try:
            if settings.security == "tls":
                context = ssl.create_default_context()
                smtp = smtplib.SMTP_SSL(
                    settings.host, settings.port, timeout=TIMEOUT_SECONDS, context=context
                )
            else:
                smtp = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_SECONDS)
            if settings.security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            if settings.user:
                smtp.login(settings.user, self._password)
        except (OSError, smtplib.SMTPException) as error:
            if smtp is not None:
                smtp.close()
            raise Unavailable(f"{where}: {_reason(error)}") from None
        return smtp


def _mailbox(text: str, setting: str) -> Address:
    name, spec = parseaddr(text)
    try:
        address = Address(one_line(name), addr_spec=spec)
    except (ValueError, IndexError):
        raise ConfigError(f"{setting}: {text!r} is not an e-mail address") from None
    if not address.username or not address.domain or not text.isprintable():
        raise ConfigError(f"{setting}: {text!r} is not an e-mail address; write name@host")
    return address


def _by_code(what: str, code: int, setting: str) -> TidingsError:
    if code < 500:
        return Unavailable(f"{what} for now (code {code})")
    return TidingsError(f"{what} (code {code}); check {setting}")


def _reason(error: Exception) -> str:
    """Why, without the server's own words: they may repeat what we sent."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"login refused (code {error.smtp_code}); check email.user and email.password"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "does not offer what is asked for; check email.security and email.user"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered with code {error.smtp_code}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_SECONDS:.0f} s"
    if isinstance(error, smtplib.SMTPException):
        return "closed the connection"
    return f"cannot be reached ({getattr(error, 'strerror', None) or type(error).__name__})"


def _values(alert: Alert) -> Mapping[str, Any]:
    """What the templates show: cleaned texts, and numbers in words."""
    bars = bars_of(alert.series, alert.window_seconds)
    resolved = alert.state == "resolved"
    present = _COLOURS.get(alert.severity, _COLOURS["warning"])
    summary = summarise(alert)
    caption = ""
    if bars:
        ends = alert.series[-1].start + timedelta(seconds=alert.series[-1].seconds)
        caption = (
            f"Negative stories per {say_duration(alert.series[0].seconds)}, {say_time(bars[0].start)} to "
            f"{say_time(ends)}; the last {say_duration(alert.window_seconds)} are the alert's."
        )
    return {
        "heading": f"{'Resolved' if resolved else 'Alert'}: {summary}",
        "about": summary[0].upper() + summary[1:],
        "resolved": resolved,
        "colour": _RESOLVED_COLOUR if resolved else present,
        "advice": advise(alert),
        "value": f"{round(alert.value):,}",
        "expected": say_count(alert.expected),
        "odds": say_odds(alert.p_value),
        "window": say_duration(alert.window_seconds),
        "fired_at": say_time(alert.fired_at or alert.started_at),
        "resolved_at": say_time(alert.resolved_at),
        "rule": one_line(alert.rule),
        "severity": one_line(alert.severity),
        "alert_id": one_line(alert.alert_id),
        "labels": [
            (one_line(name), one_line(text))
            for name, text in sorted(alert.labels.items())
            if name not in ("scope", "key")
        ],
        "chart": sparkline(alert.series),
        "chart_caption": caption,
        "bars": [
            {
                "pixels": max(1, round(bar.height * _CHART_PIXELS)),
                "colour": present if bar.present else "#b8bec9",
                "tip": f"{say_time(bar.start)}: {bar.value:.1f}",
            }
            for bar in bars
        ],
        "evidence": [
            {
                "title": one_line(story.title) or "(no title)",
                "title_html": _highlighted(story) or "(no title)",
                "words": one_line(say_words(story.words)),
                "published_at": say_time(story.published_at),
                "source": one_line(story.source, 80),
                "reach": story.reach,
                "sentiment": f"{story.sentiment:+.2f}",
                "link": safe_link(story.url),
            }
            for story in alert.evidence
        ],
    }


def _highlighted(story: Evidence) -> str:
    """The title as escaped HTML with the words that moved its score marked."""
    title = visible(story.title)
    shown = title if len(title) <= LONGEST_TITLE else title[:LONGEST_TITLE].rstrip() + "…"
    return highlight_html(shown, story.words).strip()
