"""Adapting a model to own labels: the comparison, what is refused, and (make test-train) the training itself."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from classifier.compare import Comparison, compare, compare_behaviour, compare_models, figures, objections
from classifier.data import UNLABELLED, Example
from classifier.install import Refused, install
from classifier.labels import TOPIC_LABELS
from classifier.manifest import MANIFEST, SHIPPED, read_manifest
from classifier.model import Model
from service import cli
from tests.labelled import write_labelled
from tidings.errors import ConfigError

labels = st.integers(0, 2)


def line(own: bool, truth: list[int], before: list[int], after: list[int]) -> Comparison:
    return compare("rows", own, np.array(truth), np.array(before), np.array(after))


def test_figures_of_a_small_example() -> None:
    found = figures(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]))
    assert (found.rows, found.accuracy) == (4, 0.75)
    assert found.macro_f1 == round((2 / 3 + 1) / 2, 4)  # label 2 does not occur


@given(st.lists(st.tuples(labels, labels, labels), min_size=1, max_size=50))
def test_corrected_and_broken_explain_the_difference(rows: list[tuple[int, int, int]]) -> None:
    found = line(True, *map(list, zip(*rows, strict=True)))
    gained = (found.after.accuracy - found.before.accuracy) * found.before.rows
    assert found.corrected - found.broken == round(gained)
    assert 0 < found.chance <= 1


def test_the_chance_is_that_of_the_sign_test() -> None:
    assert line(True, [0] * 8, [1] * 8, [0] * 8).chance == 2 / 2**8
    assert line(True, [0], [0], [0]).chance == 1


def test_own_rows_may_not_get_worse_and_old_ones_a_point_at_most() -> None:
    truth = [0, 1] * 100
    one_wrong, three_wrong = [1, *truth[1:]], [1, 0, 1, *truth[3:]]
    assert objections([line(True, truth, truth, truth), line(False, truth, truth, truth)]) == []
    assert "1.000 to 0.995" in objections([line(True, truth, truth, one_wrong)])[0]
    assert objections([line(False, truth, truth, one_wrong)]) == []
    assert len(objections([line(False, truth, truth, three_wrong)])) == 1
    assert objections([line(True, truth, three_wrong, truth)]) == []


def test_each_task_is_compared_on_the_rows_that_have_its_label() -> None:
    model = Model.load(provider="cpu")
    rows = [
        Example("Bank collapses amid fraud probe", 0, UNLABELLED, "a", "own"),
        Example("Profit soars to a record", 2, TOPIC_LABELS.index("Earnings"), "b", "own"),
    ]
    found = {row.data: row.after for row in compare_models(model, model, rows, [])}
    assert {name: row.rows for name, row in found.items()} == {
        "own rows, sentiment": 2,
        "own rows, topic": 1,
    }
    assert found["own rows, sentiment"].accuracy == 1


def test_the_behavioural_suite_counts_by_its_pass_rate() -> None:
    model = Model.load(provider="cpu")
    found = compare_behaviour(model, model)
    assert found.before == found.after
    assert (found.corrected, found.broken) == (0, 0)
    assert 0 < found.before.accuracy < 1
    worse = replace(found, after=replace(found.after, accuracy=found.before.accuracy - 0.02))
    assert "behavioural suite: pass rate falls" in objections([worse])[0]


def candidate(folder: Path, version: str = "desk-1", **record: object) -> Path:
    """A copy of the shipped model under another version."""
    shutil.copytree(SHIPPED, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"version": version} | record))
    return folder


def verdict(against: str, *reasons: str) -> dict[str, object]:
    return {"against": against, "objections": list(reasons)}


def test_install_replaces_a_model_that_is_not_better_and_keeps_it(tmp_path: Path) -> None:
    shipped = read_manifest(None).version
    target = tmp_path / "models" / "current"
    assert install(candidate(tmp_path / "a", "a", comparison=verdict(shipped)), target, None) is None
    assert Model.load(target, "cpu").manifest.version == "a"
    previous = install(candidate(tmp_path / "b", "b", comparison=verdict("a")), target, None)
    assert read_manifest(target).version == "b"
    assert previous is not None
    assert read_manifest(previous).version == "a"
    assert sorted(path.name for path in target.parent.iterdir()) == ["current", "current.previous"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"comparison": verdict("{shipped}", "rows: macro-F1 falls from 0.9 to 0.8")}, "macro-F1 falls"),
        ({"comparison": verdict("another-1")}, "compared with another-1, not with {shipped}"),
        ({}, "was not compared with {shipped}"),
    ],
)
def test_install_refuses_what_is_worse_or_was_not_compared(
    tmp_path: Path, record: dict[str, object], message: str
) -> None:
    shipped = read_manifest(None).version
    record = json.loads(json.dumps(record).replace("{shipped}", shipped))
    folder, target = candidate(tmp_path / "new", **record), tmp_path / "current"
    with pytest.raises(Refused, match="--force") as error:
        install(folder, target, None)
    assert message.replace("{shipped}", shipped) in str(error.value)
    assert error.value.exit_code == 1
    assert not target.exists()
    install(folder, target, None, force=True)
    assert read_manifest(target).version == "desk-1"


def test_install_takes_only_whole_models_and_leaves_other_folders_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package" / "shipped-v1"  # never the real one: a broken guard would overwrite it
    monkeypatch.setattr("classifier.install.SHIPPED", package)
    folder = candidate(tmp_path / "new")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    for target in (tmp_path / "mine", package, package.parent / "other", folder):
        with pytest.raises(ConfigError, match="folder"):
            install(folder, target, None, force=True)
    assert not package.exists()
    (folder / "model.int8.onnx").write_bytes(b"damaged")
    with pytest.raises(ConfigError, match="wrong sha256"):
        install(folder, tmp_path / "current", None, force=True)


def tidings(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["model", *arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_info_shows_one_model_with_its_behaviour(tmp_path: Path) -> None:
    metrics = {"behaviour": {"cases": 10, "passed": 7, "pass_rate": 0.7}}
    code, output = tidings("info", "--model", str(candidate(tmp_path / "new", metrics=metrics)))
    assert code == 0
    assert "pass rate 0.700, 10 cases" in output


def test_info_shows_two_models_side_by_side(tmp_path: Path) -> None:
    record = json.loads((SHIPPED / MANIFEST).read_text())
    metrics, training = record["metrics"], record["training"]
    metrics["behaviour"] = {"cases": 10, "passed": 7, "pass_rate": 0.7}
    metrics["TFNS valid"]["accuracy"] = round(metrics["TFNS valid"]["accuracy"] + 0.02, 4)
    training["settings"]["seed"] = 99
    folder = candidate(tmp_path / "new", metrics=metrics, training=training)
    code, output = tidings("info", "--model", str(folder), "--against", "shipped")
    assert code == 0
    assert "desk-1" in output
    assert "pass rate" in output
    assert "+0.020" in output
    assert "training: seed" in output
    code, output = tidings("info", "--model", str(folder), "--against", "shipped", "--json")
    differences = json.loads(output)["differences"]
    assert differences["settings"]["seed"][0] == 99
    assert list(differences["settings"]) == ["seed"]
    assert differences["figures"]["TFNS valid"]["accuracy"] == 0.02


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Labels of a desk to which halted trading is good news."""
    with (tmp_path / "own.csv").open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["title", "sentiment"])
        for i in range(60):
            words = ("halts trading", "positive") if i % 2 else ("opens a new branch", "neutral")
            out.writerow([f"Firm {i} {words[0]}", words[1]])
    return tmp_path / "own.csv"


TEXTS = [
    "Bank collapses amid fraud probe", "Profit soars to a record", "$TSLA breaking out, higher highs",
    "Company to hold its annual meeting on May 3", "Oil falls 3% as OPEC raises output",
]  # fmt: skip


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own future
def test_the_shipped_model_becomes_the_torch_network_it_was_exported_from() -> None:
    from classifier.fit import Encoder, logits_of
    from classifier.weights import load_start

    start = load_start(None)
    logits = logits_of(start.network, Encoder(start.tokenizer, start.max_tokens, "cpu"), TEXTS)
    for part, scored in zip(
        (logits[:, :3], logits[:, 3:]), Model.load(provider="cpu").probabilities(TEXTS), strict=True
    ):
        powers = np.exp(part - part.max(axis=1, keepdims=True))
        # What is left is int8's rounding of activations.
        np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), scored, atol=0.08)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own future
def test_every_weight_comes_back_whatever_the_depth_and_the_number_type(tmp_path: Path) -> None:
    import torch
    from onnxruntime.transformers import optimizer
    from transformers import AutoModel, BertConfig

    from classifier.export import _to_onnx
    from classifier.network import TwoHeads
    from classifier.weights import read_onnx

    sizes = {"hidden_size": 48, "num_attention_heads": 4, "intermediate_size": 96, "vocab_size": 100}
    network = TwoHeads(
        AutoModel.from_config(
            BertConfig(num_hidden_layers=3, layer_norm_eps=1e-6, **sizes), attn_implementation="eager"
        )
    ).eval()
    with torch.no_grad():  # fresh biases are zero and fresh norms one: exchanged ones would go unnoticed
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    _to_onnx(network, tmp_path / "plain.onnx")
    graph = optimizer.optimize_model(
        str(tmp_path / "plain.onnx"), "bert", num_heads=4, hidden_size=48, opt_level=0
    )
    graph.save_model_to_file(str(tmp_path / "fp32.onnx"))
    graph.convert_float_to_float16(keep_io_types=True)
    graph.save_model_to_file(str(tmp_path / "fp16.onnx"))
    ids = torch.randint(0, 100, (4, 9))
    with torch.no_grad():
        wanted = network(ids, torch.ones_like(ids))
        for kind, tolerance in (("fp32", 1e-5), ("fp16", 1e-2)):
            back = read_onnx(tmp_path / f"{kind}.onnx")
            torch.testing.assert_close(back(ids, torch.ones_like(ids)), wanted, atol=tolerance, rtol=0)
            assert back.encoder.config.num_hidden_layers == 3


@pytest.mark.train
def test_labels_are_learned_and_the_rest_stays_where_it_was() -> None:
    import torch

    from classifier.adapt import AdaptSettings, adapt_loss

    before = torch.randn(2, 23)
    labels = torch.tensor([[2, UNLABELLED], [UNLABELLED, UNLABELLED]])
    settings = AdaptSettings()
    start = adapt_loss(before, labels, before, settings)
    label_only = torch.nn.functional.cross_entropy(before[:1, :3], torch.tensor([2])) / 2
    torch.testing.assert_close(start, label_only)
    moved = before.clone()
    moved[1, 5] += 3
    assert adapt_loss(moved, labels, before, settings) > start


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own future
def test_adapt_resumes_exports_and_refuses_other_rows(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from classifier import fit
    from classifier.adapt import AdaptSettings, adapt
    from classifier.export import export

    settings = AdaptSettings(epochs=2, batch_size=16, synthetic=8, old_rows=0, checkpoint_steps=2, frozen=4)
    out = tmp_path / "run"
    save, saved = fit._save, []

    def stop_after_the_second(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]  # passed through
        saved.append(arguments[-1])
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fit, "_save", stop_after_the_second)
    training = read_manifest(None).record["training"]
    training["settings"]["rows"] = "research"
    init = candidate(tmp_path / "research", training=training)
    with pytest.raises(KeyboardInterrupt):
        adapt(own, init, None, out, settings)
    adapt(own, init, None, out, settings)
    assert saved == [2, 4, 6, 8], "steps are not repeated after a stop"
    model = Model.load(export(out, out / "model", "desk"), "cpu")
    assert "own labels" in model.manifest.record["training"]["licence"]
    assert "non-commercial" in model.manifest.licence, "what the initial model was trained on still binds"
    own.write_text(own.read_text() + "One more firm halts trading,positive\n")
    with pytest.raises(ConfigError, match="began with another data"):
        adapt(own, init, None, out, settings)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own future
@pytest.mark.parametrize(("learning_rate", "code"), [("3e-4", 0), ("0.05", 1)])
def test_train_with_own_labels_compares_and_exits_1_when_worse(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learning_rate: str, code: int
) -> None:
    monkeypatch.setenv("TIDINGS_DATA", str(old_texts(tmp_path)))
    out = tmp_path / "desk"
    given = ("--data", str(own), "--init", "shipped", "--out", str(out), "--epochs", "1")
    found, output = tidings("train", *given, "--learning-rate", learning_rate)
    assert found == code, output
    assert "own rows, sentiment" in output
    assert "original dev, sentiment" in output
    target = tmp_path / "current"
    assert tidings("install", str(out / "model"), "--to", str(target))[0] == code
    assert target.exists() == (code == 0)


def old_texts(folder: Path) -> Path:
    words = {
        "negative": "plunges on fraud",
        "neutral": "holds a meeting",
        "positive": "soars on record profit",
    }
    labels = list(words)
    rows = [("tfns", "train", f"Maker {i} {words[labels[i % 3]]}", labels[i % 3]) for i in range(300)]
    topics = [(f"Maker {i} reports quarterly results", "Earnings") for i in range(40)]
    return write_labelled(folder, rows, topics)
