"""Linear layers of a network on the CPU, multiplied by oneDNN."""

from __future__ import annotations

from typing import Any


def multiply_by_onednn(network: Any) -> None:
    """Let the linear layers of a torch module be multiplied by oneDNN, where torch has it.

    In single precision torch multiplies by MKL, which on AMD's processors takes twice as long; the results differ by
    rounding. Nothing is changed but the layers' ``forward``.

    Parameters
    ----------
    network
        A module on the CPU, which is not trained any more.
    """
    import torch

    if not torch.backends.mkldnn.is_available():
        return
    for layer in network.modules():
        if _is_plain(layer):
            layer.forward = _product(layer)


def _is_plain(layer: Any) -> bool:
    import torch

    return type(layer) is torch.nn.Linear and layer.weight.dtype == torch.float32


def _product(layer: Any) -> Any:
    from torch.nn.functional import linear

    weight: Any = layer.weight.detach().to_mkldnn()
    bias: Any = None if layer.bias is None else layer.bias.detach().to_mkldnn()

    def forward(x: Any) -> Any:
        return linear(x.to_mkldnn(), weight, bias).to_dense()

    return forward
