"""Activation scales of an int8 graph, fixed once: a text's score no longer depends on the texts beside it.

Dynamic quantisation scales each activation by the range it has in the batch. Here the ranges are those of
calibration texts, written into the graph as constants (static quantisation of activations, Jacob et al. 2018).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, numpy_helper

Feed = Mapping[str, npt.NDArray[np.int64]]
_CONTRIB = "com.microsoft"
_SAMPLE = 20_000  # values of a tensor per feed
_BEYOND = 1e-6  # the share of values beyond the range: on the development split neither 0 nor 1e-4 was better


def fix_scales(path: Path, feeds: Iterable[Feed]) -> None:
    """Rewrites the dynamically quantised graph at `path`; `feeds` are batches of calibration texts for the session."""
    model = onnx.load(str(path))
    dynamic = [node for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
    ranges = _ranges(model, [node.input[0] for node in dynamic], feeds)
    for node in dynamic:
        _make_static(model.graph, node, *ranges[node.input[0]])
    _fuse_products(model.graph)
    onnx.save(model, str(path))


def _ranges(model: Any, names: list[str], feeds: Iterable[Feed]) -> dict[str, tuple[float, float]]:
    """The range that all but a millionth of each tensor's values lie in (of a sample of each feed), zero included."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    sample: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in names}
    for feed in feeds:
        for name, values in zip(names, session.run(names, dict(feed)), strict=True):
            sample[name].append(rng.choice(values.ravel(), min(values.size, _SAMPLE), replace=False))
    found = {}
    for name, parts in sample.items():
        low, high = np.quantile(np.concatenate(parts), [_BEYOND, 1 - _BEYOND])
        found[name] = min(0.0, float(low)), max(0.0, float(high))
    return found


def _make_static(graph: Any, node: Any, low: float, high: float) -> None:
    """x -> (x as uint8, scale, zero point) with the last two as constants."""
    scale = max(high - low, 1e-9) / 255
    quantised, scale_name, zero_name = node.output
    graph.initializer.extend([
        numpy_helper.from_array(np.array(scale, np.float32), scale_name),
        numpy_helper.from_array(np.array(round(-low / scale), np.uint8), zero_name),
    ])  # fmt: skip
    node.CopyFrom(
        helper.make_node("QuantizeLinear", [node.input[0], scale_name, zero_name], [quantised], node.name)
    )


def _fuse_products(graph: Any) -> None:
    """MatMulInteger, Cast and Mul by both scales as the one operator that onnxruntime makes of them."""
    made_by = {output: node for node in graph.node for output in node.output}
    gone: list[str] = []
    for node in graph.node:
        if node.op_type != "Mul" or (cast := made_by.get(node.input[0])) is None or cast.op_type != "Cast":
            continue
        product, scales = made_by.get(cast.input[0]), made_by.get(node.input[1])
        if product is None or product.op_type != "MatMulInteger" or scales is None:
            continue
        a, b, a_zero, b_zero = product.input
        gone += [cast.output[0], product.output[0], scales.output[0]]
        node.CopyFrom(
            helper.make_node(
                "MatMulIntegerToFloat",
                [a, b, *scales.input, a_zero, b_zero],
                list(node.output),
                product.name,
                domain=_CONTRIB,
            )
        )
    kept = [node for node in graph.node if node.output[0] not in gone]
    del graph.node[:]
    graph.node.extend(kept)
