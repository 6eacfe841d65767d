"""Training on a few rows: it resumes where it stopped and gives a model that loads (make test-train)."""

from pathlib import Path

import pytest

from classifier.data import read_train, split_dev
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
