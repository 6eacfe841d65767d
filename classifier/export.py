"""From a training checkpoint to the files that are shipped: ONNX, optimised, int8 (and fp16 for GPUs)."""

import json
import shutil
import tempfile
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoConfig, AutoModel

from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from classifier.manifest import MANIFEST, sha256
from classifier.network import TwoHeads
from tidings.errors import ModelError


def export(run: Path, out: Path, name: str, fp16: bool = False) -> Path:
    """Writes model.int8.onnx, tokenizer.json and manifest.json (and model.fp16.onnx) into `out`."""
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
        graph.save_model_to_file(str(fused))
        # Fused operators have no shape inference, so the quantiser is told the type of what they give.
        quantize_dynamic(
            fused,
            out / "model.int8.onnx",
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        if fp16:
            graph.convert_float_to_float16(keep_io_types=True)
            graph.save_model_to_file(str(out / "model.fp16.onnx"))
    shutil.copy(run / "tokenizer" / "tokenizer.json", out / "tokenizer.json")
    write_manifest(out, name, training)
    return out


def write_manifest(out: Path, name: str, training: dict[str, object]) -> None:
    """Describes the files in `out`; metrics are added by `tidings model evaluate --write`."""
    roles = {"int8": "model.int8.onnx", "fp16": "model.fp16.onnx", "tokenizer": "tokenizer.json"}
    files = {
        role: {"file": file, "sha256": sha256(out / file)}
        for role, file in roles.items()
        if (out / file).is_file()
    }
    settings = training["settings"]
    assert isinstance(settings, dict)
    record = {
        "name": name,
        "version": f"{name}-{files['int8']['sha256'][:8]}",
        "licence": "Apache-2.0",
        "labels": {"sentiment": SENTIMENT_LABELS, "topic": TOPIC_LABELS},
        "max_tokens": settings["max_tokens"],
        "files": files,
        "training": training,
        "metrics": {},
    }
    (out / MANIFEST).write_text(json.dumps(record, indent=2) + "\n")


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
