"""The view fits a small terminal, and texts in it are data, not markup."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from rich.console import Console, RenderableType

from service import demo_view as view
from service.demo_catchers import Request
from tidings.types import Alert, Evidence, Word

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
NASTY = "[bold]x[/] \x1b[31mred\x00 \u202eback 😀 " + "long " * 100
ALERT = Alert(
    alert_id="a", fingerprint="f", rule="r", scope="entity", key=NASTY, severity="critical", state="firing",
    value=12.3, expected=0.4, p_value=1e-9, window_seconds=600, started_at=NOW, fired_at=NOW,
    evidence=(Evidence("i", NASTY, NOW, "s", "", -0.9, 0.95, 3, (Word(NASTY, 0, 4, -0.5), Word("red", 5, 8, 0.1))),),
)  # fmt: skip
SNAPSHOT = view.Snapshot(
    "streaming", "model x", 100, 40, 2, 123.4, NOW,
    (view.TopicLine(NASTY, 7, (None, -0.5, 0.0, 0.9)),), (view.Headline(NOW, NASTY, NASTY, -0.9),), (ALERT,),
)  # fmt: skip
SUMMARY = view.Summary(10, 7, 2, Counter(invalid_json=1), True, 6, 3, (ALERT,), 12.0, 300.0)


def shown(renderable: RenderableType, width: int, height: int) -> str:
    console = Console(width=width, height=height, force_terminal=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 32), (200, 60)])
def test_the_screen_fits(width: int, height: int) -> None:
    text = shown(view.live(SNAPSHOT), width, height)
    lines = text.rstrip("\n").split("\n")
    assert len(lines) <= height
    assert "[bold]x[/]" in text
    assert "model x" in text
    assert not set("\x1b\x00\u202e") & set(text)


def test_counts_agree_only_when_they_do() -> None:
    assert SUMMARY.counts_agree
    assert "sent 10 = stored 7 + duplicates 2 + dead letters 1" in SUMMARY.counts_line
    lost = view.Summary(11, 7, 2, Counter(invalid_json=1), True, 6, 3, (), 12.0, 300.0)
    assert not lost.counts_agree
    assert "DO NOT AGREE" in shown(view.summary(lost), 100, 40)


def test_mail_and_hook_are_shown_as_text() -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "[bold]spike"
    message.set_content("body [red]text")
    assert "[bold]spike" in shown(view.mail(message), 100, 40)
    text = shown(view.hook(Request("/x", {"X-Tidings-Timestamp": "1"}, b'{"a": "[b]"}'), True), 100, 40)
    assert "signature verified: yes" in text
    assert "X-Tidings-Timestamp: 1" in text


def test_plain_lines() -> None:
    assert "40 of 100 messages" in view.plain_line(SNAPSHOT)
    lines = view.alert_lines(ALERT)
    assert lines[0].startswith("ALERT critical")
    assert not set("\x1b\x00\u202e") & set("".join(lines))
    story = Evidence("i", "Shares plunge", NOW, "s", "", -0.9, 0.95, 3, (Word("plunge", 7, 13, -0.61),))
    (_, line) = view.alert_lines(replace(ALERT, evidence=(story,)))
    assert line == "  -0.90 reach  3  Shares plunge  [plunge \N{MINUS SIGN}0.61]"
