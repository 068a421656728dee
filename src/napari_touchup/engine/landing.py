"""What a device has made, on its way to the host."""

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False, slots=True)
class Landing:
    """What was made of a batch, on its way from the device."""

    values: Tensor  # (B, ...) on the host, valid after `wait`; maps are (B, K, h, w) float32
    copied: "torch.cuda.Event | None"

    def wait(self) -> NDArray[Any]:
        if self.copied is not None:
            self.copied.synchronize()
        return self.values.numpy()


def land(values: Tensor) -> Landing:
    """Bring values to the host; from CUDA without waiting for them."""
    if values.device.type != "cuda":
        return Landing(values.cpu(), None)
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(values.device))
    return Landing(host, copied)
