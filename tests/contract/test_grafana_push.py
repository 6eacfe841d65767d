"""Pushing to Grafana over real HTTP: what is written, what is left alone, what a dry run says, and errors."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from dashboards import push as pushing
from dashboards.catalogue import dashboards
from dashboards.datasource import datasource
from dashboards.grafana import Grafana
from dashboards.push import push
from dashboards.query import DATASOURCE_UID
from service import cli
from tests.contract.grafana_server import TOKEN, FakeGrafana, fake_grafana
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.sections import SqlSettings
from tidings.settings import StoreSettings

STORE = StoreSettings(backend="server", host="clickhouse", user="dashboards", password="a-secret-password")
SOURCE = datasource(STORE, SqlSettings())
BUILT = dashboards()


@pytest.fixture
def server() -> Iterator[FakeGrafana]:
    with fake_grafana() as started:
        yield started


def pushed(server: FakeGrafana, token: str = TOKEN, url: str = "", **given: Any) -> list[str]:
    with Grafana(url or server.url, token) as grafana:
        return push(grafana, given.pop("budgets", {}), given.pop("source", SOURCE), **given)


def test_push_creates_data_source_folder_and_dashboards(server: FakeGrafana) -> None:
    lines = pushed(server)
    assert lines == [
        "data source Tidings: created",
        "folder Tidings: created",
        *(f"dashboard {board.title}: created ({len(board.panels or [])} panels)" for board in BUILT),
    ]
    (source,) = server.sources
    assert source["jsonData"]["host"] == "clickhouse"
    assert source["secureJsonData"] == {"password": "a-secret-password"}
    assert set(server.dashboards) == {board.uid for board in BUILT}
    for board in BUILT:
        there = server.dashboards[str(board.uid)]
        assert there["meta"]["folderUid"] == server.folders[0]["uid"]
        assert there["dashboard"]["tags"] == ["tidings"]


def test_pushing_again_writes_no_dashboard(server: FakeGrafana) -> None:
    pushed(server)
    server.written()
    lines = pushed(server)
    assert lines == [
        "data source Tidings: updated",
        "folder Tidings: left as it is",
        *(f"dashboard {board.title}: left as it is" for board in BUILT),
    ]
    # Grafana does not show passwords, so the data source is always written.
    assert server.written() == [("PUT", f"/api/datasources/uid/{DATASOURCE_UID}")]
    assert (len(server.sources), len(server.folders)) == (1, 1)


def test_what_differs_is_said_and_then_written(server: FakeGrafana) -> None:
    pushed(server)
    model = server.dashboards["tidings-overview"]["dashboard"]
    model["title"] = "Renamed by hand"
    model["panels"][4]["targets"][0]["rawSql"] += "\nLIMIT 1"
    model["panels"][5]["id"] = 99  # says nothing
    gone = model["panels"].pop(0)["title"]
    model["panels"].append({"title": "Of somebody's", "type": "text", "id": 100})
    server.sources[0]["jsonData"]["host"] = "elsewhere"
    server.written()
    dry = pushed(server, dry_run=True)
    assert server.written() == []
    assert dry == [
        "data source Tidings: would be updated (host: 'elsewhere' -> 'clickhouse')",
        "folder Tidings: left as it is",
        "dashboard Tidings: overview: would be changed",
        "  title: 'Renamed by hand' -> 'Tidings: overview'",
        f"  panels[{gone}]: added",
        "  panels[Sentiment by topic].targets[A].rawSql:",
        "       ORDER BY time, topic",
        "      -LIMIT 1",
        "  panels[Of somebody's]: removed",
        *(f"dashboard {board.title}: left as it is" for board in BUILT[1:]),
    ]
    real = pushed(server)
    assert [line.replace("would be ", "") for line in dry] == real
    assert pushed(server, dry_run=True)[2] == "dashboard Tidings: overview: left as it is"


def test_a_dashboard_in_another_folder_comes_home(server: FakeGrafana) -> None:
    pushed(server)
    server.dashboards["tidings-alerts"]["meta"]["folderUid"] = "elsewhere"
    lines = pushed(server)
    assert "dashboard Tidings: alerts: changed" in lines
    assert "  in another folder" in lines
    assert server.dashboards["tidings-alerts"]["meta"]["folderUid"] == "folder-1"


def test_only_dashboards_of_ours_that_nothing_builds_are_deleted(
    server: FakeGrafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(server)
    server.put("abc", "A copy with our tag", ["tidings"])
    server.put("tidings-mine", "Our prefix, not our tag", ["mine"])
    monkeypatch.setattr(pushing, "dashboards", lambda budgets: dashboards(budgets)[:3])
    server.written()
    assert pushed(server, dry_run=True)[-1] == (
        "dashboard Tidings: pipeline health: would be deleted, nothing builds it"
    )
    assert server.written() == []
    assert pushed(server)[-1] == "dashboard Tidings: pipeline health: deleted, nothing builds it"
    kept = {board.uid for board in BUILT[:3]}
    assert set(server.dashboards) == {*kept, "abc", "tidings-mine"}
    assert [one for one in server.written() if one[0] == "DELETE"] == [
        ("DELETE", "/api/dashboards/uid/tidings-health")
    ]


def test_other_folders_and_sources_are_left_alone(server: FakeGrafana) -> None:
    server.folders.append({"id": 9, "uid": "theirs", "title": "Theirs"})
    server.sources.append({"uid": "theirs", "name": "Theirs"})
    pushed(server, folder_title="News")
    assert [row["title"] for row in server.folders] == ["Theirs", "News"]
    assert [row["uid"] for row in server.sources] == ["theirs", DATASOURCE_UID]


def test_a_dry_run_of_a_first_push_writes_nothing(server: FakeGrafana) -> None:
    lines = pushed(server, dry_run=True)
    assert all("would be created" in line for line in lines)
    assert server.written() == []


def test_a_rule_with_another_budget_changes_its_panel_only(server: FakeGrafana) -> None:
    pushed(server)
    lines = pushed(server, budgets={"negative-spike": 0.5}, dry_run=True)
    changed = [line for line in lines if line.startswith("  panels")]
    assert changed == ["  panels[False-alarm budget used].targets[A].rawSql:"]


def test_user_and_password_instead_of_a_token(server: FakeGrafana) -> None:
    server.login = "Basic " + base64.b64encode(b"admin:pass word").decode()
    with Grafana(server.url, user="admin", password="pass word") as grafana:
        assert push(grafana, {}, SOURCE)


def test_grafana_under_a_path(server: FakeGrafana) -> None:
    server.prefix = "/monitoring/grafana"
    assert pushed(server, url=f"{server.url}/monitoring/grafana/")
    assert server.dashboards


def test_without_store_settings_the_data_source_must_be_there(server: FakeGrafana) -> None:
    with pytest.raises(ConfigError, match="no data source tidings-clickhouse"):
        pushed(server, source=None)
    server.sources.append({"uid": DATASOURCE_UID, "name": "Tidings"})
    assert pushed(server, source=None)[0] == "data source Tidings: left as it is"


CHANGED = json.dumps(
    {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
)
FAILURES = [
    ("/api/datasources", 401, '{"message": "Invalid API key"}', ConfigError, "check the token"),
    ("/api/folders", 403, '{"message": "Access denied"}', ConfigError, "permissions of docs/grafana.md"),
    ("/api/dashboards/db", 412, CHANGED, TidingsError, r"refused \(412\): The dashboard has been changed"),
    ("/api/dashboards/db", 400, '{"message": "bad dashboard"}', TidingsError, r"\(400\): bad dashboard"),
    ("/api/dashboards/uid/tidings-overview", 404, "<html>404</html>", TidingsError, r"\(404\)|error page"),
    ("/api/dashboards/uid/tidings-overview", 200, "[]", TidingsError, "something else than an object"),
    ("/api/folders", 429, '{"message": "slow down"}', Unavailable, "slow down; try again"),
    ("/api/folders", 500, '{"message": "database is locked"}', Unavailable, "database is locked; try again"),
    ("/api/folders", 502, "<html>bad gateway</html>", Unavailable, r"failed \(502\)"),
    ("/api/folders", 404, "an error page with a message", TidingsError, "error page"),
    ("/api/folders", 200, "<html>a login page</html>", TidingsError, "did not answer in JSON"),
    ("/api/folders", 200, '{"folders": []}', TidingsError, "something else than a list"),
    ("/api/search", 500, '{"message": "no index"}', Unavailable, "no index; try again"),
]


@pytest.mark.parametrize(("path", "status", "answer", "kind", "words"), FAILURES)
def test_a_failure_is_one_clear_line_without_secrets(
    server: FakeGrafana, path: str, status: int, answer: str, kind: type[TidingsError], words: str
) -> None:
    server.fail[path] = (status, answer)
    with pytest.raises(kind, match=words) as caught:
        pushed(server)
    text = str(caught.value)
    assert "\n" not in text
    assert TOKEN not in text
    assert "a-secret-password" not in text


def test_a_wrong_token_is_refused(server: FakeGrafana) -> None:
    with pytest.raises(ConfigError, match="401") as caught:
        pushed(server, "glsa_wrong-token")
    assert "wrong-token" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nobody_at_the_address() -> None:
    with fake_grafana() as server:
        pass
    with pytest.raises(Unavailable, match="is it running"):
        pushed(server)


def test_the_command_takes_address_token_and_source_of_the_settings(
    server: FakeGrafana, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the embedded store, Grafana reads its SQL endpoint over HTTP."""
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    (tmp_path / "token").write_text(TOKEN)
    config = tmp_path / "tidings.toml"
    config.write_text(
        f'[grafana]\nurl = "{server.url}"\ntoken_file = "{tmp_path / "token"}"\n'
        '[sql]\nport = 8123\nuser = "grafana"\npassword = "a-secret-password"\n'
    )
    command = ["dashboards", "push", "--config", str(config), "--host", "host.docker.internal"]
    dry = CliRunner().invoke(cli.app, [*command, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert server.written() == []
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    assert re.sub(r"would be ", "", dry.output) == done.output
    assert "a-secret-password" not in done.output + dry.output
    assert server.sources[0]["jsonData"] == {
        "protocol": "http",
        "host": "host.docker.internal",
        "port": 8123,
        "username": "grafana",
        "defaultDatabase": "tidings",
    }
