"""Training on a few rows: it resumes where it stopped and gives a model that loads (make test-train)."""

import csv
from pathlib import Path

import pytest

from classifier.data import SENTIMENT_FILE, TOPIC_FILE, read_train, split_dev
from classifier.labels import TOPIC_LABELS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Labelled texts of our own, in the columns of the real files."""
    words = {
        "negative": "plunge and default",
        "neutral": "hold a meeting",
        "positive": "soar on record profit",
    }
    with (tmp_path / SENTIMENT_FILE).open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["source", "split", "text", "label", "licence_class", "group"])
        for i in range(60):
            label = list(words)[i % 3]
            out.writerow(["tfns", "train", f"Firm {i} shares {words[label]}", label, "mit", f"s{i}"])
        out.writerow(["fpb", "75", "Never trained on", "neutral", "nc", "f1"])
        out.writerow(["tfns", "valid", "Never trained on either", "neutral", "mit", "v1"])
    with (tmp_path / TOPIC_FILE).open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["split", "text", "topic_id", "topic", "group", "valid_leaks_train"])
        for i in range(40):
            topic = i % len(TOPIC_LABELS)
            out.writerow(
                ["train", f"News {i} of {TOPIC_LABELS[topic]}", topic, TOPIC_LABELS[topic], f"t{i}", 0]
            )
    return tmp_path


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
