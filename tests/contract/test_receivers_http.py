"""Webhook and what all HTTP receivers share, against real HTTP servers on loopback."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread

import pytest

from alerts.receivers.receiver import HttpReceiver
from alerts.receivers.webhook import WEBHOOK, sign, verify
from tests.contract.receiver_fixtures import (
    ALERT,
    AT,
    LOOPBACK,
    RESOLVED,
    Fixed,
    Reply,
    hook,
    note,
    receiver_to,
)
from tests.started import free_port
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import ReceiverSettings


def test_an_alert_is_posted_as_signed_json() -> None:
    with hook(204) as server:
        receiver_to("webhook", server.port).send(note())
    ((path, headers, body),) = server.requests
    assert path == "/T0KEN?k=T0KEN"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "note-1/desk"
    timestamp, signature = headers["X-Tidings-Timestamp"], headers["X-Tidings-Signature"]
    assert timestamp == str(int(AT.timestamp()))
    assert verify("hush", timestamp, body, signature, AT)
    document = json.loads(body)
    assert (document["version"], document["event"], document["reason"]) == (1, "firing", "firing")
    assert (document["notification_id"], document["group"]) == ("note-1/desk", "name-breaking")
    assert "alerts" not in document
    assert document["summary"] == "negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)"
    alert = document["alert"]
    assert (alert["key"], alert["value"], alert["fired_at"]) == (
        "Northgate Bank",
        23.2,
        "2024-05-06T12:30:00Z",
    )
    assert alert["labels"]["team"] == "desk"
    assert alert["evidence"][0]["title"] == "Depositors queue at <Northgate>"
    assert alert["evidence"][0]["reach"] == 12
    assert alert["evidence"][0]["words"][0] == {"word": "queue", "start": 11, "end": 16, "weight": -0.614}
    assert len(alert["series"]) == 48
    assert alert["resolved_at"] is None
    assert "unsent" not in alert


def test_several_alerts_are_one_document() -> None:
    with hook(204) as server:
        receiver_to("webhook", server.port).send(note(ALERT, RESOLVED, reason="changed"))
    (document,) = server.documents
    assert (document["event"], document["reason"]) == ("firing", "changed")
    assert document["summary"] == "2 alerts (1 firing, 1 resolved)"
    assert [alert["state"] for alert in document["alerts"]] == ["firing", "resolved"]
    assert "alert" not in document


def test_a_try_again_has_the_same_key_and_a_new_signature() -> None:
    clock = Fixed()
    with hook(503, 200) as server:
        settings = ReceiverSettings(url=f"http://127.0.0.1:{server.port}/", secret="hush")
        receiver = HttpReceiver("webhook", WEBHOOK, settings, LOOPBACK, clock)
        with pytest.raises(Unavailable):
            receiver.send(note())
        clock.at += timedelta(seconds=600)
        receiver.send(note())
    first, second = (headers for _, headers, _ in server.requests)
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    assert first["X-Tidings-Signature"] != second["X-Tidings-Signature"]


def test_numbers_that_json_does_not_have_are_null() -> None:
    with hook(200) as server:
        receiver_to("webhook", server.port).send(note(replace(ALERT, p_value=float("nan"))))
    assert server.documents[0]["alert"]["p_value"] is None


def test_a_signature_holds_for_one_body_one_secret_and_five_minutes() -> None:
    signature = sign("hush", "1000", b"{}")
    now = datetime.fromtimestamp(1000, UTC)
    assert verify("hush", "1000", b"{}", signature, now + timedelta(seconds=300))
    assert not verify("hush", "1000", b"{}", signature, now + timedelta(seconds=301))
    assert not verify("hush", "1000", b"{}", signature, now - timedelta(seconds=301))
    assert verify("hush", "1000", b"{}", signature, now + timedelta(seconds=301), tolerance_seconds=400)
    assert not verify("hush", "1000", b"{ }", signature, now)
    assert not verify("other", "1000", b"{}", signature, now)
    assert not verify("hush", "1001", b"{}", signature, now)
    assert not verify(
        "hush", "\uff11\uff10\uff10\uff10", b"{}", sign("hush", "\uff11\uff10\uff10\uff10", b"{}"), now
    )
    assert not verify("hush", "1000", b"{}", "é" + signature, now)
    assert not verify("", "1000", b"{}", sign("", "1000", b"{}"), now)


def test_without_a_secret_there_is_no_signature() -> None:
    with hook(200) as server:
        receiver_to("webhook", server.port, secret="").send(note(RESOLVED))
    assert "X-Tidings-Signature" not in server.requests[0][1]
    assert json.loads(server.requests[0][2])["event"] == "resolved"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_passing_trouble_is_unavailable(status: int) -> None:
    with hook(status) as server, pytest.raises(Unavailable, match=f"answered {status}"):
        receiver_to("webhook", server.port).send(note())


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410])
def test_a_refusal_is_final_and_redirects_are_not_followed(status: int) -> None:
    with hook(status) as server, pytest.raises(TidingsError, match=f"answered {status}") as caught:
        receiver_to("webhook", server.port).send(note())
    assert not isinstance(caught.value, Unavailable)
    assert len(server.requests) == 1


def test_errors_and_logs_name_the_host_only(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with caplog.at_level(logging.DEBUG), hook(503) as server:
        for receiver in (receiver_to("webhook", port), receiver_to("webhook", server.port)):
            with pytest.raises(Unavailable, match=r"webhook at 127\.0\.0\.1:") as caught:
                receiver.send(note())
            assert "T0KEN" not in str(caught.value)
            assert caught.value.__cause__ is None
            assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "T0KEN" not in caplog.text


def test_a_server_that_never_answers_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
            receiver_to("webhook", port, timeout_seconds=0.2).send(note())


@pytest.mark.parametrize("url", ["", "T0KEN", "ftp://h/T0KEN", "http://", "http://[T0KEN", "http://h:T0KEN/"])
def test_a_wrong_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"receivers\.webhook\.url must be an http or https address"
    ) as caught:
        receiver_to("webhook", 80, url=url)
    assert "T0KEN" not in str(caught.value)


def test_a_timeout_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"receivers\.webhook\.timeout_seconds"):
        receiver_to("webhook", 80, timeout_seconds=0.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("999999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_the_server_says_when_to_come_back(header: str, seconds: float | None) -> None:
    with hook(Reply(429, headers=(("Retry-After", header),))) as server, pytest.raises(Unavailable) as caught:
        receiver_to("webhook", server.port).send(note())
    assert caught.value.retry_after_seconds == seconds


def test_the_server_says_when_to_come_back_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with hook(Reply(503, headers=(("Retry-After", later),))) as server, pytest.raises(Unavailable) as caught:
        receiver_to("webhook", server.port).send(note())
    assert caught.value.retry_after_seconds is not None
    assert 80 < caught.value.retry_after_seconds <= 90


@contextmanager
def never_ending(part: bytes, pause_seconds: float) -> Iterator[int]:
    """The port of a server whose answer goes on and on; it must be left by the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    connection.sendall(part)
                    time.sleep(pause_seconds)

        thread = Thread(target=drip)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)
    assert not thread.is_alive()


def test_an_endless_answer_is_left() -> None:
    with never_ending(b"x" * 100_000, 0) as port:
        receiver_to("webhook", port).send(note())


def test_a_slow_answer_is_left() -> None:
    with never_ending(b"x", 0.05) as port:
        began = time.monotonic()
        receiver_to("webhook", port, timeout_seconds=0.3).send(note())
        assert time.monotonic() - began < 2
