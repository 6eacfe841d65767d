"""Scoring: texts in, Predictions out. Needs onnxruntime, tokenizers and numpy, nothing else."""

import ctypes
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from classifier.batches import plan_batches, plan_groups
from classifier.labels import HEADS, SENTIMENT_LABELS, TOPIC_LABELS
from classifier.language import flag_of
from classifier.manifest import Manifest, read_manifest
from classifier.passages import MOST_CHARACTERS, passage_weights, passages, sentences
from tidings.errors import ModelError
from tidings.metrics import PROVIDER
from tidings.text import normalise, spell_out
from tidings.types import Prediction

log = logging.getLogger(__name__)
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
# Tokens in one run, padding included: on a CPU a batch that stays in its cache is fastest.
BATCH_TOKENS = {"cpu": 256, "cuda": 16384}
_OUTPUTS = len(SENTIMENT_LABELS) + len(TOPIC_LABELS)
_GROUP_CHARACTERS = 8_000  # that a worker takes at a time: some 80 headlines
# What a flagged text gets, as it was not read: topic and its probability, p_negative, p_neutral, p_positive.
UNREAD = ("General News | Opinion", 0.05, 0.25, 0.5, 0.25)


class Model:
    """A loaded model. `predict` may be called from several threads."""

    def __init__(
        self, manifest: Manifest, session: Any, tokenizer: Tokenizer, batch_tokens: int, workers: int
    ) -> None:
        self.manifest = manifest
        self.provider: str = session.get_providers()[0]
        self._session = session
        self._tokenizer = tokenizer
        self._batch_tokens = batch_tokens
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="classifier")

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        provider: Literal["auto", "cpu", "cuda"] = "auto",
        threads: int = 0,
        batch_tokens: int = 0,
        role: Literal["", "int8", "fp16", "fp32"] = "",
    ) -> "Model":
        """Loads the model in `folder` (None: the shipped one), checksums verified.

        `auto` takes a GPU when there is one; `cuda` without a working GPU is a ModelError.
        `threads` 0 uses all cores: each scores batches of its own, which takes less waiting than sharing one.
        `batch_tokens` 0 takes BATCH_TOKENS. `role` names the file; "" takes fp16 on a GPU, else int8.
        """
        manifest = read_manifest(folder)
        cuda = provider == "cuda" or (provider == "auto" and _has_gpu())
        chosen = role or ("fp16" if cuda and "fp16" in manifest.files else "int8")
        if chosen not in manifest.files:
            raise ModelError(f"{manifest.folder}: no {chosen} file; there are {', '.join(manifest.files)}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4 if cuda else 3
        try:
            session = onnxruntime.InferenceSession(
                str(manifest.path(chosen)),
                options,
                providers=[_CUDA, _CPU] if cuda else [_CPU],
                # Undoes what export writes apart: the fused operator is slow on CPUs (classifier/export.py).
                disabled_optimizers=[] if cuda else ["SkipLayerNormFusion"],
            )
        except ModelError:
            raise
        except Exception as error:  # onnxruntime raises classes of its own that share no base
            raise ModelError(f"{manifest.folder}: onnxruntime cannot load the model: {error}") from None
        if cuda and session.get_providers()[0] != _CUDA:
            if provider == "cuda":
                raise ModelError(
                    "classifier.provider is cuda, but onnxruntime has no working GPU here:"
                    " install the `gpu` extra and a driver, or set provider to cpu"
                )
            log.warning("there is a GPU, but onnxruntime cannot use it: install the `gpu` extra")
            return cls.load(folder, "cpu", threads, batch_tokens, role)
        tokens = batch_tokens or BATCH_TOKENS["cuda" if cuda else "cpu"]
        model = cls(manifest, session, _tokenizer(manifest), tokens, 1 if cuda else threads or _cores())
        PROVIDER.labels(model.provider).set(1)
        log.info("model %s %s on %s", manifest.name, manifest.version, model.provider)
        return model

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One Prediction per text, in order.

        A text that is not English or has no words (classifier/language.py) is not scored: it is flagged,
        neutral with low confidence. A long text is scored as `probabilities` says.
        """
        read = [normalise(text[:MOST_CHARACTERS]) for text in texts]
        flags = [flag_of(text) for text in read]
        sentiment, topic = self._score(
            [spell_out(text) for text, flag in zip(read, flags, strict=True) if not flag]
        )
        scored = zip(
            sentiment.tolist(), topic.argmax(axis=1).tolist(), topic.max(axis=1).tolist(), strict=True
        )
        version = self.manifest.version
        predictions = []
        for flag in flags:
            if flag:
                predictions.append(Prediction(*UNREAD, version, flag))
            else:
                (negative, neutral, positive), best, topic_p = next(scored)
                predictions.append(
                    Prediction(TOPIC_LABELS[best], topic_p, negative, neutral, positive, version)
                )
        return predictions

    def probabilities(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Probabilities of shape (texts, 3) for sentiment and (texts, 20) for topic; rows sum to 1.

        A text longer than the model's window (the manifest's max_tokens) is cut into passages, each is scored,
        and their probabilities are averaged with the weights of classifier/passages.py. What lies beyond
        MOST_CHARACTERS and MOST_PASSAGES is not read. Flags are left aside: every text is scored.
        """
        return self._score([spell_out(normalise(text[:MOST_CHARACTERS])) for text in texts])

    def _score(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        found = np.zeros((len(texts), _OUTPUTS))
        # Texts of like length together, the longest first; each worker takes a group from text to scores, so that
        # one group is tokenised while another is in the network.
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        plan = plan_groups([len(texts[i]) for i in order], _GROUP_CHARACTERS)
        groups = [order[part.start : part.stop] for part in plan]
        scored = self._workers.map(lambda group: self._score_group([texts[i] for i in group]), groups)
        for group, scores in zip(groups, scored, strict=True):
            found[group] = scores
        return found[:, HEADS["sentiment"]], found[:, HEADS["topic"]]

    def _score_group(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Both heads' probabilities side by side, of shape (texts, 23)."""
        window = self.manifest.max_tokens
        whole = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]
        cut = {i: self._cut(texts[i]) for i, ids in enumerate(whole) if len(ids) > window}
        # The rows of texts that fit, then those of each text that was cut.
        fits = [i for i in range(len(whole)) if i not in cut]
        rows = [whole[i] for i in fits] + [row for cut_rows in cut.values() for row in cut_rows]
        scores = self._run(rows)
        found = np.zeros((len(texts), _OUTPUTS))
        found[fits] = scores[: len(fits)]
        at = len(fits)
        for i, cut_rows in cut.items():
            part = scores[at : at + len(cut_rows)]
            found[i] = passage_weights([len(row) for row in cut_rows], part[:, 2] - part[:, 0]) @ part
            at += len(cut_rows)
        return found

    def _cut(self, text: str) -> list[list[int]]:
        """The rows of token ids of a long text's passages, each between the tokenizer's start and end marks."""
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(sentences(text))]
        start, end = encoded[0][0], encoded[0][-1]
        found = passages([ids[1:-1] for ids in encoded], self.manifest.max_tokens - 2)
        return [[start, *passage, end] for passage in found]

    def _run(self, rows: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        """Probabilities of shape (rows, 23) for rows of token ids, in batches of like length."""
        logits = np.zeros((len(rows), _OUTPUTS))
        for batch in plan_batches([len(row) for row in rows], self._batch_tokens):
            width = len(rows[batch[-1]])  # sorted by length: the last is the longest
            tokens = np.zeros((len(batch), width), np.int64)
            mask = np.zeros((len(batch), width), np.int64)
            for line, position in enumerate(batch):
                tokens[line, : len(rows[position])] = rows[position]
                mask[line, : len(rows[position])] = 1
            logits[batch] = self._session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
        return np.hstack([_softmax(logits[:, part]) for part in HEADS.values()])


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(logits) else logits
    result: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def _tokenizer(manifest: Manifest) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(manifest.path("tokenizer")))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
