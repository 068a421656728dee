"""A napari window with the Touch-Up dock: behind `touchup gui` and `touchup demo`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from napari_touchup.ui.dock import TouchUpDock

if TYPE_CHECKING:
    import napari.viewer

PLUGIN = "napari-touchup"
DOCK = "Touch-Up"
SIZE = 1280, 800  # pixels, a laptop's screen
LIMIT_S = 300  # of the demo's run


def open_window(image_path: Path | None = None) -> "napari.viewer.Viewer":
    """Open a viewer with the dock, and an image in it; `napari.run()` is left to the caller."""
    import napari

    viewer = napari.Viewer(title="Touch-Up")
    viewer.window.resize(*SIZE)  # type: ignore[no-untyped-call]
    add_dock(viewer)
    if image_path is not None:
        viewer.open(image_path, plugin=None)
        fit(viewer)
    return viewer


def fit(viewer: "napari.viewer.Viewer") -> None:
    """Fit the image to the canvas that the docks leave."""
    QApplication.processEvents()  # until then the canvas is as wide as it was without them
    viewer.reset_view()


def add_dock(viewer: "napari.viewer.Viewer") -> TouchUpDock:
    """Add the dock to a viewer, as the menu does."""
    dock: TouchUpDock = viewer.window.add_plugin_dock_widget(PLUGIN, DOCK)[1]
    return dock


def demo(screenshot: Path | None = None, masks: Path | None = None, stay_open: bool = False) -> str:
    """Run the main job on the bundled nuclei in a real window.

    Parameters
    ----------
    screenshot : Path, optional
        PNG of the whole window, with its layers.
    masks : Path, optional
        TIFF of the masks.
    stay_open : bool
        Leave the window open until a person closes it.

    Returns
    -------
    str
        What the status line says at the end, such as "214 cells, median 31 px".

    Raises
    ------
    RuntimeError
        If no masks came.
    """
    import napari

    from napari_touchup.io.images import write_labels

    viewer = open_window()
    viewer.open_sample(PLUGIN, "nuclei")
    dock = add_dock(viewer)
    fit(viewer)
    dock.run.segment.click()
    _wait_for_end(dock)
    fit(viewer)  # the window has found its layout by now
    found = dock.binding.current
    if found is None or found.masks is None:
        failure = dock.session.status.failure
        raise RuntimeError(failure.report if failure else dock.session.status.text)
    if masks is not None:
        write_labels(masks, np.asarray(found.masks.data), found.grid.axes)
    if screenshot is not None:
        viewer.screenshot(str(screenshot), canvas_only=False, flash=False)
    text = dock.session.status.text
    if stay_open:
        napari.run()
    else:
        viewer.close()  # type: ignore[no-untyped-call]
    return text


def _wait_for_end(dock: TouchUpDock) -> None:
    if not dock.session.running:
        return
    loop = QEventLoop()
    dock.session.events.running.connect(lambda: loop.quit())
    QTimer.singleShot(LIMIT_S * 1000, loop.quit)
    loop.exec()
    # let the last layer be drawn
    QTimer.singleShot(300, loop.quit)
    loop.exec()
