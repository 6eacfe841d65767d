"""Scoring speed, as ratios to peers on the same texts and threads in the same run.

    make bench            or            .venv/bin/python -m bench.classifier [--texts 2000] [--threads 2]

Peers: the same int8 model fed in arrival order, 32 at a time, padded to the model's limit; and, when
the `train` extra is installed, a Hugging Face text-classification pipeline (torch, fp32, batch 32) of the
same architecture. The pipeline's weights are random: they do not change its speed. Rounds of all
contestants alternate, and medians are compared, because machines are noisy.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from classifier.model import Model

Score = Callable[[list[str]], object]


def main() -> None:
    """Prints texts per second (median of the rounds) and the ratio to Tidings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    texts = _texts(arguments.texts)
    model = Model.load(provider="cpu", threads=arguments.threads)
    contestants: dict[str, Score] = {
        "Tidings (int8, sorted, token budget)": model.predict,
        "same model, arrival order, 32 padded to the limit": lambda batch: _padded(model, batch),
    }
    if importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"):
        contestants["Hugging Face pipeline (torch fp32, batch 32)"] = _pipeline(model, arguments.threads)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for score in contestants.values():
        score(texts[:64])  # warm up
    for _ in track(range(arguments.rounds), "rounds"):
        for name, score in contestants.items():
            start = time.perf_counter()
            score(texts)
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    own = next(iter(medians.values()))
    table = Table("contestant", "texts/s", "Tidings is faster by")
    for name, median in medians.items():
        table.add_row(name, f"{len(texts) / median:,.0f}", f"{median / own:.1f} x")
    Console().print(table)


def _texts(count: int) -> list[str]:
    """Headlines and posts of the demo's story: our own texts, of the lengths that news and posts have."""
    import json

    from service.demo_story import story
    from tidings.text import classifier_input

    texts = []
    for message in story(datetime(2026, 1, 5, 12, tzinfo=UTC)):
        try:
            row = json.loads(message.value)
            texts.append(classifier_input(str(row.get("title") or ""), str(row.get("text") or "")))
        except (ValueError, AttributeError):
            continue  # the story's malformed messages
    return texts[:count]


def _padded(model: Model, texts: list[str]) -> None:
    limit = model.manifest.max_tokens
    for at in range(0, len(texts), 32):
        rows = [encoding.ids for encoding in model._tokenizer.encode_batch(texts[at : at + 32])]
        ids = np.zeros((len(rows), limit), np.int64)
        mask = np.zeros_like(ids)
        for line, row in enumerate(rows):
            ids[line, : len(row)], mask[line, : len(row)] = row, 1
        model._session.run(None, {"input_ids": ids, "attention_mask": mask})


def _pipeline(model: Model, threads: int) -> Score:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, pipeline

    torch.set_num_threads(threads)
    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
        num_labels=len(SENTIMENT_LABELS) + len(TOPIC_LABELS),
    )  # fmt: skip
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(model.manifest.path("tokenizer")),
        pad_token="[PAD]",
        model_max_length=model.manifest.max_tokens,
    )
    classify = pipeline(
        "text-classification",
        model=BertForSequenceClassification(config).eval(),
        tokenizer=tokenizer,
        device="cpu",
    )
    return lambda texts: classify(texts, batch_size=32, truncation=True)


if __name__ == "__main__":
    main()
