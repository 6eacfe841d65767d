"""Scoring: texts in, Predictions out. Needs onnxruntime, tokenizers and numpy, nothing else."""

import ctypes
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from classifier.batches import plan_batches
from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from classifier.manifest import Manifest, read_manifest
from tidings.errors import ModelError
from tidings.metrics import PROVIDER
from tidings.text import normalise
from tidings.types import Prediction

log = logging.getLogger(__name__)
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


class Model:
    """A loaded model. `predict` may be called from several threads."""

    def __init__(self, manifest: Manifest, session: Any, tokenizer: Tokenizer, batch_tokens: int) -> None:
        self.manifest = manifest
        self.provider: str = session.get_providers()[0]
        self._session = session
        self._tokenizer = tokenizer
        self._batch_tokens = batch_tokens

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        provider: Literal["auto", "cpu", "cuda"] = "auto",
        threads: int = 0,
        batch_tokens: int = 4096,
    ) -> "Model":
        """Loads the model in `folder` (None: the shipped one), checksums verified.

        `auto` takes a GPU when there is one; `cuda` without a working GPU is a ModelError.
        `threads` 0 uses all cores.
        """
        manifest = read_manifest(folder)
        cuda = provider == "cuda" or (provider == "auto" and _has_gpu())
        role = "fp16" if cuda and "fp16" in manifest.files else "int8"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4 if cuda else 3
        try:
            session = onnxruntime.InferenceSession(
                str(manifest.path(role)), options, providers=[_CUDA, _CPU] if cuda else [_CPU]
            )
        except ModelError:
            raise
        except Exception as error:  # onnxruntime raises classes of its own that share no base
            raise ModelError(f"{manifest.folder}: onnxruntime cannot load the model: {error}") from None
        model = cls(manifest, session, _tokenizer(manifest), batch_tokens)
        if provider == "cuda" and model.provider != _CUDA:
            raise ModelError(
                "classifier.provider is cuda, but onnxruntime has no working GPU here:"
                " install the `gpu` extra and a driver, or set provider to cpu"
            )
        PROVIDER.labels(model.provider).set(1)
        log.info("model %s %s on %s", manifest.name, manifest.version, model.provider)
        return model

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One Prediction per text, in order."""
        version = self.manifest.version
        sentiment, topic = self.probabilities(texts)
        best = topic.argmax(axis=1) if len(texts) else []
        return [
            Prediction(TOPIC_LABELS[t], float(row[t]), float(s[0]), float(s[1]), float(s[2]), version)
            for s, row, t in zip(sentiment, topic, best, strict=True)
        ]

    def probabilities(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Probabilities of shape (texts, 3) for sentiment and (texts, 20) for topic; rows sum to 1."""
        encoded = self._tokenizer.encode_batch_fast([normalise(text) for text in texts]) if texts else []
        ids = [encoding.ids for encoding in encoded]
        split = len(SENTIMENT_LABELS)
        logits = np.zeros((len(ids), split + len(TOPIC_LABELS)))
        for batch in plan_batches([len(row) for row in ids], self._batch_tokens):
            width = len(ids[batch[-1]])  # sorted by length: the last is the longest
            tokens = np.zeros((len(batch), width), np.int64)
            mask = np.zeros((len(batch), width), np.int64)
            for line, position in enumerate(batch):
                tokens[line, : len(ids[position])] = ids[position]
                mask[line, : len(ids[position])] = 1
            logits[batch] = self._session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
        return _softmax(logits[:, :split]), _softmax(logits[:, split:])


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(logits) else logits
    result: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def _tokenizer(manifest: Manifest) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(manifest.path("tokenizer")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(manifest.max_tokens)
    return tokenizer


def _has_gpu() -> bool:
    """Whether NVIDIA's driver answers; asked of the driver, as onnxruntime-gpu lists CUDA without one."""
    if _CUDA not in onnxruntime.get_available_providers():
        return False
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
