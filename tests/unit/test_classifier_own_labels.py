"""A user's own labels: what is read, what is refused and how, and which rows are kept for the comparison."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.data import UNLABELLED, Example
from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from classifier.own_labels import MIN_LABELLED, group_of, read_own, split_held_out
from tidings.errors import ConfigError

FILLING = [{"title": f"Firm {i} meets", "sentiment": "neutral"} for i in range(MIN_LABELLED)]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as stream:
        if ".csv" in path.suffixes:
            out = csv.DictWriter(stream, list(dict.fromkeys(key for row in rows for key in row)))
            out.writeheader()
            out.writerows(rows)
        else:
            stream.writelines(json.dumps(row) + "\n" for row in rows)
    return path


@pytest.mark.parametrize("name", ["own.csv", "own.csv.gz", "own.jsonl", "own.jsonl.gz"])
def test_labels_of_both_tasks_are_read_and_cells_may_be_empty(tmp_path: Path, name: str) -> None:
    rows = [
        {"title": "Bank fails", "text": "", "sentiment": " Negative", "topic": "financials"},
        {"title": "", "text": "Rates stay &amp; hold", "sentiment": "", "topic": "Fed | Central Banks"},
        {"title": "No label yet", "text": "", "sentiment": "", "topic": ""},
        *FILLING,
    ]
    first, second, third, *_ = read_own(write(tmp_path / name, rows))
    assert (first.text, first.sentiment, first.topic) == ("Bank fails", 0, TOPIC_LABELS.index("Financials"))
    assert (second.text, second.sentiment, second.topic) == ("Rates stay & hold", UNLABELLED, 1)
    assert (third.sentiment, third.topic) == (UNLABELLED, UNLABELLED)


def test_a_file_of_tidings_score_can_be_corrected_and_used(tmp_path: Path) -> None:
    rows = [{"title": "Bank fails", "sentiment": -0.97, "sentiment_label": "negative"}, *FILLING]
    for name in ("scored.csv", "scored.jsonl"):
        assert read_own(write(tmp_path / name, rows[:1] + [
            {"title": row["title"], "sentiment": 0.1, "sentiment_label": "neutral"} for row in FILLING
        ]))[0].sentiment == SENTIMENT_LABELS.index("negative")  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "title,sentiment\nX fails,negativ\n",
            "line 2: sentiment: unknown label 'negativ'; did you mean 'negative'?",
        ),
        (
            "title,sentiment\nX fails,-1\n",
            "line 2: sentiment: unknown label '-1'; one of: negative, neutral, ",
        ),
        ("title,topic\nX fails,Bnaks\n", "line 2: topic: unknown label 'Bnaks'; "),
        (
            "title,topic\nOil up,energy oil\n",
            "line 2: topic: unknown label 'energy oil'; did you mean 'Energy | Oil'",
        ),
        ("title,label\nX fails,negative\n", "line 1: no column sentiment or sentiment_label or topic"),
        ("headline,sentiment\nX fails,negative\n", "line 1: no column title or text"),
        ("", "line 1: no column title or text (there are: none)"),
        ("title,sentiment\nX fails, again,negative\n", "line 2: 3 columns, the header has 2"),
        ("title,sentiment\nhttps://a.example,negative\n", "line 2: title and text hold no words"),
        (
            "title,sentiment\nX fails,negative\n\nX FAILS!,neutral\n",
            "line 4: sentiment: the text of line 2 again",
        ),
        ("title,sentiment\nX fails,negative\n", f"1 labelled rows; at least {MIN_LABELLED} are needed"),
    ],
)
def test_a_bad_file_is_one_line_with_the_place_and_the_fix(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(content)
    with pytest.raises(ConfigError) as error:
        read_own(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "line 1: not a JSON object"),
        ("{", "line 1: not a JSON object"),
        ('{"title": "x", "sentiment": -1}', "line 1: sentiment must be a text, not -1"),
        ('{"title": ["x"], "sentiment": "neutral"}', "line 1: title must be a text"),
    ],
)
def test_a_bad_json_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(ConfigError, match=message.replace("[", r"\[")):
        read_own(path)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("own.txt", b"x", "not a .csv or .jsonl file"),
        ("own.csv", b"title,topic\n\xff\xfe,x\n", "not UTF-8"),
        ("own.csv.gz", b"not packed", "cannot be read"),
        ("own.csv", None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, data: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigError, match=message) as error:
        read_own(path)
    assert str(path) in str(error.value)


examples = st.builds(
    lambda text, sentiment, topic: Example(text, sentiment, topic, group_of(text), "own"),
    st.text("abcde ", min_size=1, max_size=5),
    st.sampled_from([UNLABELLED, 0, 1, 2]),
    st.sampled_from([UNLABELLED, 0, 7]),
)


@given(st.lists(examples, max_size=60))
def test_no_text_is_on_both_sides_and_each_label_is_held_out(rows: list[Example]) -> None:
    train, held = split_held_out(rows, 15)
    assert not {row.group for row in train} & {row.group for row in held}
    assert all((row.sentiment, row.topic) != (UNLABELLED, UNLABELLED) for row in held)
    for task in ("sentiment", "topic"):
        for label in {getattr(row, task) for row in rows} - {UNLABELLED}:
            if len({row.group for row in rows if getattr(row, task) == label}) > 1:
                assert any(getattr(row, task) == label for row in held)


def test_the_held_out_share_is_kept_and_does_not_depend_on_the_order() -> None:
    rows = [Example(f"text {i}", i % 3, UNLABELLED, f"text {i}", "own") for i in range(600)]
    train, held = split_held_out(rows, 15)
    assert len(held) == 90
    assert len(train) == 510
    assert {row.text for row in split_held_out(rows[::-1], 15)[1]} == {row.text for row in held}
