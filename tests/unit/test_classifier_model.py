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
        # int8 activations are scaled per batch, so the last digits may move.
        assert one.sentiment == pytest.approx(other.sentiment, abs=0.1)
        assert one.p_negative + one.p_neutral + one.p_positive == pytest.approx(1)


def test_no_texts(model: Model) -> None:
    assert model.predict([]) == []


def test_urls_and_white_space_do_not_count(model: Model) -> None:
    plain, noisy = model.predict(
        ["Oil falls on demand fears", "Oil  falls on demand fears\n https://t.co/abc"]
    )
    assert plain.sentiment == pytest.approx(noisy.sentiment, abs=0.05)


def test_a_long_text_is_truncated_not_refused(model: Model) -> None:
    assert len(model.predict(["profit warning " * 50_000])) == 1


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


def test_calibration_error_of_known_values() -> None:
    probabilities = np.array([[0.8, 0.2]] * 10)
    assert expected_calibration_error(probabilities, np.array([0] * 8 + [1] * 2)) == pytest.approx(0)
    assert expected_calibration_error(probabilities, np.array([1] * 10)) == pytest.approx(0.8)
