"""The shipped model scores as its manifest says, and a damaged one is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from classifier.evaluate import expected_calibration_error
from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from classifier.manifest import MANIFEST, SHIPPED, read_manifest
from classifier.model import Model
from tidings.errors import ModelError


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(provider="cpu", threads=2)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("text", "sentiment", "topic"),
    [
        ("Bank shares plunge as depositors withdraw money and regulators halt trading", "negative", None),
        ("Chipmaker beats profit estimates and raises its outlook", "positive", None),
        ("Fed leaves interest rates unchanged", "neutral", "Fed | Central Banks"),
        ("Company declares quarterly dividend of $0.22 per share", None, "Dividend"),
        ("$ABCD shares crash 40% after fraud probe", "negative", None),
    ],
)
def test_plain_cases(model: Model, text: str, sentiment: str | None, topic: str | None) -> None:
    (prediction,) = model.predict([text])
    assert sentiment in (None, prediction.sentiment_label)
    assert topic in (None, prediction.topic)
    assert prediction.model_version == model.manifest.version


def test_order_and_batching_do_not_change_scores(model: Model) -> None:
    texts = ["short", "a much longer text about quarterly earnings " * 8, "Oil falls 3%", ""] * 5
    together = model.predict(texts)
    alone = [model.predict([text])[0] for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert one.sentiment == pytest.approx(other.sentiment, abs=1e-4)
        assert one.topic == other.topic
        assert one.p_negative + one.p_neutral + one.p_positive == pytest.approx(1)


def test_no_texts(model: Model) -> None:
    assert model.predict([]) == []


def test_urls_and_white_space_do_not_count(model: Model) -> None:
    plain, noisy = model.predict(
        ["Oil falls on demand fears", "Oil  falls on demand fears\n https://t.co/abc"]
    )
    assert plain.sentiment == pytest.approx(noisy.sentiment, abs=0.05)


NEUTRAL = " ".join(
    f"The company will hold its annual meeting in room {number} on Monday." for number in range(60)
)


def test_a_long_text_is_read_to_its_end_and_its_title_counts_most(model: Model) -> None:
    plain, ending, title = model.predict(
        [
            f"Bank holds annual meeting. {NEUTRAL}",
            f"Bank holds annual meeting. {NEUTRAL} " + "Shares plunge as the bank files for bankruptcy. " * 8,
            f"Bank shares plunge after fraud probe. {NEUTRAL}",
        ]
    )
    assert plain.sentiment_label == "neutral"
    assert ending.p_negative > plain.p_negative + 0.1
    assert title.p_negative > ending.p_negative
    for prediction in (plain, ending, title):
        assert prediction.p_negative + prediction.p_neutral + prediction.p_positive == pytest.approx(1)


def test_long_and_short_texts_keep_their_order(model: Model) -> None:
    long = f"Shares plunge after fraud probe. {NEUTRAL}"
    texts = [
        "Profit soars to a record",
        long,
        "银行股价暴跌",
        "Bank fails",
        long[:1500],
        "Profit soars to a record",
    ]
    sentiment, topic = model.probabilities(texts)
    assert sentiment.sum(axis=1) == pytest.approx(1)
    assert topic.sum(axis=1) == pytest.approx(1)
    for text, prediction, row in zip(texts, model.predict(texts), sentiment, strict=True):
        (alone,) = model.predict([text])
        assert prediction.flag == alone.flag == ("language" if text.startswith("银行") else "")
        assert prediction.sentiment == pytest.approx(alone.sentiment, abs=0.1)
        if not prediction.flag:
            assert prediction.sentiment == pytest.approx(row[2] - row[0], abs=0.1)


@pytest.mark.parametrize(
    "text", ["profit warning " * 700_000, "x" * 10_000_000, "Up. " * 2_500_000, "! " * 5_000_000]
)
def test_any_length_is_scored(model: Model, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("classifier.passages.MOST_PASSAGES", 4)  # scored like 256 of them, in less time
    assert len(model.predict([text])) == 1


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("Die Aktie bricht nach der Gewinnwarnung ein", "language"),
        ("🚀🚀🚀 2.5%", "no_words"),
        ("", "no_words"),
    ],
)
def test_what_cannot_be_read_is_flagged_and_neutral_with_low_confidence(
    model: Model, text: str, flag: str
) -> None:
    (prediction,) = model.predict([text])
    assert (prediction.flag, prediction.sentiment_label) == (flag, "neutral")
    assert (prediction.p_negative, prediction.p_neutral, prediction.p_positive) == (0.25, 0.5, 0.25)
    assert prediction.topic in TOPIC_LABELS
    assert prediction.topic_p < 0.1


def test_manifest_names_the_labels_in_order() -> None:
    record = read_manifest(None).record
    assert tuple(record["labels"]["sentiment"]) == SENTIMENT_LABELS
    assert tuple(record["labels"]["topic"]) == TOPIC_LABELS
    assert record["metrics"], "the shipped manifest carries its figures"


def test_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest.json not found.*classifier.model"):
        Model.load(tmp_path / "nowhere")


@pytest.mark.parametrize("file", ["model.int8.onnx", "tokenizer.json"])
def test_wrong_checksum_is_refused(copy: Path, file: str) -> None:
    with (copy / file).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(ModelError, match="wrong sha256"):
        Model.load(copy, "cpu")


def test_missing_file_is_named(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer.json is missing"):
        Model.load(copy, "cpu")


def test_other_labels_are_refused(copy: Path) -> None:
    record = json.loads((copy / MANIFEST).read_text())
    record["labels"]["sentiment"].reverse()
    (copy / MANIFEST).write_text(json.dumps(record))
    with pytest.raises(ModelError, match="labels are not those"):
        Model.load(copy, "cpu")


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"name": 1}'])
def test_damaged_manifest_is_refused(copy: Path, damage: str) -> None:
    (copy / MANIFEST).write_text(damage)
    with pytest.raises(ModelError, match="damaged manifest"):
        Model.load(copy, "cpu")


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    if Model.load(provider="auto").provider.startswith("CUDA"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match="no working GPU"):
        Model.load(provider="cuda")


def test_a_gpu_that_cannot_be_used_leaves_all_cores_scoring(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if Model.load(provider="auto").provider.startswith("CUDA"):
        pytest.skip("this machine has a GPU")
    monkeypatch.setattr("classifier.model._has_gpu", lambda: True)  # a driver without the CUDA libraries
    found = Model.load(provider="auto", threads=2)
    assert found.provider == "CPUExecutionProvider"
    assert found._workers._max_workers == 2
    assert "onnxruntime cannot use it" in caplog.text


def test_calibration_error_of_known_values() -> None:
    probabilities = np.array([[0.8, 0.2]] * 10)
    assert expected_calibration_error(probabilities, np.array([0] * 8 + [1] * 2)) == pytest.approx(0)
    assert expected_calibration_error(probabilities, np.array([1] * 10)) == pytest.approx(0.8)
