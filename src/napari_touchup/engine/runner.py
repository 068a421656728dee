"""A network made ready to run on one device: batch norm folded, converted, placed, compiled."""

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import isqrt
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_touchup.core.tiling import Geometry, plan
from napari_touchup.engine.memory import free_memory, values_per_pixel
from napari_touchup.engine.rescale import normalized
from napari_touchup.nn.checkpoint import Model, at_level
from napari_touchup.nn.device import Device, choose
from napari_touchup.options import ModelSpec, SegmentOptions

# Dtypes that travel as they are and are converted on the device without loss.
RAW_DTYPES = {"bool", "uint8", "int8", "int16", "uint16", "float16", "float32"}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "maps": torch.sigmoid,
    "softmax": partial(torch.softmax, dim=1),
}
# Largest tile edge, pixels: a tile ends within a second or so, and 1024 (CPU) or 2048 pixels with
# a halo of 96 pass as one. Batches: the CPU's caches like one tile; a GPU wants work, but below
# 2^31 values in the widest layer (128 channels).
TILE_MAX = {"cpu": 1216, "mps": 1216, "cuda": 2240}
FAR = 4  # halos to which a tile grows beyond that, so that it keeps a quarter of its pixels
BATCH_PX = {"cpu": 1, "mps": 1, "cuda": 8_000_000}
MEMORY_SHARE = 0.5  # of the free memory that a batch may take
ALIVE_SHARE = 0.5  # of all layers' outputs that are alive at once; a U-Net has about a third

# What was made of a module's weights lives as long as the module; see `prepare`.
_READY: "WeakKeyDictionary[nn.Module, tuple[tuple[Any, ...], Runner]]" = WeakKeyDictionary()

Numbers = NDArray[np.float64]
Convolution = nn.Conv2d | nn.ConvTranspose2d


@dataclass(frozen=True, eq=False, slots=True)
class Landing:
    """Maps of a batch on their way from the device."""

    maps: Tensor  # (B, K, h, w) float32 on the host, valid after `wait`
    copied: "torch.cuda.Event | None"

    def wait(self) -> NDArray[np.float32]:
        if self.copied is not None:
            self.copied.synchronize()
        return cast("NDArray[np.float32]", self.maps.numpy())


@dataclass(frozen=True, eq=False)
class Runner:
    """Runs batches of tiles.

    Attributes
    ----------
    network : nn.Module
        The folded copy on the device; its geometry.
    forward : callable
        The network, or its compiled form.
    spec : ModelSpec
    device : Device
    values : float
        Values that are alive at once for one input pixel.
    """

    network: nn.Module
    forward: Callable[[Tensor], Tensor]
    spec: ModelSpec
    device: Device
    values: float

    @property
    def geometry(self) -> Geometry:
        return cast("Geometry", self.network)

    @property
    def kind(self) -> str:
        return torch.device(self.device.name).type  # "cpu", "cuda", "mps"

    def launch(self, tiles: Sequence[NDArray[Any]], scale: Numbers, shift: Numbers) -> Landing:
        """Run a batch of (C, h, w) tiles of raw intensities; on CUDA it is only queued.

        Parameters
        ----------
        tiles : sequence of (C, h, w) arrays of real numbers, of one dtype
        scale, shift : (C,) float64
            Normalisation ``y = x * scale + shift``; what is then not finite becomes 0.
        """
        with torch.inference_mode():
            x = self._normalized(tiles, scale, shift)  # (B, C, h, w)
            with _numerics(self.kind, self.device.dtype):
                raw = self.forward(x)  # (B, K, h', w')
            maps = ACTIVATIONS[self.spec.output](raw.float())
            if self.kind != "cuda":
                return Landing(maps.cpu(), None)
            host = torch.empty(maps.shape, pin_memory=True)
            host.copy_(maps, non_blocking=True)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            copied.record(torch.cuda.current_stream(maps.device))
            return Landing(host, copied)

    def sizes(self, shape: tuple[int, int], options: SegmentOptions) -> tuple[int, int]:
        """Tile edge (pixels) and number of tiles in a batch for a frame (Y, X)."""
        memory = MEMORY_SHARE * free_memory(self.device.name)
        pixels = int(memory / (self.values * self.device.dtype.itemsize))
        wanted = max(TILE_MAX[self.kind], FAR * max(self.geometry.halo))
        tile = options.tile or min(wanted, isqrt(pixels))
        tiles = plan(shape, tile, self.geometry)
        area = tiles.size[0] * tiles.size[1]
        batch = options.batch or max(min(BATCH_PX[self.kind], pixels) // area, 1)
        return max(tiles.size), min(batch, len(tiles.tiles))

    def _normalized(self, tiles: Sequence[NDArray[Any]], scale: Numbers, shift: Numbers) -> Tensor:
        floating = tiles[0].dtype.kind == "f"
        if tiles[0].dtype.name not in RAW_DTYPES or self.kind == "mps":
            # float32 cannot hold 32-bit integers or float64: the host goes from raw to about 0..1
            tiles = [normalized(tile, scale, shift) for tile in tiles]
            scale, shift = np.ones_like(scale), np.zeros_like(shift)
        x = _upload(tiles, self.device.name)
        x = x.to(torch.float32, memory_format=torch.channels_last)
        slope, offset = (torch.from_numpy(v[:, None, None]).to(x) for v in (scale, shift))
        x = torch.addcmul(offset, x, slope)
        return torch.where(x.isfinite(), x, 0) if floating else x


def prepare(model: Model, options: SegmentOptions) -> Runner:
    """Make a model, or the part of it that `options.prune` needs, ready to run.

    The second time for the same weights it costs nothing. The model's own module is left as it
    is, on its device and in its mode.

    Raises
    ------
    ValueError
        If the output is not a map per pixel, or the network has no such level.
    """
    spec = model.header.spec
    if spec.output not in ACTIVATIONS:
        raise ValueError(f"expected an output of {sorted(ACTIVATIONS)}, got {spec.output!r}")
    how = options.device, options.precision, options.compile, options.prune
    key = spec, *how, *_state(model.module)
    known = _READY.get(model.module)
    if known is None or known[0] != key:
        known = key, _make(at_level(model, options.prune), options)
        _READY[model.module] = known
    return known[1]


def fold(module: nn.Module) -> nn.Module:
    """Copy a network in eval mode with each batch norm folded into the convolution before it.

    Exact up to rounding. A batch norm is found where it follows in the same `nn.Sequential`, or
    where a module names the pair in `folds`, a tuple of (convolution, batch norm).
    """
    folded = copy.deepcopy(module).eval().requires_grad_(False)
    for block in list(folded.modules()):
        names = list(pairwise(block._modules)) if isinstance(block, nn.Sequential) else ()
        for first, second in getattr(block, "folds", names):
            layer, norm = getattr(block, first), getattr(block, second)
            if not (isinstance(layer, Convolution) and isinstance(norm, nn.BatchNorm2d)):
                continue
            transposed = isinstance(layer, nn.ConvTranspose2d)
            if not (transposed and layer.groups > 1):  # PyTorch cannot fold these
                setattr(block, first, fuse_conv_bn_eval(layer, norm, transposed))
                setattr(block, second, nn.Identity())
    return folded


def _make(model: Model, options: SegmentOptions) -> Runner:
    device = choose(options.device, options.precision)
    network = fold(model.module).to(device.name)
    spec = model.header.spec
    values = ALIVE_SHARE * values_per_pixel(network, spec.in_channels, device.name)
    for layer in network.modules():
        # cast once what autocast would cast at every call
        if isinstance(layer, Convolution | nn.Linear):
            layer.to(device.dtype)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    forward = torch.compile(network) if options.compile else network
    return Runner(network, cast("Any", forward), spec, device, values)


def _state(module: nn.Module) -> tuple[Any, ...]:
    # an optimizer or load_state_dict that changes weights in place counts their versions up
    values = module.state_dict(keep_vars=True).values()
    return tuple((v.data_ptr(), 0 if v.is_inference() else v._version) for v in values)


def _numerics(kind: str, dtype: torch.dtype) -> AbstractContextManager[Any]:
    if dtype != torch.float32:
        return torch.autocast(kind, dtype)
    if kind == "cuda":
        return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return nullcontext()


def _upload(tiles: Sequence[NDArray[Any]], device: str) -> Tensor:
    batch = np.stack(tiles)
    x = torch.from_numpy(batch.astype(batch.dtype.newbyteorder("="), copy=False))
    if device.startswith("cuda"):
        return x.pin_memory().to(device, non_blocking=True)
    return x.to(device)
