"""The behavioural suite: cases are read or refused with a reason, outcomes follow from the scores, and the
shipped cases are many, balanced and not the training's own."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from classifier.behaviour import Predict, Report, check
from classifier.manifest import SHIPPED
from classifier.model import Model
from classifier.suite import Case, parse_cases, read_suite
from service.model_evaluate import print_evaluation
from tidings.errors import ConfigError
from tidings.types import Prediction

ORIGIN = Path("own.yaml")


def plain(text: str) -> str:
    return " ".join(text.casefold().split())


def texts_of(case: Case) -> set[str]:
    return {plain(text) for text in (case.text, case.base) if text}


def scorer(scores: dict[str, float]) -> Predict:
    """Predictions from given scores: what the outcome of a case follows from."""

    def predict(texts: Sequence[str]) -> list[Prediction]:
        return [
            Prediction("Macro", 1.0, max(-scores[t], 0), 1 - abs(scores[t]), max(scores[t], 0), "v")
            for t in texts
        ]

    return predict


def cases_or_refusal(text: str) -> list[Case] | str:
    try:
        return parse_cases(text, ORIGIN)
    except ConfigError as error:
        return str(error)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(provider="cpu", threads=2)


@pytest.fixture(scope="module")
def suite() -> tuple[Case, ...]:
    return read_suite()


@pytest.fixture(scope="module")
def report(model: Model, suite: tuple[Case, ...]) -> Report:
    return check(model.predict, suite)


def test_the_suite_is_large_and_every_kind_has_both_splits(suite: tuple[Case, ...]) -> None:
    sizes = Counter(case.kind for case in suite)
    dev = Counter(case.kind for case in suite if case.split == "dev")
    assert len(suite) >= 330
    for kind, size in sizes.items():
        assert size >= 20, kind
        assert 0.35 <= dev[kind] / size <= 0.65, kind


def test_no_case_is_given_twice_and_no_text_has_two_labels(suite: tuple[Case, ...]) -> None:
    assert max(Counter((plain(case.text), plain(case.base)) for case in suite).values()) == 1


def test_texts_about_one_base_are_on_one_side(suite: tuple[Case, ...]) -> None:
    sides: dict[str, set[str]] = {}
    for case in suite:
        sides.setdefault(case.base or case.text, set()).add(case.split)
    assert all(len(found) == 1 for found in sides.values())


def test_no_text_is_a_training_sentence(suite: tuple[Case, ...]) -> None:
    from classifier.synthetic import synthetic

    training = {plain(example.text) for example in synthetic(20_000, seed=11)}
    assert [case.text for case in suite if texts_of(case) & training] == []


@pytest.mark.data
def test_no_text_is_a_labelled_text(suite: tuple[Case, ...]) -> None:
    from classifier.data import data_folder, read_train, read_transfer, read_valid_sentiment, read_valid_topic

    try:
        folder = data_folder()
    except ConfigError as error:
        pytest.skip(str(error))
    rows = [*read_train(folder), *read_valid_sentiment(folder), *read_transfer(folder)]
    known = {plain(row.text) for row in (*rows, *read_valid_topic(folder)[0])}
    assert [case.text for case in suite if texts_of(case) & known] == []


@pytest.mark.parametrize(
    ("entry", "score", "base", "passes"),
    [
        ("expect: positive", 0.9, 0, True),
        ("expect: positive", 0.1, 0, False),
        ("expect: [neutral, positive]", 0.1, 0, True),
        ("expect: [neutral, positive]", -0.9, 0, False),
        ("same_as: base", 0.5, 0.35, True),
        ("same_as: base", 0.5, 0.25, False),
        ("same_as: base", 0.25, 0.5, False),
        ("{same_as: base, within: 0.5}", 0.5, 0.25, True),
        ("above: base", 0.5, 0.25, True),
        ("above: base", 0.25, 0.5, False),
        ("above: base", 0.5, 0.45, False),
        ("{above: base, by: 0.5}", 0.5, 0.25, False),
        ("below: base", -0.5, -0.25, True),
        ("below: base", -0.25, -0.5, False),
        ("below: base", -0.5, -0.45, False),
    ],
)
def test_what_passes(entry: str, score: float, base: float, passes: bool) -> None:
    fields = yaml.safe_load(entry)
    (case,) = parse_cases(yaml.safe_dump({"kind": [{"text": "news", **fields}]}), ORIGIN)
    (outcome,) = check(scorer({"news": score, "base": base}), [case]).outcomes
    assert outcome.passed is passes


def test_rates_and_failures_are_per_kind_and_split() -> None:
    cases = [Case("a", "up", "expect", "dev", ("positive",)), Case("a", "down", "expect", "dev", ("positive",)),
             Case("b", "down", "expect", "test", ("positive",))]  # fmt: skip
    found = check(scorer({"up": 1.0, "down": -1.0}), cases)
    assert [o.case.text for o in found.failures("dev")] == ["down"]
    assert found.failures("dev")[0].got == "negative (-1.00)"
    record = found.record()
    assert (record["cases"], record["passed"], record["pass_rate"]) == (3, 1, 0.3333)
    assert record["by_kind"]["a"]["dev"] == {"cases": 2, "passed": 1, "pass_rate": 0.5}
    assert record["by_kind"]["a"]["test"] == {"cases": 0, "passed": 0, "pass_rate": None}
    assert record["by_kind"]["b"]["test"]["pass_rate"] == 0


def test_no_cases_is_no_failure() -> None:
    assert check(scorer({}), []).record()["pass_rate"] is None


def test_an_outcome_does_not_depend_on_the_cases_beside_it(
    model: Model, suite: tuple[Case, ...], report: Report
) -> None:
    some = suite[::17]
    expected = {outcome.case: outcome for outcome in report.outcomes}
    assert list(check(model.predict, some).outcomes) == [expected[case] for case in some]


def test_the_shipped_model_is_far_above_guessing(report: Report) -> None:
    """A loose floor: labels right by chance would pass a third of the cases or so."""
    share = report.rate().share
    assert share is not None
    assert share > 0.5
    names = report.rate("names").share
    assert names is not None
    assert names > 0.8, "a company's name moves the score"


def test_own_cases_come_behind_the_shipped_ones_and_are_all_dev(
    tmp_path: Path, suite: tuple[Case, ...]
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"desk": [{"text": f"news {n}", "expect": "neutral"} for n in range(20)]}))
    cases = read_suite(own)
    assert cases[: len(suite)] == suite
    assert [(case.kind, case.split) for case in cases[len(suite) :]] == [("desk", "dev")] * 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must map kinds to lists"),
        ("- text: x", "must map kinds to lists"),
        ("desk: {", "line 1: not valid YAML"),
        ("desk: \x08", "not valid YAML: special characters are not allowed"),
        ("desk: []", "line 1: desk must hold a list of cases"),
        ("desk: {text: x}", "line 1: desk must hold a list of cases"),
        ("1: [{text: x, expect: neutral}]", "line 1: the kind must be a text"),
        ("desk:\n  - x", "line 2: desk, case 1: it must be a mapping"),
        ("desk:\n  - {text: x, expect: neutral}\n  - {text: y}", "line 3: desk, case 2: it must have one of"),
        ("desk:\n  - {text: x, expect: neutral, above: y}", "case 1: it must have one of"),
        ("desk:\n  - {expect: neutral}", "case 1: text is missing"),
        ("desk:\n  - {text: 12, expect: neutral}", "case 1: text must be a text; put it in quotes"),
        ("desk:\n  - {text: '  ', expect: neutral}", "case 1: text must be a text"),
        ("desk:\n  - {text: x, expct: neutral}", "case 1: expct is an unknown field; did you mean expect?"),
        (
            "desk:\n  - {text: x, expect: bullish}",
            "case 1: expect must be one of negative, neutral, positive",
        ),
        ("desk:\n  - {text: x, expect: []}", "case 1: expect must be one of"),
        ("desk:\n  - {text: x, expect: [[neutral]]}", "case 1: expect must be one of"),
        ("desk:\n  - {text: x, expect: [negative, neutral, positive]}", "case 1: expect allows every label"),
        ("desk:\n  - {text: x, same_as: }", "case 1: same_as is missing"),
        ("desk:\n  - {text: x, same_as: x}", "case 1: same_as is the text itself"),
        ("desk:\n  - {text: x, above: y, by: much}", "case 1: by must be a number"),
        ("desk:\n  - {text: x, above: y, by: 0}", "case 1: by must be a number above 0"),
        ("desk:\n  - {text: x, above: y, by: .nan}", "case 1: by must be a number"),
        ("desk:\n  - {text: x, same_as: y, within: 3}", "case 1: within must be a number"),
        ("desk:\n  - {text: x, same_as: y, by: 0.1}", "case 1: by does not go with same_as"),
        ("desk:\n  - {text: x, text: y, expect: neutral}", "line 2: text is given twice"),
        ("a: [{text: x, expect: neutral}]\na: [{text: y, expect: neutral}]", "line 2: a is given twice"),
    ],
)
def test_a_bad_suite_is_refused_with_the_reason(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_suite(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_missing_or_binary_suite_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read.*--suite"):
        read_suite(tmp_path / "nowhere.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary\.yaml: not UTF-8"):
        read_suite(tmp_path / "binary.yaml")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["neutral", "positive"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
_ENTRIES = st.dictionaries(
    st.sampled_from(["text", "expect", "same_as", "above", "below", "within", "by", "x"]), _VALUES, max_size=4
)


@given(st.dictionaries(st.text(max_size=5), st.lists(_ENTRIES | _VALUES, max_size=3) | _VALUES, max_size=3))
def test_any_yaml_is_read_or_refused_by_name(data: object) -> None:
    found = cases_or_refusal(yaml.safe_dump(data))
    if isinstance(found, str):
        assert found.startswith("own.yaml: ")
    else:
        assert all(case.text and (case.allowed or (case.base and 0 < case.margin <= 2)) for case in found)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    found = cases_or_refusal(text)
    assert not isinstance(found, str) or found.startswith("own.yaml: ")


def test_printed_tables(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    figures = {
        "some data": {
            "rows": 9,
            "accuracy": 0.5,
            "macro_f1": 0.4,
            "weighted_f1": 0.3,
            "calibration_error": 0.2,
        }
    }
    print_evaluation(figures, report, failures=True, as_json=False)
    out = capsys.readouterr().out
    assert out.index("some data") < out.index("pass rate") < out.index("Failing dev cases")
    for kind in report.kinds:
        assert kind in out
    listed = out[out.index("Failing dev cases") :]
    for outcome in report.failures("dev"):
        assert outcome.got in listed
    assert not any(outcome.case.text[:60] in listed for outcome in report.failures("test"))


def test_the_suite_runs_on_the_base_install_and_goes_into_the_manifest(
    tmp_path: Path, report: Report
) -> None:
    copy = tmp_path / "model"
    shutil.copytree(SHIPPED, copy)
    without = "import sys; sys.modules.update(sklearn=None, torch=None); from service.cli import main; main()"
    command = [sys.executable, "-c", without, "model", "evaluate", "--split", "behaviour"]
    done = subprocess.run(
        [*command, "--model", str(copy), "--write", "--failures", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"TIDINGS_DATA": "/nowhere"},
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["behaviour"]["cases"] == report.rate().cases
    assert (
        len(answer["failures"]) == answer["behaviour"]["dev"]["cases"] - answer["behaviour"]["dev"]["passed"]
    )
    assert set(answer["failures"][0]) == {"kind", "text", "expected", "got"}

    metrics = json.loads((copy / "manifest.json").read_text())["metrics"]
    assert metrics["behaviour"] == answer["behaviour"]
    assert "TFNS valid" in metrics, "the figures that were there stay"
    info = subprocess.run([sys.executable, "-c", without, "model", "info", "--model", str(copy)],
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert info.returncode == 0, info.stderr
    assert f"pass rate {answer['behaviour']['pass_rate']:.3f}" in info.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "/nowhere.yaml"], "/nowhere.yaml"),
        (["--suite", "x.yaml", "--write"], "leave out --suite"),
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str], message: str) -> None:
    tidings = str(Path(sys.executable).with_name("tidings"))
    done = subprocess.run(
        [tidings, "model", "evaluate", "--split", "behaviour", *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr
