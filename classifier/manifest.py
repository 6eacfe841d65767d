"""The manifest beside a model's files: what they are, what they may be used for, and their checksums."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from tidings.errors import ModelError

MANIFEST = "manifest.json"
RESEARCH_ONLY = "non-commercial, research only"  # the licence of weights that learned from fpb and fiqa
SHIPPED = Path(__file__).resolve().parent / "models" / "minilm-v3"


@dataclass(frozen=True)
class Manifest:
    """Parsed manifest.json. `files` maps a role (int8, fp16, tokenizer) to a file name."""

    folder: Path
    name: str
    version: str
    licence: str
    max_tokens: int
    files: dict[str, str]
    sha256: dict[str, str]
    record: dict[str, Any]

    def path(self, role: str) -> Path:
        """The file of `role`, its checksum verified."""
        path = self.folder / self.files[role]
        if not path.is_file():
            raise ModelError(f"{path} is missing: reinstall Tidings, or run `tidings model export` again")
        if sha256(path) != self.sha256[role]:
            raise ModelError(
                f"{path} is not the file its manifest describes (wrong sha256):"
                " restore it, or export the model again"
            )
        return path


def read_manifest(folder: Path | None) -> Manifest:
    """Reads folder/manifest.json (None: the shipped model) and checks the label order."""
    folder = folder or SHIPPED
    path = folder / MANIFEST
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        labels = record["labels"]
        manifest = Manifest(
            folder=folder,
            name=record["name"],
            version=record["version"],
            licence=record["licence"],
            max_tokens=record["max_tokens"],
            files={role: entry["file"] for role, entry in record["files"].items()},
            sha256={role: entry["sha256"] for role, entry in record["files"].items()},
            record=record,
        )
    except OSError:
        raise ModelError(
            f"no model at {folder} (manifest.json not found): set classifier.model to a folder made by"
            " `tidings model export`, or leave it out for the shipped model"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path}: damaged manifest ({type(error).__name__}: {error}): export the model again"
        ) from None
    if tuple(labels["sentiment"]) != SENTIMENT_LABELS or tuple(labels["topic"]) != TOPIC_LABELS:
        raise ModelError(
            f"{path}: the labels are not those of this version of Tidings: export the model again"
        )
    return manifest


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
