from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.durations import format_duration, parse_duration, say_duration
from alerts.rules import Rule, describe, load_rules, parse_rules
from tidings.errors import ConfigError

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
    (rule,) = load_rules(None)
    assert (rule.scope, rule.window_seconds, rule.baseline_windows) == ("entity", 86_400, 60)
    assert (rule.p_below, rule.min_stories, rule.needed_windows) == (0.001, 4, 20)
    words = describe(rule)
    assert words.startswith("Fires when in the last 24 hours a name has at least 4 negative stories")
    assert "fewer than 1 of 1,000 windows" in words
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
        ("scope: entities", "scope must be one of all, topic, entity, source; it is 'entities'"),
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
