"""Adapting a model to a user's own labels without forgetting what it knew. Reads from top to bottom.

One rule: where a row has a label of the user's, learn it; everywhere else stay close to what the initial
model said (Li & Hoiem 2016, Learning without Forgetting: its own outputs as soft targets). "Everywhere else" is
the task a row has no label for, sentences made from templates, and a sample of the original training texts where
they are at hand (rehearsal). A part of the user's rows is held out; a stopped run goes on where it stopped.
"""

import json
import random
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from classifier.data import SENTIMENT_FILE, TOPIC_FILE, UNLABELLED, read_train, split_dev
from classifier.fit import Encoder, FitSettings, distance, find_device, fit, keep_sample, logits_of
from classifier.labels import HEADS
from classifier.manifest import sha256
from classifier.own_labels import read_own, split_held_out
from classifier.synthetic import synthetic
from classifier.train import temperatures
from classifier.weights import Start, load_start
from tidings import __version__
from tidings.errors import ConfigError

PLAN = "plan.json"


@dataclass(frozen=True, kw_only=True)
class AdaptSettings(FitSettings):
    """What decides the adapted weights, besides the rows and the initial model."""

    epochs: int = 3
    learning_rate: float = 1e-4
    layer_decay: float = 0.9
    frozen: int = 2  # the words and the lowest layers hold for any label, and training is faster without them
    held_out_percent: int = 15
    dev_percent: int = 5  # of the original training rows: their development split, left out here too
    old_rows: int = 1500  # sample of the other original training rows
    synthetic: int = 500  # sentences from templates
    keep: float = 1.0  # weight of staying close to the initial model
    softness: float = 2.0  # temperature of its outputs as soft targets


def adapt(own: Path, init: Path | None, old: Path | None, out: Path, settings: AdaptSettings) -> Path:
    """Trains the model at `init` (None: the shipped one) on the rows of `own`; `old` is the folder with the
    original texts, or None. Returns `out`, a run folder as `tidings model export` takes it."""
    rows = read_own(own)
    start = load_start(init)
    settings = replace(settings, max_tokens=start.max_tokens)
    plan = _plan(own, start, old, settings)
    _hold_to(plan, out)
    torch.manual_seed(settings.seed)

    learned, held_out = split_held_out(rows, settings.held_out_percent)
    others, dev = split_dev(read_train(old), settings.dev_percent) if old else ([], [])
    rng = random.Random(settings.seed)  # noqa: S311  # a sample, not a secret
    kept = rng.sample(others, min(settings.old_rows, len(others)))
    kept += synthetic(settings.synthetic, settings.seed)
    rows = [*learned, *(replace(row, sentiment=UNLABELLED, topic=UNLABELLED) for row in kept)]
    texts = [row.text for row in rows]
    labels = torch.tensor([[row.sentiment, row.topic] for row in rows])

    device = find_device()
    encoder = Encoder(start.tokenizer, settings.max_tokens, device)
    model = start.network.to(device)
    before = torch.from_numpy(logits_of(model, encoder, texts, settings.precision))

    def loss_of(logits: torch.Tensor, batch: list[int]) -> torch.Tensor:
        return adapt_loss(logits, labels[batch].to(device), before[batch].to(device), settings)

    start.tokenizer.save_pretrained(out / "tokenizer")
    model.encoder.config.save_pretrained(out / "encoder_config")
    keep_sample(out, texts)
    fit(model, encoder, texts, loss_of, out, settings)

    if dev:
        after = logits_of(model, encoder, [row.text for row in dev], settings.precision)
    record = plan | {
        # Which rows the initial model knew decides the licence of the weights: it is passed on.
        "settings": plan["settings"] | {"rows": start.training["settings"].get("rows", "mit")},
        "rows": {"own": len(learned), "own held out": len(held_out), "kept": len(kept)},
        "temperature": temperatures(dev, after) if dev else start.temperature,
        "open": start.training.get("open", start.training["settings"].get("rows", "mit") == "mit"),
        "licence": f"own labels, on top of {start.version} ({start.training.get('licence', 'licence unknown')})",
    }
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return out


def adapt_loss(
    logits: torch.Tensor, labels: torch.Tensor, before: torch.Tensor, settings: AdaptSettings
) -> torch.Tensor:
    """Mean over the batch: cross-entropy where a label is known, else the distance from the initial model.

    `logits` and `before` have shape (batch, 3 + 20), `labels` (batch, 2) with UNLABELLED where there is none.
    """
    total = logits.new_zeros(())
    for head, part in enumerate(HEADS.values()):
        target = labels[:, head]
        hard = cross_entropy(logits[:, part], target, ignore_index=UNLABELLED, reduction="none")
        away = distance(logits[:, part], before[:, part], settings.softness)
        total = total + torch.where(target == UNLABELLED, settings.keep * away, hard).mean()
    return total


def _plan(own: Path, start: Start, old: Path | None, settings: AdaptSettings) -> dict[str, Any]:
    files = [own, *([old / SENTIMENT_FILE, old / TOPIC_FILE] if old else [])]
    return {
        "tidings": __version__,
        "torch": torch.__version__,
        "init": start.version,
        "settings": asdict(settings),
        "data": {path.name: sha256(path) for path in files},
    }


def _hold_to(plan: dict[str, Any], out: Path) -> None:
    """A run folder goes on only with the rows, the initial model and the settings it began with."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / PLAN
    if not path.is_file():
        if (out / "checkpoint.pt").is_file():
            raise ConfigError(f"{out}: holds another training run; give --out another folder")
        path.write_text(json.dumps(plan, indent=2) + "\n", encoding="utf-8")
        return
    begun = json.loads(path.read_text(encoding="utf-8"))
    differ = [key for key in plan if key != "tidings" and begun.get(key) != plan[key]]
    if differ:
        raise ConfigError(
            f"{out}: its run began with another {', '.join(differ)};"
            " give --out another folder, or delete this one"
        )
