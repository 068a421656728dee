"""The layer that shows hits, misses and false objects."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_touchup.core.entries import Index
from napari_touchup.session.hits import FALSE, HIT, MISS
from napari_touchup.ui.layers import MADE_BY, level_0, lies_where
from napari_touchup.ui.measured_layers import axes_of

KIND = "hits"  # what the layer holds, in its metadata
# safe for the colour-blind (Okabe & Ito 2008); the lines are solid, dashed, dotted as well
COLOURS = {HIT: "#56b4e9", MISS: "#e69f00", FALSE: "#cc79a7"}


class HitsLayer:
    """Is there as long as it is wanted; `gone` is called when a person deletes it."""

    def __init__(self, viewer: ViewerModel, gone: Callable[[], object]) -> None:
        self._viewer = viewer
        self._gone = gone
        self.layer: Labels | None = None
        viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self.layer = None

    def show(self, labels: Labels, pictures: Mapping[Index, NDArray[np.uint8]]) -> None:
        """Show the pictures of some frames over labels; the other frames are empty."""
        data = np.zeros(level_0(labels).shape, np.uint8)
        axes = axes_of(labels) or ""
        for index, picture in pictures.items():
            where = dict(zip((letter for letter in axes if letter in "TZ"), index, strict=True))
            data[tuple(where.get(letter, 0) for letter in axes[:-2])] = picture
        if self.layer is not None and self.layer.data.shape == data.shape:
            self.layer.data = data
            return
        self.take_away()
        self.layer = _hits_layer(labels, data)
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(self.layer)
        self._viewer.layers.selection.active = active

    def take_away(self) -> None:
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.layer = None
            self._gone()


def _hits_layer(labels: Labels, data: NDArray[np.uint8]) -> Labels:
    layer = Labels(
        data,
        name=f"{labels.name} hits and misses",
        colormap=DirectLabelColormap(color_dict={None: "transparent", 0: "transparent", **COLOURS}),
        opacity=1.0,
        metadata={MADE_BY: KIND},
        **lies_where(labels),
    )
    layer.editable = False
    return layer
