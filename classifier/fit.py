"""The training loop, the same for a new model and for one that is adapted: batches, steps, checkpoints."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.nn.functional import kl_div, log_softmax, softmax
from transformers import get_linear_schedule_with_warmup

from classifier.network import TwoHeads
from tidings.text import spell_out

CALIBRATION = "calibration.json"  # in a run folder: a list of texts
CALIBRATION_TEXTS = 2_000


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What decides the steps, whatever the rows."""

    epochs: int = 2
    batch_size: int = 32
    learning_rate: float = 1e-4
    layer_decay: float = 1.0  # each layer below the heads learns at this factor of the one above
    warmup_share: float = 0.06
    weight_decay: float = 0.01
    max_tokens: int = 96
    seed: int = 7
    precision: str = "fp32"  # "bf16": about 1.6 times faster on CPUs and GPUs that have it
    frozen: int = 0  # leave the embeddings and so many of the lowest layers as they are
    checkpoint_steps: int = 200


@dataclass(frozen=True)
class Encoder:
    """Texts to token ids, and those to padded tensors on `device`."""

    tokenizer: Any
    max_tokens: int
    device: str

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, spelled out as in scoring, cut to `max_tokens`."""
        spelled = [spell_out(text) for text in texts]
        ids: list[list[int]] = self.tokenizer(spelled, truncation=True, max_length=self.max_tokens)[
            "input_ids"
        ]
        return ids

    def tensors(self, ids: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, both of shape (texts, longest)."""
        width, pad = max(map(len, ids)), self.tokenizer.pad_token_id
        padded = [row + [pad] * (width - len(row)) for row in ids]
        mask = [[1] * len(row) + [0] * (width - len(row)) for row in ids]
        return torch.tensor(padded, device=self.device), torch.tensor(mask, device=self.device)


def find_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def fit(
    model: TwoHeads,
    encoder: Encoder,
    texts: Sequence[str],
    loss_of: Callable[[torch.Tensor, list[int]], torch.Tensor],
    out: Path,
    settings: FitSettings,
    change: Callable[[str, random.Random], str] | None = None,
) -> None:
    """Trains `model` in place. `loss_of` takes logits (batch, 23) and the positions of the batch's texts.

    `change` varies a text each time it is seen. Checkpoints go to out/checkpoint.pt; a stopped run goes on there.
    """
    if settings.frozen:
        for name, parameter in model.named_parameters():
            parameter.requires_grad = model.depth_of(name) > settings.frozen
    lengths = [len(ids) for ids in encoder.ids(texts)]
    steps_per_epoch = -(-len(texts) // settings.batch_size)
    steps = steps_per_epoch * settings.epochs
    optimiser = torch.optim.AdamW(_groups(model, settings), lr=settings.learning_rate)
    schedule = get_linear_schedule_with_warmup(optimiser, int(settings.warmup_share * steps), steps)
    done = _resume(out, model, optimiser, schedule)

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=steps, completed=done)
        model.train()
        for epoch in range(done // steps_per_epoch, settings.epochs):
            for index, batch in enumerate(_batches(lengths, settings, epoch)):
                step = epoch * steps_per_epoch + index
                if step < done:
                    continue
                rng = random.Random(settings.seed * 10**6 + step)  # noqa: S311  # noise, not a secret
                chosen = [change(texts[i], rng) if change else texts[i] for i in batch]
                with torch.autocast(encoder.device, torch.bfloat16, enabled=settings.precision == "bf16"):
                    logits = model(*encoder.tensors(encoder.ids(chosen))).float()
                loss = loss_of(logits, batch)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad()
                progress.update(bar, advance=1, description=f"epoch {epoch + 1} loss {loss.item():.3f}")
                if (step + 1) % settings.checkpoint_steps == 0 or step + 1 == steps:
                    _save(out, model, optimiser, schedule, step + 1)
                    print(f"step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)


def keep_sample(out: Path, texts: Sequence[str]) -> None:
    """Leaves some of the training texts in the run folder: export calibrates the int8 file on them."""
    chosen = random.Random(5).sample(texts, min(len(texts), CALIBRATION_TEXTS))  # noqa: S311  # a sample, not a secret
    (out / CALIBRATION).write_text(json.dumps(chosen), encoding="utf-8")


def distance(logits: torch.Tensor, goal: torch.Tensor, softness: float) -> torch.Tensor:
    """How far logits are from soft targets, of shape (batch,), both at temperature `softness` (Hinton et al. 2015).

    Scaled by its square, so that the gradient does not shrink with it.
    """
    divergence = kl_div(log_softmax(logits / softness, -1), softmax(goal / softness, -1), reduction="none")
    return softness * softness * divergence.sum(-1)


def logits_of(model: TwoHeads, encoder: Encoder, texts: Sequence[str], precision: str = "fp32") -> Any:
    """Logits of shape (texts, 23), float32, in evaluation mode."""
    model.eval()
    encoded = encoder.ids(texts)
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    found = np.zeros((len(texts), model.heads.out_features), np.float32)
    with torch.no_grad():
        for at in range(0, len(order), 64):
            part = order[at : at + 64]
            with torch.autocast(encoder.device, torch.bfloat16, enabled=precision == "bf16"):
                logits = model(*encoder.tensors([encoded[i] for i in part]))
            found[part] = logits.float().cpu().numpy()
            if at % 6400 == 0 and at:
                print(f"scored {at} of {len(order)}", flush=True)
    return found


def _groups(model: TwoHeads, settings: FitSettings) -> list[dict[str, Any]]:
    """Parameters that share a learning rate (by depth) and a weight decay (none on vectors)."""
    top = model.depth_of("heads.weight")
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = settings.learning_rate * settings.layer_decay ** (top - model.depth_of(name))
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in groups.items()
    ]


def _batches(lengths: list[int], settings: FitSettings, epoch: int) -> Iterator[list[int]]:
    """Batches of similar length in random order: rows are shuffled, sorted within pools of 50 batches."""
    order = list(range(len(lengths)))
    rng = random.Random(settings.seed * 1000 + epoch)  # noqa: S311  # an order, not a secret
    rng.shuffle(order)
    pool = settings.batch_size * 50
    batches = []
    for at in range(0, len(order), pool):
        chunk = sorted(order[at : at + pool], key=lengths.__getitem__)
        batches += [chunk[i : i + settings.batch_size] for i in range(0, len(chunk), settings.batch_size)]
    rng.shuffle(batches)
    return iter(batches)


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
