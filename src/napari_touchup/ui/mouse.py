"""Where the mouse is in a labels layer, and how a callback keeps a press to itself."""

from dataclasses import dataclass
from math import hypot
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_touchup.core.entries import Index
from napari_touchup.ui.layers import Grid

CLICK_PX = 3.0  # canvas pixels; a press that moves less is a click


@dataclass(frozen=True, slots=True)
class Spot:
    """A pixel under the mouse.

    Attributes
    ----------
    index : of its frame, along T, Z
    label : what lies there; 0 for background
    """

    index: Index
    label: int


def spot_at(layer: Labels, grid: Grid, event: Any) -> Spot | None:
    """Find the pixel under the mouse.

    Beside the frame is background, too: a stroke may come in from there.

    Returns
    -------
    Spot or None
        None in 3D, where the mouse points at no one pixel, and for data of another shape.
    """
    if len(event.dims_displayed) != 2 or layer.data.shape != grid.shape:
        return None
    position = layer.world_to_data(event.position[-layer.ndim :])
    pixel = [int(n) for n in np.round(position)]
    inside = [min(max(n, 0), size - 1) for n, size in zip(pixel, grid.shape, strict=True)]
    index = tuple(n for n, letter in zip(inside, grid.axes, strict=True) if letter in "TZ")
    return Spot(index, int(layer.data[tuple(pixel)]) if pixel == inside else 0)


def is_click(start: Any, event: Any) -> bool:
    """Tell whether a release is so near the press that the hand did not mean to drag."""
    return hypot(event.pos[0] - start[0], event.pos[1] - start[1]) < CLICK_PX


def keep(callbacks: list[Any], mine: Any) -> list[Any]:
    """Let no callback after `mine` see the event that is being handled.

    napari walks along the list and has no way to stop. So the list that it walks along ends
    here, and the layer gets a copy for the events to come, which the caller puts in its place.

    Examples
    --------
    >>> walked = ["first", "mine", "napari's own"]
    >>> keep(walked, "mine"), walked
    (['first', 'mine', "napari's own"], ['first', 'mine'])
    """
    whole = list(callbacks)
    del callbacks[callbacks.index(mine) + 1 :]
    return whole


def in_encircling(layer: Labels) -> bool:
    """Tell whether a right-drag stroke is under way, which goes on after the button is up."""
    # private (napari 0.9.2): known here only
    overlay: Any = layer._overlays["brush_stroke"]
    return bool(overlay.active)


def polygon_begun(layer: Labels) -> bool:
    overlay: Any = layer._overlays["polygon"]
    return bool(overlay.points)
