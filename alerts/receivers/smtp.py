"""Hands one message to an SMTP server (RFC 5321): STARTTLS or TLS, login, and errors by their code."""

import logging
import smtplib
import ssl
from email.message import EmailMessage

from tidings.errors import TidingsError, Unavailable
from tidings.settings import EmailSettings

TIMEOUT_SECONDS = 20.0

_log = logging.getLogger(__name__)


def deliver(message: EmailMessage, settings: EmailSettings, password: str, recipients: str) -> None:
    """Sends to everybody in To; Unavailable: the server cannot take it now; TidingsError: it refuses it.

    `recipients` names the setting to check when nobody is accepted.
    """
    where = f"SMTP server {settings.host}:{settings.port}"
    try:
        with connect(settings, password) as smtp:
            refused = smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _by_code(f"{where} refused every recipient", min(codes), recipients) from None
    except smtplib.SMTPResponseException as error:
        raise _by_code(f"{where} refused the message", error.smtp_code, "email.sender") from None
    except smtplib.SMTPNotSupportedError:
        raise TidingsError(f"{where} does not take addresses beyond ASCII; check email.sender") from None
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"{where}: {_reason(error)}") from None
    if refused:
        everybody = len(message["To"].addresses)
        _log.warning("%s refused %d of %d recipients", where, len(refused), everybody)


def connect(settings: EmailSettings, password: str) -> smtplib.SMTP:
    """A connection ready to send. What goes wrong here concerns the server, not the message: Unavailable."""
    smtp: smtplib.SMTP | None = None
    try:
        if settings.security == "tls":
            context = ssl.create_default_context()
            smtp = smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            smtp = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_SECONDS)
        if settings.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if settings.user:
            smtp.login(settings.user, password)
    except (OSError, smtplib.SMTPException) as error:
        if smtp is not None:
            smtp.close()
        raise Unavailable(f"SMTP server {settings.host}:{settings.port}: {_reason(error)}") from None
    return smtp


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
