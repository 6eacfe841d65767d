"""The published JSON Schema and the reader take and refuse the same files."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from alerts.rules import DEFAULT_RULES, RULES_SCHEMA, parse_rules
from alerts.rules_reader import KEYS
from tests.unit.test_alerts_rules import EXAMPLE
from tidings.errors import ConfigError

SCHEMA = json.loads(RULES_SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def schema_takes(data: Any) -> bool:
    return bool(VALIDATOR.is_valid(data))


def reader_takes(data: Any) -> bool:
    try:
        parse_rules(yaml.safe_dump(data), "r.yaml")
    except ConfigError:
        return False
    return True


def test_the_schema_is_one_and_knows_the_keys_of_the_reader() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["$defs"]["rule"]["properties"]) == set(KEYS)


@pytest.mark.parametrize("path", [DEFAULT_RULES, EXAMPLE], ids=["default", "example"])
def test_the_schema_takes_the_shipped_files(path: Any) -> None:
    VALIDATOR.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


KINDS = ("spike", "drop", "drift", "level", "volume", "no_data", "new_key")
# For each key values of every sort: right ones and wrong ones.
VALUES: dict[str, list[Any]] = {
    "scope": ["all", "topic_entity", "everything", 1],
    "window": ["10m", "1d12h", "soon", 60, "-5m", ""],
    "baseline": ["90d", "x", 5],
    "p_below": [0.01, "1e-4", 0, 1, True, None, [0.1], "many"],
    "budget": [1, 0.5, "1 per week", "0.25 per week", 0, -1, "weekly", "1 per day", True, "0 per week", 1e9],
    "min_stories": [1, 2.5, 0, -1, "few", 1e9],
    "min_sources": [1, 3, 0, 1.5, "2", True, 2000],
    "min_history": [1, 5, 0, "1", False],
    "for": ["5m", 5],
    "keep_firing_for": ["1h", "1 h"],
    "severity": ["info", "critical", "bad"],
    "labels": [{"team": "desk"}, {}, {"scope": "x"}, {"a": 1}, {"a": ""}, ["a"], "a"],
    "annotations": [{"say": "{{ key }}"}, {"say": 1}, "say", {"": "x"}],
    "include": [["Acme"], [], "Acme", [1], [""]],
    "include_file": [5, "", "a\nb"],
    "exclude": [["Acme"], {"a": 1}],
    "exclude_file": [5, "", "a\nb"],
    "min_clear": [0, 2, -1, 1.5, "2", True, 2000],
    "source_weights": [
        {"blog": 0.2},
        {},
        {"blog": 0},
        {"blog": "0.2"},
        {"": 1},
        {"blog": True},
        {"a": 2000},
        [],
        "blog",
    ],
    "in_headline": [0.3, "0.3", 0, 1, -0.1, True, None, "most"],
    "filters": [
        *({}, {"kinds": ["news"]}, {"sources": ["wire"], "languages": ["en"]}),
        *(
            {"kinds": ["radio"]},
            {"kind": ["news"]},
            {"sources": "wire"},
            [],
            {"languages": [1]},
            {"kinds": "news"},
        ),
    ],
    "level": [0.4, 12, "0.3", -0.3, -2, True, None, "high"],
    "measure": ["negative_stories", "negative_share", "stories", "items", "sentiment", "mood"],
    "direction": ["above", "below", "up"],
    "seasonal": [True, False, "yes", 1],
    "windw": ["24h"],
    "name": ["b", 5, "", "a\nb", " "],
}


@pytest.mark.parametrize("kind", [None, *KINDS])
@pytest.mark.parametrize("key", sorted(VALUES))
def test_schema_and_reader_agree_on_every_key_of_every_kind(kind: str | None, key: str) -> None:
    for value in VALUES[key]:
        entry: dict[str, Any] = {"name": "a"} | ({"kind": kind} if kind else {})
        if kind == "level":
            entry["level"] = 0.5
        data = {"rules": [entry | {key: value}]}
        assert schema_takes(data) == reader_takes(data), data


@pytest.mark.parametrize(
    "data",
    [
        {"rules": [{"name": "a", "kind": "level"}]},
        {"rules": [{"name": "a", "kind": "level", "measure": "sentiment", "level": -0.3}]},
        {"rules": [{"name": "a", "kind": "level", "measure": "sentiment", "level": -3}]},
        {"rules": [{"name": "a", "kind": "level", "measure": "negative_share", "level": 1.5}]},
        {"rules": [{"name": "a", "kind": "level", "measure": "negative_share", "level": 0.5, "direction": "below"}]},
        {"rules": [{"name": "a", "kind": "level", "measure": "items", "level": 5, "direction": "below"}]},
        {"rules": [{"name": "a", "kind": "lvl"}]},
        {"rules": [{"name": "a", "p_below": 0.1, "budget": 1}]},
        {"rules": [{"name": "a", "kind": "volume", "measure": "items", "budget": "2 per week"}]},
        {"rules": [{"name": "a", "in_headline": 0.5, "scope": "topic_entity"}]},
        {"rules": [{"name": "a", "in_headline": 0.5, "scope": "topic"}]},
        {"rules": [{"kind": "spike"}]},
        {"rules": ["a"]},
        {"rules": []},
        {"rules": {}},
        {},
        [],
        {"rules": [{"name": "a"}], "more": 1},
    ],
)  # fmt: skip
def test_schema_and_reader_agree_on_whole_files(data: Any) -> None:
    assert schema_takes(data) == reader_takes(data), data
