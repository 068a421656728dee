"""The layers that hold the results of one image, and the writing into them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_touchup.core.entries import Index
from napari_touchup.core.link import renumber
from napari_touchup.session.frames import Kept
from napari_touchup.session.images import Image
from napari_touchup.session.project import Changed
from napari_touchup.session.run import FrameDone, mask_probability
from napari_touchup.session.session import Session
from napari_touchup.ui.correction_layers import (
    REVIEW,
    WEIGHT_MAP,
    review_layer,
    weights_layer,
)
from napari_touchup.ui.hand import Hand
from napari_touchup.ui.layers import MADE_BY, Grid, forget_undo, grid_of, shown_frame
from napari_touchup.ui.live_layer import LiveLayer, Picture
from napari_touchup.ui.strokes import Strokes

COLORMAPS = {"probability": "viridis", "borders": "magma", "distance": "cividis"}
CHANNEL = {"borders": 1, "distance": 2}  # of all outputs but "softmax"


class Results:
    """Masks and maps of one image layer; each layer is made when it is first needed.

    The masks layer shows what the project holds: it is written from there, and what a person
    paints in it is told to the session by `Strokes`.
    """

    def __init__(
        self, viewer: ViewerModel, session: Session, source: ImageLayer, image: Image
    ) -> None:
        self.viewer = viewer
        self.session = session
        self.source = source
        self.image = image
        self.grid = grid_of(source, image.axes)
        self.layers: dict[str, Any] = {}  # kind -> layer
        self.live: dict[str, LiveLayer] = {}  # those that follow the corrections
        self.strokes = Strokes(viewer, session, image, self.grid)
        self.hand = Hand(session, image, self.grid)
        session.changed.connect(self._on_session_changed)
        session.masks_wanted.connect(self._on_masks_wanted)
        session.settle.connect(self.strokes.catch)

    @property
    def masks(self) -> Labels | None:
        return self.layers.get("masks")

    def close(self) -> None:
        """Hear no more of the session; the layers stay."""
        self.session.changed.disconnect(self._on_session_changed)
        self.session.masks_wanted.disconnect(self._on_masks_wanted)
        self.session.settle.disconnect(self.strokes.catch)
        self.hand.release()
        self.strokes.release()
        for live in self.live.values():
            live.close()

    def write(self, done: FrameDone) -> None:
        """Show the maps of a frame where they are shown, and make its masks the active layer."""
        for kind in COLORMAPS.keys() & self.layers.keys():
            self._write_map(kind, done.kept, done.index)
        masks = self.masks_layer()
        if self.viewer.layers.selection.active is self.source:
            self.viewer.layers.selection.active = masks
        if self._is_shown(done.index):
            plane = self.grid.plane(masks.data, done.index)
            masks.selected_label = unused_label(plane)  # a stroke starts a new object

    def masks_layer(self) -> Labels:
        """Give the masks layer; a new one shows all that the project has of the image."""
        masks = self.masks
        if masks is not None and masks.data.shape == self.grid.shape:
            return masks
        masks = Labels(
            np.zeros(self.grid.shape, self._dtype()),
            name=f"{self.source.name} masks",
            metadata={MADE_BY: "masks"},
            **self.grid.place,
        )
        self.layers["masks"] = masks
        for index in self.session.project.masked(self.image.key):
            self.grid.plane(masks.data, index)[:] = self._labels(index)
        self.viewer.add_layer(masks)
        self.strokes.watch(masks)
        self.hand.take(masks)
        return masks

    def show_map(self, kind: str) -> None:
        """Add the layer of a map, filled with what was kept."""
        if kind in self.layers:
            return
        self.layers[kind] = ImageLayer(
            np.zeros(self.grid.shape, np.float16),
            name=f"{self.source.name} {kind}",
            colormap=COLORMAPS[kind],
            contrast_limits=(0, 1),
            blending="translucent",
            metadata={MADE_BY: kind},
            **self.grid.place,
        )
        for index in self.image.frames.indices():
            self._write_map(kind, self.image.frames[index], index)
        self._add_below_masks(self.layers[kind])

    def show_weights(self) -> LiveLayer:
        """Add the layer of what training will weigh each pixel with."""
        return self._show_live("weights", weights_layer, WEIGHT_MAP)

    def show_review(self) -> LiveLayer:
        """Add the layer of what teaches and what is kept for checking."""
        return self._show_live("review", review_layer, REVIEW)

    def _show_live(
        self, kind: str, make: Callable[[Grid, str], Layer], picture: Picture
    ) -> LiveLayer:
        layer = make(self.grid, f"{self.source.name} {kind}")
        self.layers[kind] = layer  # before napari tells of it
        active = self.viewer.layers.selection.active
        self.viewer.add_layer(layer)
        self.viewer.layers.selection.active = active
        live = LiveLayer(self.viewer, self.session, self.image, self.grid, layer, picture)
        self.live[kind] = live
        return live

    def forget(self, layer: Layer) -> None:
        """Note that a layer was deleted; it comes back when it is needed, or wished for."""
        for kind in [kind for kind, known in self.layers.items() if known is layer]:
            del self.layers[kind]
            if kind in self.live:
                self.live.pop(kind).close()
            if kind == "masks":
                self.hand.release()
                self.strokes.release()
                self.session.note_masks_gone(self.image)

    def _on_session_changed(self, changed: Changed) -> None:
        """Write into the masks layer what changed in the project, if it is not there already."""
        if changed.numbers:
            self._renumber(changed)
            return
        if changed.image != self.image.key or (changed.labels is None and self.masks is None):
            return
        new = self.masks is None or self.masks.data.shape != self.grid.shape
        masks = self.masks_layer()
        if changed.kind == "predicted":
            with self.strokes.writing():
                forget_undo(masks)  # its steps would write older masks
        if new or changed.labels is None:
            return
        labels = self._labels(changed.frame)[changed.labels]
        self._make_room(masks, int(labels.max()))
        shown = self.grid.plane(masks.data, changed.frame)
        if (shown[changed.labels] == labels).all():
            return
        with self.strokes.writing():
            shown[changed.labels] = labels
            if self._is_shown(changed.frame):
                masks.refresh(extent=False)

    def _renumber(self, changed: Changed) -> None:
        """Show objects under other numbers; the brush stays on its object."""
        masks = self.masks
        if changed.image != self.image.key or masks is None or masks.data.shape != self.grid.shape:
            return
        self._make_room(masks, max(after for _, after in changed.numbers))
        plane = self.grid.plane(masks.data, changed.frame)
        held = np.flatnonzero(plane == masks.selected_label)[:1]
        with self.strokes.writing():
            forget_undo(masks)  # its steps would write older numbers
            renumber(plane, changed.numbers)
            if self._is_shown(changed.frame):
                masks.selected_label = (
                    int(plane.flat[held[0]]) if held.size else unused_label(plane)
                )
                masks.refresh(extent=False)

    def _make_room(self, masks: Labels, highest: int) -> None:
        if highest > np.iinfo(masks.data.dtype).max:
            with self.strokes.writing():
                masks.data = masks.data.astype(np.int32)

    def _on_masks_wanted(self, image: Image) -> None:
        if image is self.image:
            self.masks_layer()

    def _labels(self, index: Index) -> NDArray[np.int32]:
        key, shape = self.image.key, self.image.plane_shape
        return self.session.project.state(key, index, shape).labels

    def _dtype(self) -> type[np.integer[Any]]:
        """Give the smallest number type that holds the labels of the image."""
        frames = self.session.project.masked(self.image.key)
        highest = max((int(self._labels(index).max(initial=0)) for index in frames), default=0)
        return np.uint16 if highest < np.iinfo(np.uint16).max else np.int32

    def _is_shown(self, index: Index) -> bool:
        dims = self.viewer.dims
        return dims.ndisplay == 3 or index == shown_frame(self.source, self.image.axes, dims.point)

    def _write_map(self, kind: str, kept: Kept, index: Index) -> None:
        plane = self.grid.plane(self.layers[kind].data, index)
        plane[kept.window or (...,)] = map_of(kept, kind)
        if self._is_shown(index):
            self.layers[kind].refresh(extent=False)

    def _add_below_masks(self, layer: Layer) -> None:
        active = self.viewer.layers.selection.active
        self.viewer.add_layer(layer)
        if self.masks is not None:
            layers = self.viewer.layers
            layers.move(len(layers) - 1, layers.index(self.masks))
        self.viewer.layers.selection.active = active


def map_of(kept: Kept, kind: str) -> Any:
    """Return the (h, w) map of a prediction that is shown under this name."""
    if kind == "probability":
        return mask_probability(kept.maps, kept.output)
    return kept.maps[CHANNEL[kind]]


def kinds_of(kept: Kept | None) -> set[str]:
    """Name the maps that a prediction has."""
    if kept is None:
        return set()
    return {"probability"} if kept.output == "softmax" else set(COLORMAPS)


def unused_label(plane: NDArray[np.integer]) -> int:
    """Lowest label above all others, or a free one below where the dtype ends."""
    top = int(plane.max())
    if top < np.iinfo(plane.dtype).max:
        return top + 1
    used = np.unique(plane)
    return int(np.setdiff1d(np.arange(1, used.size + 2), used)[0])
