"""Every query of every dashboard, run over a real store, with Grafana's macros expanded."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.overview import OVERVIEW
from dashboards.panels import to_json
from store.store import Store, open_store
from tests.contract.grafana_macros import ALL, expand
from tidings.settings import StoreSettings
from tidings.text import story_id
from tidings.types import Alert, Item, Prediction, ScoredItem

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
END = START + timedelta(hours=5)
TOPICS = ("Macro", "Energy | Oil", "Dividend", "It's odd")
ENTITIES = ("Harbour Bank", "Nordwind", "O'Neil Foods")
ITEMS = 400
EVERYTHING = {"topic": ALL, "entity": ""}

MODEL = to_json(OVERVIEW)
SQL = {panel["title"]: panel["targets"][0]["rawSql"] for panel in MODEL["panels"]}
SERIES = [panel["title"] for panel in MODEL["panels"] if panel["type"] == "timeseries"]
COLUMNS = {
    "Items": ["items_total"],
    "Stories": ["stories_total"],
    "Mean sentiment": ["mean"],
    "Open alerts": ["open_alerts"],
    "Sentiment by topic": ["time", "topic", "mean"],
    "Items by topic": ["time", "topic", "n"],
    "Stories by topic": ["time", "topic", "n"],
    "Negative stories by name": ["time", "entity", "stories"],
    "Alerts": [
        "started_at",
        "severity",
        "state",
        "rule",
        "scope",
        "key",
        "value",
        "expected",
        "p_value",
        "fired_at",
        "resolved_at",
    ],
    "Most negative items": ["published_at", "source", "headline", "topic", "names", "score", "url"],
}

Answer = tuple[list[str], list[str], list[list[Any]]]
Ask = Callable[..., Answer]


def _scored(number: int) -> ScoredItem:
    """Item `number`: each headline twice (a story of two), three of seven negative, some without title."""
    published_at = START + timedelta(seconds=45 * number)
    headline = f"Headline {number // 2}"
    title, text = ("", headline) if number % 10 == 0 else (headline, "")
    low = 0.05 + 0.9 * (number // 2 % 7) / 7 + 0.001 * (number % 2)
    item = Item(
        item_id=f"item-{number}",
        source=("wire", "posts")[number % 2],
        kind="news",
        published_at=published_at,
        title=title,
        text=text,
        url=f"https://example.org/{number}",
        entities=(ENTITIES[number // 2 % 3],),
        story_id=story_id(title, text, published_at),
    )
    prediction = Prediction(TOPICS[number // 2 % 4], 0.9, low, 0.02, 0.98 - low, "test")
    return ScoredItem(item, prediction, published_at, "news.raw", 0, number)


def _alert(name: str, state: Any, started_at: datetime, fired: bool = True) -> Alert:
    return Alert(
        alert_id=name,
        fingerprint=name,
        rule="negative-spike",
        scope="entity",
        key="Harbour Bank",
        severity="warning",
        state=state,
        value=12.5,
        expected=1.25,
        p_value=0.0001,
        window_seconds=3600,
        started_at=started_at,
        fired_at=started_at + timedelta(minutes=2) if fired else None,
        resolved_at=started_at + timedelta(minutes=50) if state == "resolved" else None,
        updated_at=started_at + timedelta(minutes=50),
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("dashboards") / "store"
    opened = open_store(StoreSettings(folder=folder))
    opened.insert([_scored(number) for number in range(ITEMS)])
    opened.roll()
    opened.save_alerts(
        [
            _alert("firing", "firing", START + timedelta(hours=1)),
            _alert("resolved", "resolved", START + timedelta(hours=2)),
            _alert("pending", "pending", START + timedelta(hours=3), fired=False),
            _alert("open since last week", "firing", START - timedelta(days=7)),
            _alert("over since last week", "resolved", START - timedelta(days=7)),
        ]
    )
    yield opened
    opened.close()


@pytest.fixture
def ask(filled: Store) -> Ask:
    """Columns, types and rows of a query as Grafana would send it."""

    def run(
        sql: str, start: datetime = START, end: datetime = END, seconds: int = 300, **given: Any
    ) -> Answer:
        text = filled.sql(expand(sql, start, end, seconds, EVERYTHING | given), "JSONCompact")
        answer = json.loads(text)
        meta = answer["meta"]
        return [column["name"] for column in meta], [column["type"] for column in meta], answer["data"]

    return run


@pytest.mark.parametrize("title", COLUMNS)
def test_every_panel_answers_with_its_columns(ask: Ask, title: str) -> None:
    columns, _, rows = ask(SQL[title])
    assert columns == COLUMNS[title]
    assert rows


def test_no_panel_is_left_out() -> None:
    assert set(SQL) == set(COLUMNS)


@pytest.mark.parametrize("title", SERIES)
def test_time_series_are_sorted_with_one_label_and_one_number(ask: Ask, title: str) -> None:
    _, types, rows = ask(SQL[title])
    assert types[0].startswith("DateTime")
    assert types[1] in ("String", "LowCardinality(String)")
    assert types[2].startswith(("Float", "UInt"))
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert len({(row[0], row[1]) for row in rows}) == len(rows)


@pytest.mark.parametrize("title", COLUMNS)
def test_an_empty_period_is_no_error(ask: Ask, title: str) -> None:
    _, _, rows = ask(SQL[title], start=END + timedelta(days=1), end=END + timedelta(days=2))
    if title in SERIES or title == "Most negative items":
        assert rows == []
    elif title == "Mean sentiment":
        assert rows == [[None]]


def test_counts_are_the_items_and_stories_stored(ask: Ask) -> None:
    assert int(ask(SQL["Items"])[2][0][0]) == ITEMS
    assert int(ask(SQL["Stories"])[2][0][0]) == ITEMS // 2
    assert sum(int(row[2]) for row in ask(SQL["Items by topic"])[2]) == ITEMS
    assert sum(int(row[2]) for row in ask(SQL["Stories by topic"])[2]) == ITEMS // 2


def test_the_mean_is_the_mean_over_items(ask: Ask) -> None:
    expected = sum(_scored(number).prediction.sentiment for number in range(ITEMS)) / ITEMS
    assert ask(SQL["Mean sentiment"])[2][0][0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("topics", [("Macro",), ("Macro", "Dividend"), ("It's odd",)])
def test_chosen_topics_leave_the_others_out(ask: Ask, topics: tuple[str, ...]) -> None:
    _, _, rows = ask(SQL["Sentiment by topic"], topic=topics)
    assert {row[1] for row in rows} == set(topics)
    assert int(ask(SQL["Items"], topic=topics)[2][0][0]) == ITEMS // 4 * len(topics)
    assert {row[3] for row in ask(SQL["Most negative items"], topic=topics)[2]} == set(topics)


@pytest.mark.parametrize(("typed", "name"), [("harbour", "Harbour Bank"), ("o'neil", "O'Neil Foods")])
def test_part_of_a_name_is_enough(ask: Ask, typed: str, name: str) -> None:
    assert {row[4] for row in ask(SQL["Most negative items"], entity=typed)[2]} == {name}
    assert {row[1] for row in ask(SQL["Negative stories by name"], entity=typed)[2]} == {name}


def test_most_negative_items_are_sorted_and_show_each_story_once(ask: Ask) -> None:
    _, _, rows = ask(SQL["Most negative items"])
    scores = [row[5] for row in rows]
    assert scores == sorted(scores)
    assert scores[0] == round(min(_scored(number).prediction.sentiment for number in range(ITEMS)), 2)
    assert max(scores) < 0
    headlines = [row[2] for row in rows]
    assert all(headlines)
    assert len(headlines) == len(set(headlines)) == 50


def test_alerts_of_the_period_and_all_that_are_open(ask: Ask) -> None:
    _, _, rows = ask(SQL["Alerts"])
    assert [row[2] for row in rows] == ["pending", "resolved", "firing", "firing"]
    assert ask(SQL["Open alerts"])[2] in ([["2"]], [[2]])


def test_alerts_mark_the_time_axis(ask: Ask) -> None:
    (mark,) = MODEL["annotations"]["list"]
    columns, types, rows = ask(mark["target"]["rawSql"])
    assert columns == ["time", "timeEnd", "text", "tags"]
    assert "DateTime" in types[0]
    assert [row[1] is None for row in rows] == [True, False]  # a firing alert has no end yet
    assert rows[0][2] == "negative-spike: Harbour Bank, 12.5 negative stories, 1.2 expected"


def test_the_topic_variable_lists_what_is_stored(ask: Ask) -> None:
    topic = MODEL["templating"]["list"][0]
    assert ask(topic["query"])[2] == [[name] for name in sorted(TOPICS)]
