"""Masks of another model, over those of the project."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_touchup.core.entries import Index
from napari_touchup.session.images import Image
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.layers import MADE_BY


class OtherMasks:
    """A layer that is read-only and never active; the project's masks are hidden below it."""

    removed = Signal()  # a person deleted the layer

    def __init__(self, viewer: ViewerModel, binding: Binding) -> None:
        self._viewer = viewer
        self._binding = binding
        self._image: Image | None = None
        self.layer: Labels | None = None
        viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def show(self, image: Image, frame: Index, labels: NDArray[np.int32], name: str) -> None:
        """Show the (Y, X) masks of a frame in a layer named after the image and `name`."""
        results = self._binding.opened.of_image(image)
        if results is None:  # its layer is gone: there is nothing to compare
            return
        data = np.zeros(results.grid.shape, np.int32)
        results.grid.plane(data, frame)[:] = labels
        self.layer, self._image = Labels(
            data,
            name=f"{results.source.name} {name}",
            metadata={MADE_BY: "other masks"},
            **results.grid.place,
        ), image  # fmt: skip
        self.layer.editable = False
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(self.layer)
        self._viewer.layers.selection.active = active
        self._binding.show_frame(image.key, frame)
        self.flip(False)

    def flip(self, old: bool) -> None:
        """Show the masks as they are, or as they would be."""
        if self.layer is not None:
            self.layer.visible = not old
            self._show_own(old)

    def take_away(self) -> None:
        layer, self.layer = self.layer, None
        if layer is not None:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
            self._show_own(True)

    def _show_own(self, visible: bool) -> None:
        results = self._binding.opened.of_image(self._image)
        if results is not None and results.masks is not None:
            results.masks.visible = visible

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.take_away()
            self.removed.emit()
