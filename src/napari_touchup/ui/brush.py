"""A brush that knows which cell it paints."""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_touchup.core.entries import Index
from napari_touchup.ui.layers import Grid
from napari_touchup.ui.mouse import in_encircling, polygon_begun, spot_at

MODES = ("paint", "polygon")  # of the layer, in which a stroke puts down a label


class SmartBrush:
    """Chooses the label of a stroke by what it starts on, and keeps it off the neighbours.

    A stroke that starts on a cell extends it; one that starts on background makes a new cell. It
    is so for the brush, the polygon and the right-drag that encircles a cell. With the label 0
    selected a person erases, and with the eraser too: then napari's brush does as it is told.

    Parameters
    ----------
    layer : Labels
    grid : Grid
        Its axes.
    unused : callable
        Gives a label that no cell of this frame has.
    """

    stroke_ended = Signal(tuple)  # the labels that it touched, once their pixels are written
    changed = Signal()  # whether it is on, or paints over neighbours

    def __init__(self, layer: Labels, grid: Grid, unused: Callable[[Index], int]) -> None:
        self._layer = layer
        self._grid = grid
        self._unused = unused
        self._on = True
        self._over_neighbours = False
        self._before: bool | None = None  # napari's "preserve labels" while we set it
        # napari takes away and appends its own callback at each change of mode: ours stays first
        layer.mouse_drag_callbacks.insert(0, self._on_press)
        layer.events.mode.connect(self._set_preserve)
        layer.events.preserve_labels.connect(self._on_preserve)
        layer.events.paint.connect(self._on_paint)
        self._set_preserve()

    @property
    def on(self) -> bool:
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        if on != self._on:
            self._on = on
            self._set_preserve()
            self.changed.emit()

    @property
    def over_neighbours(self) -> bool:
        """Whether a stroke takes the pixels of other cells."""
        return self._over_neighbours

    @over_neighbours.setter
    def over_neighbours(self, over: bool) -> None:
        if over != self._over_neighbours:
            self._over_neighbours = over
            self._set_preserve()
            self.changed.emit()

    def close(self) -> None:
        """Let go of the layer."""
        self._on = False
        self._set_preserve()
        self._layer.mouse_drag_callbacks.remove(self._on_press)
        self._layer.events.mode.disconnect(self._set_preserve)
        self._layer.events.preserve_labels.disconnect(self._on_preserve)
        self._layer.events.paint.disconnect(self._on_paint)

    def _set_preserve(self) -> None:
        """Have napari's "preserve labels" follow us in our modes, and be the person's in others."""
        layer = self._layer
        ours = self._on and str(layer.mode) in MODES
        with layer.events.preserve_labels.blocker(self._on_preserve):
            if ours:
                self._before = layer.preserve_labels if self._before is None else self._before
                layer.preserve_labels = not self._over_neighbours
            elif self._before is not None:
                layer.preserve_labels, self._before = self._before, None

    def _on_preserve(self) -> None:
        """Follow what a person sets in napari's own controls."""
        if self._before is not None:
            self.over_neighbours = not self._layer.preserve_labels

    def _on_press(self, layer: Labels, event: Any) -> None:
        if not self._on or layer.selected_label == layer.colormap.background_value:
            return
        if not self._begins_stroke(event):
            return
        spot = spot_at(layer, self._grid, event)
        if spot is not None:
            layer.selected_label = spot.label or self._unused(spot.index)

    def _begins_stroke(self, event: Any) -> bool:
        layer, mode = self._layer, str(self._layer.mode)
        if mode == "polygon":
            return event.button == 1 and not polygon_begun(layer)
        return mode == "paint" and event.button in (1, 2) and not in_encircling(layer)

    def _on_paint(self, event: Any) -> None:
        touched = labels_of(event.value)
        if touched:
            # of a polygon napari tells before it writes
            QTimer.singleShot(0, lambda: self.stroke_ended.emit(touched))


def labels_of(atoms: Any) -> tuple[int, ...]:
    """Labels that lost or gained pixels in a stroke; none in what tools wrote.

    Parameters
    ----------
    atoms : iterable
        ``event.value`` of ``labels.events.paint``, see `paint_events`.
    """
    strokes = [atom for atom in atoms if hasattr(atom, "slice_key")]
    found = {int(atom.new_value) for atom in strokes}
    found.update(*(np.unique(atom.old_values).tolist() for atom in strokes))
    return tuple(sorted(found - {0}))
