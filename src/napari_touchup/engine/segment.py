"""A frame through a network, tile by tile: maps, then masks."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.instances import masks_from_maps, masks_from_probability
from napari_touchup.core.normalize import affine
from napari_touchup.core.normalize import limits as limits_of
from napari_touchup.core.tiling import Tile, TilePlan, plan, read_tile
from napari_touchup.engine.memory import is_out_of_memory, release
from napari_touchup.engine.rescale import normalized, resize, scaled_shape
from napari_touchup.engine.runner import Landing, Numbers, Runner, prepare
from napari_touchup.options import InstanceOptions, SegmentOptions

if TYPE_CHECKING:
    from napari_touchup.nn.checkpoint import Model

_SEGMENT = SegmentOptions()
_INSTANCES = InstanceOptions()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is about to run; comes again when memory ran out and all tiles are run anew.

    Attributes
    ----------
    device : str
        The device and why it was chosen, one line.
    tile : int
        Longer edge of a tile, pixels.
    batch : int
        Tiles at once.
    tiles : int
        Tiles of the frame.
    """

    device: str
    tile: int
    batch: int
    tiles: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know, in one line."""

    text: str


@dataclass(frozen=True, slots=True)
class TileDone:
    done: int
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a network says of a frame.

    Attributes
    ----------
    maps : (K, Y, X) float32, or the `out` that was given
        After the activation: mask, border and distance, or the probabilities of the classes.
    masks : (Y, X) uint16 or uint32
        Instance labels, 0 = background.
    seconds : float
        Time that it took.
    """

    maps: Any
    masks: NDArray[np.unsignedinteger]
    seconds: float


Progress = Prepared | Notice | TileDone


@dataclass(frozen=True, eq=False, slots=True)
class _Source:
    """A frame (C, Y, X) and the affine that normalises it."""

    frame: Any
    scale: Numbers
    shift: Numbers

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.frame.shape[1]), int(self.frame.shape[2])


def segment(
    model: "Model",
    frame: Any,
    options: SegmentOptions = _SEGMENT,
    instances: InstanceOptions = _INSTANCES,
    out: Any = None,
    *,
    limits: NDArray[np.floating] | None = None,
) -> Generator[Progress | Prediction]:
    """Segment one frame.

    Parameters
    ----------
    model : Model
    frame : (C, Y, X) array-like of real numbers
        Raw intensities; numpy, dask, zarr or memmap, read tile by tile (with `diameter` whole).
    options : SegmentOptions
    instances : InstanceOptions
    out : (K, Y, X) array-like of float16 or float32, optional
        Receives the maps, such as a zarr array where memory does not hold them.
    limits : (C, 2) array, optional
        Intensities that become 0 and 1; by default the frame's own. For a part of a frame: the
        limits of all of it, so that the part is seen as it would be within the whole.

    Yields
    ------
    Prepared, Notice, TileDone
        While it runs. The generator can be closed after any of them.
    Prediction
        The last event.

    Raises
    ------
    ValueError
        If the frame or the limits do not fit the model, before anything runs.
    MemoryError
        If not even one smallest tile fits in memory.
    """
    started = perf_counter()
    maps = yield from predict_maps(model, frame, options, out, limits=limits)
    masks = make_masks(maps, model.header.spec.output, instances)
    yield Prediction(maps, masks, perf_counter() - started)


def predict_maps(
    model: "Model",
    frame: Any,
    options: SegmentOptions = _SEGMENT,
    out: Any = None,
    *,
    limits: NDArray[np.floating] | None = None,
) -> Generator[Progress, None, Any]:
    """Run the network over a frame and return the maps; parameters and errors as of `segment`."""
    _check(model, frame, out, limits)
    runner = prepare(model, options)
    if limits is None:
        limits = limits_of(frame, model.header.normalize)
    source = _Source(frame, *affine(limits))
    shape = scaled_shape(source.shape, model.header.diameter_px, options.diameter)
    if shape == source.shape:
        maps = np.empty((runner.spec.classes, *shape), np.float32) if out is None else out
        yield from _run(runner, source, maps, options)
        return maps
    scaled = np.empty((runner.spec.classes, *shape), np.float32)
    # normalised before it is resized: a NaN is darkest grey then, and does not spread
    image = resize(normalized(frame, source.scale, source.shift), shape)
    ready = _Source(image, np.ones(len(image)), np.zeros(len(image)))
    yield from _run(runner, ready, scaled, options)
    maps = resize(scaled, source.shape)
    if out is None:
        return maps
    out[...] = maps
    return out


def make_masks(
    maps: Any, output: str, options: InstanceOptions = _INSTANCES
) -> NDArray[np.unsignedinteger]:
    """Make instance masks, (Y, X) uint16 or uint32, of the (K, Y, X) maps of a network.

    Of a softmax all classes but the first, the background, are objects.
    """
    if output not in _READ_OUT:
        raise ValueError(f"expected an output of {sorted(_READ_OUT)}, got {output!r}")
    return _READ_OUT[output](maps, options)


_READ_OUT: dict[str, Callable[[Any, InstanceOptions], NDArray[np.unsignedinteger]]] = {
    "maps": masks_from_maps,
    "softmax": lambda maps, options: masks_from_probability(1 - np.asarray(maps[0]), options),
}


def _check(model: "Model", frame: Any, out: Any, limits: NDArray[np.floating] | None) -> None:
    spec, shape = model.header.spec, tuple(frame.shape)
    if len(shape) != 3 or shape[0] != spec.in_channels:
        raise ValueError(
            f"expected a frame (C, Y, X) with {spec.in_channels} channel(s) for the model "
            f"{model.header.name!r}, got shape {shape}"
        )
    expected = (spec.classes, *shape[1:])
    if out is not None and tuple(out.shape) != expected:
        raise ValueError(f"expected an output array {expected}, got {tuple(out.shape)}")
    if limits is not None and np.shape(limits) != (spec.in_channels, 2):
        raise ValueError(f"expected limits ({spec.in_channels}, 2), got {np.shape(limits)}")


def _run(
    runner: Runner, source: _Source, maps: Any, options: SegmentOptions
) -> Generator[Progress]:
    """Fill the maps; when memory runs out start again with a smaller batch, then tile."""
    tile, batch = runner.sizes(source.shape, options)
    while True:
        tiles = plan(source.shape, tile, runner.geometry)
        yield Prepared(runner.device.reason, max(tiles.size), batch, len(tiles.tiles))
        try:
            yield from _pass(runner, source, maps, tiles, batch)
            return
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            smaller = _smaller(runner, tiles, batch)
            if smaller is None:
                raise MemoryError(
                    f"not enough memory on {runner.device.name} for one tile of "
                    f"{max(tiles.size)} pixels; close other programs or choose another device"
                ) from error
        # outside the handler, whose traceback would keep the tensors alive
        tile, batch = smaller
        release(runner.device.name)
        yield Notice(f"Out of memory: going on with {batch} tile(s) of {tile} pixels at once")


def _smaller(runner: Runner, tiles: TilePlan, batch: int) -> tuple[int, int] | None:
    edge = max(tiles.size)
    if batch > 1:
        return edge, batch // 2
    smaller = max(plan(tiles.shape, edge // 2, runner.geometry).size)
    return (smaller, 1) if smaller < edge else None


def _pass(
    runner: Runner, source: _Source, maps: Any, tiles: TilePlan, batch: int
) -> Generator[TileDone]:
    """Run all tiles. On CUDA one batch is queued while the one before it is written."""
    ahead = 1 if runner.kind == "cuda" else 0
    flying: deque[tuple[Sequence[Tile], Landing]] = deque()
    todo = iter(tiles.tiles)
    done = 0
    while True:
        chunk = list(islice(todo, batch))
        if chunk:
            raw = [read_tile(source.frame, tiles, tile) for tile in chunk]
            flying.append((chunk, runner.launch(raw, source.scale, source.shift)))
        elif not flying:
            return
        if len(flying) > ahead or not chunk:
            ready, landing = flying.popleft()
            for tile, result in zip(ready, landing.wait(), strict=True):
                maps[(slice(None), *tile.write)] = result[(slice(None), *tile.keep)]
            done += len(ready)
            yield TileDone(done, len(tiles.tiles))
