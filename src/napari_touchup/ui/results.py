"""The layers that hold the results of one image, and the writing into them."""

from collections.abc import Generator
from itertools import product
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray
from qtpy.QtCore import QTimer

from napari_touchup.session.frames import Index, Kept
from napari_touchup.session.images import Image
from napari_touchup.session.paste import paste
from napari_touchup.session.run import FrameDone, mask_probability
from napari_touchup.session.session import Session
from napari_touchup.ui.layers import MADE_BY, forget_undo, grid_of, shown_frame
from napari_touchup.ui.live_weights import LiveWeights
from napari_touchup.ui.paint_events import changed_box

COLORMAPS = {"probability": "viridis", "borders": "magma", "distance": "cividis"}
CHANNEL = {"borders": 1, "distance": 2}  # of the output "maps"


class Results:
    """Masks and maps of one image layer; each layer is made when it is first needed."""

    def __init__(
        self, viewer: ViewerModel, session: Session, source: ImageLayer, image: Image
    ) -> None:
        self.viewer = viewer
        self.session = session
        self.source = source
        self.image = image
        self.grid = grid_of(source, image.axes)
        self.layers: dict[str, Any] = {}  # kind -> layer
        self._painting = False
        self._held: list[FrameDone] = []  # masks that came in the middle of a brush stroke

    @property
    def masks(self) -> Labels | None:
        return self.layers.get("masks")

    def write(self, done: FrameDone) -> None:
        """Show the masks of a frame, and its maps where they are shown."""
        self._held = [held for held in self._held if held.index != done.index]
        if self._in_a_stroke():
            self._held.append(done)
            return
        masks = self._masks_for(done)
        plane = self.grid.plane(masks.data, done.index)
        if done.kept.window is None:
            plane[:] = done.masks
        else:
            paste(plane, done.masks, done.kept.window)
        if done.replace:
            forget_undo(masks)  # of the strokes that are gone
        for kind in COLORMAPS.keys() & self.layers.keys():
            self._write_map(kind, done.kept, done.index)
        if self.viewer.layers.selection.active is self.source:
            self.viewer.layers.selection.active = masks
        if self._is_shown(done.index):
            masks.selected_label = unused_label(plane)  # a stroke starts a new object
            masks.refresh(extent=False)

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

    def adopt_weights(self, live: LiveWeights) -> None:
        """Keep the weight map of the masks with the other layers."""
        self.layers["weights"] = live.layer

    def forget(self, layer: Layer) -> None:
        """Note that a layer was deleted; a later result makes a new one."""
        for kind in [kind for kind, known in self.layers.items() if known is layer]:
            del self.layers[kind]
            if kind == "masks":
                self._painting = False  # the brush is lifted from another layer now
                self.session.note_masks_gone(self.image)

    def write_held(self) -> None:
        """Write the masks that came in the middle of a brush stroke, once it is over."""
        if self._in_a_stroke():
            return
        held, self._held = self._held, []
        for done in held:
            if not self.image.frames.protects(done.index):
                self.write(done)

    def _in_a_stroke(self) -> bool:
        # of a layer that is not active any more napari tells no release
        return self._painting and self.viewer.layers.selection.active is self.masks

    def _is_shown(self, index: Index) -> bool:
        dims = self.viewer.dims
        return dims.ndisplay == 3 or index == shown_frame(self.source, self.image.axes, dims.point)

    def _masks_for(self, done: FrameDone) -> Labels:
        masks = self.masks
        if masks is None or masks.data.shape != self.grid.shape:  # it may hold other data by now
            data = np.zeros(self.grid.shape, done.masks.dtype)
            name, metadata = f"{self.source.name} masks", {MADE_BY: "masks"}
            masks = Labels(data, name=name, metadata=metadata, **self.grid.place)
            masks.events.paint.connect(self._on_paint)
            masks.mouse_drag_callbacks.append(self._watch_stroke)
            self.layers["masks"] = masks
            self.viewer.add_layer(masks)
        elif masks.data.dtype.itemsize < done.masks.dtype.itemsize:
            masks.data = masks.data.astype(done.masks.dtype)
            forget_undo(masks)
        return masks

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

    def _on_paint(self, event: Any) -> None:
        box = changed_box(event.value)
        if box is not None:
            spans = [
                range(s.start, s.stop)
                for s, axis in zip(box, self.grid.axes, strict=True)
                if axis in "TZ"
            ]
            self.session.note_strokes(self.image, set(product(*spans)))

    def _watch_stroke(self, _layer: Labels, event: Any) -> Generator[None]:
        self._painting = True
        yield
        while event.type == "mouse_move":
            yield
        self._painting = False
        # napari ends the stroke in this same release
        QTimer.singleShot(0, self.write_held)


def map_of(kept: Kept, kind: str) -> Any:
    """Return the (h, w) map of a prediction that is shown under this name."""
    if kind == "probability":
        return mask_probability(kept.maps, kept.output)
    return kept.maps[CHANNEL[kind]]


def kinds_of(kept: Kept | None) -> set[str]:
    """Name the maps that a prediction has."""
    if kept is None:
        return set()
    return set(COLORMAPS) if kept.output == "maps" else {"probability"}


def unused_label(plane: NDArray[np.integer]) -> int:
    """Lowest label above all others, or a free one below where the dtype ends."""
    top = int(plane.max())
    if top < np.iinfo(plane.dtype).max:
        return top + 1
    used = np.unique(plane)
    return int(np.setdiff1d(np.arange(1, used.size + 2), used)[0])
