"""Scoring speed, memory and start-up, as ratios to peers on the same texts and threads in the same run.

    make bench      or      .venv/bin/python -m bench.classifier [--texts 2000] [--threads 2] [--rounds 5]

Texts: topic training rows of TIDINGS_DATA (raw, with their URLs), or else those of the demo's story. Peers: the same
int8 model fed in arrival order, 32 at a time, padded to its limit; and, with the `train` extra installed,
Hugging Face text-classification pipelines (torch, fp32, batch 32) of the same architecture and of BERT-base.
The pipelines' weights are random: they do not change the speed. Slow peers score the first texts only. Rounds of all
contestants alternate, and medians are compared, because machines are noisy.
"""

import argparse
import csv
import importlib.util
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnxruntime
from rich.console import Console
from rich.progress import track
from rich.table import Table

from classifier.data import TOPIC_FILE, data_folder
from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from classifier.model import Model
from tidings.errors import ConfigError
from tidings.text import normalise

Score = Callable[[list[str]], object]
PIPELINE = "Hugging Face pipeline, MiniLM-L6"  # as published; the shipped model is narrower
START = {
    "Tidings": "from classifier.model import Model; Model.load(provider='cpu').predict(['Profit falls'])",
    "torch and transformers, imports alone": "import torch; from transformers import pipeline",
}
# Not getrusage: its maximum begins with that of the process that started this one.
MEMORY = "; print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"


@dataclass
class Contestant:
    """Who scores, how many of the texts, and the texts per second of each round."""

    score: Score
    texts: int
    speeds: list[float] = field(default_factory=list)


def main() -> None:
    """Prints texts per second (median of the rounds) with ratios, the roofline, memory and start-up."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    source, texts = _texts(arguments.texts)
    model = Model.load(provider="cpu", threads=arguments.threads)
    contestants = _contestants(model, len(texts), arguments.threads)
    for _ in track(range(arguments.rounds), "rounds"):
        for contestant in contestants.values():
            contestant.score(texts[:32])  # wakes its threads
            start = time.perf_counter()
            contestant.score(texts[: contestant.texts])
            contestant.speeds.append(contestant.texts / (time.perf_counter() - start))
    console = Console()
    tokens = [len(encoding.ids) for encoding in model._tokenizer.encode_batch([normalise(t) for t in texts])]
    console.print(f"{len(texts):,} texts: {source}; {np.mean(tokens):.1f} tokens each once URLs are stripped")
    medians = {name: statistics.median(contestant.speeds) for name, contestant in contestants.items()}
    own = next(iter(medians.values()))
    table = Table("contestant", "texts/s", "Tidings is faster by")
    for name, median in medians.items():
        table.add_row(name, f"{median:,.0f}", f"{own / median:.1f} x")
    console.print(table)
    _print_roofline(console, model, own, float(np.mean(tokens)), arguments.threads)
    _print_start(console)


def _contestants(model: Model, count: int, threads: int) -> dict[str, Contestant]:
    found = {
        "Tidings (text in, predictions out)": Contestant(model.predict, count),
        "same model, arrival order, 32 padded to the limit": Contestant(
            lambda batch: _padded(model, batch), min(count, 500)
        ),
    }
    if importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"):
        small = _pipeline(model, threads, hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
        base = _pipeline(model, threads, hidden_size=768, num_hidden_layers=12, intermediate_size=3072)
        few = min(count, 500)
        found[PIPELINE] = Contestant(small, few)
        found[f"{PIPELINE}, URLs stripped first"] = Contestant(
            lambda batch: small([normalise(text) for text in batch]), few
        )
        found["Hugging Face pipeline, BERT-base"] = Contestant(base, min(count, 96))
    return found


def _texts(count: int) -> tuple[str, list[str]]:
    """What the texts are, and the texts: a seeded sample."""
    try:
        path = data_folder() / TOPIC_FILE
    except ConfigError:
        return "headlines and posts of the demo's story", _story_texts()[:count]
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row["text"] for row in csv.DictReader(stream) if row["split"] == "train"]
    return "topic training rows", random.Random(1).sample(rows, min(count, len(rows)))


def _story_texts() -> list[str]:
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
    return texts


def _padded(model: Model, texts: list[str]) -> None:
    limit = model.manifest.max_tokens
    for at in range(0, len(texts), 32):
        rows = [encoding.ids[:limit] for encoding in model._tokenizer.encode_batch(texts[at : at + 32])]
        ids = np.zeros((len(rows), limit), np.int64)
        mask = np.zeros_like(ids)
        for line, row in enumerate(rows):
            ids[line, : len(row)], mask[line, : len(row)] = row, 1
        model._session.run(None, {"input_ids": ids, "attention_mask": mask})


def _pipeline(model: Model, threads: int, **sizes: int) -> Score:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, pipeline

    torch.set_num_threads(threads)
    labels = len(SENTIMENT_LABELS) + len(TOPIC_LABELS)
    config = BertConfig(num_attention_heads=12, num_labels=labels, **sizes)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(model.manifest.path("tokenizer")),
        pad_token="[PAD]",
        model_max_length=model.manifest.max_tokens,
    )
    network = BertForSequenceClassification(config).eval()
    classify = pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu")
    return lambda texts: classify(texts, batch_size=32, truncation=True)


def _print_roofline(console: Console, model: Model, speed: float, tokens: float, threads: int) -> None:
    """What the dense layers cost, against what the cores do in one large int8 product (needs onnx)."""
    settings = model.manifest.record["training"]["settings"]
    width = settings.get("width") or 1536
    operations = 2 * (4 * 384**2 + 2 * 384 * width) * (settings.get("layers") or 6) * tokens
    line = f"dense layers: {operations / 1e6:,.0f} million operations a text, {operations * speed / 1e9:,.0f} G/s"
    if importlib.util.find_spec("onnx"):
        peak = _int8_peak(threads)
        line += f", {operations * speed / peak:.0%} of the {peak / 1e9:,.0f} G/s of one large int8 product"
    console.print(line)


def _int8_peak(threads: int, size: int = 1536) -> float:
    """Operations per second of a (size, size) uint8 x int8 product in onnxruntime, the best of ten."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)
    weights = numpy_helper.from_array(rng.integers(-127, 127, (size, size), np.int8), "b")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "peak",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [size, size])],
        [helper.make_tensor_value_info("c", TensorProto.INT32, [size, size])],
        [weights],
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    blob = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(
        blob.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    a = rng.integers(0, 255, (size, size), np.uint8)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        session.run(None, {"a": a})
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _print_start(console: Console) -> None:
    table = Table("from nothing to the first score", "seconds", "peak memory, MB")
    for name, code in START.items():
        if name != "Tidings" and not importlib.util.find_spec("torch"):
            continue
        seconds, memory = [], 0
        for _ in range(3):
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code + MEMORY],
                capture_output=True, text=True, check=True,
                cwd=Path(__file__).parents[1], env=os.environ,
            )  # fmt: skip
            seconds.append(time.perf_counter() - start)
            memory = int(done.stdout.split()[-1]) // 1024
        table.add_row(name, f"{statistics.median(seconds):.1f}", f"{memory:,}")
    console.print(table)


if __name__ == "__main__":
    main()
