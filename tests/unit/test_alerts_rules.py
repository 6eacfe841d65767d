from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.durations import format_duration, parse_duration, say_duration
from alerts.rule import KINDS
from alerts.rules import Rule, describe, load_rules, parse_rules
from tidings.errors import ConfigError
from tidings.types import Filters

EXAMPLE = Path(__file__).parents[2] / "deploy" / "rules.example.yaml"


@given(st.integers(min_value=0, max_value=3660 * 86_400))
def test_a_duration_is_read_back_as_it_was_written(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
    assert say_duration(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("24h", 86_400), ("10m", 600), ("1d12h", 129_600), ("2w", 1_209_600), ("0m", 0), ("90s", 90)],
)
def test_durations_as_people_write_them(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@given(st.text(max_size=12))
def test_any_other_text_is_a_clear_error(text: str) -> None:
    try:
        assert parse_duration(text) >= 0
    except ValueError as error:
        assert "must be" in str(error)  # noqa: PT017 - most texts raise, a few are durations


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (600, "10 minutes"),
        (86_400, "24 hours"),
        (60 * 86_400, "60 days"),
        (3600, "1 hour"),
        (90, "90 seconds"),
    ],
)
def test_durations_in_words(seconds: int, words: str) -> None:
    assert say_duration(seconds) == words


def test_the_default_pack_watches_names_by_the_day() -> None:
    rule = load_rules(None)[0]
    assert (rule.scope, rule.window_seconds, rule.baseline_windows) == ("entity", 86_400, 60)
    assert (rule.p_below, rule.min_stories, rule.needed_windows) == (0.002, 3, 20)
    words = describe(rule)
    assert words.startswith("Fires when in the last 24 hours a name (never A.M. Best, ")
    assert "has at least 3 negative stories" in words
    assert "At least 2 stories must be clearly negative." in words
    assert "Before it fires, the headlines of at least 30% of the bad news must be about it" in words
    assert "fewer than 1 of 500 windows" in words
    assert "60 days before" in words


def test_the_shipped_example_is_valid_and_says_what_it_does() -> None:
    rules = {rule.name: rule for rule in load_rules(EXAMPLE)}
    assert rules["name-breaking"].p_below == 1e-5  # written 1e-5, which YAML 1.1 takes for a text
    assert rules["name-breaking"].labels == {"team": "desk"}
    assert "last hour" in describe(rules["name-breaking"])
    assert "5 minutes before the alert fires" in describe(rules["name-breaking"])
    assert "one of Macro, Fed | Central Banks" in describe(rules["macro-turns"])
    assert "never United States" in describe(rules["name-in-trouble"])


def test_what_is_left_out_takes_the_defaults() -> None:
    (rule,) = parse_rules("rules: [{name: plain}]", "r.yaml")
    assert rule == Rule(name="plain")
    assert describe(rule)


def kind(fields: str) -> Rule:
    (rule,) = parse_rules(f"rules: [{{name: a, {fields}}}]", "r.yaml")
    return rule


def test_what_each_kind_reads() -> None:
    level = kind("kind: level, measure: sentiment, level: -0.3")
    assert (level.looks_at, level.level, level.direction) == ("sentiment", -0.3, "below")
    assert kind("kind: level, level: 0.5, measure: negative_share, direction: below").direction == "below"
    assert kind("kind: level, level: 30").looks_at == "negative_stories"
    assert (kind("kind: volume").looks_at, kind("kind: no_data").looks_at) == ("stories", "items")
    assert kind("kind: volume, measure: items").looks_at == "items"
    assert [kind(f"budget: {text}").budget_per_week for text in ("1 per week", "0.5", "2.5 per week")] == [
        1,
        0.5,
        2.5,
    ]
    filters = kind("filters: {kinds: [news], sources: [wire], languages: [en, de]}").filters
    assert filters == Filters(sources=("wire",), kinds=("news",), languages=("en", "de"))


def test_every_kind_is_said_in_its_own_words() -> None:
    rules = {rule.name: describe(rule) for rule in load_rules(EXAMPLE)}
    assert "no more than once a week over all that the rule watches" in rules["macro-turns"]
    assert "a name within a topic" in rules["legal-trouble"]
    assert "Only news, items in en count" in rules["legal-trouble"]
    assert "at least 2 sources" in rules["name-breaking"]
    assert (
        "the mean sentiment of a name is lower than the 60 days before explain: so low a mean would"
        in rules["mood-drop"]
    )
    assert "have crept above the 90 days before" in rules["slow-burn"]
    assert "the negative share of a source is above 0.5" in rules["sour-source"]
    assert "history" not in rules["sour-source"]
    assert "at least 12 stories, good or bad" in rules["attention"]
    assert "has gone quiet: so few would come by chance" in rules["source-quiet"]
    assert "fewer than 5 stories in the 60 days before" in rules["new-name"]
    assert {rule.kind for rule in load_rules(EXAMPLE)} == set(KINDS)


def test_a_watch_list_comes_from_a_file_beside_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: [{name: a, include: [Zeta], include_file: names.txt}]")
    (tmp_path / "names.txt").write_text("# banks\nAcme Bank\n\n  Northgate Bank  \nZeta\n", encoding="utf-8")
    (rule,) = load_rules(tmp_path / "rules.yaml")
    assert rule.include == ("Zeta", "Acme Bank", "Northgate Bank")
    (tmp_path / "never.yaml").write_text("rules: [{name: a, exclude: [Zeta], exclude_file: names.txt}]")
    (other,) = load_rules(tmp_path / "never.yaml")
    assert (other.include, other.exclude) == ((), ("Zeta", "Acme Bank", "Northgate Bank"))
    (tmp_path / "names.txt").write_text("# nothing\n")
    with pytest.raises(ConfigError, match=r"line 1: rule 1 \(a\): exclude_file .*names\.txt names no key"):
        load_rules(tmp_path / "never.yaml")
    with pytest.raises(ConfigError, match=r"line 1: rule 1 \(a\): include_file .*names\.txt names no key"):
        load_rules(tmp_path / "rules.yaml")


def test_one_threshold_not_two() -> None:
    with pytest.raises(ConfigError, match="budget and p_below are two ways to say one thing"):
        kind("p_below: 0.01, budget: 1")


def test_a_level_that_cannot_be_reached_is_refused() -> None:
    for fields in (
        "measure: sentiment, level: -2",
        "measure: negative_share, level: 50",
        "measure: items, level: 0",
    ):
        with pytest.raises(ConfigError, match="level must be a number between"):
            kind(f"kind: level, {fields}")
    with pytest.raises(ConfigError, match="for too few use kind: no_data"):
        kind("kind: level, measure: items, level: 5, direction: below")
    with pytest.raises(ConfigError, match="level is missing"):
        kind("kind: level")


def test_a_baseline_is_rounded_down_to_whole_windows() -> None:
    (rule,) = parse_rules("rules: [{name: a, window: 7h, baseline: 2d}]", "r.yaml")
    assert (rule.baseline_seconds, rule.baseline_windows) == (6 * 7 * 3600, 6)


def test_watched_keys() -> None:
    assert Rule("a").watches("X")
    assert not Rule("a", exclude=("X",)).watches("X")
    assert not Rule("a", include=("Y",)).watches("X")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("windw: 24h", "line 3: rule 1 (burst): windw is an unknown key; did you mean window?"),
        ("window: 24", "window must be a duration with its unit, such as 10m or 24h; it is 24"),
        ("window: 90s", "window must be whole minutes"),
        ("window: 0m", "window must be whole minutes"),
        ("window: soon", "window must be a duration such as 10m"),
        ("baseline: 2d", "baseline must hold at least 3 windows: 3d or more"),
        ("baseline: 9999w", "baseline must be at most ten years"),
        ("for: 5", "for must be a duration"),
        (
            "scope: entities",
            "scope must be one of all, topic, entity, source, topic_entity; it is 'entities'",
        ),
        ("scope: [all]", "scope must be one of"),
        ("kind: dip", "kind must be one of spike"),
        ("severity: crtical", "did you mean critical?"),
        ("p_below: 0", "p_below must be a number between 0 and 1"),
        ("p_below: 1", "p_below must be a number between 0 and 1"),
        ("p_below: .nan", "p_below must be a number between 0 and 1"),
        ("p_below: yes", "p_below must be a number between 0 and 1"),
        ("min_stories: many", "min_stories must be a number between 0 and 1e+09; it is 'many'"),
        ("min_stories: -1", "min_stories must be a number"),
        ("min_history: 61", "min_history must be a number of windows from 1 to 60"),
        ("min_history: true", "min_history must be a number of windows"),
        (
            "budget: weekly",
            "budget must be false alarms per week, such as '1 per week' or 0.5; it is 'weekly'",
        ),
        ("min_sources: 0", "min_sources must be a whole number from 1 to 1000"),
        ("min_clear: 2.5", "min_clear must be a whole number from 0 to 1000"),
        ("source_weights: {blog: 0}", "source_weights must be sources and numbers above 0"),
        ("source_weights: {blog: 0.2}\n    kind: drift", "source_weights means nothing to the kind drift"),
        (
            "source_weights: {blog: 0.2}\n    kind: level\n    level: 5",
            "source_weights weigh shares and means",
        ),
        ("in_headline: 1.5", "in_headline must be a number between 0 and 1"),
        ("in_headline: 0.5\n    scope: topic", "in_headline is for names: it needs the scope entity"),
        ("filters: {kind: [news]}", "filters must be lists under sources, kinds, languages"),
        ("filters: {kinds: [radio]}", "kinds must be of news, social; one is 'radio'"),
        ("level: 3", "level means nothing to the kind spike: leave it out (it belongs to level)"),
        ("seasonal: 1", "seasonal must be true or false"),
        ("include_file: absent.txt", "include_file absent.txt cannot be read (No such file or directory)"),
        (
            'annotations: {a: "{{ key"}',
            "annotations a is not a template that can be rendered: TemplateSyntaxError",
        ),
        (
            'annotations: {a: "{{ kee }}"}',
            "annotations a is not a template that can be rendered: UndefinedError",
        ),
        ('annotations: {a: "{{ key.__class__.mro() }}"}', "SecurityError"),
        ("labels: {team: 5}", "labels must be names and texts"),
        ("labels: {key: x}", "labels must not hold 'key'"),
        ("include: Macro", "include must be a list of texts"),
        ("exclude: [no]", "exclude must be a list of texts; put each in quotes"),
        ("name: other", "line 3: name is given twice"),
    ],
)
def test_a_wrong_field_is_named_with_its_fix(fields: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rules(f"rules:\n  - name: burst\n    {fields}\n", "r.yaml")
    assert str(caught.value).startswith("r.yaml: line 3:")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must hold a list under 'rules:'"),
        ("rules: []", "must hold a list under 'rules:'"),
        ("- name: a", "must hold a list under 'rules:'"),
        ("rules: [{name: a}]\nrule: []", "unknown key 'rule'"),
        ("rules: [a]", "line 1: rule 1: it must be a mapping"),
        ("rules:\n  - window: 24h", "line 2: rule 1: name is missing"),
        ("rules:\n  - name: 5", "name must be a text on one line; put it in quotes; it is 5"),
        ('rules: [{name: "a\\nb"}]', "name must be a text on one line"),
        ("rules: [{name: a}, {name: a}]", "rule 2: name 'a' is taken"),
        ("rules: [{name: a", "line 1: not valid YAML"),
        ("rules: !!python/object:os.system [a]", "not valid YAML"),
        ("rules: [\x00]", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_one_clear_line(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=r"r\.yaml: ") as caught:
        parse_rules(text, "r.yaml")
    assert expected in str(caught.value)


def test_a_missing_or_binary_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent.yaml: cannot be read \(No such file or directory\)"):
        load_rules(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_rules(tmp_path / "binary.yaml")


@given(st.text(max_size=60))
def test_any_text_is_rules_or_a_config_error(text: str) -> None:
    for whole in (text, f"rules:\n  - name: a\n    {text}"):
        try:
            assert parse_rules(whole, "r.yaml")
        except ConfigError as error:
            assert str(error).startswith("r.yaml: ")  # noqa: PT017 - most texts raise, a few are rules
