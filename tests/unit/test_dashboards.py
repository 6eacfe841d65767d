"""Dashboards: the JSON has what Grafana requires, and the committed files are what build() writes."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import register_dataquery_variant
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import REGISTRY

import tidings.metrics  # noqa: F401  # registers every metric
from dashboards.alerting import budget_sql, quoted
from dashboards.catalogue import dashboards, to_json
from dashboards.datasource import datasource
from dashboards.difference import differences
from dashboards.grafana import Grafana
from dashboards.provision import build
from dashboards.query import DATASOURCE_TYPE, DATASOURCE_UID, variant_config
from service.cli_dashboards import budgets
from tidings.errors import ConfigError
from tidings.sections import SqlSettings
from tidings.settings import AlertSettings, Settings, StoreSettings

COMMITTED = Path(__file__).parents[2] / "deploy/grafana"
BUDGETS = budgets(Settings())
BOARDS = {str(board.uid): to_json(board) for board in dashboards(BUDGETS)}
PANELS = [(uid, panel) for uid, board in BOARDS.items() for panel in board["panels"]]
# What a dashboard must show, by what its panels are called.
SHOWN = {
    "tidings-overview": {
        "Items", "Stories", "Mean sentiment", "Open alerts", "Sentiment by topic", "Sentiment by topic and hour",
        "Top movers", "Items by topic", "Stories by topic", "Alerts", "Most negative items",
    },
    "tidings-drill-down": {
        "Stories", "Sources", "Evidence of alerts", "Negative stories an hour, and what is usual",
        "Sentiment by hour, and what is usual",
    },
    "tidings-alerts": {"Open alerts", "History", "Time to acknowledge", "False-alarm budget used", "Fired, by rule"},
    "tidings-health": {
        "Lag", "Throughput", "Seconds of a batch in each step", "Dead letters by reason", "Model",
        "Items by model version", "Drift of topics", "GPU busy", "Where the model runs",
        "What became of every Kafka offset",
    },
}  # fmt: skip
VARIABLES = {
    "tidings-overview": ["topic", "entity", "period"],
    "tidings-drill-down": ["topic", "entity", "source", "period"],
    "tidings-alerts": ["budget"],
    "tidings-health": ["prometheus", "period"],
}
ALLOWED = {"__from", "__to", "__url_time_range", "__value", "__data", "__field", "__all", "__rate_interval"}


def _named(at: tuple[str, dict[str, Any]]) -> str:
    return f"{at[0]}: {at[1]['title']}"


def _cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))


def test_committed_files_are_what_build_writes(tmp_path: Path) -> None:
    written = build(tmp_path, BUDGETS)
    assert len(written) == 2 + len(BOARDS)
    for path in written:
        committed = COMMITTED / path.relative_to(tmp_path)
        assert committed.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), (
            f"{committed} is out of date: run `tidings dashboards build`"
        )
    assert {path.name for path in (COMMITTED / "dashboards").iterdir()} == {
        path.name for path in (tmp_path / "dashboards").iterdir()
    }


def test_building_twice_changes_nothing(tmp_path: Path) -> None:
    before = [path.read_bytes() for path in build(tmp_path, BUDGETS)]
    assert [path.read_bytes() for path in build(tmp_path, BUDGETS)] == before


def test_building_deletes_files_of_ours_only(tmp_path: Path) -> None:
    folder = tmp_path / "dashboards"
    folder.mkdir()
    files = {
        "old.json": '{"uid": "tidings-old"}',
        "theirs.json": '{"uid": "x"}',
        "broken.json": "{",
        "no.txt": "",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    build(tmp_path, {})
    assert {path.name for path in folder.iterdir()} & files.keys() == files.keys() - {"old.json"}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "provisioning").write_text("a file where a folder must be")
    with pytest.raises(ConfigError, match=r"datasources/tidings\.yaml: cannot be written"):
        build(tmp_path, {})


@pytest.mark.parametrize("uid", BOARDS)
def test_the_sdk_reads_back_the_same_dashboard(uid: str) -> None:
    """grafana-foundation-sdk has the types of Grafana's schema: nothing that it does not know is in there."""
    register_default_plugins()
    register_dataquery_variant(variant_config())
    board = json.loads(json.dumps(BOARDS[uid]))
    back = to_json(Dashboard.from_json(json.loads(json.dumps(BOARDS[uid]))))
    # The SDK knows annotation queries of Grafana's own only: ours are looked at below.
    for model in (board, back):
        marks = model["annotations"].get("list", [])
        model["annotations"] = {"list": [{k: v for k, v in mark.items() if k != "target"} for mark in marks]}
    assert back == board


@pytest.mark.parametrize("uid", BOARDS)
def test_dashboard_has_the_fields_grafana_requires(uid: str) -> None:
    model = BOARDS[uid]
    assert "id" not in model  # Grafana gives the number
    assert model["title"].startswith("Tidings: ")
    assert re.fullmatch(r"tidings-[\w-]{1,32}", uid)
    assert model["tags"] == ["tidings"]
    assert model["timezone"] == "utc"
    assert model["schemaVersion"] >= 36
    assert {"annotations", "templating", "time", "panels"} <= model.keys()
    ids = [panel["id"] for panel in model["panels"]]
    assert ids == list(range(1, len(ids) + 1))
    (link,) = model["links"]
    assert (link["type"], link["tags"]) == ("dashboards", ["tidings"])


@pytest.mark.parametrize("at", PANELS, ids=_named)
def test_panel_has_the_fields_grafana_requires(at: tuple[str, dict[str, Any]]) -> None:
    panel = at[1]
    assert panel["title"]
    if panel["type"] == "row":
        return
    assert panel["type"] in ("stat", "timeseries", "table", "status-history")
    assert panel["description"].endswith(".")
    over_time = panel["type"] in ("timeseries", "status-history")
    if panel["datasource"]["type"] == "prometheus":
        assert panel["datasource"]["uid"] == "${prometheus}"
        assert over_time
        assert [target["refId"] for target in panel["targets"]] == ["A", "B"][: len(panel["targets"])]
        return
    (target,) = panel["targets"]
    assert panel["datasource"] == target["datasource"] == {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID}
    assert (target["editorType"], target["refId"]) == ("sql", "A")
    assert (target["format"], target["queryType"]) == ((0, "timeseries") if over_time else (1, "table"))


def test_titles_tell_panels_apart() -> None:
    """Differences name panels by their titles; a number may share its title with a table."""
    for uid, board in BOARDS.items():
        titles = [panel["title"] for panel in board["panels"] if panel["type"] != "stat"]
        assert len(titles) == len(set(titles)), uid


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_stay_on_the_grid_and_do_not_overlap(uid: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[uid]["panels"]:
        cells = _cells(panel)
        assert cells
        assert max(column for column, _ in cells) < 24, panel["title"]
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells


@pytest.mark.parametrize("uid", BOARDS)
def test_what_a_dashboard_must_show(uid: str) -> None:
    assert {panel["title"] for panel in BOARDS[uid]["panels"]} >= SHOWN[uid]
    assert [variable["name"] for variable in BOARDS[uid]["templating"]["list"]] == VARIABLES[uid]


def test_alerts_mark_the_time_axis_from_the_store_and_as_told_to_grafana() -> None:
    store, told = dashboards({})[0].annotations.list_val  # type: ignore[union-attr, misc]  # the overview has two
    ours, theirs = (json.loads(json.dumps(one.target.to_json())) for one in (store, told))
    assert "FROM alerts" in ours["rawSql"]
    assert ours["datasource"]["uid"] == DATASOURCE_UID
    assert theirs == {"limit": 100, "matchAny": False, "tags": ["tidings"], "type": "tags"}
    assert (store.enable, told.enable) == (True, False)


@pytest.mark.parametrize("uid", BOARDS)
def test_only_variables_that_exist_are_used_and_texts_are_quoted(uid: str) -> None:
    text = json.dumps(BOARDS[uid])
    used = set(re.findall(r"\$\{?(\w+)", re.sub(r"\$__[a-zA-Z_]+\(", "", text)))
    assert used - ALLOWED - {"__fromTime", "__toTime"} <= set(VARIABLES[uid])
    for panel in BOARDS[uid]["panels"]:
        for target in panel.get("targets", ()):
            sql = target.get("rawSql", "")
            assert set(re.findall(r"\$\{(\w+)\}", sql)) <= {"period"}  # a number: the rest is quoted
            assert not re.search(r"\$(topic|entity|source|budget)\b(?!\))", sql)


def test_links_lead_to_dashboards_that_exist() -> None:
    found = set(re.findall(r"/d/([\w-]+)", json.dumps(list(BOARDS.values()))))
    assert found
    assert found <= BOARDS.keys()


def test_prometheus_panels_ask_for_metrics_and_labels_that_exist() -> None:
    known = {
        sample: set(metric._labelnames)  # type: ignore[attr-defined]
        for metric in set(REGISTRY._names_to_collectors.values())
        if hasattr(metric, "_labelnames")
        for sample in REGISTRY._collector_to_names[metric]
    }
    asked = [target for _, panel in PANELS for target in panel.get("targets", ()) if "expr" in target]
    assert asked
    for target in asked:
        names = re.findall(r"\b(?:tidings|DCGM)_\w+", target["expr"])
        assert names
        grouped = {
            label.strip() for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in by.split(",")
        }
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        for name in names:
            if name.startswith("tidings_"):
                given = {"instance", *(["le"] if name.endswith("_bucket") else [])}
                assert name in known, name
                assert grouped | shown <= known[name] | given, name


def test_budgets_reach_the_dashboard_quoted() -> None:
    assert quoted("it's $__timeFilter(x) \\") == "'it\\'s \\x24__timeFilter(x) \\\\'"
    assert "transform" not in budget_sql({})
    assert "['a', 'b'], [0.5, 2.0]" in budget_sql({"a": 0.5, "b": 2})


def test_budgets_are_those_of_the_rules(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - name: a\n    budget: 2 per week\n  - name: b\n    p_below: 0.001\n")
    assert budgets(Settings(alerts=AlertSettings(rules=rules))) == {"a": 2.0}


@pytest.mark.parametrize(("protocol", "port"), [("native", 9000), ("http", "${CLICKHOUSE_PORT}")])
def test_provisioned_data_source_takes_its_login_from_the_environment(
    tmp_path: Path, protocol: Any, port: Any
) -> None:
    build(tmp_path, {}, protocol)
    text = (tmp_path / "provisioning/datasources/tidings.yaml").read_text(encoding="utf-8")
    (source,) = yaml.safe_load(text)["datasources"]
    assert (source["uid"], source["type"]) == (DATASOURCE_UID, DATASOURCE_TYPE)
    assert (source["jsonData"]["protocol"], source["jsonData"]["port"]) == (protocol, port)
    assert source["secureJsonData"] == {"password": "${CLICKHOUSE_PASSWORD}"}


def test_a_server_is_read_over_the_native_protocol_with_the_password_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from-a-file\n")
    store = StoreSettings(backend="server", host="db", port=9440, secure=True, password_file=file)
    body = datasource(store, SqlSettings())
    assert body["jsonData"] == {
        "protocol": "native",
        "host": "db",
        "port": 9440,
        "username": "default",
        "secure": True,
        "defaultDatabase": "tidings",
    }
    assert body["secureJsonData"] == {"password": "from-a-file"}
    assert datasource(store, SqlSettings(), "outside", 9000)["jsonData"]["host"] == "outside"


def test_an_embedded_store_is_read_over_http_where_it_offers_that() -> None:
    with pytest.raises(ConfigError, match=r"set \[sql\] port"):
        datasource(StoreSettings(), SqlSettings())
    body = datasource(StoreSettings(), SqlSettings(port=8123, user="grafana", password="a-word"))
    assert body["jsonData"] == {
        "protocol": "http",
        "host": "127.0.0.1",
        "port": 8123,
        "username": "grafana",
        "defaultDatabase": "tidings",
    }
    assert body["secureJsonData"] == {"password": "a-word"}


@pytest.mark.parametrize(
    ("there", "ours", "lines"),
    [
        ({"a": 1, "id": 7, "version": 3}, {"a": 1}, []),
        ({"a": 1}, {"a": 1, "b": None}, []),
        ({"a": 1, "c": 2}, {"a": 2}, ["a: 1 -> 2", "c: 2 -> nothing"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, ["a.b[1]: 2 -> 3", "a.b[2]: added"]),
        (
            {"panels": [{"title": "X", "id": 1}, {"title": "Y"}]},
            {"panels": [{"title": "Y"}, {"title": "X", "id": 2}]},
            ["panels: in another order"],
        ),
        (
            {"panels": [{"title": "X", "o": [{"id": "unit"}]}]},
            {"panels": [{"title": "X", "o": [{"id": "decimals"}]}]},
            ["panels[X].o[0].id: 'unit' -> 'decimals'"],
        ),
        ({"sql": "a\nb\nc"}, {"sql": "a\nc"}, ["sql:", "     a", "    -b", "     c"]),
        ({"a": "x" * 200}, {"a": ""}, ["a: '" + "x" * 118 + "… -> ''"]),
    ],
)
def test_differences_are_for_people_to_read(there: Any, ours: Any, lines: list[str]) -> None:
    assert differences(there, ours) == lines


@pytest.mark.parametrize(
    "url",
    ["", "grafana:3000", "ftp://grafana", "http://", "http://host:99999", "http://admin:secret-word@host"],
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Grafana(url, "a-token")
    assert "secret-word" not in str(caught.value)


def test_a_login_is_needed() -> None:
    with pytest.raises(ConfigError, match="token"):
        Grafana("http://127.0.0.1:1", user="admin")
