"""How Kafka is reached: addresses, TLS, SASL; and its errors as ours."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka import errors as kafka_errors

from ingest.kafka_reach import CONNECT_MS, require_reachable
from ingest.message import Message
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import KafkaSettings, read_secret

# A dead letter is the original bytes plus headers; this much is room for those.
HEADER_BYTES = 65_536
# The group moved on without this member: what it holds is another's, or its own again after the next poll.
_REBALANCED = (
    kafka_errors.CommitFailedError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.UnknownMemberIdError,
)
_TOO_LARGE = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)
_LOGIN = (
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
)


class Rebalancing(Unavailable):
    """The group is rebalancing, or took this member for dead; polling goes on until it is a member again."""


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """The arguments that every Kafka client takes; call it inside `mapped`. Raises ConfigError."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": "tidings",
        "bootstrap_timeout_ms": CONNECT_MS,
        "security_protocol": settings.security_protocol,
        "ssl_context": _tls(settings),
    }
    if settings.security_protocol.startswith("SASL_"):
        if not settings.user:
            raise ConfigError(f"kafka.user is empty; {settings.security_protocol} needs a user and password")
        arguments |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.user,
            "sasl_plain_password": read_secret(settings.password, settings.password_file),
        }
    require_reachable(settings, arguments)
    return arguments


@contextmanager
def mapped(settings: KafkaSettings) -> Iterator[None]:
    """Kafka's errors as ours: what may heal is Unavailable, the rest a TidingsError."""
    hosts = ", ".join(settings.bootstrap_servers)
    try:
        yield
    except _REBALANCED as error:
        raise Rebalancing(f"the consumer group is rebalancing ({type(error).__name__})") from None
    except kafka_errors.AuthorizationError as error:
        raise TidingsError(f"Kafka at {hosts} refuses access: {error}; check the broker's ACLs") from None
    except _LOGIN as error:
        raise ConfigError(
            f"Kafka at {hosts} refuses the login of {settings.user} by {settings.sasl_mechanism} "
            f"({type(error).__name__}); check kafka.user, its password and kafka.sasl_mechanism"
        ) from None
    except kafka_errors.InvalidSessionTimeoutError:
        raise ConfigError(
            f"Kafka at {hosts} refuses the session time-out; kafka.session_timeout_ms and "
            "kafka.leader_session_timeout_ms must lie between the broker's group.min.session.timeout.ms and "
            "group.max.session.timeout.ms"
        ) from None
    except kafka_errors.InconsistentGroupProtocolError:
        raise TidingsError(
            f"the members of group {settings.group} do not share their partitions cooperatively; "
            "stop every worker of an older release first, or set another kafka.group"
        ) from None
    except _TOO_LARGE as error:
        raise TidingsError(
            f"Kafka at {hosts}: message too large: {error}; see kafka.max_message_bytes"
        ) from None
    except (kafka_errors.KafkaError, OSError) as error:
        how: str = settings.security_protocol
        check = "kafka.bootstrap_servers and kafka.security_protocol"
        if how.startswith("SASL_"):  # some brokers close the connection on a login that they do not know
            how += f" {settings.sasl_mechanism}"
            check += ", kafka.sasl_mechanism, kafka.user and its password"
        raise Unavailable(
            f"Kafka cannot be reached at {hosts} by {how} ({type(error).__name__}); start the broker, or check {check}"
        ) from None


def message(record: Any) -> Message:
    """kafka-python's record as ours."""
    return Message(
        record.topic, record.partition, record.offset, record.value, record.key, max(0, record.timestamp)
    )


def _tls(settings: KafkaSettings) -> ssl.SSLContext | None:
    if not settings.security_protocol.endswith("SSL"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = settings.check_hostname
    if settings.ca_file:
        with _readable("ca_file", settings.ca_file):
            context = ssl.create_default_context(cafile=settings.ca_file)
            context.check_hostname = settings.check_hostname
    if settings.cert_file:
        with _readable("cert_file (with kafka.key_file)", settings.cert_file):
            context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


@contextmanager
def _readable(name: str, file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"kafka.{name}: {file}: {error.strerror or error}; a PEM file is needed") from None
