"""The story is the same for the same seed, adds up, and is fiction."""

import csv
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import yaml

from service.demo_story import BANK, RULES, expected, story

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_same_seed_same_story() -> None:
    assert story(NOW, 7) == story(NOW, 7)
    assert story(NOW, 7) != story(NOW, 8)


def test_counts_add_up_and_arrival_is_in_order() -> None:
    messages = story(NOW)
    counts = expected(messages)
    assert counts.sent == counts.items + counts.duplicates + counts.malformed == len(messages)
    assert counts.sent > 4000
    assert [m.arrives_at for m in messages] == sorted(m.arrives_at for m in messages)
    assert messages[-1].arrives_at < NOW + timedelta(minutes=30)


def test_the_run_is_in_posts_before_it_is_in_the_news() -> None:
    rows = [(m, json.loads(m.value)) for m in story(NOW) if m.note == "item"]
    late = [(m, row) for m, row in rows if m.arrives_at > NOW - timedelta(minutes=40)]
    about = [
        (m.kafka_topic, m.arrives_at) for m, row in late if "withdraw" in (row["title"] + row["text"]).lower()
    ]
    first = dict(reversed(about))
    assert first["social.raw"] < first["news.raw"]


def test_headlines_repeat_only_as_copies() -> None:
    titles = Counter(json.loads(m.value)["title"] for m in story(NOW) if m.note == "item")
    assert all(BANK in title for title, count in titles.items() if count > 1 and title)


def test_no_company_of_the_story_is_listed_anywhere() -> None:
    texts = yaml.safe_load(files("service").joinpath("demo_story.yaml").read_text(encoding="utf-8"))
    with files("ingest").joinpath("companies.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    listed = " ".join(" ".join(row.values()) for row in rows).casefold()
    symbols = {symbol for row in rows for symbol in row["symbols"].split("|")}
    assert "AAPL" in symbols
    for company, symbol in texts["companies"].items():
        assert company.casefold() not in listed
        assert symbol not in symbols


def test_rules_file_is_there() -> None:
    assert RULES.is_file()
