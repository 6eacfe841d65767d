"""From a training checkpoint to the files that are shipped: ONNX, optimised, int8 (and fp16 for GPUs)."""

import copy
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel

from classifier.fit import CALIBRATION, CALIBRATION_TEXTS
from classifier.labels import HEADS, SENTIMENT_LABELS, TOPIC_LABELS
from classifier.manifest import MANIFEST, RESEARCH_ONLY, sha256
from classifier.network import TwoHeads
from classifier.scales import Feed, fix_scales
from classifier.synthetic import synthetic
from tidings.errors import ModelError
from tidings.text import spell_out

ONNX_FILES = {"int8": "model.int8.onnx", "fp16": "model.fp16.onnx", "fp32": "model.fp32.onnx"}


def export(run: Path, out: Path, name: str, fp16: bool = False, fp32: bool = False) -> Path:
    """Writes model.int8.onnx, tokenizer.json and manifest.json (and model.fp16.onnx, model.fp32.onnx) into `out`.

    The run's temperatures are divided out of the heads, so that the files give calibrated probabilities.
    """
    try:
        training = json.loads((run / "training.json").read_text())
        state = torch.load(run / "checkpoint.pt", weights_only=True)["model"]
    except OSError as error:
        raise ModelError(f"{run}: {error.filename} is missing: finish `tidings model train` first") from None
    encoder = AutoModel.from_config(
        AutoConfig.from_pretrained(run / "encoder_config"), attn_implementation="eager"
    )
    model = TwoHeads(encoder)
    model.load_state_dict(state)
    model.eval()
    scale_heads(model, training.get("temperature", {}))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        plain, fused = Path(work) / "plain.onnx", Path(work) / "fused.onnx"
        _to_onnx(model, plain)
        config = encoder.config
        graph = optimizer.optimize_model(
            str(plain),
            "bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            opt_level=0,
        )
        if fp16:
            half = copy.deepcopy(graph)
            half.convert_float_to_float16(keep_io_types=True)
            half.save_model_to_file(str(out / ONNX_FILES["fp16"]))
        split_skip_norms(graph.model.graph)
        graph.save_model_to_file(str(fused))
        if fp32:
            shutil.copy(fused, out / ONNX_FILES["fp32"])
        # Fused operators have no shape inference, so the quantiser is told the type of what they give.
        quantize_dynamic(
            fused,
            out / ONNX_FILES["int8"],
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    fix_scales(out / ONNX_FILES["int8"], _calibration(run, training))
    shutil.copy(run / "tokenizer" / "tokenizer.json", out / "tokenizer.json")
    write_manifest(out, name, training)
    return out


def write_manifest(out: Path, name: str, training: dict[str, Any]) -> None:
    """Describes the files in `out`; metrics are added by `tidings model evaluate --write`."""
    roles = ONNX_FILES | {"tokenizer": "tokenizer.json"}
    files = {
        role: {"file": file, "sha256": sha256(out / file)}
        for role, file in roles.items()
        if (out / file).is_file()
    }
    record = {
        "name": name,
        "version": f"{name}-{files['int8']['sha256'][:8]}",
        "licence": licence_of(training),
        "labels": {"sentiment": SENTIMENT_LABELS, "topic": TOPIC_LABELS},
        "max_tokens": training["settings"]["max_tokens"],
        "files": files,
        "training": training,
        "metrics": {},
    }
    (out / MANIFEST).write_text(json.dumps(record, indent=2) + "\n")


def licence_of(training: dict[str, Any]) -> str:
    """What the weights may be used for, by what they learned from."""
    if training["settings"].get("rows", "mit") != "mit":
        return RESEARCH_ONLY
    return "Apache-2.0" if training.get("open", True) else "local use only: see training.licence"


def scale_heads(model: TwoHeads, temperature: dict[str, float]) -> None:
    """Divides each head's logits by its temperature, in its weights (Guo et al. 2017)."""
    with torch.no_grad():
        for task, part in HEADS.items():
            model.heads.weight[part] /= temperature.get(task, 1.0)
            model.heads.bias[part] /= temperature.get(task, 1.0)


def split_skip_norms(graph: onnx.GraphProto) -> None:
    """Writes each SkipLayerNormalization as two additions and a LayerNormalization.

    The same sums, but onnxruntime's fused operator is six times slower on CPUs than the plain ones
    (docs/performance.md); on GPUs it is the faster one.
    """
    nodes = []
    for node in graph.node:
        if node.op_type != "SkipLayerNormalization":
            nodes.append(node)
            continue
        dense, skip, gamma, beta, *bias = node.input
        name = node.output[0]
        for number, addend in enumerate([*bias, skip]):  # the bias first: it is fused into the product before
            nodes.append(
                helper.make_node("Add", [dense, addend], [f"{name}_sum{number}"], f"{name}_add{number}")
            )
            dense = f"{name}_sum{number}"
        epsilon = next(a.f for a in node.attribute if a.name == "epsilon")
        nodes.append(
            helper.make_node(
                "LayerNormalization", [dense, gamma, beta], [name], f"{name}_norm", axis=-1, epsilon=epsilon
            )
        )
    del graph.node[:]
    graph.node.extend(nodes)


def _calibration(run: Path, training: dict[str, Any]) -> Iterator[Feed]:
    """Batches of texts that the run was trained on; where it kept none, sentences from templates."""
    kept = run / CALIBRATION
    texts = (
        json.loads(kept.read_text(encoding="utf-8"))
        if kept.is_file()
        else [row.text for row in synthetic(CALIBRATION_TEXTS, seed=5)]
    )
    tokenise = Tokenizer.from_file(str(run / "tokenizer" / "tokenizer.json"))
    tokenise.enable_truncation(training["settings"]["max_tokens"])
    tokenise.enable_padding()
    for at in range(0, len(texts), 32):
        found = tokenise.encode_batch([spell_out(text) for text in texts[at : at + 32]])
        yield {
            "input_ids": np.array([text.ids for text in found], np.int64),
            "attention_mask": np.array([text.attention_mask for text in found], np.int64),
        }


def _to_onnx(model: TwoHeads, path: Path) -> None:
    ids = torch.ones((2, 8), dtype=torch.long)
    names = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        model,
        (ids, ids),
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": names, "attention_mask": names, "logits": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
