"""What is behind the *Apply & export* fold; lives as long as the dock."""

from functools import partial
from pathlib import Path

import numpy as np
from napari.components import ViewerModel

from napari_touchup.io.images import ImageFile
from napari_touchup.session.folder_run import FolderRun
from napari_touchup.session.image_queue import ImageQueue
from napari_touchup.session.images import Image
from napari_touchup.session.linking import Linking
from napari_touchup.session.marks import Marks
from napari_touchup.session.mask_export import ExportRequest, MaskExport, drop_channels
from napari_touchup.session.project import Project
from napari_touchup.session.project_masks import states_of
from napari_touchup.session.recipe import Recipe, methods_text, recipe
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.keys import BoundKeys
from napari_touchup.ui.open_images import axes_of
from napari_touchup.ui.pixel import pixel_of
from napari_touchup.ui.queue_images import QueueImages
from napari_touchup.ui.results import Results

PREVIOUS, NEXT = "A", "D"


class Apply:
    """The queue of images, the run over a folder, links, the export, and the keys for them."""

    def __init__(self, viewer: ViewerModel, binding: Binding) -> None:
        self.session = session = binding.session
        self._binding = binding
        self.queue = ImageQueue()
        self.run = FolderRun(dispatch=session.dispatch)
        self.linking = Linking(session)
        self.export = MaskExport(dispatch=session.dispatch)
        self.images = QueueImages(viewer, binding, self.queue)
        self._marks = Marks(session)
        self.queue.mark_of = self._marks.of
        self.images.opened.connect(self._on_opened)
        session.changed.connect(self._on_session_changed)
        session.events.project.connect(self._on_session_project)
        self._keys = BoundKeys(viewer, {PREVIOUS: self.queue.previous, NEXT: self.queue.next})

    def open(self, path: Path, masks: Path | None = None) -> None:
        """Open an image, with masks of a file; where it is queued, the queue moves there."""
        self.images.open(path, masks)
        self.queue.go(self.queue.find(path))

    def chosen_axes(self) -> str | None:
        """Axes that a person gave for the open image; None: they are as the data says."""
        now = self._binding.current
        if now is None or now.image.axes == axes_of(now.source):
            return None
        return now.image.axes

    def export_request(self, path: Path) -> ExportRequest | None:
        """Put together the masks of the chosen image as they are now; None: it has none."""
        now = self._binding.current
        return None if now is None else _request(path, now, self.session.project)

    def write(self, path: Path) -> None:
        """Write the masks of the chosen image, linked first if they shall be."""
        now = self._binding.current
        if now is not None:
            self.linking.link(partial(self._write, path, now))

    def _write(self, path: Path, now: Results) -> None:
        request = _request(path, now, self.session.project)
        if request is not None:
            self.export.start(request)

    def recipe(self) -> Recipe:
        """Freeze how the open image would be segmented now.

        Raises
        ------
        ValueError
            In words for people, if no command could do it.
        """
        return recipe(self.session, self.chosen_axes())

    def methods_text(self) -> str:
        """Write the methods section of a paper; errors as of `recipe`."""
        made, session = self.recipe(), self.session
        if session.image is None or session.model is None:
            raise ValueError("Open an image and choose a model first, above.")
        frames = session.project.masked(session.image.key)
        reviewed = [
            known
            for frame in frames
            for known in session.project.objects(session.image.key, frame).values()
        ]
        return methods_text(made, session.model.header, len(frames), reviewed)

    def close(self) -> None:
        """Give the keys back, stop all work."""
        self._keys.close()
        self.run.close()
        self.linking.close()
        self.export.close()
        self.images.close()
        self.session.changed.disconnect(self._on_session_changed)

    def _on_opened(self, path: Path, image: Image) -> None:
        self._marks.note_opened(path, image)
        self.queue.refresh_mark()

    def _on_session_changed(self) -> None:
        self.queue.refresh_mark()

    def _on_session_project(self) -> None:
        self._marks.refresh()
        self.queue.refresh_marks()


def _request(path: Path, now: Results, project: Project) -> ExportRequest | None:
    if now.masks is None:
        return None
    pixel = pixel_of(now.source, now.image.axes)
    labels, axes = drop_channels(np.array(now.masks.data), now.grid.axes)
    image = ImageFile(now.image.data, now.image.axes, now.image.rgb)
    return ExportRequest(path, labels, axes, pixel, image, states_of(project, now.image.key))
