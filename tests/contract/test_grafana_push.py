"""Pushing to Grafana over real HTTP.

The server on loopback keeps state and answers in the shapes of Grafana's HTTP API documentation
(docs/sources/developers/http_api/{dashboard,data_source,folder}.md of grafana/grafana, 2025).
"""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dashboards.grafana import push
from dashboards.overview import OVERVIEW
from dashboards.panels import DATASOURCE_UID
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import StoreSettings

TOKEN = "glsa_a-secret-token"
STORE = StoreSettings(backend="server", host="clickhouse", user="dashboards", password="a-secret-password")


class Grafana(ThreadingHTTPServer):
    """Folders, data sources and dashboards in memory; `fail` answers one path with an error instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folders: list[dict[str, Any]] = []
        self.sources: list[dict[str, Any]] = []
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.fail: dict[str, tuple[int, str]] = {}
        self.login = f"Bearer {TOKEN}"
        self.prefix = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Grafana

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    do_PUT = do_POST

    def _serve(self, body: Any) -> None:
        path = self.path.removeprefix(self.server.prefix)
        self.server.requests.append((self.command, path))
        if path in self.server.fail:
            self._send(*self.server.fail[path])
        elif self.headers["Authorization"] != self.server.login:
            self._send(401, json.dumps({"message": "Unauthorized"}))
        else:
            self._send(200, json.dumps(self._answer(path, body)))

    def _answer(self, path: str, body: Any) -> Any:
        grafana = self.server
        match (self.command, path):
            case ("GET", "/api/folders"):
                return grafana.folders
            case ("POST", "/api/folders"):
                number = len(grafana.folders) + 1
                row = {"id": number, "uid": f"folder-{number}", "title": body["title"], "version": 1}
                grafana.folders.append(row)
                return row
            case ("GET", "/api/datasources"):
                return [{k: v for k, v in row.items() if k != "secureJsonData"} for row in grafana.sources]
            case ("POST", "/api/datasources"):
                grafana.sources.append(body)
                return {"datasource": {"id": 1}, "id": 1, "message": "Datasource added", "name": body["name"]}
            case ("PUT", "/api/datasources/uid/tidings-clickhouse"):
                grafana.sources = [body if row["uid"] == DATASOURCE_UID else row for row in grafana.sources]
                return {
                    "datasource": {"id": 1},
                    "id": 1,
                    "message": "Datasource updated",
                    "name": body["name"],
                }
            case ("POST", "/api/dashboards/db"):
                model = body["dashboard"]
                assert body["overwrite"] is True
                grafana.dashboards[model["uid"]] = body
                return {"id": 1, "uid": model["uid"], "url": "/d/x/y", "status": "success", "version": 2}
        raise AssertionError(f"unexpected request: {self.command} {path}")

    def _send(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    server = Grafana()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_push_creates_data_source_folder_and_dashboard(grafana: Grafana) -> None:
    lines = push(grafana.url, token=TOKEN, store=STORE)
    assert lines == [
        "data source Tidings: created",
        "folder Tidings: created",
        "dashboard Tidings: overview: written",
    ]
    (source,) = grafana.sources
    assert source["jsonData"]["host"] == "clickhouse"
    assert source["secureJsonData"] == {"password": "a-secret-password"}
    pushed = grafana.dashboards[OVERVIEW.uid]
    assert pushed["folderUid"] == grafana.folders[0]["uid"]
    assert len(pushed["dashboard"]["panels"]) == len(OVERVIEW.panels)


def test_pushing_again_leaves_one_of_each(grafana: Grafana) -> None:
    push(grafana.url, token=TOKEN, store=STORE)
    lines = push(grafana.url, token=TOKEN, store=STORE)
    assert lines[:2] == ["data source Tidings: updated", "folder Tidings: left as it is"]
    assert (len(grafana.sources), len(grafana.folders), len(grafana.dashboards)) == (1, 1, 1)


def test_other_folders_and_sources_are_left_alone(grafana: Grafana) -> None:
    grafana.folders.append({"id": 9, "uid": "theirs", "title": "Theirs"})
    grafana.sources.append({"uid": "theirs", "name": "Theirs"})
    push(grafana.url, token=TOKEN, store=STORE, folder_title="News")
    assert [row["title"] for row in grafana.folders] == ["Theirs", "News"]
    assert [row["uid"] for row in grafana.sources] == ["theirs", DATASOURCE_UID]


def test_a_dry_run_writes_nothing(grafana: Grafana) -> None:
    lines = push(grafana.url, token=TOKEN, store=STORE, dry_run=True)
    assert lines == [
        "data source Tidings: would be created",
        "folder Tidings: would be created",
        "dashboard Tidings: overview: would be written",
    ]
    assert {method for method, _ in grafana.requests} == {"GET"}
    push(grafana.url, token=TOKEN, store=STORE)
    grafana.requests.clear()
    assert (
        push(grafana.url, token=TOKEN, store=STORE, dry_run=True)[0]
        == "data source Tidings: would be updated"
    )
    assert {method for method, _ in grafana.requests} == {"GET"}


def test_user_and_password_instead_of_a_token(grafana: Grafana) -> None:
    grafana.login = "Basic " + base64.b64encode(b"admin:pass word").decode()
    assert push(grafana.url, user="admin", password="pass word", store=STORE)


def test_grafana_under_a_path(grafana: Grafana) -> None:
    grafana.prefix = "/monitoring/grafana"
    assert push(f"{grafana.url}/monitoring/grafana/", token=TOKEN, store=STORE)
    assert grafana.dashboards


def test_without_store_settings_the_data_source_must_be_there(grafana: Grafana) -> None:
    with pytest.raises(ConfigError, match="no data source tidings-clickhouse"):
        push(grafana.url, token=TOKEN)
    grafana.sources.append({"uid": DATASOURCE_UID, "name": "Tidings"})
    assert push(grafana.url, token=TOKEN)[0] == "data source Tidings: left as it is"


CHANGED = json.dumps(
    {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
)
FAILURES = [
    ("/api/datasources", 401, '{"message": "Invalid API key"}', ConfigError, "check the token"),
    ("/api/folders", 403, '{"message": "Access denied"}', ConfigError, "role Admin"),
    ("/api/dashboards/db", 412, CHANGED, TidingsError, r"refused \(412\): The dashboard has been changed"),
    ("/api/dashboards/db", 400, '{"message": "bad dashboard"}', TidingsError, r"\(400\): bad dashboard"),
    ("/api/folders", 500, '{"message": "database is locked"}', Unavailable, "database is locked; try again"),
    ("/api/folders", 502, "<html>bad gateway</html>", Unavailable, r"failed \(502\)"),
    ("/api/folders", 404, "an error page with a message", TidingsError, "error page"),
    ("/api/folders", 200, "<html>a login page</html>", TidingsError, "did not answer in JSON"),
    ("/api/folders", 200, '{"folders": []}', TidingsError, "something else than a list"),
]


@pytest.mark.parametrize(("path", "status", "answer", "kind", "words"), FAILURES)
def test_a_failure_is_one_clear_line_without_secrets(
    grafana: Grafana, path: str, status: int, answer: str, kind: type[TidingsError], words: str
) -> None:
    grafana.fail[path] = (status, answer)
    with pytest.raises(kind, match=words) as caught:
        push(grafana.url, token=TOKEN, store=STORE)
    text = str(caught.value)
    assert "\n" not in text
    assert TOKEN not in text
    assert "a-secret-password" not in text


def test_a_wrong_token_is_refused(grafana: Grafana) -> None:
    with pytest.raises(ConfigError, match="401") as caught:
        push(grafana.url, token="glsa_wrong-token", store=STORE)
    assert "wrong-token" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nobody_at_the_address(grafana: Grafana) -> None:
    url = grafana.url
    grafana.shutdown()
    grafana.server_close()
    with pytest.raises(Unavailable, match="is it running"):
        push(url, token=TOKEN, store=STORE)
