"""The *Apply & export* fold: many images, one after the other or all at once; what comes of it."""

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_touchup.io.mask_files import ENDINGS, FORMATS, TIFF, with_ending
from napari_touchup.session.recipe import as_command, as_python
from napari_touchup.session.status import Status
from napari_touchup.ui.apply import Apply
from napari_touchup.ui.copy_button import CopyButton
from napari_touchup.ui.folder_panel import FolderPanel
from napari_touchup.ui.forms import narrow_column, push_button
from napari_touchup.ui.queue_panel import QueuePanel
from napari_touchup.ui.status_box import StatusBox

FILES = {
    f"{title} ({' '.join(f'*{ending}' for ending in endings)})": endings
    for title, endings in FORMATS.items()
}


class ApplyPanel(QWidget):
    """Queue, folder, export, and how to do it again."""

    def __init__(self, apply: Apply) -> None:
        super().__init__()
        self._apply = apply
        self.queue = QueuePanel(apply)
        self.folder = FolderPanel(apply, self.queue)
        self.export = push_button(
            "Export masks…",
            "Write the masks of the open image, all frames: as a label TIFF that Fiji opens with"
            " its T and Z axes and its pixel size, as ROIs for ImageJ, as GeoJSON for QuPath, or"
            " as a table of measurements",
            self._on_view_export,
        )
        self.copy = CopyButton(
            {
                "command line": lambda: as_command(apply.recipe()),
                "Python": lambda: as_python(apply.recipe()),
                "methods text": apply.methods_text,
            },
            lambda status: setattr(apply.export, "status", status),
            "How the masks of the open image are made: to do it again elsewhere, or for a paper",
        )
        self.exported = StatusBox()

        narrow_column(self, self.queue, self.folder, self.export, self.copy, self.exported)

        apply.export.events.status.connect(self.exported.show_status)

    def _on_view_export(self) -> None:
        image = self._apply.session.image
        proposed = f"{image.name}_masks.tif" if image is not None else "masks.tif"
        if self._apply.export_request(Path(proposed)) is None:
            text = "There are no masks yet. Press Segment, or paint some."
            self._apply.export.status = Status("ask", text)
            return
        name, chosen = QFileDialog.getSaveFileName(self, "Export masks", proposed, ";;".join(FILES))
        path, endings = Path(name), FILES.get(chosen, TIFF)
        if endings != TIFF and path.suffix.lower() in TIFF:  # that of the proposed name
            path = with_ending(path, endings)
        if name:
            self.export_to(path, endings)

    def export_to(self, path: Path, endings: Sequence[str] = TIFF) -> None:
        """Write the masks of the open image as the ending says; without one, as chosen."""
        if path.suffix.lower() not in ENDINGS:
            path = with_ending(path, endings)
        self._apply.write(path)
