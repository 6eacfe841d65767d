"""A smaller encoder from a larger one, before it is fine-tuned: fewer layers, narrower feed-forward parts."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu

from classifier.fit import Encoder, logits_of
from classifier.network import TwoHeads


def keep_layers(encoder: Any, layers: int) -> None:
    """Leaves `layers` of the encoder's layers, evenly spaced, the last among them."""
    every = encoder.encoder.layer
    kept = [round((i + 1) * len(every) / layers) - 1 for i in range(layers)]
    encoder.encoder.layer = nn.ModuleList([every[i] for i in kept])
    encoder.config.num_hidden_layers = layers


def keep_width(model: TwoHeads, encoder: Encoder, texts: Sequence[str], width: int) -> None:
    """Leaves the `width` neurons of each feed-forward part that move its output most on `texts`.

    A neuron's weight in the choice is its mean absolute activation times the norm of its column in the output
    (the mean length of what it adds), as structured pruning by activation has it (Han et al. 2015, by neuron).
    """
    layers = model.encoder.encoder.layer
    with ExitStack() as stack:
        activity = [stack.enter_context(_mean_activation(layer.intermediate.dense)) for layer in layers]
        logits_of(model, encoder, texts)
    for layer, mean in zip(layers, activity, strict=True):
        into, out = layer.intermediate.dense, layer.output.dense
        importance = mean * out.weight.detach().norm(dim=0)
        kept = importance.topk(width).indices.sort().values
        layer.intermediate.dense = _dense(into.weight[kept], into.bias[kept])
        layer.output.dense = _dense(out.weight[:, kept], out.bias)
    model.encoder.config.intermediate_size = width


@contextmanager
def _mean_activation(dense: nn.Linear) -> Iterator[torch.Tensor]:
    """Sums |GELU| of each of the layer's outputs while texts go through: shape (width,)."""
    total = torch.zeros(dense.out_features, device=dense.weight.device)

    def add(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        total.add_(gelu(output.float()).abs().mean(dim=(0, 1)))

    hook = dense.register_forward_hook(add)
    try:
        yield total
    finally:
        hook.remove()


def _dense(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device)
    layer.weight = nn.Parameter(weight.detach().clone())
    layer.bias = nn.Parameter(bias.detach().clone())
    return layer
