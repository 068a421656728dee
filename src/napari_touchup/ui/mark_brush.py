"""Brushes that paint no cell: "this is background", and "this shall not count"."""

from typing import Any, Literal

from napari.components import ViewerModel
from napari.layers import Labels
from psygnal import Signal

from napari_touchup.core.delta import Area
from napari_touchup.session.teaching import RING, WIPED
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.live_layer import LiveLayer
from napari_touchup.ui.paint_events import patches
from napari_touchup.ui.results import Results

Kind = Literal["background", "ignore"]
PAINTS: dict[Kind, int] = {"background": RING, "ignore": WIPED}  # in the review layer


class MarkBrush:
    """napari's own brush, in the review layer, for as long as it is in the hand."""

    changed = Signal()  # which brush is in the hand

    def __init__(self, viewer: ViewerModel, binding: Binding) -> None:
        self._viewer = viewer
        self._binding = binding
        self._layer: Labels | None = None
        self.kind: Kind | None = None
        viewer.layers.selection.events.active.connect(self._on_active)

    def close(self) -> None:
        self.put_down()
        self._viewer.layers.selection.events.active.disconnect(self._on_active)

    def take(self, kind: Kind) -> None:
        """Paint marks from now on; the review layer is shown for it."""
        results = self._binding.current
        if results is None or results.masks is None:
            return
        self.put_down()
        if "review" not in results.live:
            results.show_review()
        layer: Labels = results.layers["review"]
        layer.editable = True
        layer.brush_size = results.masks.brush_size
        layer.selected_label = PAINTS[kind]
        self._viewer.layers.selection.active = layer  # on the way napari tells of none, too
        self.kind, self._layer = kind, layer
        layer.mode = "paint"
        layer.events.paint.connect(self._on_paint)
        self.changed.emit()

    def put_down(self) -> None:
        """Give the hand back to the masks."""
        layer, self._layer, self.kind = self._layer, None, None
        if layer is None:
            return
        layer.events.paint.disconnect(self._on_paint)
        layer.mode = "pan_zoom"
        layer.editable = False
        results = self._binding.current
        if self._viewer.layers.selection.active is layer and results and results.masks:
            self._viewer.layers.selection.active = results.masks
        self.changed.emit()

    def _on_active(self) -> None:
        if self._layer is not None and self._viewer.layers.selection.active is not self._layer:
            self.put_down()

    def _on_paint(self, event: Any) -> None:
        results, layer, kind = self._binding.current, self._layer, self.kind
        if results is None or layer is None or kind is None:
            return
        tools, live = results.session.tools(results.image), _live(results)
        for index, patch in patches(event.value, layer.data, results.grid).items():
            area = Area(patch.box, patch.changed)
            (tools.background if kind == "background" else tools.ignore)(index, area)
            live.redraw(index, patch.box)  # what changed nothing shall not stay painted


def _live(results: Results) -> LiveLayer:
    return results.live["review"]
