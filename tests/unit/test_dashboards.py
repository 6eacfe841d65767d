"""Dashboards: the JSON has what Grafana requires, and the committed files are what build() writes."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.grafana import build, datasource, push
from dashboards.overview import DASHBOARDS, OVERVIEW
from dashboards.panels import DATASOURCE_UID, to_json
from tidings.errors import ConfigError
from tidings.settings import StoreSettings

COMMITTED = Path(__file__).parents[2] / "deploy/grafana"
MODEL = to_json(OVERVIEW)
QUERIES = [panel["targets"][0]["rawSql"] for panel in MODEL["panels"]]


def _cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))


def test_committed_files_are_what_build_writes(tmp_path: Path) -> None:
    written = build(tmp_path)
    assert written
    for path in written:
        committed = COMMITTED / path.relative_to(tmp_path)
        assert committed.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), (
            f"{committed} is out of date: run `tidings dashboards build`"
        )


def test_building_twice_changes_nothing(tmp_path: Path) -> None:
    before = [path.read_bytes() for path in build(tmp_path)]
    assert [path.read_bytes() for path in build(tmp_path)] == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "provisioning").write_text("a file where a folder must be")
    with pytest.raises(ConfigError, match=r"datasources/tidings\.yaml: cannot be written"):
        build(tmp_path)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_dashboard_has_the_fields_grafana_requires(dashboard: Any) -> None:
    model = json.loads(json.dumps(to_json(dashboard)))
    assert model["id"] is None  # Grafana gives the number
    assert model["title"]
    assert re.fullmatch(r"[\w-]{1,40}", model["uid"])
    assert model["schemaVersion"] >= 36
    assert {"annotations", "templating", "time", "panels"} <= model.keys()
    ids = [panel["id"] for panel in model["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("panel", MODEL["panels"], ids=lambda panel: panel["title"])
def test_panel_has_the_fields_grafana_requires(panel: dict[str, Any]) -> None:
    assert panel["type"] in ("stat", "timeseries", "table")
    assert panel["title"]
    assert panel["datasource"]["uid"] == DATASOURCE_UID
    assert {"defaults", "overrides"} <= panel["fieldConfig"].keys()
    (target,) = panel["targets"]
    assert target["datasource"]["uid"] == DATASOURCE_UID
    assert target["editorType"] == "sql"
    assert target["refId"] == "A"
    assert target["format"] == (0 if panel["type"] == "timeseries" else 1)


def test_panels_stay_on_the_grid_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in MODEL["panels"]:
        cells = _cells(panel)
        assert cells
        assert max(column for column, _ in cells) < 24, panel["title"]
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells


def test_what_the_overview_must_show() -> None:
    assert [panel["title"] for panel in MODEL["panels"] if panel["type"] == "stat"] == [
        "Items",
        "Stories",
        "Mean sentiment",
        "Open alerts",
    ]
    titles = {panel["title"] for panel in MODEL["panels"]}
    assert titles >= {
        "Sentiment by topic",
        "Items by topic",
        "Stories by topic",
        "Alerts",
        "Most negative items",
    }
    assert [variable["name"] for variable in MODEL["templating"]["list"]] == ["topic", "entity"]
    (mark,) = MODEL["annotations"]["list"]
    assert "FROM alerts" in mark["target"]["rawSql"]


def test_queries_use_only_variables_that_exist() -> None:
    names = {variable["name"] for variable in MODEL["templating"]["list"]}
    for sql in QUERIES:
        assert set(re.findall(r"\$\{(\w+)[:}]", sql)) <= names


def test_variables_reach_sql_quoted_only() -> None:
    for sql in QUERIES:
        assert re.findall(r"\$\{(\w+)\}", sql) == []


def test_provisioned_data_source_takes_its_password_from_the_environment() -> None:
    text = (COMMITTED / "provisioning/datasources/tidings.yaml").read_text(encoding="utf-8")
    (source,) = yaml.safe_load(text)["datasources"]
    assert source["uid"] == DATASOURCE_UID
    assert source["type"] == "grafana-clickhouse-datasource"
    assert source["jsonData"]["protocol"] == "native"
    assert source["secureJsonData"] == {"password": "${CLICKHOUSE_PASSWORD}"}


def test_pushed_data_source_reads_the_password_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from-a-file\n")
    body = datasource(StoreSettings(backend="server", host="db", port=9440, secure=True, password_file=file))
    assert body["jsonData"] == {
        "protocol": "native",
        "host": "db",
        "port": 9440,
        "username": "default",
        "secure": True,
        "defaultDatabase": "tidings",
    }
    assert body["secureJsonData"] == {"password": "from-a-file"}


def test_an_embedded_store_cannot_be_a_data_source() -> None:
    with pytest.raises(ConfigError, match="server"):
        datasource(StoreSettings(backend="embedded"))


@pytest.mark.parametrize(
    "url",
    ["", "grafana:3000", "ftp://grafana", "http://", "http://host:99999", "http://admin:secret-word@host"],
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        push(url, token="a-token")
    assert "secret-word" not in str(caught.value)


def test_a_login_is_needed() -> None:
    with pytest.raises(ConfigError, match="token"):
        push("http://127.0.0.1:1", user="admin")
