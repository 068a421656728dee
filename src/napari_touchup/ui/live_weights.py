"""A weight map layer that stays true to a labels layer while a person paints."""

import zlib
from collections.abc import Generator
from itertools import product
from math import prod
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_touchup.core.entries import Index
from napari_touchup.core.weights import class_weights, update, weight_map
from napari_touchup.options import WeightOptions
from napari_touchup.session.job import Dispatch, Job
from napari_touchup.ui.layers import MADE_BY, lies_where
from napari_touchup.ui.paint_events import Box, changed_box, replay

AT_ONCE = 512 * 512  # pixels; larger changes are computed in a thread


class LiveWeights:
    """Makes `<labels> weights` and keeps the frame that is shown true.

    A frame is the last two axes. The others are computed when they are first shown.
    """

    failed = Signal(object)
    computed = Signal()  # the shown frame is true

    def __init__(
        self,
        viewer: ViewerModel,
        labels: Labels,
        dispatch: Dispatch,
        options: WeightOptions | None = None,
        balance: bool = False,
        name: str | None = None,
    ) -> None:
        self.labels = labels
        self._viewer = viewer
        self._dispatch = dispatch
        self._wanted = options or WeightOptions()
        self._balance = balance
        self._options = self._wanted  # with the class weights that are in force
        self._run = 0  # generation: results for older labels are dropped
        self._shown: Index = ()  # the frame that is kept true
        self._truth: NDArray[np.integer] = np.zeros((0, 0), np.uint8)  # copy of its labels
        self._true = False  # whether its weights are of these labels
        self._left: dict[Index, int] = {}  # checksums of the labels of frames that were true
        self.layer = _weights_layer(labels, name or f"{labels.name} weights")
        viewer.add_layer(self.layer)
        viewer.layers.selection.active = labels
        labels.events.paint.connect(self._on_paint)
        labels.events.set_data.connect(self._on_redrawn)
        viewer.dims.events.point.connect(self._on_frame)
        # napari holds methods weakly, but not this: the map lives as long as its layers do
        self._on_removed = lambda event: self._let_go_of(event.value)
        viewer.layers.events.removed.connect(self._on_removed)
        self.recompute()

    @property
    def options(self) -> WeightOptions:
        """What is computed with; its class weights are those in force."""
        return self._options

    def change(self, options: WeightOptions, balance: bool) -> None:
        if (options, balance) != (self._wanted, self._balance):
            self._wanted, self._balance = options, balance
            self.recompute()

    def recompute(self) -> None:
        """Compute the shown frame whole, in a thread; the others when they are next shown."""
        self._left.clear()
        self._read(self._index())
        self._options = self._wanted
        if self._balance:
            # fixed from here on: were they refreshed at each stroke, every pixel would change
            background, foreground = class_weights(self._truth)
            classes = {"background": background, "foreground": foreground}
            self._options = self._wanted.model_copy(update=classes)
        top = self._options.w0 + max(self._options.background, self._options.foreground)
        self.layer.contrast_limits = (0, max(top, 1e-3))
        self._compute()

    def close(self) -> None:
        """Let go of the layers; the map stays as it is."""
        self._run += 1
        self.labels.events.paint.disconnect(self._on_paint)
        self.labels.events.set_data.disconnect(self._on_redrawn)
        self._viewer.dims.events.point.disconnect(self._on_frame)
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _let_go_of(self, layer: Any) -> None:
        if layer is self.labels or layer is self.layer:
            self.close()

    def _index(self) -> Index:
        """Of the frame that the viewer shows."""
        point = self._viewer.dims.point[-self.labels.ndim :]
        position = np.round(self.labels.world_to_data(point)).astype(int)
        leading = zip(position[:-2], self.labels.data.shape, strict=False)
        return tuple(int(np.clip(n, 0, size - 1)) for n, size in leading)

    def _read(self, index: Index) -> None:
        self._shown = index
        self._truth = np.array(self.labels.data[index])

    def _compute(self) -> None:
        self._true = False
        self._run += 1
        run, truth, options = self._run, self._truth.copy(), self._options

        def events() -> Generator[NDArray[np.float32]]:
            yield weight_map(truth, None, options)

        job = Job(events(), self._dispatch)
        job.progressed.connect(lambda weights: self._on_computed(run, weights))
        job.failed.connect(lambda error: self.failed.emit(error))
        job.start()

    def _on_computed(self, run: int, weights: NDArray[np.float32]) -> None:
        if run == self._run:
            self.layer.data[self._shown] = weights
            self._true = True
            self.layer.refresh(highlight=False, extent=False)
            self.computed.emit()

    def _on_paint(self, event: Any) -> None:
        box = changed_box(event.value)
        if box is not None:
            replay(event.value, self._shown, self._truth)
            self._follow(box)

    def _follow(self, box: Box) -> None:
        """Bring the weights up to date with a change of the labels inside the box."""
        spans = [range(s.start, s.stop) for s in box[:-2]]
        for index in set(product(*spans)) - {self._shown}:
            self._left.pop(index, None)
        if not all(n in span for n, span in zip(self._shown, spans, strict=True)):
            return
        plane = box[-2:]
        if self._true and prod(s.stop - s.start for s in plane) <= AT_ONCE:
            update(self.layer.data[self._shown], self._truth, None, self._options, plane)
            self.layer.refresh(thumbnail=False, highlight=False, extent=False)
        else:
            self._compute()

    def _on_redrawn(self) -> None:
        """Undo, redo and new data come without a paint event: compare."""
        if self._index() != self._shown or self.layer.data.shape != self.labels.data.shape:
            return
        box = difference(self._truth, np.asarray(self.labels.data[self._shown]))
        if box is not None:
            self._truth[box] = self.labels.data[self._shown + box]
            self._follow((*(slice(n, n + 1) for n in self._shown), *box))

    def _on_frame(self) -> None:
        if self._index() == self._shown:
            return
        if self._true:
            self._left[self._shown] = _checksum(self._truth)
        self._read(self._index())
        self._true = self._left.get(self._shown) == _checksum(self._truth)
        if not self._true:
            self._compute()


def difference(before: NDArray[np.integer], after: NDArray[np.integer]) -> Box | None:
    """Bounding box of the pixels that differ, None if there are none."""
    changed = before != after
    rows = np.flatnonzero(changed.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(changed[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _checksum(labels: NDArray[np.integer]) -> int:
    return zlib.crc32(np.ascontiguousarray(labels).data)


def _weights_layer(labels: Labels, name: str) -> Image:
    return Image(
        np.zeros(labels.data.shape, np.float32),
        name=name,
        colormap="inferno",
        contrast_limits=(0, 11),
        blending="additive",  # small weights are dark, and let the image through
        metadata={MADE_BY: "weights"},
        **lies_where(labels),
    )
