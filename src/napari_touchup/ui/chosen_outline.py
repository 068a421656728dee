"""The outline around the object that a person chose in the table."""

from collections.abc import Generator

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Shapes
from numpy.typing import NDArray

from napari_touchup.core.contours import Ring, polygons
from napari_touchup.core.extent import box_of
from napari_touchup.session.job import Dispatch, Job
from napari_touchup.session.measured import Cell
from napari_touchup.ui.layers import MADE_BY, lies_where
from napari_touchup.ui.measured_layers import axes_of, label_stack

KIND = "chosen object"  # what the layer holds, in its metadata
# white on black is seen on every image and between labels of all colours
LINES = {"black": 7, "white": 3}  # widths on the screen, pixels


class ChosenOutline:
    """Is drawn over a labels layer, whose colours and data stay; a stroke takes it away.

    Its layer stays, hidden: napari can crash when a layer goes that was drawn.
    """

    def __init__(self, viewer: ViewerModel, dispatch: Dispatch) -> None:
        self._viewer = viewer
        self._dispatch = dispatch
        self._labels: Labels | None = None  # in which an object is outlined
        self._tracing: Cell | None = None  # whose outline a job looks for
        self._run = 0  # generation: an outline that is not wanted any more is dropped
        self.layer: Shapes | None = None
        viewer.scene.camera.events.zoom.connect(self._on_zoom)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def shown(self) -> bool:
        """Whether an object is outlined, or will be soon."""
        return self._labels is not None

    def close(self) -> None:
        self.hide()
        self._viewer.scene.camera.events.zoom.disconnect(self._on_zoom)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        if self.layer is not None:
            self._viewer.layers.remove(self.layer)

    def show(self, labels: Labels, cell: Cell) -> None:
        """Outline an object, and no other."""
        if labels is not self._labels:
            self.hide()
            self._labels = labels
            labels.events.paint.connect(self.hide)
        if cell == self._tracing:
            return
        self._tracing = cell
        self._run += 1
        run, axes, stack = self._run, axes_of(labels) or "", label_stack(labels)

        def events() -> Generator[list[NDArray[np.floating]]]:
            yield [placed(ring, axes, cell) for ring in rings_of(stack.read(cell.frame)[0], cell)]

        job = Job(events(), self._dispatch)
        job.progressed.connect(lambda rings: self._on_traced(run, rings))
        # erased meanwhile, or not to be read: the table will say so
        job.failed.connect(lambda _error: self._on_traced(run, []))
        job.start()

    def hide(self) -> None:
        self._run += 1
        self._tracing = None
        labels, self._labels = self._labels, None
        if labels is not None:
            labels.events.paint.disconnect(self.hide)
        if self.layer is not None:
            self.layer.visible = False

    def _on_traced(self, run: int, rings: list[NDArray[np.floating]]) -> None:
        labels = self._labels
        if run != self._run or labels is None:
            return
        self._tracing = None
        if not rings:
            self.hide()
            return
        layer = self._layer_over(labels)
        layer.data = []
        colours = [colour for colour in LINES for _ in rings]
        layer.add_paths(  # type: ignore[no-untyped-call]
            rings * len(LINES), edge_width=self._widths(len(rings)), edge_color=colours
        )
        layer.editable = False
        layer.visible = True

    def _layer_over(self, labels: Labels) -> Shapes:
        """Give the layer, over all others and where the labels are."""
        place, layers = lies_where(labels), self._viewer.layers
        if self.layer is not None and self.layer.ndim == labels.ndim:
            for name, value in place.items():
                setattr(self.layer, name, value)
            layers.move(layers.index(self.layer), len(layers))
            return self.layer
        if self.layer is not None:
            layers.remove(self.layer)
        self.layer = Shapes(ndim=labels.ndim, name=KIND, metadata={MADE_BY: KIND}, **place)
        active = layers.selection.active
        self._viewer.add_layer(self.layer)
        layers.selection.active = active
        return self.layer

    def _widths(self, count: int) -> list[float]:
        """Widths of lines around so many rings, in pixels of the labels."""
        scale = 1 if self._labels is None else float(np.abs(self._labels.scale[-2:]).min())
        size = self._viewer.scene.camera.zoom * scale
        return [width / size for width in LINES.values() for _ in range(count)]

    def _on_zoom(self) -> None:
        if self.layer is not None and self.shown:
            self.layer.edge_width = self._widths(self.layer.nshapes // len(LINES))
            self.layer.refresh()

    def _on_removed(self, event: object) -> None:
        removed = getattr(event, "value", None)
        if removed is self.layer:
            self.layer = None
        if removed in (self.layer, self._labels):
            self.hide()


def rings_of(labels: NDArray[np.integer], cell: Cell) -> list[Ring]:
    """Outlines of an object of a frame, in pixels.

    Raises
    ------
    ValueError
        If there is no such object.
    """
    rows, columns = box_of(labels, cell.label)
    pieces = polygons((labels[rows, columns] == cell.label).astype(np.uint8))[1]
    corner = columns.start, rows.start
    return [ring + corner for polygon in pieces for ring in polygon]


def placed(ring: Ring, axes: str, cell: Cell) -> NDArray[np.float64]:
    """Close a ring, and put it into the frame of its object.

    Parameters
    ----------
    ring : (N, 2) array of x, y
        0 is the edge of the first pixel, in napari its middle.
    axes : of the labels, such as "TYX"

    Examples
    --------
    >>> placed(np.array([[2, 1], [3, 1], [3, 2], [2, 2]]), "TYX", Cell((4,), 1)).tolist()[:2]
    [[4.0, 0.5, 1.5], [4.0, 0.5, 2.5]]
    """
    x, y = (np.concatenate([ring, ring[:1]]) - 0.5).T
    frame = dict(zip((letter for letter in axes if letter in "TZ"), cell.frame, strict=True))
    where = {letter: np.full(len(x), frame.get(letter, 0.0)) for letter in axes} | {"Y": y, "X": x}
    return np.stack([where[letter] for letter in axes], axis=1).astype(np.float64)
