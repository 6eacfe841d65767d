"""Where the network's time goes, by operator, with plain and with fused layer norms: the shipped int8 file, one core.

    .venv/bin/python -m bench.operators [--texts 16] [--tokens 27] [--rounds 40]

The session of the service keeps the layer norms plain, as export wrote them; onnxruntime's own choice is to fuse them.
Both run in turn on the same random tokens, and the fused run's time is given as a ratio to the plain one's.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from rich.console import Console
from rich.table import Table

from classifier.manifest import read_manifest

NORMS = ("SkipLayerNormalization", "LayerNormalization", "Add")


def main() -> None:
    """Prints milliseconds a batch and each operator's share."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=27)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    tokens = np.random.default_rng(1).integers(1000, 20000, (arguments.texts, arguments.tokens))
    feed = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
    with tempfile.TemporaryDirectory() as folder:
        sessions = {"plain": _session(folder, ["SkipLayerNormFusion"]), "fused": _session(folder, [])}
        for _ in range(arguments.rounds):
            for session in sessions.values():
                session.run(None, feed)
        spent = {name: _microseconds(session) for name, session in sessions.items()}
    batch = {name: sum(times.values()) / arguments.rounds / 1000 for name, times in spent.items()}
    table = Table("operator", *(f"{name} norms" for name in spent))
    for operator in sorted(set().union(*spent.values()), key=lambda op: -spent["plain"][op]):
        shares = [times[operator] / sum(times.values()) for times in spent.values()]
        if max(shares) >= 0.01:
            table.add_row(operator, *(f"{share:.0%}" for share in shares))
    norms = {name: sum(times[op] for op in NORMS) / arguments.rounds / 1000 for name, times in spent.items()}
    table.add_section()
    table.add_row("norms and additions, ms a batch", *(f"{value:.1f}" for value in norms.values()))
    table.add_row("all, ms a batch", *(f"{value:.1f}" for value in batch.values()))
    table.add_row("against plain", *(f"{value / batch['plain']:.2f} x" for value in batch.values()))
    console = Console()
    console.print(f"{arguments.texts} texts of {arguments.tokens} tokens a batch, one thread")
    console.print(table)


def _session(folder: str, disabled: list[str]) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(Path(folder) / ("plain" if disabled else "fused"))
    path = str(read_manifest(None).path("int8"))
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(path, options, providers=providers, disabled_optimizers=disabled)


def _microseconds(session: Any) -> Counter[str]:
    """Time by operator over all rounds, from onnxruntime's profile."""
    found: Counter[str] = Counter()
    for event in json.loads(Path(session.end_profiling()).read_text()):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            found[event["args"]["op_name"]] += event["dur"]
    return found


if __name__ == "__main__":
    main()
