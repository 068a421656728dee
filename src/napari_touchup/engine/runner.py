"""A network made ready to run on one device: batch norm folded, converted, placed, compiled."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import isqrt
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_touchup.core.context import wider
from napari_touchup.core.tiling import Geometry, Window, plan
from napari_touchup.engine.folding import Convolution, fold
from napari_touchup.engine.landing import Landing, land
from napari_touchup.engine.memory import free_memory, values_per_pixel
from napari_touchup.engine.rescale import normalized
from napari_touchup.nn.checkpoint import Model, at_level
from napari_touchup.nn.detections import Detections
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
GB = 10**9  # bytes
# Around its middle an object needs half of itself, and as much again for its rivals; see `detect`.
OBJECT_PX = 128  # edge of the largest object that a tile detects as the whole frame does
ALIVE_SHARE = 0.5  # of all layers' outputs that are alive at once; a U-Net has about a third

# What was made of a module's weights lives as long as the module; see `prepare`.
_READY: "WeakKeyDictionary[nn.Module, tuple[tuple[Any, ...], Runner]]" = WeakKeyDictionary()

Numbers = NDArray[np.float64]
Features = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """The halves of a network that looks at the whole image, through one mean only.

    Its output is as large as its input. Pixel i of its last features lies over the block
    [S i, S (i + 1)) of the input, and `halo` holds for the features as well as, with a given mean,
    for the output.

    Attributes
    ----------
    encode : (B, C, Y, X) -> features; what is averaged is the last, (B, D, Y / S, X / S)
    decode : features and their mean, (1, D) or (B, D) -> (B, K, Y, X) raw values
    """

    encode: Callable[[Tensor], Features]
    decode: Callable[[Features, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Runner:
    """Runs batches of tiles.

    Attributes
    ----------
    network : nn.Module
        The folded copy on the device.
    geometry : Geometry
        Of the network; where it detects objects, with what these need around them.
    forward : callable
        The network, or its compiled form.
    spec : ModelSpec
    device : Device
    values : float
        Values that are alive at once for one input pixel.
    parts : Parts, optional
        Of a network that looks at the whole image; then `encode`, `sums` and `decode` can be used.
    """

    network: nn.Module
    geometry: Geometry
    forward: Callable[[Tensor], Any]
    spec: ModelSpec
    device: Device
    values: float
    parts: Parts | None = None

    @property
    def kind(self) -> str:
        return torch.device(self.device.name).type  # "cpu", "cuda", "mps"

    def launch(self, tiles: Sequence[NDArray[Any]], scale: Numbers, shift: Numbers) -> Landing:
        """Make the maps of a batch of tiles of raw intensities; on CUDA it is only queued.

        Where the network looks at the whole image, each tile is one.

        Parameters
        ----------
        tiles : sequence of (C, h, w) arrays of real numbers, of one dtype
        scale, shift : (C,) float64
            Normalisation ``y = x * scale + shift``; what is then not finite becomes 0.
        """
        with torch.inference_mode():
            return self._maps(self._run(self.forward, tiles, scale, shift))  # (B, K, h', w')

    def detect(
        self, tiles: Sequence[NDArray[Any]], scale: Numbers, shift: Numbers
    ) -> tuple[Detections, ...]:
        """Find the objects of a batch; parameters as of `launch`. They stay on the device."""
        with torch.inference_mode():
            found: tuple[Detections, ...] = self._run(self.forward, tiles, scale, shift)
            return found

    def encode(self, tiles: Sequence[NDArray[Any]], scale: Numbers, shift: Numbers) -> Features:
        """Run the first part over a batch; parameters as of `launch`. They stay on the device."""
        with torch.inference_mode():
            features: Features = self._run(self._halves().encode, tiles, scale, shift)
            return features

    def sums(self, features: Features, windows: Sequence[Window]) -> Landing:
        """Sum the last features over one window of each tile, in blocks of S: (B, D) float64."""
        with torch.inference_mode():
            last = features[-1].cpu() if self.kind == "mps" else features[-1]  # has no float64
            sums = [
                own[(slice(None), *window)].sum((1, 2), dtype=torch.float64)
                for own, window in zip(last, windows, strict=True)
            ]
            return land(torch.stack(sums))

    def decode(self, features: Features, mean: Numbers) -> Landing:
        """Make maps of the features of a batch and of the whole frame's mean, (D,)."""
        with torch.inference_mode():
            given = torch.from_numpy(mean[np.newaxis].astype(np.float32)).to(features[-1].device)
            with self._numerics():
                raw = self._halves().decode(features, given)  # (B, K, h', w')
            return self._maps(raw)

    def sizes(self, shape: tuple[int, int], options: SegmentOptions) -> tuple[int, int]:
        """Tile edge (pixels) and number of tiles in a batch for a frame (Y, X)."""
        memory = MEMORY_SHARE * free_memory(self.device.name)
        if options.memory is not None:
            memory = min(memory, options.memory * GB)
        pixels = int(memory / (self.values * self.device.dtype.itemsize))
        wanted = max(TILE_MAX[self.kind], FAR * max(self.geometry.halo))
        tile = options.tile or min(wanted, isqrt(pixels))
        tiles = plan(shape, tile, self.geometry)
        area = tiles.size[0] * tiles.size[1]
        batch = options.batch or max(min(BATCH_PX[self.kind], pixels) // area, 1)
        return max(tiles.size), min(batch, len(tiles.tiles))

    def _run(
        self, part: Callable[[Tensor], Any], tiles: Sequence[Any], scale: Numbers, shift: Numbers
    ) -> Any:
        x = self._normalized(tiles, scale, shift)  # (B, C, h, w)
        with self._numerics():
            return part(x)

    def _halves(self) -> Parts:
        if self.parts is None:
            raise RuntimeError("expected a network of two parts, which looks at the whole image")
        return self.parts

    def _maps(self, raw: Tensor) -> Landing:
        return land(ACTIVATIONS[self.spec.output](raw.float()))

    def _numerics(self) -> AbstractContextManager[Any]:
        if self.device.dtype != torch.float32:
            return torch.autocast(self.kind, self.device.dtype)
        if self.kind == "cuda":
            return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        return nullcontext()

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
        If the network has no such level.
    """
    spec = model.header.spec
    how = options.device, options.precision, options.compile, options.prune
    key = spec, *how, *_state(model.module)
    known = _READY.get(model.module)
    if known is None or known[0] != key:
        known = key, _make(at_level(model, options.prune), options)
        _READY[model.module] = known
    return known[1]


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
    detects = spec.output == "instances"
    # torch.compile cannot: the shapes depend on what is found
    compiles = options.compile and not detects
    made: Callable[[Any], Any] = torch.compile if compiles else lambda part: part
    pools = hasattr(network, "encode")
    parts = Parts(made(network.encode), made(network.decode)) if pools else None
    geometry = cast("Geometry", network)
    if detects:
        geometry = wider(geometry, OBJECT_PX)
    return Runner(network, geometry, made(network), spec, device, values, parts)


def _state(module: nn.Module) -> tuple[Any, ...]:
    # an optimizer or load_state_dict that changes weights in place counts their versions up
    values = module.state_dict(keep_vars=True).values()
    return tuple((v.data_ptr(), 0 if v.is_inference() else v._version) for v in values)


def _upload(tiles: Sequence[NDArray[Any]], device: str) -> Tensor:
    batch = np.stack(tiles)
    x = torch.from_numpy(batch.astype(batch.dtype.newbyteorder("="), copy=False))
    if device.startswith("cuda"):
        return x.pin_memory().to(device, non_blocking=True)
    return x.to(device)
