"""Which addresses notifications may be posted to: the list, private addresses, names that lead to them."""

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.contract.receiver_fixtures import hook, note, receiver_to
from tests.started import free_port
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import OutgoingSettings

PUBLIC = OutgoingSettings()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
     "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "224.0.0.1"],
)  # fmt: skip
def test_private_addresses_are_refused_at_the_start(host: str) -> None:
    with pytest.raises(ConfigError, match=r"private address; set outgoing\.allow_private") as caught:
        receiver_to("webhook", 80, PUBLIC, url=f"http://{host}/T0KEN")
    assert "T0KEN" not in str(caught.value)


def test_a_name_that_leads_to_a_private_address_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    genuine = socket.getaddrinfo

    def lookup(host: str, *rest: Any, **options: Any) -> Any:
        return genuine("127.0.0.1" if host == "rebound.example" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with hook(200) as server:
        url = f"http://rebound.example:{server.port}/T0KEN"
        with pytest.raises(TidingsError, match="resolves to a private address") as caught:
            receiver_to("webhook", 80, PUBLIC, url=url).send(note())
        assert not server.requests
        assert "T0KEN" not in str(caught.value)
        with pytest.raises(ConfigError, match="resolves to a private address"):
            receiver_to("webhook", 80, PUBLIC, url=url).probe()
        receiver_to("webhook", 80, url=url).send(note())
    assert len(server.requests) == 1


def test_only_hosts_on_the_list_are_posted_to() -> None:
    allowed = OutgoingSettings(allowed_hosts=("hooks.slack.com", "*.Example.com"))
    for host in ("hooks.slack.com", "a.example.com", "HOOKS.slack.com"):
        receiver_to("webhook", 80, allowed, url=f"https://{host}/T0KEN")
    for host in ("evil.example", "example.com", "hooks.slack.com.evil.example"):
        with pytest.raises(ConfigError, match=rf"host {host} is not among outgoing\.allowed_hosts") as caught:
            receiver_to("webhook", 80, allowed, url=f"https://{host}/T0KEN")
        assert "T0KEN" not in str(caught.value)


def test_a_login_of_netrc_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password NETRC\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with hook(200) as server:
        receiver_to("alertmanager", server.port, secret="the-token").send(note())
    assert server.requests[0][1]["Authorization"] == "Bearer the-token"


def test_probing_connects_and_posts_nothing() -> None:
    with hook(200) as server:
        assert receiver_to("webhook", server.port).probe() == f"127.0.0.1:{server.port} answers"
    assert not server.requests
    with pytest.raises(Unavailable, match="cannot be reached"):
        receiver_to("webhook", free_port()).probe()
