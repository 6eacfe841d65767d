"""Receivers from settings: tables, files, the environment, the example, and errors without secrets."""

import re
from pathlib import Path

import pytest

from alerts.receivers.build import KINDS, build_receivers, receiver_names
from tidings.errors import ConfigError
from tidings.settings import ReceiverSettings, Settings, load_settings

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-do-not-show"


def _load(tmp_path: Path, text: str, env: dict[str, str] | None = None) -> Settings:
    file = tmp_path / "tidings.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, env or {})


def test_no_receivers_are_fine() -> None:
    assert build_receivers(Settings()) == []


def test_receivers_have_names_and_kinds(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://hooks.example/T0KEN\n")
    settings = _load(
        tmp_path,
        f"""
        [email]
        host = "mail.example"
        recipients = ["desk@example.com"]
        [webhook]
        url_file = "{tmp_path / "url"}"
        [receivers.slack]
        url_file = "{tmp_path / "url"}"
        [receivers.risk-mail]
        kind = "email"
        recipients = ["risk@example.com"]
        [receivers.risk-chat]
        kind = "feishu"
        url = "https://open.feishu.cn/open-apis/bot/v2/hook/T0KEN"
        """,
    )
    assert [one.name for one in build_receivers(settings)] == [
        "email",
        "webhook",
        "slack",
        "risk-mail",
        "risk-chat",
    ]
    assert "T0KEN" not in repr(settings)
    (tmp_path / "url").unlink()
    names = ["email", "webhook", "slack", "risk-mail", "risk-chat"]
    assert receiver_names(settings) == names, "who only shows the names may read no secret"
    with pytest.raises(ConfigError, match="secret file cannot be read"):
        build_receivers(settings)


def test_the_environment_changes_and_adds_receivers(tmp_path: Path) -> None:
    environment = {
        "TIDINGS_RECEIVERS_RISK_CHAT_SECRET": SECRET,
        "TIDINGS_RECEIVERS_RISK_CHAT_TIMEOUT_SECONDS": "2.5",
        "TIDINGS_RECEIVERS_SLACK_URL": f"https://hooks.slack.com/services/{SECRET}",
        "TIDINGS_RECEIVERS_NIGHT_DUTY_KIND": "pagerduty",
        "TIDINGS_RECEIVERS_NIGHT_DUTY_SECRET_FILE": "/run/secrets/key",
    }
    settings = _load(
        tmp_path, '[receivers.risk-chat]\nkind = "feishu"\nurl = "https://x.example"', environment
    )
    assert settings.receivers == {
        "risk-chat": ReceiverSettings(
            kind="feishu", url="https://x.example", secret=SECRET, timeout_seconds=2.5
        ),
        "slack": ReceiverSettings(url=f"https://hooks.slack.com/services/{SECRET}"),
        "night_duty": ReceiverSettings(kind="pagerduty", secret_file=Path("/run/secrets/key")),
    }
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "name", ["TIDINGS_RECEIVERS_URL", "TIDINGS_RECEIVERS_DESK_ADDRESS", "TIDINGS_RECEIVERS_"]
)
def test_a_variable_that_names_no_receiver_or_key_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be TIDINGS_RECEIVERS_<NAME>_<KEY>"):
        load_settings(None, {name: SECRET})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('receivers = "slack"', r"receivers must hold tables: write \[receivers\.NAME\]"),
        ('[receivers]\nurl = "x"', r"receivers must hold tables: write \[receivers\.NAME\]"),
        ('[receivers.a]\nkind = "irc"', r"receivers\.a\.kind must be one of"),
        ('[receivers.a]\nurll = "x"', r"unknown key receivers\.a\.urll; did you mean url"),
        ('[receivers.a]\nurl = "https://x.example"', r"receivers\.a\.kind must be set: email, webhook"),
        ('[receivers."a b"]\nkind = "slack"', r"a name is made of letters"),
        ("[receivers.slack]", r"receivers\.slack\.url must be an http or https address: set it, or url_file"),
        ('[receivers.slack]\nurl_file = "gone"', "gone: secret file cannot be read"),
        ('[receivers.slack]\nrecipients = ["a@b.example"]\nurl="https://x.example"', "are for kind email"),
        ("[receivers.email]", r"email\.host and receivers\.email\.recipients must both be set"),
        (
            '[email]\nhost = "h"\n[receivers.m]\nkind = "email"\nrecipients = ["nobody"]',
            r"receivers\.m\.recipients: 'nobody' is not an e-mail address",
        ),
        (
            '[webhook]\nurl = "https://x.example"\n[receivers.webhook]\nurl = "https://y.example"',
            r"receivers\.webhook: there is a receiver of this name already",
        ),
        ("[receivers.pagerduty]", r"receivers\.pagerduty\.secret or secret_file must be set"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build_receivers(_load(tmp_path, text))


def test_the_example_shows_every_kind(tmp_path: Path) -> None:
    text = (ROOT / "deploy/tidings.example.toml").read_text(encoding="utf-8")
    text = re.sub(r"^#   ", "", text, flags=re.MULTILINE).replace("/run/secrets", str(tmp_path))
    for name in re.findall(r'_file = "\S+/(\w+)"', text):
        (tmp_path / name).write_text("https://x.example/T0KEN")
    settings = _load(tmp_path, text, {"TIDINGS_EMAIL_HOST": "mail.example"})
    assert {one.kind or name for name, one in settings.receivers.items()} == {"email", *KINDS}
    assert [one.name for one in build_receivers(settings)] == list(settings.receivers)
