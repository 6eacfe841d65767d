"""The dashboard link of an alert: around its window, with its names safely in place."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from alerts.dashboard_link import dashboard_link
from tidings.types import Alert

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALERT = Alert("a", "f", "r", "entity", "A & B?", "info", "firing", 9.0, 1.0, 1e-6, 3600, AT, AT)
URL = "https://grafana.example.com/d/tidings-overview"


def test_a_link_shows_the_window_and_what_came_before() -> None:
    found = parse_qs(urlsplit(dashboard_link(URL, ALERT)).query)
    assert found["var-entity"] == ["A & B?"]
    ms = [int(found[name][0]) for name in ("from", "to")]
    assert [(at - AT.timestamp() * 1000) / 3_600_000 for at in ms] == [-8, 1]


@pytest.mark.parametrize(
    ("scope", "key", "names"),
    [
        ("topic", "Macro", {"var-topic": ["Macro"]}),
        ("topic_entity", "Macro | Acme", {"var-topic": ["Macro"], "var-entity": ["Acme"]}),
        ("topic_entity", "Energy | Oil | Acme", {"var-topic": ["Energy | Oil"], "var-entity": ["Acme"]}),
        ("all", "", {}),
        ("source", "wire", {}),
    ],
)
def test_a_link_chooses_what_the_alert_is_about(scope: str, key: str, names: dict[str, list[str]]) -> None:
    alert = replace(ALERT, scope=scope, key=key)  # type: ignore[arg-type]  # a Scope
    query = parse_qs(urlsplit(dashboard_link(f"{URL}?orgId=2", alert)).query)
    assert {name: value for name, value in query.items() if name.startswith("var-")} == names
    assert query["orgId"] == ["2"]


def test_no_url_no_link() -> None:
    assert dashboard_link("", ALERT) == ""
