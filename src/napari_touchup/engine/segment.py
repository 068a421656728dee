"""A frame through a network, tile by tile: maps, then masks; or objects, then masks and maps."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core.detected import draw, maps_of
from napari_touchup.core.instances import masks_from_maps, masks_from_probability
from napari_touchup.core.normalize import affine
from napari_touchup.core.normalize import limits as limits_of
from napari_touchup.engine.detect import detect
from napari_touchup.engine.passes import Notice, Prepared, Progress, Source, TileDone, run_tiles
from napari_touchup.engine.rescale import normalized, resize, scaled_shape
from napari_touchup.engine.runner import Runner, prepare
from napari_touchup.engine.spool import maps_array
from napari_touchup.options import InstanceOptions, SegmentOptions

if TYPE_CHECKING:
    from napari_touchup.nn.checkpoint import Model

__all__ = [
    "Notice", "Prediction", "Prepared", "Progress", "TileDone",
    "make_masks", "predict", "predict_maps", "segment",
]  # fmt: skip

FLAT = "all pixels of this image are equal: there is nothing in it to find"
_SEGMENT = SegmentOptions()
_INSTANCES = InstanceOptions()


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a network says of a frame.

    Attributes
    ----------
    maps : (K, Y, X) float32; of very large frames float16 on disk; or the `out` that was given
        After the activation: mask, border and distance, or the probabilities of the classes. Of
        detected objects what `core.detected.maps_of` makes of them.
    masks : (Y, X) uint16 or uint32
        Instance labels, 0 = background.
    seconds : float
        Time that it took.
    """

    maps: Any
    masks: NDArray[np.unsignedinteger]
    seconds: float


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
        limits of all of it, so that the part is seen as it would be within the whole (but a network
        that looks at the whole image, by a mean over it, then sees no more than the part).

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
    maps, masks = yield from _predict(model, frame, options, instances, out, limits)
    if masks is None:
        masks = make_masks(maps, model.header.spec.output, instances)
    yield Prediction(maps, masks, perf_counter() - started)


def predict(
    model: "Model",
    frame: Any,
    options: SegmentOptions = _SEGMENT,
    instances: InstanceOptions = _INSTANCES,
    *,
    limits: NDArray[np.floating] | None = None,
) -> Prediction:
    """Segment one frame to its end, telling nothing on the way; as `segment` does."""
    *_, last = segment(model, frame, options, instances, limits=limits)
    if not isinstance(last, Prediction):
        raise RuntimeError(f"expected segment() to end with a Prediction, got {last}")
    return last


def predict_maps(
    model: "Model",
    frame: Any,
    options: SegmentOptions = _SEGMENT,
    out: Any = None,
    *,
    limits: NDArray[np.floating] | None = None,
) -> Generator[Progress, None, Any]:
    """Run the network over a frame and return the maps; parameters and errors as of `segment`."""
    maps, _ = yield from _predict(model, frame, options, _INSTANCES, out, limits)
    return maps


def _predict(
    model: "Model",
    frame: Any,
    options: SegmentOptions,
    instances: InstanceOptions,
    out: Any,
    limits: NDArray[np.floating] | None,
) -> Generator[Progress, None, tuple[Any, NDArray[np.unsignedinteger] | None]]:
    """Return maps, and the masks where it is not they that are made of the maps."""
    _check(model, frame, out, limits)
    runner = prepare(model, options)
    if limits is None:
        limits = limits_of(frame, model.header.normalize)
    if not (limits[:, 0] < limits[:, 1]).any():
        yield Notice(FLAT)
    source = Source(frame, *affine(limits))
    shape = scaled_shape(source.shape, model.header.diameter_px, options.diameter)
    ready = source if shape == source.shape else _rescaled(source, shape)
    if runner.spec.output != "instances":
        return (yield from _maps(runner, ready, source.shape, options, out)), None
    found = yield from detect(runner, ready, options)
    masks, probability = draw(found.resized(shape, source.shape), source.shape, instances)
    kept = maps_array((3, *source.shape)) if out is None else out
    return maps_of(masks, probability, kept), masks


def _rescaled(source: Source, shape: tuple[int, int]) -> Source:
    # normalised before it is resized: a NaN is darkest grey then, and does not spread
    image = resize(normalized(source.frame, source.scale, source.shift), shape)
    return Source(image, np.ones(len(image)), np.zeros(len(image)))


def _maps(
    runner: Runner, ready: Source, shape: tuple[int, int], options: SegmentOptions, out: Any
) -> Generator[Progress, None, Any]:
    """Run the tiles of a network that gives maps, and give these the size of the frame."""
    if ready.shape == shape:
        maps = maps_array((runner.spec.classes, *shape)) if out is None else out
        yield from run_tiles(runner, ready, maps, options)
        return maps
    scaled = np.empty((runner.spec.classes, *ready.shape), np.float32)
    yield from run_tiles(runner, ready, scaled, options)
    maps = resize(scaled, shape)
    if out is None:
        return maps
    out[...] = maps
    return out


def make_masks(
    maps: Any, output: str, options: InstanceOptions = _INSTANCES
) -> NDArray[np.unsignedinteger]:
    """Make instance masks, (Y, X) uint16 or uint32, of the (K, Y, X) maps of a network.

    Of a softmax all classes but the first, the background, are objects. Of "instances" the maps
    are those that `segment` has made of the objects.
    """
    if output not in _READ_OUT:
        raise ValueError(f"expected an output of {sorted(_READ_OUT)}, got {output!r}")
    return _READ_OUT[output](maps, options)


_READ_OUT: dict[str, Callable[[Any, InstanceOptions], NDArray[np.unsignedinteger]]] = {
    "instances": masks_from_maps,
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
