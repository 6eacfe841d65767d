"""TLS, client certificates and SASL: a real broker behind a proxy that ends TLS and takes the login (PLAIN, SCRAM), and
errors that say what to mend."""

import json
import logging
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from ingest import kafka
from ingest.embedded import broker_binary
from tests.kafka_proxy import proxy
from tidings.errors import ConfigError, Unavailable
from tidings.settings import KafkaSettings

USERS = {"tidings": "s3cret, with commas"}


@dataclass(frozen=True)
class Authority:
    """A certificate authority with its files."""

    ca: trustme.CA
    ca_file: Path

    def issue(self, name: str, expires: datetime | None = None) -> tuple[Path, Path]:
        """A certificate for the name, and its key."""
        files = self.ca_file.with_suffix(f".{name}.pem"), self.ca_file.with_suffix(f".{name}.key")
        made = self.ca.issue_cert(name, not_after=expires)
        made.cert_chain_pems[0].write_to_path(str(files[0]))
        made.private_key_pem.write_to_path(str(files[1]))
        return files

    def server(self, clients_of: "Authority | None" = None) -> ssl.SSLContext:
        """TLS for 127.0.0.1; with `clients_of`, clients must show a certificate of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue("127.0.0.1"))
        if clients_of:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients_of.ca_file)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("tls") / "ca.pem")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("tls") / "other.pem")


def new_authority(ca_file: Path) -> Authority:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(ca_file))
    return Authority(ca, ca_file)


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def address(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def broker(*options: str, behind: socket.socket | None = None) -> Iterator[str]:
    """The real broker; it tells its clients the address of the proxy that it is behind."""
    with listening() as free:
        plain = address(free)
    command = [broker_binary(), "--listener-url", f"tcp://{plain}", "--storage-engine", "memory://tansu/"]
    command += ["--advertised-listener-url", f"tcp://{address(behind) if behind else plain}", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(plain)
            yield plain
        finally:
            process.kill()


def wait_for(where: str) -> None:
    host, port = where.split(":")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the broker did not start")


def settings_of(listener: socket.socket, authority: Authority) -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=(address(listener),),
        topics=("news.secure",),
        dead_letter_topic="dead.secure",
        session_timeout_ms=6_000,
        security_protocol="SSL",
        ca_file=authority.ca_file,
    )


@pytest.fixture(scope="module")
def settings(authority: Authority) -> Iterator[KafkaSettings]:
    """Every connection goes through TLS and a login."""
    listener = listening()
    with broker(behind=listener) as plain, proxy(listener, plain, tls=authority.server(), users=USERS):
        yield replace(
            settings_of(listener, authority),
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
            user="tidings",
            password=USERS["tidings"],
        )


@pytest.fixture(scope="module")
def mutual(authority: Authority) -> Iterator[KafkaSettings]:
    """Every connection shows a certificate of the authority."""
    listener = listening()
    with broker(behind=listener) as plain, proxy(listener, plain, tls=authority.server(authority)):
        cert, key = authority.issue("worker.example.com")
        yield replace(settings_of(listener, authority), cert_file=cert, key_file=key)


def there_and_back(settings: KafkaSettings) -> list[bytes | None]:
    """What a member of a group reads of one message sent."""
    kafka.create_topics(settings)
    producer = kafka.Producer(settings)
    producer.send("news.secure", json.dumps({"title": "Sealed"}).encode())
    producer.flush()
    producer.close()
    consumer = kafka.GroupConsumer(settings)
    end = time.monotonic() + 30
    found: list[bytes | None] = []
    while not found and time.monotonic() < end:
        found = [message.value for message in consumer.poll(0.5)]
    consumer.commit({("news.secure", 0): 1})
    consumer.close()
    return found


def test_messages_come_and_go_through_tls_and_a_scram_login(settings: KafkaSettings, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(settings.password + "\n")
    settings = replace(settings, password="wrong, but the file wins", password_file=password)
    assert there_and_back(settings) == [b'{"title": "Sealed"}']
    assert kafka.check_broker(settings).endswith("news.secure (1 partition), dead.secure (1 partition)")


def test_messages_come_and_go_with_a_certificate_of_ones_own(mutual: KafkaSettings) -> None:
    assert there_and_back(mutual) == [b'{"title": "Sealed"}']


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_right_password_logs_in_and_a_wrong_one_is_named_at_once(
    settings: KafkaSettings, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(
        logging.INFO
    )  # what `tidings run` logs; at DEBUG kafka-python logs the frames themselves
    right = replace(settings, sasl_mechanism=mechanism)
    assert settings.bootstrap_servers[0] in kafka.check_broker(right)
    began = time.monotonic()
    for wrong in (replace(right, password="guessed"), replace(right, user="nobody")):
        with pytest.raises(
            ConfigError, match=rf"refuses the login of {wrong.user} by {mechanism}.*kafka\.user, its password"
        ) as error:
            kafka.check_broker(wrong)
        assert settings.password not in str(error.value)
        assert "guessed" not in str(error.value)
    assert time.monotonic() - began < 4, "refused once, not again and again"
    assert settings.password not in caplog.text


def test_a_mechanism_that_the_broker_does_not_know_is_named(settings: KafkaSettings) -> None:
    plain = replace(settings, security_protocol="SASL_PLAINTEXT", ca_file=None)
    with broker() as address, pytest.raises(ConfigError, match=r"UnsupportedSaslMechanism.*kafka\.sasl_mech"):
        kafka.check_broker(replace(plain, bootstrap_servers=(address,)))


def test_the_real_broker_refuses_a_user_that_it_does_not_know(settings: KafkaSettings) -> None:
    """Tansu's own SCRAM, whose refusal is a last word of SCRAM's (e=…) and not an error of Kafka's."""
    plain = replace(settings, security_protocol="SASL_PLAINTEXT", ca_file=None)
    with (
        broker("--authentication") as address,
        pytest.raises(ConfigError, match="refuses the login of tidings by SCRAM-SHA-512"),
    ):
        kafka.check_broker(replace(plain, bootstrap_servers=(address,)))


def test_no_certificate_or_a_wrong_one_is_named(
    mutual: KafkaSettings, authority: Authority, stranger: Authority
) -> None:
    with pytest.raises(ConfigError, match=r"without a certificate \(\w*ALERT\w*\); set kafka\.cert_file"):
        kafka.check_broker(replace(mutual, cert_file=None, key_file=None))
    past = datetime(2001, 1, 1, tzinfo=UTC)
    for cert, key in (stranger.issue("worker.example.com"), authority.issue("late.example.com", past)):
        with pytest.raises(
            ConfigError, match=rf"refuses the certificate {cert} \(\w*ALERT\w*\); kafka\.cert"
        ):
            kafka.check_broker(replace(mutual, cert_file=cert, key_file=key))
    with pytest.raises(ConfigError, match=r"kafka\.cert_file \(with kafka\.key_file\).*KEY_VALUES_MISMATCH"):
        kafka.check_broker(replace(mutual, key_file=stranger.issue("else.example.com")[1]))


def test_a_certificate_of_another_authority_is_refused(settings: KafkaSettings, stranger: Authority) -> None:
    for wrong in (replace(settings, ca_file=stranger.ca_file), replace(settings, ca_file=None)):
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:\d+: certificate not trusted.*kafka\.ca_file"):
            kafka.check_broker(wrong)


def test_the_certificate_must_name_the_host_unless_told_otherwise(settings: KafkaSettings) -> None:
    port = settings.bootstrap_servers[0].split(":")[1]
    named = replace(settings, bootstrap_servers=(f"localhost:{port}",))
    with pytest.raises(ConfigError, match=r"certificate not trusted: Hostname mismatch.*bootstrap_servers"):
        kafka.check_broker(named)
    assert "localhost" in kafka.check_broker(replace(named, check_hostname=False))


def test_a_broker_without_tls_is_named(bootstrap_servers: tuple[str, ...], authority: Authority) -> None:
    settings = KafkaSettings(
        bootstrap_servers=bootstrap_servers, security_protocol="SSL", ca_file=authority.ca_file
    )
    with pytest.raises((ConfigError, Unavailable), match=r"kafka\.security_protocol"):
        kafka.check_broker(settings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user": ""}, r"kafka\.user is empty; SASL_SSL needs"),
        ({"ca_file": Path("none.pem")}, r"kafka\.ca_file: none\.pem: No such file"),
        ({"cert_file": Path("none.pem")}, r"kafka\.cert_file.*none\.pem: No such file"),
        ({"password_file": Path("none")}, "none: secret file cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_says_what_to_mend_and_tells_no_secret(
    settings: KafkaSettings, change: dict[str, object], words: str
) -> None:
    wrong = replace(settings, **change)
    with pytest.raises(ConfigError, match=words) as error:
        kafka.check_broker(wrong)
    assert settings.password not in f"{error.value!r} {wrong!r}"
