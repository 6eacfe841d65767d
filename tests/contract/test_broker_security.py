"""TLS and SASL: a real broker behind a proxy that ends TLS and takes the login, and errors that say what to mend."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import kafka
from ingest.embedded import broker_binary
from tests.kafka_proxy import certificate, proxy
from tidings.errors import ConfigError, Unavailable
from tidings.settings import KafkaSettings

USERS = {"tidings": "s3cret, with commas"}


def listening() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def address(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def settings(files: tuple[Path, Path]) -> Iterator[KafkaSettings]:
    """A broker that tells its clients the proxy's address, so that every connection goes through TLS and login."""
    listener, behind = listening(), listening()
    plain = address(behind)
    behind.close()
    command = [broker_binary(), "--listener-url", f"tcp://{plain}", "--storage-engine", "memory://tansu/"]
    command += ["--advertised-listener-url", f"tcp://{address(listener)}"]
    broker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(plain)
        with proxy(listener, plain, tls=files, users=USERS):
            yield KafkaSettings(
                bootstrap_servers=(address(listener),),
                topics=("news.secure",),
                dead_letter_topic="dead.secure",
                session_timeout_ms=6_000,
                security_protocol="SASL_SSL",
                sasl_mechanism="PLAIN",
                user="tidings",
                password=USERS["tidings"],
                ca_file=files[0],
            )
    finally:
        broker.kill()
        broker.wait()


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


def test_messages_come_and_go_through_tls_and_login(settings: KafkaSettings, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(settings.password + "\n")
    settings = replace(settings, password="wrong, but the file wins", password_file=password)
    assert set(kafka.create_topics(settings)) == {"news.secure", "dead.secure"}
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
    assert found == [b'{"title": "Sealed"}']
    assert kafka.check_broker(settings).endswith("news.secure (1 partition), dead.secure (1 partition)")


def test_a_certificate_of_another_authority_is_refused(settings: KafkaSettings, tmp_path: Path) -> None:
    other, _ = certificate(tmp_path, "other")
    for wrong in (replace(settings, ca_file=other), replace(settings, ca_file=None)):
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:\d+: certificate not trusted.*kafka\.ca_file"):
            kafka.check_broker(wrong)


def test_the_certificate_must_name_the_host_unless_told_otherwise(settings: KafkaSettings) -> None:
    port = settings.bootstrap_servers[0].split(":")[1]
    named = replace(settings, bootstrap_servers=(f"localhost:{port}",))
    with pytest.raises(ConfigError, match=r"certificate not trusted: Hostname mismatch.*bootstrap_servers"):
        kafka.check_broker(named)
    assert "news.secure" in kafka.check_broker(replace(named, check_hostname=False))


def test_a_broker_without_tls_is_named(bootstrap_servers: tuple[str, ...], files: tuple[Path, Path]) -> None:
    settings = KafkaSettings(bootstrap_servers=bootstrap_servers, security_protocol="SSL", ca_file=files[0])
    with pytest.raises((ConfigError, Unavailable), match=r"kafka\.security_protocol"):
        kafka.check_broker(settings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "no"}, r"by SASL_SSL PLAIN .*check .* kafka\.user and its password"),
        ({"sasl_mechanism": "SCRAM-SHA-512"}, r"by SASL_SSL SCRAM-SHA-512.*kafka\.sasl_mechanism"),
        ({"user": ""}, r"kafka\.user is empty; SASL_SSL needs"),
        ({"ca_file": Path("none.pem")}, r"kafka\.ca_file: none\.pem: No such file"),
        ({"cert_file": Path("none.pem")}, r"kafka\.cert_file.*none\.pem: No such file"),
        ({"password_file": Path("none")}, "none: secret file cannot be read"),
    ],
)
def test_a_login_that_fails_says_what_to_mend_and_tells_no_secret(
    settings: KafkaSettings, change: dict[str, object], words: str
) -> None:
    wrong = replace(settings, **change)
    with pytest.raises((ConfigError, Unavailable), match=words) as error:
        kafka.check_broker(wrong)
    assert settings.password not in f"{error.value!r} {wrong!r}"
