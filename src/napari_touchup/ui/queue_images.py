"""Shows what the queue stands at: opens the image of a file, or moves to a frame."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer
from psygnal import Signal

from napari_touchup.core.axes import Stack
from napari_touchup.session.image_queue import ImageQueue, QueueItem
from napari_touchup.session.images import Image
from napari_touchup.session.job import Job
from napari_touchup.session.opened import Opened, read_files
from napari_touchup.session.status import Status, failed
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.file_layers import image_layer, saved_masks_layer
from napari_touchup.ui.layers import shown_frame


class QueueImages:
    """Keeps a queue and a viewer together; lives as long as the dock.

    An image of a folder takes the place of the one that was opened before it, results and all:
    what a person did there is in the project, and comes back with the image.
    """

    opened = Signal(Path, Image)

    def __init__(self, viewer: ViewerModel, binding: Binding, queue: ImageQueue) -> None:
        self._viewer = viewer
        self._binding = binding
        self._queue = queue
        self._session = binding.session
        self._number = 0  # generation: an image that came too late is dropped
        self._wanted: Path | None = None  # what was asked for last
        self._path: Path | None = None  # of the image that is open
        self._layers: list[Layer] = []  # of it: the image, then saved masks
        self._file = ExitStack()  # that is read while they live
        queue.events.position.connect(self._on_queue_position)
        self._session.events.image.connect(self._on_session_image)
        self._session.events.frame.connect(self._on_session_frame)
        self._on_session_image()

    def show_frames(self) -> None:
        """Queue the frames of the chosen image."""
        image = self._session.image
        self._queue.show_frames(None if image is None else Stack(image.data, image.axes))
        self._on_session_frame()

    def open(self, path: Path, masks: Path | None = None) -> None:
        """Open an image of a file; with the label image of another, to look at."""
        self._number += 1
        self._wanted = path
        job = Job(read_files(path, masks), self._session.dispatch)
        job.progressed.connect(partial(self._on_read, self._number))
        job.failed.connect(partial(self._on_failed, self._number, path))
        self._queue.status = Status("busy", f"Opening {path.name}")
        job.start()

    def close(self) -> None:
        """Let go of the viewer and of the files."""
        self._number += 1
        self._file.close()
        self._queue.events.position.disconnect(self._on_queue_position)

    def _on_queue_position(self) -> None:
        item = self._queue.current
        if item is not None and item.path is not None:
            if item.path != self._wanted:
                self.open(item.path)
        elif item is not None:
            self._show_frame(item)

    def _show_frame(self, item: QueueItem) -> None:
        now = self._binding.current
        if now is None:
            return
        dims, layer = self._viewer.dims, now.source
        if item.frame == shown_frame(layer, now.image.axes, dims.point):
            return
        place = np.array(layer.world_to_data(dims.point[-layer.ndim :]))
        moved = [n for n, letter in enumerate(now.image.axes[: layer.ndim]) if letter in "TZ"]
        place[moved] = item.frame
        world = layer.data_to_world(place)  # type: ignore[no-untyped-call]
        first = dims.ndim - layer.ndim
        dims.set_point([first + n for n in moved], [world[n] for n in moved])

    def _on_session_image(self) -> None:
        if self._queue.folder is None:
            self.show_frames()

    def _on_session_frame(self) -> None:
        now = self._binding.current
        if self._queue.folder is None and now is not None:
            # the session hears of a new image before it hears which of its frames is shown
            frame = shown_frame(now.source, now.image.axes, self._viewer.dims.point)
            frames = [item.frame for item in self._queue.items]
            self._queue.go(frames.index(frame) if frame in frames else -1)

    def _on_read(self, number: int, opened: Opened) -> None:
        if number != self._number:
            opened.file.close()
            return
        if opened.path == self._path and self._is_there():
            opened.file.close()
            self._replace_masks(saved_masks_layer(opened))
        else:
            self._replace_image(opened)
        self._show()

    def _on_failed(self, number: int, path: Path, error: BaseException) -> None:
        if number == self._number:
            self._queue.status = failed(error, f"{path.name} was not opened.")

    def _show(self) -> None:
        """Make the image the session's, its masks the active layer."""
        source = self._layers[0]
        self._viewer.layers.selection.active = source
        results = self._binding.opened.of_layer(source)
        if results is not None:
            self.opened.emit(self._path, results.image)
            self._viewer.layers.selection.active = results.masks or source
        self._queue.status = Status()

    def _replace_image(self, opened: Opened) -> None:
        old, file = self._layers, self._file
        image, masks = image_layer(opened), saved_masks_layer(opened)
        self._path, self._file = opened.path, opened.file
        self._layers = [image] if masks is None else [image, masks]
        for layer in self._layers:
            self._viewer.add_layer(layer)
        if old:
            self._session.stop()  # a run over the old image would end in nothing
            self._remove(old)
            if old[0].extent.world.tolist() != image.extent.world.tolist():
                self._viewer.reset_view()
        file.close()

    def _replace_masks(self, masks: Layer | None) -> None:
        self._remove(self._layers[1:])
        self._layers[1:] = [] if masks is None else [masks]
        for layer in self._layers[1:]:
            self._viewer.add_layer(layer)

    def _remove(self, layers: list[Layer]) -> None:
        """Remove layers, and what was found in them."""
        results = [self._binding.opened.of_layer(layer) for layer in layers]
        made = [layer for found in results if found is not None for layer in found.layers.values()]
        # the image first: its results go with it, and are not noted as deleted by a person
        for layer in (*layers, *made):
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _is_there(self) -> bool:
        """Whether the image is still in the viewer: a person may have deleted it."""
        return bool(self._layers) and self._layers[0] in self._viewer.layers
