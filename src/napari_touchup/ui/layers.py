"""How a result lies over its image: the same grid, without the channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_touchup.core.entries import Index

MADE_BY = "napari-touchup"  # key in a layer's metadata; its value is what the layer holds


@dataclass(frozen=True)
class Grid:
    """Axes and place of result layers of an image layer.

    napari aligns the axes of layers from the last one. So a C in front of all others is left
    out; between others it stays, as one pixel that is as long as all channels.
    """

    axes: str  # of the results, e.g. "TYX", or "TCYX" with a C of length 1
    shape: tuple[int, ...]
    place: dict[str, Any]  # scale, translate, ... as napari's layers take them

    def plane(self, array: NDArray[Any], index: Index) -> NDArray[Any]:
        """View of one frame, (Y, X), of a result array."""
        frame = iter(index)
        where = {letter: next(frame) for letter in self.axes if letter in "TZ"}
        key = tuple(where.get(a, 0 if a == "C" else slice(None)) for a in self.axes)
        view = array[key]
        return view if self.axes.index("Y") < self.axes.index("X") else view.T


def grid_of(layer: Image, axes: str) -> Grid:
    """Grid for the results of an image layer whose data has these axes."""
    axes = axes[: layer.ndim]  # an RGB layer's last axis is no axis to napari
    shape = level_0(layer).shape[: layer.ndim]
    drop = axes.startswith("C")
    keep = [n for n in range(layer.ndim) if not (drop and n == 0)]
    scale, translate = np.array(layer.scale), np.array(layer.translate)
    sizes = list(shape)
    if "C" in axes and not drop:
        c = axes.index("C")
        translate[c] += scale[c] * (sizes[c] - 1) / 2
        scale[c] *= sizes[c]
        sizes[c] = 1
    corner = [*keep, layer.ndim]
    place = {
        "scale": scale[keep],
        "translate": translate[keep],
        "rotate": np.asarray(layer.rotate)[np.ix_(keep, keep)],
        "affine": np.asarray(layer.affine.affine_matrix)[np.ix_(corner, corner)],
        "units": [layer.units[n] for n in keep],
        "axis_labels": [layer.axis_labels[n] for n in keep],
    }
    if not drop:
        place["shear"] = layer.shear
    return Grid("".join(axes[n] for n in keep), tuple(sizes[n] for n in keep), place)


def lies_where(layer: Layer) -> dict[str, Any]:
    """Where a layer lies, for another one of the same axes: arguments of napari's layers."""
    return {
        "scale": tuple(layer.scale),
        "translate": tuple(layer.translate),
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def level_0(layer: Layer) -> Any:
    """Return the data in full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def shown_frame(layer: Layer, axes: str, point: Sequence[float]) -> Index:
    """Index along T, Z of the frame that is shown.

    Parameters
    ----------
    layer : Layer
        Of `axes`; may have fewer axes than the viewer.
    point : sequence of float
        The viewer's ``dims.point``, world coordinates.
    """
    position = layer.world_to_data(point[-layer.ndim :])
    sizes = level_0(layer).shape
    return tuple(
        int(np.clip(round(position[n]), 0, sizes[n] - 1))
        for n, letter in enumerate(axes[: layer.ndim])
        if letter in "TZ"
    )


def show_frame(viewer: ViewerModel, layer: Layer, axes: str, frame: Index) -> None:
    """Move the sliders to a frame of a layer."""
    position = np.zeros(layer.ndim)
    wanted = iter(frame)
    for n, letter in enumerate(axes[: layer.ndim]):
        if letter in "TZ":
            position[n] = next(wanted)
    world = layer.data_to_world(position)  # type: ignore[no-untyped-call]
    for n, letter in enumerate(axes[: layer.ndim]):
        if letter in "TZ":
            viewer.dims.set_point(viewer.dims.ndim - layer.ndim + n, float(world[n]))


def look_at(
    viewer: ViewerModel, layer: Layer, grid: Grid, box: tuple[slice, slice], margin: float
) -> None:
    """Centre the camera on a box of a layer's plane.

    Parameters
    ----------
    margin : how many times the box fits between its edge and that of the canvas, at most
    """
    y, x = grid.axes.index("Y"), grid.axes.index("X")
    middle = np.zeros(layer.ndim)
    middle[y], middle[x] = ((s.start + s.stop - 1) / 2 for s in box)
    centre = layer.data_to_world(middle)  # type: ignore[no-untyped-call]
    extent = max((s.stop - s.start) * layer.scale[n] for s, n in zip(box, (y, x), strict=True))
    viewer.scene.camera.center = (0.0, float(centre[y]), float(centre[x]))
    room = min(getattr(viewer, "_canvas_size", (600, 600)))
    viewer.scene.camera.zoom = room / (extent * (1 + margin))


def visible_window(layer: Image, axes: str) -> tuple[slice, slice] | None:
    """(Y, X) window of the frame that the canvas shows, pixels; None if it shows none of it."""
    corners = np.asarray(layer.corner_pixels)
    scale = 1
    if layer.multiscale:  # the corners count pixels of the level that is shown
        scale = round(level_0(layer).shape[-1] / layer.data[layer.data_level].shape[-1])
    window = []
    for letter in "YX":
        n, size = axes.index(letter), level_0(layer).shape[axes.index(letter)]
        start, stop = int(corners[0, n]) * scale, (int(corners[1, n]) + 1) * scale
        window.append(slice(max(start, 0), min(stop, size)))
    return None if any(s.stop <= s.start for s in window) else (window[0], window[1])


def forget_undo(labels: Labels) -> None:
    """Clear the undo history: its steps would write stale values into new masks.

    napari does this itself when a layer's editing is switched off.
    """
    mode = labels.mode
    labels.editable = False
    labels.editable = True
    labels.mode = mode


def is_result(layer: Layer) -> bool:
    return MADE_BY in layer.metadata
