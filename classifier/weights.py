"""The torch weights of a model that exists as ONNX, or of a run folder: where fine-tuning starts from.

onnxruntime's optimizer fuses operators and its quantiser stores weights as 8-bit integers, but both keep enough
to undo them: named parameters keep their torch names, a dense layer's node bears the path of its module, and
an Attention node holds query, key and value side by side. Nothing here depends on the number of layers.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertConfig, PreTrainedTokenizerFast

from classifier.manifest import MANIFEST, read_manifest
from classifier.network import TwoHeads
from tidings.errors import ModelError

Array = npt.NDArray[Any]
_DENSE = re.compile(r"^/(?P<module>encoder/.+|heads)/(?:MatMul|Gemm)(?:_MatMul)?(?:_quant)?$")
_SPECIAL = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
# Part of the encoder, but never used for its output: an exported model does not hold it.
_POOLER = "encoder.pooler."


@dataclass(frozen=True)
class Start:
    """A network to go on training, and what must be said about where it came from."""

    network: TwoHeads
    tokenizer: Any
    max_tokens: int
    version: str
    training: dict[str, Any]
    temperature: dict[str, float]  # by which the logits are still to be divided, per head; {}: by none


def load_start(folder: Path | None) -> Start:
    """The network of an exported model's folder (None: the shipped one), or of a run folder."""
    if folder is not None and not (folder / MANIFEST).is_file() and (folder / "checkpoint.pt").is_file():
        network, tokenizer = load_run(folder)
        training = _training(folder)
        return Start(
            network,
            tokenizer,
            int(training["settings"]["max_tokens"]),
            str(folder),
            training,
            training.get("temperature", {}),
        )
    manifest = read_manifest(folder)
    role = next((name for name in ("fp32", "fp16", "int8") if name in manifest.files), "")
    if not role:
        raise ModelError(f"{manifest.folder}: manifest.json names no ONNX file: export the model again")
    network = read_onnx(manifest.path(role))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(manifest.path("tokenizer")), **_SPECIAL)
    return Start(network, tokenizer, manifest.max_tokens, manifest.version, manifest.record["training"], {})


def load_run(run: Path) -> tuple[TwoHeads, Any]:
    """The trained network of a run folder, in evaluation mode, and its tokenizer."""
    network = TwoHeads(AutoModel.from_config(AutoConfig.from_pretrained(run / "encoder_config")))
    network.load_state_dict(torch.load(run / "checkpoint.pt", weights_only=True, mmap=True)["model"])
    network.eval()
    return network, AutoTokenizer.from_pretrained(run / "tokenizer")


def read_onnx(path: Path) -> TwoHeads:
    """The network that `path` (fused by onnxruntime; int8, fp16 or fp32) was exported from, in evaluation
    mode; exact up to the rounding of the file's number type."""
    graph = onnx.load(str(path)).graph
    weights = torch_weights(graph)
    network = TwoHeads(AutoModel.from_config(_config(graph, weights, path)))
    state = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in weights.items()}
    result = network.load_state_dict(state, strict=False)
    missing = [name for name in result.missing_keys if not name.startswith(_POOLER)]
    if missing or result.unexpected_keys:
        raise ModelError(
            f"{path}: its graph does not hold {', '.join([*missing, *result.unexpected_keys][:3])}:"
            " give --init the run folder it was exported from"
        )
    network.eval()
    return network


def torch_weights(graph: Any) -> dict[str, Array]:
    """Torch parameter names to float32 arrays, from a fused graph."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights: dict[str, Array] = {}
    for name in stored:
        plain = name.removesuffix("_quantized")
        if plain.startswith(("encoder.", "heads.")) and not plain.endswith(("_scale", "_zero_point")):
            weights[plain] = dequantised(stored, plain)
    layer = 0
    for node in graph.node:
        if node.op_type in ("Attention", "QAttention"):  # nodes are in the order of execution
            weights |= _attention(stored, node, f"encoder.encoder.layer.{layer}.attention.self.")
            layer += 1
        elif node.op_type in ("MatMul", "MatMulInteger", "MatMulIntegerToFloat", "Gemm") and (
            dense := _DENSE.match(node.name)
        ):
            if node.input[1] not in stored:  # the product of two texts' vectors, no weight
                continue
            matrix = dequantised(stored, node.input[1].removesuffix("_quantized"))
            stored_transposed = any(a.name == "transB" and a.i for a in node.attribute)
            name = dense["module"].replace("/", ".") + ".weight"
            weights[name] = matrix if stored_transposed else matrix.T
    return weights


def dequantised(stored: dict[str, Array], name: str) -> Array:
    """The float32 array called `name`, whether it is stored as numbers or as scaled integers.

    Scales and zero points are one number, or one for each column (the last axis).
    """
    if name in stored:
        return stored[name].astype(np.float32)
    whole = stored[f"{name}_quantized"].astype(np.float32)
    return (whole - stored[f"{name}_zero_point"].astype(np.float32)) * stored[f"{name}_scale"].astype(
        np.float32
    )


def _attention(stored: dict[str, Array], node: Any, prefix: str) -> dict[str, Array]:
    """Query, key and value from their fused matrix (hidden, 3 hidden) and bias (3 hidden,)."""
    matrix = dequantised(stored, node.input[1].removesuffix("_quantized"))
    bias = stored[node.input[2]].astype(np.float32)
    parts: dict[str, Array] = {}
    for part, columns, values in zip(
        ("query", "key", "value"), np.split(matrix, 3, axis=1), np.split(bias, 3), strict=True
    ):
        parts[f"{prefix}{part}.weight"] = columns.T
        parts[f"{prefix}{part}.bias"] = values
    return parts


def _config(graph: Any, weights: dict[str, Array], path: Path) -> Any:
    """The encoder's sizes, read from the weights' shapes and the nodes' attributes."""
    try:
        heads = {
            a.name: a for node in graph.node if node.op_type.endswith("Attention") for a in node.attribute
        }
        norms = {
            a.name: a for node in graph.node if "LayerNormalization" in node.op_type for a in node.attribute
        }
        vocabulary, hidden = weights["encoder.embeddings.word_embeddings.weight"].shape
        return BertConfig(
            vocab_size=vocabulary,
            hidden_size=hidden,
            num_hidden_layers=sum(name.endswith(".attention.self.query.weight") for name in weights),
            num_attention_heads=heads["num_heads"].i,
            intermediate_size=weights["encoder.encoder.layer.0.intermediate.dense.weight"].shape[0],
            max_position_embeddings=weights["encoder.embeddings.position_embeddings.weight"].shape[0],
            type_vocab_size=weights["encoder.embeddings.token_type_embeddings.weight"].shape[0],
            layer_norm_eps=norms["epsilon"].f,
        )
    except KeyError as error:
        raise ModelError(
            f"{path}: not a graph that Tidings can go on training ({error} not found):"
            " give --init the run folder it was exported from"
        ) from None


def _training(run: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((run / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ModelError(
            f"{run}: training.json is missing or damaged: finish `tidings model train` first"
        ) from None
    return record
