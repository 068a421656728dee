"""From a row of the table to the object on the canvas, and back."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

from napari_touchup.core.entries import Index
from napari_touchup.session.measured import Cell, Table
from napari_touchup.ui.layers import show_frame, shown_frame
from napari_touchup.ui.measured_layers import axes_of, label_at

STILL_PX = 4  # a click moves the mouse less
LOOKING = ("pan_zoom", "pick", "transform")  # modes of labels in which a click draws nothing


class ObjectPointer:
    """Tells which object of a labels layer is clicked (None: background), and goes to others."""

    def __init__(self, viewer: ViewerModel, clicked: Callable[[Cell | None], object]) -> None:
        self._viewer = viewer
        self._clicked = clicked
        self._labels: Labels | None = None
        viewer.mouse_drag_callbacks.append(self._on_press)

    def close(self) -> None:
        self.watch(None)
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def watch(self, labels: Labels | None) -> None:
        """Tell of clicks into this layer from now on."""
        if self._labels is not None:
            self._labels.events.selected_label.disconnect(self._on_selected)
        self._labels = labels
        if labels is not None:
            labels.events.selected_label.connect(self._on_selected)

    @property
    def drawing(self) -> bool:
        """Whether a click draws something, or fills or erases it."""
        active = self._viewer.layers.selection.active
        return isinstance(active, Labels) and str(active.mode) not in LOOKING

    @property
    def frame(self) -> Index:
        """Frame of the labels that is shown."""
        labels = self._labels
        if labels is None:
            return ()
        return shown_frame(labels, axes_of(labels) or "", self._viewer.dims.point)

    def go(self, table: Table, cell: Cell) -> None:
        """Show an object: its frame, and its middle in the middle of the canvas."""
        labels, row = self._labels, table.row(cell)
        axes = None if labels is None else axes_of(labels)
        if labels is None or axes is None or row is None:
            return
        show_frame(self._viewer, labels, axes, cell.frame)
        where = dict(zip(table.axes, cell.frame, strict=True))
        where |= {"Y": table.columns["y_px"][row], "X": table.columns["x_px"][row]}
        position = np.array([float(where.get(letter, 0)) for letter in axes])
        world = labels.data_to_world(position)  # type: ignore[no-untyped-call]
        depth = float(world[-3]) if len(world) > 2 and self._viewer.dims.ndisplay == 3 else 0.0
        self._viewer.scene.camera.center = (depth, float(world[-2]), float(world[-1]))
        labels.selected_label = cell.label

    def _on_press(self, _viewer: Any, event: Any) -> Generator[None]:
        labels, start = self._labels, np.array(event.pos)
        if labels is None or event.button != 1 or not labels.visible or self.drawing:
            return
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos) - start).max() < STILL_PX:
            label = label_at(labels, event)
            self._clicked(Cell(self.frame, label) if label else None)

    def _on_selected(self) -> None:
        if self._labels is not None and (label := int(self._labels.selected_label)):
            self._clicked(Cell(self.frame, label))
