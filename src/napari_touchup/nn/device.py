"""Where a network runs, and in which precision."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F

REALLY_FASTER = 1.2  # times; below it the digits of bfloat16 are lost for nothing
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
TRIALS = 5  # in turns, and the best counts: other programs disturb single ones
TRIAL_CHANNELS = 32
TRIAL_EDGE = {"cuda": 1024, "mps": 512, "cpu": 128}  # pixels; enough to fill the device
TRIAL_RUNS = {"cuda": 10, "mps": 5, "cpu": 1}  # queued at once, so that starting them is hidden
INSTALL_PAGE = "https://pytorch.org/get-started/locally/"


@dataclass(frozen=True, slots=True)
class Device:
    """A choice.

    Attributes
    ----------
    name : "cpu", "mps" or "cuda:N"
    dtype : of torch.autocast; float32 means without it
    reason : what was chosen and why, one line
    """

    name: str
    dtype: torch.dtype
    reason: str


def choose(name: str = "auto", precision: str = "auto") -> Device:
    """Choose a device and its fastest sensible precision.

    Parameters
    ----------
    name : "auto" (CUDA, else MPS, else CPU), "cpu", "mps", "cuda" (the least used) or "cuda:N"
    precision : "auto" (bfloat16 where a trial shows it to be faster), or a name of `DTYPES`

    Raises
    ------
    ValueError
        If there is no such device or precision; the message lists what there is.
    """
    if precision not in ("auto", *DTYPES):
        raise ValueError(f"expected a precision of {['auto', *DTYPES]}, got {precision!r}")
    name, where = _place(name)
    if precision != "auto":
        return Device(name, DTYPES[precision], f"{where}; {precision}, as asked for")
    gain = bfloat16_gain(name)
    if gain >= REALLY_FASTER:
        reason = f"{where}; bfloat16: {gain:.1f} times as fast as float32 in a trial"
        return Device(name, torch.bfloat16, reason)
    reason = f"{where}; float32: bfloat16 was {gain:.1f} times as fast in a trial"
    return Device(name, torch.float32, reason)


def available() -> list[str]:
    """Names of all devices, the best first."""
    cards = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [*cards, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


@lru_cache
def bfloat16_gain(name: str) -> float:
    """Time of a 3x3 convolution in float32 over that in bfloat16, measured once per process."""
    kind = torch.device(name).type
    if kind == "mps" and not torch.backends.mps.is_macos_or_newer(14, 0):
        return 0.0  # has no bfloat16
    full, half = _trial(name, torch.float32), _trial(name, torch.bfloat16)
    with _one_thread():
        times = [(full(), half()) for _ in range(1 + TRIALS)]  # the first is a warm-up
    return min(slow for slow, _ in times[1:]) / min(fast for _, fast in times[1:])


def nvidia_without_cuda() -> str | None:
    """Advice where an NVIDIA card is present but PyTorch was installed without CUDA."""
    if torch.version.cuda or torch.version.hip or not _has_nvidia_card():
        return None
    return (
        "This computer has an NVIDIA card, but the installed PyTorch uses the CPU only. "
        f"Choose CUDA at {INSTALL_PAGE} and install PyTorch again."
    )


def _place(name: str) -> tuple[str, str]:
    """Full name of a device, and the words for it."""
    found = available()
    cards = [card for card in found if card.startswith("cuda")]
    why = ""
    if name in ("auto", "cuda") and len(cards) > 1:
        name, why = max(cards, key=_free_memory), f", the least used of {len(cards)}"
    elif name == "auto":
        name, why = found[0], "" if len(found) > 1 else ", as there is no GPU that PyTorch can use"
    elif name == "cuda" and cards:
        name = cards[0]
    if name not in found:
        raise ValueError(f"expected a device of {['auto', *found]}, got {name!r}")
    return name, f"{_words(name)}{why}"


def _words(name: str) -> str:
    if name == "mps":
        return "Apple GPU"
    if name == "cpu":
        threads = torch.get_num_threads()
        return f"CPU ({threads} thread{'s' if threads > 1 else ''})"
    return f"{torch.cuda.get_device_name(name)} ({name})"


def _free_memory(card: str) -> int:
    return torch.cuda.mem_get_info(card)[0]


def _has_nvidia_card() -> bool:
    windows = Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", "nvidia-smi.exe")
    driver = Path("/proc/driver/nvidia/gpus")
    return bool(shutil.which("nvidia-smi")) or driver.exists() or windows.exists()


def _trial(name: str, dtype: torch.dtype) -> Callable[[], float]:
    """Return what times a convolution that looks like those of a U-Net, in seconds."""
    kind, c = torch.device(name).type, TRIAL_CHANNELS
    image = torch.ones((1, c, TRIAL_EDGE[kind], TRIAL_EDGE[kind]), device=name, dtype=dtype)
    image = image.contiguous(memory_format=torch.channels_last)
    kernel = torch.ones((c, c, 3, 3), device=name, dtype=dtype)
    kernel = kernel.contiguous(memory_format=torch.channels_last)

    def seconds() -> float:
        _wait(kind)
        begun = time.perf_counter()
        for _ in range(TRIAL_RUNS[kind]):
            F.conv2d(image, kernel, padding=1)
        _wait(kind)
        return time.perf_counter() - begun

    return seconds


@contextmanager
def _one_thread() -> Iterator[None]:
    # on a busy computer several threads would measure how long they wait for each other
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _wait(kind: str) -> None:
    if kind == "cuda":
        torch.cuda.synchronize()
    elif kind == "mps":
        torch.mps.synchronize()
