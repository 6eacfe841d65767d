"""The average of two fine-tuned models of one base: often better than either (Wortsman et al. 2022, Model soups)."""

import json
from pathlib import Path

import torch

from classifier.data import read_train, split_dev
from classifier.fit import Encoder, find_device, keep_sample, logits_of
from classifier.train import temperatures
from classifier.weights import load_start


def average(
    first: Path, second: Path | None, weight: float, data: Path, out: Path, dev_percent: int = 5
) -> Path:
    """Writes a run folder whose weights are weight * first + (1 - weight) * second; returns `out`.

    `first` is a run folder, `second` a run folder or an exported model (None: the shipped one), both fine-tuned
    from the same base. The temperatures are fitted anew on the development split of `data`.
    """
    start, other = load_start(first), load_start(second)
    theirs = other.network.state_dict()
    state = {
        name: torch.lerp(theirs[name], value, weight) if value.is_floating_point() else value
        for name, value in start.network.state_dict().items()
    }
    start.network.load_state_dict(state)
    out.mkdir(parents=True, exist_ok=True)
    torch.save({"model": state}, out / "checkpoint.pt")
    start.tokenizer.save_pretrained(out / "tokenizer")
    start.network.encoder.config.save_pretrained(out / "encoder_config")

    rows, dev = split_dev(read_train(data), dev_percent)
    keep_sample(out, [row.text for row in rows])
    encoder = Encoder(start.tokenizer, start.max_tokens, find_device())
    logits = logits_of(start.network.to(encoder.device), encoder, [row.text for row in dev])
    record = start.training | {
        "temperature": temperatures(dev, logits),
        "averaged": {"weight": weight, "with": other.version, "its training": other.training},
    }
    record.pop("dev_accuracy", None)  # of the first alone
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return out
