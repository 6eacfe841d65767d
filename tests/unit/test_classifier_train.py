"""Training on a few rows: it resumes where it stopped and gives a model that loads (make test-train)."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from classifier.data import UNLABELLED, Example, read_train, split_dev
from classifier.labels import TOPIC_LABELS
from tests.labelled import write_labelled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = {
        "negative": "plunge and default",
        "neutral": "hold a meeting",
        "positive": "soar on record profit",
    }
    labels = list(words)
    rows = [("tfns", "train", f"Firm {i} shares {words[labels[i % 3]]}", labels[i % 3]) for i in range(60)]
    rows.append(("fpb", "75", "Never trained on", "neutral"))
    rows.append(("tfns", "valid", "Never trained on either", "neutral"))
    topics = [TOPIC_LABELS[i % len(TOPIC_LABELS)] for i in range(40)]
    return write_labelled(tmp_path, rows, [(f"News {i} of {topic}", topic) for i, topic in enumerate(topics)])


def test_only_mit_training_rows_are_read(folder: Path) -> None:
    rows = read_train(folder)
    assert len(rows) == 100
    assert not any("Never" in row.text for row in rows)


def test_dev_split_keeps_groups_together(folder: Path) -> None:
    rows = read_train(folder) * 2
    train, dev = split_dev(rows, 20)
    assert dev
    assert len(train) + len(dev) == len(rows)
    assert not {row.group for row in train} & {row.group for row in dev}


@pytest.mark.train
def test_rare_classes_weigh_more_and_the_mean_row_weighs_one(folder: Path) -> None:
    from classifier.train import class_weights

    labels = [0] * 80 + [1] * 16 + [2] * 4
    rows = [Example(str(i), label, UNLABELLED, str(i), "tfns") for i, label in enumerate(labels)]
    alike, half, each = (class_weights(rows, "sentiment", balance) for balance in (0.0, 0.5, 1.0))
    assert alike.tolist() == pytest.approx([1, 1, 1])
    assert float(half[2] / half[0]) == pytest.approx(20**0.5)
    assert float(each[2] * 4) == pytest.approx(float(each[0] * 80))
    assert sum(float(half[label]) for label in labels) == pytest.approx(100)


@pytest.mark.train
def test_a_narrower_network_keeps_what_its_wide_one_said(folder: Path, tmp_path: Path) -> None:
    import torch

    from classifier.fit import Encoder, logits_of
    from classifier.prune import keep_layers, keep_width
    from classifier.weights import load_start

    start = load_start(None)
    network, texts = start.network, [row.text for row in read_train(folder)]
    encoder = Encoder(start.tokenizer, 96, "cpu")
    width = network.encoder.config.intermediate_size
    with torch.no_grad():  # a quarter of each part's neurons says nothing
        for layer in network.encoder.encoder.layer:
            layer.output.dense.weight[:, ::4] = 0.0
    before = logits_of(network, encoder, texts)
    keep_width(network, encoder, texts, width * 3 // 4)
    assert network.encoder.config.intermediate_size == width * 3 // 4
    assert logits_of(network, encoder, texts) == pytest.approx(before, abs=1e-4)
    keep_layers(network.encoder, 4)
    assert len(network.encoder.encoder.layer) == network.encoder.config.num_hidden_layers == 4


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own future
def test_a_run_goes_on_from_another_run_with_a_teacher_and_streams(folder: Path, tmp_path: Path) -> None:
    from classifier.export import export
    from classifier.model import Model
    from classifier.train import TrainSettings, train

    with gzip.open(folder / "posts.csv.gz", "wt", encoding="utf-8") as stream:
        stream.write("text,lang\n")
        stream.writelines(f"$ABC is a stock that people post about {i},en\n" for i in range(20))
        stream.writelines(f"$ABC es una empresa de la que se habla {i},es\n" for i in range(20))
    first, second = tmp_path / "first", tmp_path / "second"
    train(folder, first, TrainSettings(epochs=1, batch_size=16))
    settings = TrainSettings(
        start=str(first), teachers=(str(first),), streams=("posts.csv.gz",), unlabelled=30, width=512,
        epochs=1, batch_size=16, balance=0.5,
    )  # fmt: skip
    train(folder, second, settings)
    record = json.loads((second / "training.json").read_text())
    assert record["rows"]["synthetic_and_unlabelled"] == 20  # English only
    assert len(np.load(second / "soft_targets.npy")) == record["rows"]["train"] + 20
    assert not record["open"]
    assert "posts.csv.gz (licence not known)" in record["licence"]
    model = Model.load(export(second, tmp_path / "model", "narrow"), "cpu")
    texts = ["shares plunge", "hold a meeting about everything that was said last year"]
    together, alone = model.predict(texts), [model.predict([text])[0] for text in texts]
    assert [one.sentiment for one in together] == pytest.approx([one.sentiment for one in alone], abs=1e-4)
    assert "local use only" in (tmp_path / "model" / "manifest.json").read_text()


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own future
def test_train_export_load(folder: Path, tmp_path: Path) -> None:
    from classifier.export import export
    from classifier.model import Model
    from classifier.train import TrainSettings, train

    run = tmp_path / "run"
    train(folder, run, TrainSettings(epochs=1, batch_size=8, checkpoint_steps=4))
    first = (run / "training.json").read_text()
    train(folder, run, TrainSettings(epochs=1, batch_size=8, checkpoint_steps=4))  # resumes at the end
    assert (run / "training.json").read_text() == first
    model = Model.load(export(run, tmp_path / "model", "tiny", fp16=True), "cpu")
    assert len(model.predict(["shares plunge"])) == 1
