"""From settings to receivers: each kind by its word, each receiver by its name."""

import re
from collections.abc import Mapping
from dataclasses import replace

from alerts.receivers.alertmanager import ALERTMANAGER
from alerts.receivers.dingtalk import DINGTALK
from alerts.receivers.email import EmailReceiver
from alerts.receivers.feishu import FEISHU
from alerts.receivers.pagerduty import PAGERDUTY
from alerts.receivers.receiver import HttpReceiver, Kind
from alerts.receivers.slack import SLACK
from alerts.receivers.teams import TEAMS
from alerts.receivers.webhook import WEBHOOK
from alerts.receivers.wecom import WECOM
from tidings.clock import Clock
from tidings.errors import ConfigError
from tidings.settings import ReceiverSettings, Settings

KINDS: Mapping[str, Kind] = {
    "webhook": WEBHOOK,
    "slack": SLACK,
    "teams": TEAMS,
    "wecom": WECOM,
    "dingtalk": DINGTALK,
    "feishu": FEISHU,
    "alertmanager": ALERTMANAGER,
    "pagerduty": PAGERDUTY,
}


def build_receivers(settings: Settings, clock: Clock | None = None) -> list[EmailReceiver | HttpReceiver]:
    """The receivers that the settings configure: `email`, `webhook`, then those of [receivers]; none is allowed.

    ConfigError names the setting that is wrong. Nothing is connected to.
    """
    built: list[EmailReceiver | HttpReceiver] = []
    if _mails(settings):
        built.append(EmailReceiver(settings.email, clock))
    given = settings.webhook
    if _posts(settings):
        webhook = ReceiverSettings(
            url=given.url,
            url_file=given.url_file,
            secret=given.secret,
            secret_file=given.secret_file,
            timeout_seconds=given.timeout_seconds,
        )
        built.append(HttpReceiver("webhook", WEBHOOK, webhook, settings.outgoing, clock, "webhook"))
    for name, one in settings.receivers.items():
        if any(name == other.name for other in built):
            raise ConfigError(f"receivers.{name}: there is a receiver of this name already, from [{name}]")
        built.append(_build(name, one, settings, clock))
    return built


def receiver_names(settings: Settings) -> list[str]:
    """The names of those that build_receivers makes, in its order. No secret is read: who only shows them has none."""
    own = {"email": _mails(settings), "webhook": _posts(settings)}
    return [*(name for name, there in own.items() if there), *settings.receivers]


def _mails(settings: Settings) -> bool:
    return bool(settings.email.host and settings.email.recipients)


def _posts(settings: Settings) -> bool:
    return bool(settings.webhook.url or settings.webhook.url_file)


def _build(
    name: str, one: ReceiverSettings, settings: Settings, clock: Clock | None
) -> EmailReceiver | HttpReceiver:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise ConfigError(f"receivers.{name}: a name is made of letters, digits, - and _")
    kind = one.kind or name
    if kind == "email":
        email = replace(settings.email, recipients=one.recipients)
        return EmailReceiver(email, clock, name, f"receivers.{name}")
    if kind not in KINDS:
        raise ConfigError(f"receivers.{name}.kind must be set: email, {', '.join(KINDS)}")
    if one.recipients:
        raise ConfigError(f"receivers.{name}.recipients are for kind email; this one is {kind}")
    return HttpReceiver(name, KINDS[kind], one, settings.outgoing, clock)
