"""E-mail against real SMTP servers on loopback (aiosmtpd): content, login, TLS, and errors by their code."""

import io
from dataclasses import replace
from email.message import EmailMessage

from PIL import Image

from tests.contract.receiver_fixtures import (
    ALERT,
    AT,
    RESOLVED,
    Mailbox,
    email_to,
    many,
    note,
    smtp_server,
)
from tidings.types import Measured


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    return text.get_content(), html.get_content()


def test_an_alert_arrives_as_text_and_html() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        email_to(port).send(note())
    (message,) = mailbox.messages
    assert message["Subject"] == (
        "[Tidings] critical: negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)"
    )
    assert message["From"] == "Tidings <alerts@bank.example>"
    assert message["To"] == "a@x.example, b@x.example"
    assert message["Message-ID"] == "<note-1.desk@bank.example>"
    assert message.get_content_type() == "multipart/alternative"
    text, html = parts(message)
    for part in (text, html):
        assert "23 negative stories" in part
        assert "in 10 minutes, where 0.8 would be usual" in part
        assert "about 1 in 42,000" in part
        assert "Firing since 6 May 2024, 12:30 UTC." in part
        assert "carried 12 times" in part
        assert "sentiment -0.91" in part
        assert "moved by queue \N{MINUS SIGN}0.61 · Depositors \N{MINUS SIGN}0.20" in part
        assert "https://n.example/1" in part
        assert "team desk" in part
        assert "javascript" not in part
        assert "\x00" not in part
    assert "Depositors queue at <Northgate>" in text
    assert "Nothing to see Bcc: evil@x.example" in text
    assert "█" in text
    assert "Depositors</span> <span" in html
    assert ">queue</span> at &lt;Northgate&gt;</a>" in html
    assert "rgba(229,57,53,0.36)" in html
    assert "Wire &amp; Co" in html
    assert '<img src="cid:chart-0@tidings"' in html
    assert 'alt="▂▃▅▆' in html  # where images are not shown, the chart as text is
    assert "<svg" not in html
    assert message["Bcc"] is None


def test_the_chart_is_an_inline_image() -> None:
    message = email_to(25).message(note())
    (image,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert (image["Content-ID"], image["Content-Disposition"]) == ("<chart-0@tidings>", "inline")
    png = image.get_payload(decode=True)
    assert isinstance(png, bytes)
    pixels = Image.open(io.BytesIO(png)).convert("RGB")
    assert pixels.size == (1120, 300)
    red = [x for x in range(1120) if pixels.getpixel((x, 259)) == (0xB3, 0x26, 0x1E)]
    assert min(red) > 1120 * 37 / 48  # the last ten of 48 bars are the alert's window, and in its colour
    assert max(red) > 1120 * 46 / 48
    assert len(png) < 20_000


def test_several_alerts_are_one_message() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        email_to(port).send(many(23))
    (message,) = mailbox.messages
    assert message["Subject"] == "[Tidings] critical: 23 alerts (23 firing)"
    assert sum(part.get_content_type() == "image/png" for part in message.walk()) == 5
    text, html = parts(message)
    for part in (text, html):
        assert "egative stories on Bank 19: 23" in part
        assert "Bank 20" not in part
        assert "and 3 more alerts" in part
    assert html.count('valign="bottom"') == 15 * 48  # those without an image have bars
    both = email_to(25).message(note(ALERT, RESOLVED))
    assert both["Subject"] == "[Tidings] critical: 2 alerts (1 firing, 1 resolved)"


def test_what_was_measured_is_told() -> None:
    measured = Measured(
        lower=0,
        upper=3,
        stories=37,
        share=0.62,
        share_expected=0.15,
        without_story=True,
        without_source=False,
        began_at=AT,
    )
    alert = replace(
        ALERT,
        measured=measured,
        annotations={"runbook": "call <the> desk", "seen": "https://g.example/?a=1&b=2"},
    )
    for part in parts(email_to(25).message(note(alert))):
        assert "where 0.8 would be usual (0 to 3)." in part
        assert "62% of 37 stories were negative, 15% would be usual." in part
        assert "Without its largest story: still an alert; without its largest source: no alert." in part
        assert "It began 6 May 2024, 12:30 UTC." in part
        assert "4% of it" in part
        assert "runbook: call " in part
        assert "SELECT sum(negative_story_sum) AS value" in part
    html = parts(email_to(25).message(note(alert)))[1]
    assert '<a href="https://g.example/?a=1&amp;b=2"' in html
    assert "call &lt;the&gt; desk" in html


def test_the_end_of_an_alert_answers_its_beginning() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        email_to(port).send(note(RESOLVED))
        email_to(port).send(note(RESOLVED))
    first, second = mailbox.messages
    thread = "<00c0ffee00c0ffee-20240506T123000Z@bank.example>"
    assert first["Subject"].startswith("[Tidings] resolved: negative stories on Northgate Bank")
    assert first["References"] == thread == email_to(25).message(note())["References"]
    assert first["Message-ID"] == second["Message-ID"]
    for part in parts(first):
        assert "It is over: fired 6 May 2024, 12:30 UTC, resolved 6 May 2024, 13:30 UTC." in part
        assert "queue" in part


def test_hostile_keys_cannot_write_headers_or_markup() -> None:
    mailbox = Mailbox()
    key = "Bank\r\nBcc: evil@x.example\x00\ud800 <script>alert(1)</script> " + "€" * 200
    with smtp_server(mailbox) as port:
        email_to(port).send(
            note(replace(ALERT, key=key, severity="critical\r\nX: y", labels={"a\n": "<b>\ud800"}))
        )
    (message,) = mailbox.messages
    assert message["Bcc"] is None
    assert message["X"] is None
    assert "Bank Bcc: evil@x.example <script>" in message["Subject"]
    assert "<script>" not in parts(message)[1]
    assert "<b>" not in parts(message)[1]


def test_an_alert_without_chart_evidence_or_times_is_still_a_message() -> None:
    mailbox = Mailbox()
    bare = replace(ALERT, evidence=(), series=(), labels={}, fired_at=None, scope="all", key="")
    with smtp_server(mailbox) as port:
        email_to(port, sender=f"t@{'long.' * 30}example").send(note(bare))
        email_to(port, sender=f"t@{'long.' * 30}example").send(note(replace(bare, state="resolved")))
    text, html = parts(mailbox.messages[0])
    assert "stories behind" not in text + html
    assert "the whole stream" in text
    assert mailbox.messages[1]["References"].strip() == mailbox.messages[0]["References"].strip()
    assert (
        b"?utf-8?" not in mailbox.wire[1].partition(b"\r\n\r\n")[0]
    )  # mail clients thread by the plain text
