"""A server on loopback that answers as Grafana's HTTP API does, with its state in memory.

Shapes after docs/sources/developers/http_api/{dashboard,folder_dashboard_search,data_source,folder,annotations}.md of
grafana/grafana. What it is not asked for in the tests is an error.
"""

import copy
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_a-secret-token"


class FakeGrafana(ThreadingHTTPServer):
    """Folders, data sources, dashboards, annotations; `fail` answers one path with an error instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folders: list[dict[str, Any]] = []
        self.sources: list[dict[str, Any]] = []
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.annotations: dict[int, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.fail: dict[str, tuple[int, str]] = {}
        self.login = f"Bearer {TOKEN}"
        self.prefix = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def written(self) -> list[tuple[str, str]]:
        """The requests that were not GET, since the last time."""
        found = [(method, path) for method, path in self.requests if method != "GET"]
        self.requests.clear()
        return found

    def put(self, uid: str, title: str, tags: list[str], folder: str = "") -> None:
        """A dashboard that somebody else made."""
        model = {"uid": uid, "title": title, "tags": tags, "panels": []}
        self.dashboards[uid] = {"dashboard": model, "meta": {"folderUid": folder}}


class _Missing(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    server: FakeGrafana

    def do_GET(self) -> None:
        self._serve(None)

    do_DELETE = do_GET

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    do_PUT = do_PATCH = do_POST

    def _serve(self, body: Any) -> None:
        where = urlsplit(self.path)
        path = where.path.removeprefix(self.server.prefix)
        self.server.requests.append((self.command, path))
        if path in self.server.fail:
            self._send(*self.server.fail[path])
        elif self.headers["Authorization"] != self.server.login:
            self._send(401, json.dumps({"message": "Unauthorized"}))
        else:
            try:
                self._send(200, json.dumps(self._answer(path, parse_qs(where.query), body)))
            except _Missing as missing:
                self._send(404, json.dumps({"message": f"{missing} not found"}))

    def _answer(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        if path.startswith("/api/annotations"):
            return self._annotations(path, query, body)
        if path.startswith(("/api/dashboards", "/api/search")):
            return self._dashboards(path, query, body)
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
                grafana.sources = [body if row["uid"] == body["uid"] else row for row in grafana.sources]
                return {
                    "datasource": {"id": 1},
                    "id": 1,
                    "message": "Datasource updated",
                    "name": body["name"],
                }
        raise AssertionError(f"unexpected request: {self.command} {path}")

    def _dashboards(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        stored = self.server.dashboards
        uid = path.removeprefix("/api/dashboards/uid/")
        match (self.command, path):
            case ("POST", "/api/dashboards/db"):
                model = copy.deepcopy(body["dashboard"])
                assert body["overwrite"] is True
                before = stored.get(model["uid"], {"dashboard": {"version": 0}})
                version = before["dashboard"].get("version", 0) + 1
                model |= {"id": 7, "version": version}
                stored[model["uid"]] = {"dashboard": model, "meta": {"folderUid": body["folderUid"]}}
                return {
                    "id": 7,
                    "uid": model["uid"],
                    "url": "/d/x/y",
                    "status": "success",
                    "version": version,
                }
            case ("GET", "/api/search"):
                assert query["type"] == ["dash-db"]
                assert int(query["limit"][0]) <= 5000
                models = [one["dashboard"] for one in stored.values()]
                return [
                    {
                        "id": 7,
                        "uid": model["uid"],
                        "title": model["title"],
                        "type": "dash-db",
                        "tags": model["tags"],
                    }
                    for model in models
                    if set(query["tag"]) <= set(model["tags"])
                ]
        if uid not in stored:
            raise _Missing("Dashboard")
        if self.command == "GET":
            return stored[uid]
        assert self.command == "DELETE"
        title = stored.pop(uid)["dashboard"]["title"]
        return {"title": title, "message": f"Dashboard {title} deleted", "id": 7}

    def _annotations(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        stored = self.server.annotations
        match (self.command, path):
            case ("GET", "/api/annotations"):
                found = [one for one in stored.values() if set(query.get("tags", [])) <= set(one["tags"])]
                return sorted(found, key=lambda one: -one["time"])[: int(query.get("limit", ["100"])[0])]
            case ("POST", "/api/annotations"):
                assert body["text"]
                number = len(stored) + 1
                end = body.get("timeEnd") or body["time"]
                stored[number] = {
                    "id": number, "dashboardUID": "", "panelId": 0, "time": body["time"], "timeEnd": end,
                    "text": body["text"], "tags": body["tags"],
                }  # fmt: skip
                return {"id": number, "message": "Annotation added"}
        found = re.fullmatch(r"/api/annotations/(\d+)", path)
        assert found
        assert self.command == "PATCH"
        if int(found[1]) not in stored:
            raise _Missing("Annotation")
        stored[int(found[1])] |= {
            name: body[name] for name in ("time", "timeEnd", "text", "tags") if body[name]
        }
        return {"message": "Annotation patched"}

    def _send(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def fake_grafana() -> Iterator[FakeGrafana]:
    """Serves until the block ends."""
    server = FakeGrafana()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
