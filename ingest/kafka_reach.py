"""Whether a broker answers and lets us in, asked before kafka-python asks: it keeps to itself why something fails."""

import logging
import socket
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kafka import errors as kafka_errors
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from tidings.errors import ConfigError
from tidings.settings import KafkaSettings

_log = logging.getLogger(__name__)
CONNECT_MS = 5_000
# ApiVersions, version 0, from a client without a name: a broker answers it whatever it speaks, also before a login.
_HELLO = struct.pack(">ihhih", 10, 18, 0, 0, -1)


def require_reachable(settings: KafkaSettings, arguments: Mapping[str, Any]) -> None:
    """Tries the bootstrap servers in turn until one answers; `arguments` are those of every Kafka client.

    Raises ConfigError for an address that is none and where TLS fails, and kafka-python's own errors where no server
    answers or the login is refused.
    """
    for server in settings.bootstrap_servers:
        host, port = _address(server)
        try:
            _greet(host, port, arguments["ssl_context"])
        except ssl.SSLCertVerificationError as error:
            raise ConfigError(
                f"Kafka at {server}: certificate not trusted: {error.verify_message}; set kafka.ca_file to the "
                "certificate of its authority, and bootstrap_servers to the name that it certifies"
            ) from None
        except ssl.SSLError as error:
            raise ConfigError(f"Kafka at {server}: {_tls_failure(settings, error)}") from None
        except (OSError, OverflowError) as error:
            _log.debug("%s: %s", server, error)
            continue
        if "sasl_mechanism" in arguments:
            _log_in({**arguments, "bootstrap_servers": [server], "request_timeout_ms": CONNECT_MS})
        return
    raise kafka_errors.KafkaConnectionError("no bootstrap server answers")


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"kafka.bootstrap_servers: {server!r} is not host:port")
    return host.strip("[]"), int(port)


def _greet(host: str, port: int, tls: ssl.SSLContext | None) -> None:
    with socket.create_connection((host, port), timeout=CONNECT_MS / 1000) as plain:
        if not tls:
            return
        # With TLS 1.3 a broker that refuses our certificate says so after the handshake, in place of its first answer.
        with tls.wrap_socket(plain, server_hostname=host) as secured:
            with suppress(OSError):  # what it said before it closed can be read all the same
                secured.sendall(_HELLO)
            if not secured.recv(1):
                raise ConnectionError("closed without an answer")


def _tls_failure(settings: KafkaSettings, error: ssl.SSLError) -> str:
    reason = error.reason or str(error)
    if "ALERT" not in reason:
        return f"no TLS there ({reason}); check the port and kafka.security_protocol"
    if settings.cert_file is None:
        return f"refuses us without a certificate ({reason}); set kafka.cert_file and kafka.key_file"
    return (
        f"refuses the certificate {settings.cert_file} ({reason}); kafka.cert_file must be of an authority that the "
        "broker trusts, and valid now"
    )


def _log_in(arguments: Mapping[str, Any]) -> None:
    """Once, by kafka-python's own code: its clients would take a refusal for a broker that is away."""
    net = NetworkSelector()
    manager = KafkaConnectionManager(net, **arguments)
    (broker,) = manager.cluster.bootstrap_brokers()

    async def connect() -> None:
        await manager.get_connection(broker.node_id, pop_on_close=False, refresh_metadata_on_err=False)

    try:
        net.run(connect)
    except (
        KeyError,
        ValueError,
    ):  # the broker's last word is an error of SCRAM's (e=…), or not its signature
        raise kafka_errors.SaslAuthenticationFailedError("the broker's answer is no signature") from None
    finally:
        manager.close()
        net.close()
