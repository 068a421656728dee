"""What a model in training would say now, as outlines over the masks."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

from napari_touchup.session.fine_tuning import FineTuning, Previewed
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.layers import MADE_BY

OUTLINE_PX = 2


class PreviewLayer:
    """There while a training runs; read-only and never active."""

    def __init__(self, viewer: ViewerModel, binding: Binding, tuning: FineTuning) -> None:
        self._viewer = viewer
        self._binding = binding
        self._tuning = tuning
        self.layer: Labels | None = None
        tuning.previewed.connect(self._on_preview)
        tuning.events.running.connect(self._on_running)
        viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        self._tuning.previewed.disconnect(self._on_preview)
        self._tuning.events.running.disconnect(self._on_running)
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _on_preview(self, preview: Previewed) -> None:
        results = self._binding.opened.of_image(preview.image)
        if results is None or not self._tuning.running:
            return
        if self.layer is None:
            self.layer = self._add(results.source.name, results.grid.shape, results.grid.place)
        plane = results.grid.plane(self.layer.data, preview.frame)
        plane[preview.window or (...,)] = preview.masks
        self.layer.refresh(extent=False)

    def _add(self, name: str, shape: tuple[int, ...], place: dict[str, Any]) -> Labels:
        layer = Labels(
            np.zeros(shape, np.int32),
            name=f"{name} preview",
            metadata={MADE_BY: "preview"},
            **place,
        )
        layer.contour = OUTLINE_PX
        layer.editable = False
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = active
        return layer

    def _on_running(self, running: bool) -> None:
        if not running and self.layer is not None:
            self._viewer.layers.remove(self.layer)

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.layer = None
