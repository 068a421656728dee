"""A layer that shows something of the corrections, true to every stroke."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import prod
from typing import Any

from napari.components import ViewerModel
from napari.layers import Layer
from numpy.typing import NDArray
from psygnal import Signal

from napari_touchup.core.delta import Box, grown
from napari_touchup.core.entries import Index
from napari_touchup.session.frame_state import FrameState
from napari_touchup.session.images import Image
from napari_touchup.session.job import Job
from napari_touchup.session.project import Changed
from napari_touchup.session.session import Session
from napari_touchup.ui.layers import Grid, shown_frame

AT_ONCE = 512 * 512  # pixels; larger changes are computed in a thread


@dataclass(frozen=True)
class Picture:
    """What is shown of a frame.

    Attributes
    ----------
    render : gives the values of a box of the frame, None: of all of it; with the width of rings
    reach : how far from a change it can show, beyond the ring, pixels
    """

    render: Callable[[FrameState, Box | None, int], NDArray[Any]]
    reach: int


class LiveLayer:
    """Keeps the shown frame of a layer true; the others are computed when they are shown."""

    failed = Signal(object)
    computed = Signal()  # a whole frame is true

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        image: Image,
        grid: Grid,
        layer: Layer,
        picture: Picture,
    ) -> None:
        self.layer = layer
        self._viewer = viewer
        self._session = session
        self._image = image
        self._grid = grid
        self._picture = picture
        self._true: set[Index] = set()  # frames whose values are those of the project
        self._run = 0  # generation: frames that were computed before a change are dropped
        session.changed.connect(self._on_session_changed)
        session.events.project.connect(self.recompute)
        viewer.dims.events.point.connect(self._on_frame)
        self.recompute()

    def close(self) -> None:
        """Let go of viewer and session; the layer stays as it is."""
        self._run += 1
        self._session.changed.disconnect(self._on_session_changed)
        self._session.events.project.disconnect(self.recompute)
        self._viewer.dims.events.point.disconnect(self._on_frame)

    def recompute(self) -> None:
        """Compute every frame anew, the shown one now."""
        self._true.clear()
        self._on_frame()

    def redraw(self, frame: Index, box: Box) -> None:
        """Show what is true in a box, whatever was painted there."""
        if frame in self._true:
            state = self._session.tools(self._image).state(frame)
            ring_px = self._session.project.ring_px
            self._write(frame, box, self._picture.render(state, box, ring_px))

    def _on_frame(self) -> None:
        frame = self._shown()
        if frame not in self._true:
            self._compute(frame)

    def _compute(self, frame: Index) -> None:
        """Compute a whole frame in a thread."""
        self._run += 1
        run, state = self._run, self._session.tools(self._image).state(frame).copy()
        ring_px = self._session.project.ring_px

        def events() -> Generator[NDArray[Any]]:
            yield self._picture.render(state, None, ring_px)

        job = Job(events(), self._session.dispatch)
        job.progressed.connect(lambda values: self._on_computed(run, frame, values))
        job.failed.connect(lambda error: self.failed.emit(error))
        job.start()

    def _on_computed(self, run: int, frame: Index, values: NDArray[Any]) -> None:
        if run == self._run:
            self._write(frame, None, values)
            self.computed.emit()

    def _on_session_changed(self, changed: Changed) -> None:
        if changed.image != self._image.key or changed.box is None:
            return
        reach = self._picture.reach + self._session.project.ring_px
        box = grown(changed.box, reach, self._image.plane_shape)
        here = changed.frame == self._shown()
        if here and changed.frame in self._true and _size(box) <= AT_ONCE:
            self.redraw(changed.frame, box)
        else:
            self._true.discard(changed.frame)
            if here:
                self._compute(changed.frame)

    def _write(self, frame: Index, box: Box | None, values: NDArray[Any]) -> None:
        self._grid.plane(self.layer.data, frame)[box or (...,)] = values
        self._true.add(frame)
        if frame == self._shown():
            self.layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _shown(self) -> Index:
        return shown_frame(self.layer, self._grid.axes, self._viewer.dims.point)


def _size(box: Box) -> int:
    return prod(s.stop - s.start for s in box)
