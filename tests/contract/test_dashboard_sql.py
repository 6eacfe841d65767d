"""Every query of every dashboard, run over a real store, with Grafana's macros expanded."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from dashboards.catalogue import dashboards, to_json
from service.sql_http import serving_sql
from store.store import Store
from tests.contract.dashboard_store import (
    BEFORE,
    END,
    ENTITIES,
    ITEMS,
    START,
    TOPICS,
    filled_store,
    scored,
)  # fmt: skip
from tests.contract.grafana_macros import ALL, expand
from tidings.settings import SqlSettings, StoreSettings

BOARDS = {board.uid: to_json(board) for board in dashboards({"negative-spike": 0.5})}
BY_NAME = {"topic": ALL, "entity": "", "period": "1"}
CHOSEN: dict[str, Any] = {"topic": ALL, "entity": ALL, "source": ALL, "period": "1", "budget": "1"}
MOVED = [
    "name",
    "told",
    "told_before",
    "negative",
    "negative_before",
    "mood",
    "mood_before",
    "change",
    "drill",
]
COLUMNS = {
    "tidings-overview": {
        "Items": ["items_total"],
        "Stories": ["stories_total"],
        "Mean sentiment": ["mean"],
        "Open alerts": ["open_alerts"],
        "Sentiment by topic": ["time", "topic", "mean"],
        "Sentiment by topic and hour": ["time", "topic", "mean"],
        "Top movers": MOVED,
        "Items by topic": ["time", "topic", "n"],
        "Stories by topic": ["time", "topic", "n"],
        "Negative stories by name": ["time", "entity", "stories"],
        "Alerts": ["started_at", "severity", "state", "rule", "scope", "key", "value", "expected", "p_value",
                   "fired_at", "resolved_at", "drill"],
        "Most negative items": ["published_at", "source", "headline", "topic", "names", "score", "url"],
    },
    "tidings-drill-down": {
        "Stories (count)": ["stories"],
        "Negative stories": ["negative_stories"],
        "Sources (count)": ["sources"],
        "Mean sentiment": ["mean"],
        "Negative stories an hour, and what is usual": ["time", "observed", "expected"],
        "Sentiment by hour, and what is usual": ["time", "observed", "expected"],
        "Stories": ["first_published_at", "headline", "subject", "names", "reach", "told_by", "score", "link"],
        "Sources": ["told_by", "items", "stories", "negative_stories", "mood", "latest", "drill"],
        "Names in these stories": ["name", "stories", "negative_stories", "mood", "drill"],
        "Evidence of alerts": ["published_at", "rule", "key", "headline", "told_by", "reach", "score", "words", "link"],
    },
    "tidings-alerts": {
        "Firing": ["firing"],
        "Nobody has seen": ["unseen"],
        "Pending": ["pending"],
        "Fired": ["fired"],
        "Time to acknowledge": ["half_within"],
        "Time to resolve": ["half_within"],
        "Open alerts": ["started_at", "severity", "state", "rule", "scope", "key", "value", "expected", "stories",
                        "sources", "acknowledged_by", "dashboard", "drill"],
        "Fired, by rule": ["time", "rule", "n"],
        "False-alarm budget used": ["rule", "fired", "budget", "used"],
        "History": ["fired_at", "resolved_at", "lasted", "severity", "rule", "key", "value", "expected",
                    "acknowledged_by", "acknowledged_after", "drill"],
        "Time to acknowledge, by rule": ["rule", "fired", "acknowledged", "half_within", "nine_of_ten_within"],
        "Notifications": ["receiver", "sent", "waiting", "failed", "dropped", "half_within", "last_error"],
        "Silences in force": ["ends_at", "matchers", "author", "reason"],
    },
    "tidings-health": {
        "Lost offsets": ["unexplained"],
        "Latest item": ["behind"],
        "Model": ["model"],
        "Drift of topics": ["index"],
        "From publication to score": ["time", "half", "most"],
        "Dead letters by reason": ["time", "reason", "n"],
        "What became of every Kafka offset": ["kafka_topic", "kafka_partition", "last_offset", "consumed", "stored",
                                              "duplicates", "dead_letters", "erased", "expired", "unexplained", "gaps"],
        "Sources": ["source", "items", "latest", "behind", "late_items", "furthest_behind"],
        "Items by model version": ["time", "model", "n"],
        "Confidence and shares": ["time", "topic_confidence", "sentiment_confidence", "negative_share",
                                  "not_scored_share"],
        "Topics now and before": ["topic", "now", "a_day_before", "mood", "mood_before"],
    },
}  # fmt: skip


def _panels() -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """By dashboard and title; a number that shares its title with a table is told apart."""
    for uid, board in BOARDS.items():
        for panel in board["panels"]:
            if any("rawSql" in target for target in panel.get("targets", ())):
                count = f"{panel['title']} (count)"
                named = count if panel["type"] == "stat" and count in COLUMNS[uid] else panel["title"]
                yield (uid, named), panel


PANELS = dict(_panels())
SERIES = [at for at, panel in PANELS.items() if panel["targets"][0]["format"] == 0]

Answer = tuple[list[str], list[str], list[list[Any]]]
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with filled_store(tmp_path_factory.mktemp("dashboards") / "store") as store:
        yield store


@pytest.fixture
def ask(filled: Store) -> Ask:
    """Columns, types and rows of a query as Grafana would send it."""

    def run(
        sql: str, start: datetime = START, end: datetime = END, seconds: int = 300, **given: Any
    ) -> Answer:
        answer = json.loads(filled.sql(expand(sql, start, end, seconds, CHOSEN | given), "JSONCompact"))
        meta = answer["meta"]
        return [column["name"] for column in meta], [column["type"] for column in meta], answer["data"]

    return run


def sql_of(title: str, uid: str = "tidings-overview") -> str:
    sql: str = PANELS[uid, title]["targets"][0]["rawSql"]
    return sql


def chosen(uid: str) -> dict[str, Any]:
    """The overview's entity is a text, the other dashboards' a list."""
    return BY_NAME if uid == "tidings-overview" else {}


# Offsets, and so dead letters, have no other time than that of reading.
RECORDED = ("Dead letters by reason", "Lost offsets", "What became of every Kafka offset")


def period(title: str) -> dict[str, datetime]:
    """Of what was recorded just now the last hour."""
    now = datetime.now(END.tzinfo)
    return {"start": now - timedelta(hours=1), "end": now} if title in RECORDED else {}


def test_no_panel_is_left_out() -> None:
    assert set(PANELS) == {(uid, title) for uid, titles in COLUMNS.items() for title in titles}


@pytest.mark.parametrize(("uid", "title"), PANELS)
def test_every_panel_answers_with_its_columns(ask: Ask, uid: str, title: str) -> None:
    columns, types, rows = ask(sql_of(title, uid), **chosen(uid), **period(title))
    assert columns == COLUMNS[uid][title]
    assert rows
    assert not any("AggregateFunction" in kind or "LowCardinality(Float" in kind for kind in types)


@pytest.mark.parametrize(("uid", "title"), PANELS)
def test_columns_that_have_a_look_or_are_linked_are_there(uid: str, title: str) -> None:
    panel = PANELS[uid, title]
    named = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
    linked = set(re.findall(r"\$\{__(?:data\.fields|field\.labels)\.(\w+)", json.dumps(panel)))
    assert named | linked <= set(COLUMNS[uid][title])


@pytest.mark.parametrize(("uid", "title"), SERIES)
def test_time_series_are_sorted_numbers_by_time_and_label(ask: Ask, uid: str, title: str) -> None:
    columns, types, rows = ask(sql_of(title, uid), **chosen(uid), **period(title))
    assert columns[0] == "time"
    assert types[0].startswith("DateTime")
    labels = [at for at, kind in enumerate(types) if "String" in kind]
    numbers = [kind for at, kind in enumerate(types) if at and at not in labels]
    assert numbers
    assert all(re.match(r"(Nullable\()?(Float|UInt)", kind) for kind in numbers)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert len({(row[0], *(row[at] for at in labels)) for row in rows}) == len(rows)
    display = PANELS[uid, title]["fieldConfig"]["defaults"].get("displayName", "")
    assert [columns[at] for at in labels] == re.findall(r"labels\.(\w+)", display)


@pytest.mark.parametrize(("uid", "title"), PANELS)
def test_an_empty_period_is_no_error(ask: Ask, uid: str, title: str) -> None:
    later = {"start": END + timedelta(days=300), "end": END + timedelta(days=301)}
    _, _, rows = ask(sql_of(title, uid), **chosen(uid), **later)
    if (uid, title) in SERIES and "what is usual" not in title:
        assert rows == []
    if title == "Mean sentiment":
        assert rows == [[None]]


@pytest.mark.parametrize(("uid", "title"), PANELS)
def test_hostile_names_are_values(ask: Ask, uid: str, title: str) -> None:
    """Whatever is chosen is quoted by Grafana, wherever a query uses it."""
    name = "x') OR 1=1 --"
    given = {"topic": (name,), "entity": name if uid == "tidings-overview" else (name,), "source": (name,)}
    columns, _, _ = ask(sql_of(title, uid), **given, budget=name)
    assert columns == COLUMNS[uid][title]


def test_counts_are_the_items_and_stories_stored(ask: Ask) -> None:
    assert int(ask(sql_of("Items"))[2][0][0]) == ITEMS
    assert int(ask(sql_of("Stories"))[2][0][0]) == ITEMS // 2
    for title, told in (("Items by topic", ITEMS), ("Stories by topic", ITEMS // 2)):
        assert sum(int(row[2]) for row in ask(sql_of(title))[2]) == told


def test_the_mean_is_the_mean_over_items(ask: Ask) -> None:
    expected = sum(scored(number).prediction.sentiment for number in range(ITEMS)) / ITEMS
    assert ask(sql_of("Mean sentiment"))[2][0][0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("topics", [("Macro",), ("Macro", "Dividend"), ("It's odd",)])
def test_chosen_topics_leave_the_others_out(ask: Ask, topics: tuple[str, ...]) -> None:
    _, _, rows = ask(sql_of("Sentiment by topic"), topic=topics)
    assert {row[1] for row in rows} == set(topics)
    assert int(ask(sql_of("Items"), topic=topics)[2][0][0]) == ITEMS // 4 * len(topics)
    negative = ask(sql_of("Most negative items"), **BY_NAME | {"topic": topics})[2]
    assert {row[3] for row in negative} == set(topics)


@pytest.mark.parametrize(("typed", "name"), [("harbour", "Harbour Bank"), ("o'neil", "O'Neil & Sons")])
def test_part_of_a_name_is_enough(ask: Ask, typed: str, name: str) -> None:
    given = BY_NAME | {"entity": typed}
    assert {row[4] for row in ask(sql_of("Most negative items"), **given)[2]} == {name}
    assert {row[1] for row in ask(sql_of("Negative stories by name"), **given)[2]} == {name}
    assert {row[0] for row in ask(sql_of("Top movers"), **given)[2]} == {name}


def test_movers_are_compared_with_the_same_hours_of_the_days_before(ask: Ask) -> None:
    movers = {row[0]: row for row in ask(sql_of("Top movers"), **BY_NAME)[2]}
    assert set(movers) == set(ENTITIES)
    mine = [scored(number) for number in range(ITEMS) if ENTITIES[0] in scored(number).item.entities]
    old = [scored(number, 1) for number in range(BEFORE) if ENTITIES[0] in scored(number, 1).item.entities]
    mood, before = (sum(one.prediction.sentiment for one in many) / len(many) for many in (mine, old))
    row = dict(zip(MOVED, movers[ENTITIES[0]], strict=True))
    assert (int(row["told"]), row["told_before"]) == (len(mine) // 2, len(old) // 2)
    assert row["mood"] == pytest.approx(mood, abs=1e-5)
    assert row["mood_before"] == pytest.approx(before, abs=1e-5)
    assert row["change"] == pytest.approx(mood - before, abs=1e-5)
    week = {row[0]: row for row in ask(sql_of("Top movers"), **BY_NAME | {"period": "7"})[2]}
    assert week[ENTITIES[0]][2] == pytest.approx(len(old) / 2 / 7)


def test_the_drill_down_follows_topic_name_and_source_together(ask: Ask) -> None:
    uid = "tidings-drill-down"
    given = {"topic": ("Macro",), "entity": ("O'Neil & Sons",), "source": ("wire",)}
    wanted = [
        one
        for one in map(scored, range(ITEMS))
        if one.prediction.topic == "Macro"
        and one.item.source == "wire"
        and "O'Neil & Sons" in one.item.entities
    ]
    stories = {one.item.story_id for one in wanted}
    assert stories
    assert int(ask(sql_of("Stories (count)", uid), **given)[2][0][0]) == len(stories)
    rows = ask(sql_of("Stories", uid), **given)[2]
    assert {(row[2], row[3], row[5]) for row in rows} == {("Macro", "O'Neil & Sons", "wire")}
    assert len(rows) == len(stories)
    (source,) = ask(sql_of("Sources", uid), **given)[2]
    assert (source[0], int(source[1])) == ("wire", len(wanted))


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({}, lambda one: True),
        ({"topic": ("Energy | Oil",)}, lambda one: one.prediction.topic == "Energy | Oil"),
        ({"entity": ("Nordwind",)}, lambda one: "Nordwind" in one.item.entities),
        ({"entity": ("Nordwind",), "topic": ("Macro",)}, lambda one: "Nordwind" in one.item.entities),
    ],
)
def test_what_is_usual_is_the_mean_of_the_same_hour(
    ask: Ask, given: dict[str, Any], part: Callable[[Any], bool]
) -> None:
    """Stories count in the hour of their earliest item, as that item was scored: the even numbers."""
    sql = sql_of("Negative stories an hour, and what is usual", "tidings-drill-down")
    rows = ask(sql, **given)[2]
    assert len(rows) == 5
    now = [one for one in map(scored, range(0, ITEMS, 2)) if part(one)]
    old = [scored(number, 1) for number in range(0, BEFORE, 2) if part(scored(number, 1))]
    for at, (_, observed, expected) in enumerate(rows):
        first = START + timedelta(hours=at)
        assert observed == pytest.approx(_negative(now, first), abs=1e-4)
        assert expected == pytest.approx(_negative(old, first - timedelta(days=1)), abs=1e-4)
    assert ask(sql, **given, period="28")[2][0][2] == pytest.approx(rows[0][2] / 28)


def _negative(items: list[Any], first: datetime) -> float:
    hour = timedelta(hours=1)
    return sum(one.prediction.p_negative for one in items if first <= one.item.published_at < first + hour)


def test_most_negative_items_are_sorted_and_show_each_story_once(ask: Ask) -> None:
    _, _, rows = ask(sql_of("Most negative items"), **BY_NAME)
    scores = [row[5] for row in rows]
    assert scores == sorted(scores)
    assert scores[0] == round(min(scored(number).prediction.sentiment for number in range(ITEMS)), 2)
    assert max(scores) < 0
    headlines = [row[2] for row in rows]
    assert all(headlines)
    assert len(headlines) == len(set(headlines)) == 50


def test_alerts_of_the_period_and_all_that_are_open(ask: Ask) -> None:
    rows = [row for row in ask(sql_of("Alerts"))[2] if row[3] == "negative-spike"]
    assert [row[2] for row in rows] == ["pending", "resolved", "firing", "firing"]
    assert ask(sql_of("Open alerts"))[2] in ([["2"]], [[2]])


@pytest.mark.parametrize(
    ("rule", "topic", "entity", "source"),
    [
        ("negative-spike", "$__all", "Harbour Bank", "$__all"),
        ("rule-topic", "Energy | Oil", "$__all", "$__all"),
        ("rule-topic_entity", "Energy | Oil", "O'Neil & Sons", "$__all"),
        ("rule-source", "$__all", "$__all", "wire"),
        ("rule-all", "$__all", "$__all", "$__all"),
    ],
)
def test_an_alert_leads_to_what_it_saw(ask: Ask, rule: str, topic: str, entity: str, source: str) -> None:
    columns, _, rows = ask(sql_of("History", "tidings-alerts"))
    row = next(row for row in rows if row[columns.index("rule")] == rule)
    query = parse_qs(row[columns.index("drill")])
    assert (query["var-topic"], query["var-entity"], query["var-source"]) == ([topic], [entity], [source])
    fired = datetime.fromisoformat(f"{row[0]}+00:00")
    assert [(int(query[name][0]) / 1000 - fired.timestamp()) / 3600 for name in ("from", "to")] == [-8, 1]
    given = {name: (query[f"var-{name}"][0],) for name in ("topic", "entity")}
    evidence = ask(sql_of("Evidence of alerts", "tidings-drill-down"), **given)[2]
    assert rule in {row[1] for row in evidence}


@pytest.mark.parametrize(
    ("topic", "entity", "rules"),
    [
        ("Macro", "$__all", set()),
        ("Energy | Oil", "$__all", {"rule-topic", "rule-topic_entity"}),
        ("$__all", "Nordwind", set()),
        ("$__all", "O'Neil & Sons", {"rule-topic_entity"}),
        ("Macro", "Harbour Bank", {"negative-spike"}),
        ("Macro", "O'Neil & Sons", set()),
        (
            "$__all",
            "$__all",
            {"negative-spike", "rule-topic", "rule-topic_entity", "rule-source", "rule-all"},
        ),
    ],
)
def test_evidence_and_marks_are_of_what_is_chosen(ask: Ask, topic: str, entity: str, rules: set[str]) -> None:
    given = {"topic": (topic,), "entity": (entity,)}
    rows = ask(sql_of("Evidence of alerts", "tidings-drill-down"), **given)[2]
    assert {row[1] for row in rows} == rules
    assert not rows or rows[0][3].startswith("Told of ")
    (mark,) = BOARDS["tidings-drill-down"]["annotations"]["list"]
    marked = {row[2].split(":")[0] for row in ask(mark["target"]["rawSql"], **given)[2]}
    assert marked == rules


@pytest.mark.parametrize("uid", [uid for uid, board in BOARDS.items() if board["annotations"]])
def test_alerts_mark_the_time_axis(ask: Ask, uid: str) -> None:
    mark = BOARDS[uid]["annotations"]["list"][0]
    columns, types, rows = ask(mark["target"]["rawSql"])
    assert columns == ["time", "timeEnd", "text", "tags"]
    assert "DateTime" in types[0]
    assert [row[1] is None for row in rows[:2]] == [True, False]  # a firing alert has no end yet
    assert rows[0][2] == "negative-spike: Harbour Bank, 12.5 negative stories, 1.2 expected"


def test_times_to_acknowledge_and_the_budget(ask: Ask) -> None:
    uid = "tidings-alerts"
    assert ask(sql_of("Time to acknowledge", uid))[2] == [[90]]
    assert ask(sql_of("Time to resolve", uid))[2] == [[48 * 60]]
    assert [int(ask(sql_of(title, uid))[2][0][0]) for title in ("Firing", "Nobody has seen", "Pending", "Fired")] == [
        2, 1, 1, 6,
    ]  # fmt: skip
    used = {row[0]: row[1:] for row in ask(sql_of("False-alarm budget used", uid), budget="2")[2]}
    assert used["negative-spike"] == [2, 0.5, 4]  # the rule's own budget; the others have the board's
    assert used["rule-all"] == [1, 2, 0.5]
    none = {row[0]: row[1:] for row in ask(sql_of("False-alarm budget used", uid), budget="")[2]}
    assert none["rule-all"] == [1, 0, None]


def test_what_the_pipeline_did(ask: Ask) -> None:
    uid = "tidings-health"
    assert ask(sql_of("Model", uid))[2] == [["v2"]]
    assert {row[1] for row in ask(sql_of("Items by model version", uid))[2]} == {"v2"}
    assert [
        row[1:] for row in ask(sql_of("Dead letters by reason", uid), **period("Dead letters by reason"))[2]
    ] == [["not_json", 3]]
    title = "What became of every Kafka offset"
    (offsets,) = ask(sql_of(title, uid), **period(title))[2]
    assert offsets == ["news.raw", 0, BEFORE + ITEMS + 2, BEFORE + ITEMS + 3, *offsets[4:6], 3, 0, 0, 0, 0]
    assert sum(offsets[4:6]) == BEFORE + ITEMS
    assert ask(sql_of("Lost offsets", uid), **period("Lost offsets"))[2] == [[0]]
    assert all(row[1:] == [3, 3] for row in ask(sql_of("From publication to score", uid))[2])
    (drift,) = ask(sql_of("Drift of topics", uid))[2][0]
    assert 0 <= drift < 0.1
    only = ask(sql_of("Drift of topics", uid), start=END, end=END + timedelta(hours=1))[2]
    assert only == [[None]]  # nothing is told in the period


def test_a_mix_of_other_topics_is_drift(ask: Ask) -> None:
    """All of the period's stories of one topic, against four topics before."""
    kept = "scope = 'topic' AND (key = 'Macro' OR start < $__fromTime)"
    sql = sql_of("Drift of topics", "tidings-health").replace("scope = 'topic'", kept)
    (drift,) = ask(sql)[2][0]
    assert drift > 1


@pytest.mark.parametrize(
    ("uid", "name", "expected"),
    [
        ("tidings-overview", "topic", sorted(TOPICS)),
        ("tidings-drill-down", "topic", sorted(TOPICS)),
        ("tidings-drill-down", "entity", ["Harbour Bank", "Nordwind", "O'Neil & Sons"]),
        ("tidings-drill-down", "source", ["posts", "wire"]),
    ],
)
def test_variables_list_what_is_stored(ask: Ask, uid: str, name: str, expected: list[str]) -> None:
    variable = next(one for one in BOARDS[uid]["templating"]["list"] if one["name"] == name)
    assert sorted(row[0] for row in ask(variable["query"])[2]) == expected


def test_every_query_of_a_variable_or_mark_is_run_here() -> None:
    queried = [
        (uid, one["name"])
        for uid, board in BOARDS.items()
        for one in board["templating"]["list"]
        if one["type"] == "query"
    ]
    assert set(queried) == {
        ("tidings-overview", "topic"),
        *(("tidings-drill-down", name) for name in ("topic", "entity", "source")),
    }


def test_the_sql_endpoint_answers_as_the_data_source_asks(
    filled: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """clickhouse-go's parameters over HTTP, on the same open folder: every query is answered, in Native blocks."""
    folder = next(tmp_path_factory.getbasetemp().glob("dashboards*")) / "store"
    asked = {
        "database": "tidings",
        "default_format": "Native",
        "client_protocol_version": "54460",
        "limit": "1000000",
        "max_execution_time": "30",
    }
    with serving_sql(SqlSettings(), StoreSettings(folder=folder)) as port:
        for (uid, title), panel in PANELS.items():
            sql = panel["targets"][0]["rawSql"]
            text = expand(sql, START, END, 300, CHOSEN | chosen(uid))
            answer = requests.post(f"http://127.0.0.1:{port}/", params=asked, data=text.encode(), timeout=30)
            assert answer.status_code == 200, f"{title}: {answer.text[:300]}"
