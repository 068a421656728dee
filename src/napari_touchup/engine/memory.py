"""How much of a device's memory a network takes, and what running out of it looks like."""

from typing import cast

import psutil  # type: ignore[import-untyped]
import torch
from torch import Tensor, nn

from napari_touchup.core.tiling import Geometry


def free_memory(device: str) -> int:
    """Bytes that can still be had on a device ("cpu", "mps", "cuda:0")."""
    kind = torch.device(device).type
    if kind == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + cached)
    if kind == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return int(psutil.virtual_memory().available)


def release(device: str) -> None:
    """Give memory that PyTorch keeps for later back to the device."""
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.empty_cache()
    elif kind == "mps":
        torch.mps.empty_cache()


def values_per_pixel(network: nn.Module, channels: int, device: str = "cpu") -> float:
    """Count the values that all layers of a network together give for one input pixel.

    A small input of zeros is run. Pooling and concatenation, which are no layers, are left out.

    Parameters
    ----------
    network : in evaluation mode
    channels : int
        Channels of its input.
    device : str
        Where the network is.
    """
    geometry = cast("Geometry", network)
    n = geometry.input_size(4 * geometry.stride)
    counts = [channels * n * n]

    def count(_layer: nn.Module, _inputs: object, y: Tensor) -> None:
        counts.append(y.numel())

    leaves = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [
        leaf.register_forward_hook(count) for leaf in leaves if not isinstance(leaf, nn.Identity)
    ]
    try:
        with torch.inference_mode():
            network(torch.zeros((1, channels, n, n), device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts) / n**2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the host ran out of memory; of the CPU PyTorch says so only in words."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    words = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
