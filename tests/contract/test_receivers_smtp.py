"""SMTP servers that refuse, are not there, want a login or TLS; and e-mail settings that are wrong."""

import subprocess
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import pytest

from tests.contract.receiver_fixtures import Mailbox, email_to, note, smtp_server
from tests.started import free_port
from tidings.errors import ConfigError, TidingsError, Unavailable


@pytest.mark.parametrize(
    ("mailbox", "error", "words"),
    [
        (Mailbox("451 later"), Unavailable, "for now (code 451)"),
        (Mailbox("554 never"), TidingsError, "code 554"),
        (
            Mailbox(refuse={"a@x.example": "550 no", "b@x.example": "550 no"}),
            TidingsError,
            "every recipient (code 550)",
        ),
        (Mailbox(refuse={"a@x.example": "550 no", "b@x.example": "450 full"}), Unavailable, "(code 450)"),
    ],
)
def test_the_servers_answer_decides_whether_to_try_again(
    mailbox: Mailbox, error: type[TidingsError], words: str
) -> None:
    with smtp_server(mailbox) as port, pytest.raises(TidingsError) as caught:
        email_to(port).send(note())
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert f"127.0.0.1:{port}" in str(caught.value)


def test_one_refused_recipient_does_not_keep_it_from_the_other(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox(refuse={"a@x.example": "550 no"})
    with smtp_server(mailbox) as port:
        email_to(port).send(note())
    assert len(mailbox.messages) == 1
    assert "refused 1 of 2 recipients" in caplog.text


def test_a_server_that_is_not_there_is_unavailable() -> None:
    port = free_port()
    with pytest.raises(Unavailable, match=f"SMTP server 127.0.0.1:{port}: cannot be reached"):
        email_to(port).send(note())
    with pytest.raises(Unavailable, match="cannot be reached"):
        email_to(port, host="no-such-host.invalid").send(note())


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # the test's server, on loopback
def test_login_and_its_refusal() -> None:
    mailbox = Mailbox()
    options = {"authenticator": mailbox.authenticate, "auth_require_tls": False, "auth_required": True}
    with smtp_server(mailbox, **options) as port:
        email_to(port, user="me", password="right").send(note())
        with pytest.raises(Unavailable, match=r"login refused \(code 535\); check email.user") as caught:
            email_to(port, user="me", password="wrong-secret").send(note())
    assert "wrong-secret" not in str(caught.value)
    assert mailbox.logins[0] == (b"me", b"right")
    assert len(mailbox.messages) == 1
    with smtp_server(Mailbox()) as port, pytest.raises(Unavailable, match="does not offer what is asked for"):
        email_to(port, user="me", password="right").send(note())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    try:
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                folder / "key.pem",
                "-out",
                folder / "cert.pem",
            ],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return folder


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_with_a_known_certificate_only(
    security: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    mailbox = Mailbox()
    options: dict[str, Any] = {"tls_context": context, "require_starttls": True}
    if security == "tls":
        options = {"ssl_context": context}
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    with smtp_server(mailbox, **options) as port:
        email_to(port, security=security).send(note())
        assert len(mailbox.messages) == 1
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(Unavailable, match="certificate not accepted"):
            email_to(port, security=security).send(note())
        if security == "starttls":
            with pytest.raises(TidingsError, match="code 530"):
                email_to(port).send(note())


def test_wrong_email_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"email\.host and email\.recipients"):
        email_to(25, host="")
    with pytest.raises(ConfigError, match=r"email\.sender: 'nobody' is not an e-mail address"):
        email_to(25, sender="nobody")
    with pytest.raises(ConfigError, match=r"email\.recipients: 'a@x\\r\\nBcc: b@x'"):
        email_to(25, recipients=("a@x\r\nBcc: b@x",))
    with pytest.raises(ConfigError, match="secret file cannot be read"):
        email_to(25, password_file=tmp_path / "absent")


def test_probing_connects_and_sends_nothing() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        assert email_to(port, user="me", password="right").probe() == f"127.0.0.1:{port} answers"
    assert (mailbox.messages, mailbox.logins) == ([], [])
    with pytest.raises(Unavailable, match="cannot be reached"):
        email_to(free_port()).probe()
