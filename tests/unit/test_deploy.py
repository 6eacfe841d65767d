"""deploy/: what compose mounts exists, settings files load, examples show every setting with its default."""

import re
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.page_guard import page_password
from store.public import public_views
from tidings.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
VARIABLE = re.compile(r"\$\{(\w+)(:[-?][^}]*)?\}")


def _defaults_uncommented() -> str:
    text = (DEPLOY / "tidings.example.toml").read_text(encoding="utf-8")
    return re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)


def _known_settings() -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for part in fields(Settings):
        value = getattr(Settings(), part.name)
        found |= {(part.name, f.name) for f in fields(value)} if is_dataclass(value) else {(part.name,)}
    return found


def test_example_settings_load_as_they_are() -> None:
    assert load_settings(DEPLOY / "tidings.example.toml", env={}) == Settings()


def test_example_settings_show_every_setting() -> None:
    table = tomllib.loads(_defaults_uncommented())
    shown = {
        (name, key) if isinstance(value, dict) and value else (name,)
        for name, value in table.items()
        for key in (value if isinstance(value, dict) and value else [name])
    }
    assert shown == _known_settings()


def test_example_settings_show_the_real_defaults(tmp_path: Path) -> None:
    file = tmp_path / "tidings.toml"
    file.write_text(_defaults_uncommented(), encoding="utf-8")
    assert load_settings(file, env={}) == Settings()


def test_the_manual_lists_every_setting() -> None:
    manual = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    for names in _known_settings():
        assert f"`{'.'.join(names)}`" in manual


def test_compose_settings_load_with_the_environment_compose_gives() -> None:
    given = {
        name: VARIABLE.sub("a-value", str(value))
        for name, value in SERVICES["tidings"]["environment"].items()
    }
    settings = load_settings(DEPLOY / "tidings.compose.toml", env=given)
    assert settings.store.backend == "server"
    assert settings.store.host in SERVICES
    assert settings.store.password == "a-value"
    assert settings.store.user == SERVICES["clickhouse"]["environment"]["CLICKHOUSE_USER"]
    assert settings.kafka.bootstrap_servers == ("kafka:9092",)
    for port in (settings.metrics.port, settings.api.port):
        assert f"127.0.0.1:{port}:{port}" in SERVICES["tidings"]["ports"]


def test_compose_opens_page_and_api_with_a_password_and_keys() -> None:
    api = load_settings(DEPLOY / "tidings.compose.toml", env={"TIDINGS_API_PAGE_PASSWORD": "p"}).api
    assert (api.host, page_password(api)) == ("0.0.0.0", "p")
    assert api.keys_file
    assert f"tidings-data:{api.keys_file.parent}" in SERVICES["tidings"]["volumes"]
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert f"'{{\"keys\": []}}' > {api.keys_file}" in dockerfile  # it starts without a key


def test_kafka_takes_what_tidings_sends_and_says_where_it_is() -> None:
    settings = load_settings(DEPLOY / "tidings.compose.toml", env={})
    environment = SERVICES["kafka"]["environment"]
    assert settings.kafka.max_message_bytes == environment["KAFKA_MESSAGE_MAX_BYTES"]
    assert f"INSIDE://{settings.kafka.bootstrap_servers[0]}" in environment["KAFKA_ADVERTISED_LISTENERS"]
    assert environment["KAFKA_PROCESS_ROLES"] == "broker,controller"  # KRaft: no ZooKeeper


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert image
    assert tag not in ("", "latest")


@pytest.mark.parametrize("name", SERVICES)
def test_ports_open_on_loopback_only(name: str) -> None:
    for port in SERVICES[name]["ports"]:
        assert port.startswith("127.0.0.1:"), f"{name}: {port}"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name: str) -> None:
    for mount in SERVICES[name]["volumes"]:
        source, target, *mode = mount.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (DEPLOY / source).exists(), f"{name}: {source}"
            assert mode == ["ro"], f"{name}: {source} should be read-only"
        else:
            assert source in COMPOSE["volumes"], f"{name}: {source}"


@pytest.mark.parametrize("name", SERVICES)
def test_services_wait_for_healthy_ones(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[other]
    assert "healthcheck" in SERVICES[name] or "build" in SERVICES[name]  # ours is in the Dockerfile


def test_settings_and_rules_are_where_tidings_looks() -> None:
    targets = {mount.split(":")[1] for mount in SERVICES["tidings"]["volumes"]}
    settings = load_settings(DEPLOY / "tidings.compose.toml", env={})
    assert SERVICES["tidings"]["environment"]["TIDINGS_CONFIG"] in targets
    assert str(settings.alerts.rules) in targets


def test_no_password_is_written_down_and_every_needed_one_is_asked_for() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if "PASSWORD" in name or "SECRET" in name:
                assert VARIABLE.fullmatch(value), f"{name} must come from deploy/.env"
    for name, rest in VARIABLE.findall(text):
        assert f"\n{name}=\n" in example, f"deploy/.env.example does not name {name}"
        assert rest in (":?put it into deploy/.env", ":-")
    assert "deploy/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_grafana_gets_what_its_provisioning_asks_for() -> None:
    provisioned = (DEPLOY / "grafana/provisioning/datasources/tidings.yaml").read_text(encoding="utf-8")
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/tidings.yaml").read_text())
    environment = SERVICES["grafana"]["environment"]
    assert {name for name, _ in VARIABLE.findall(provisioned)} <= environment.keys()
    assert "grafana-clickhouse-datasource@" in environment["GF_PLUGINS_PREINSTALL_SYNC"]
    targets = {mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]}
    assert provider["providers"][0]["options"]["path"] in targets


def test_grafana_reads_with_a_user_that_cannot_write() -> None:
    tree = ET.parse(DEPLOY / "clickhouse/dashboards.xml")
    user = SERVICES["grafana"]["environment"]["CLICKHOUSE_USER"]
    found = tree.find(f"users/{user}")
    assert found is not None
    password = found.find("password")
    assert password is not None
    assert password.get("from_env") in SERVICES["clickhouse"]["environment"]
    grants = [f"GRANT SELECT ON tidings.{view}" for view in public_views()]
    assert [grant.text for grant in found.iter("query")] == grants
    assert tree.findtext(f"profiles/{found.findtext('profile')}/readonly") == "2"


def test_dockerfile_copies_what_exists_and_every_package() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for name in line.split()}
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name.split(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    assert packages | {"pyproject.toml", project["project"]["readme"]} <= copied
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in copied} <= set(ignored)


def test_container_is_not_root_and_checks_itself() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert next(line for line in lines if line.startswith("FROM")) == "FROM python:3.12-slim"
    user = next(number for number, line in enumerate(lines) if line.startswith("USER "))
    assert lines[user] == "USER tidings"
    assert any('CMD ["tidings", "check"]' in line for line in lines[user:])
    assert 'ENTRYPOINT ["tidings"]' in lines[user:]
