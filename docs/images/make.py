"""Make the pictures that the README shows, from the running plugin.

make images
"""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import napari
import numpy as np
import tifffile
from napari.layers import Labels
from qtpy.QtCore import QEventLoop, Qt, QTimer

from napari_touchup.core.delta import compare
from napari_touchup.core.synth import make_image
from napari_touchup.io.images import write_image
from napari_touchup.io.projects import PLACE
from napari_touchup.io.samples import sample_path
from napari_touchup.ui.app import PLUGIN, SIZE, add_dock
from napari_touchup.ui.dock import TouchUpDock
from napari_touchup.ui.measure_dock import MeasureDock
from napari_touchup.ui.weights_dock import WeightMapDock

HERE = Path(__file__).parent
SETTLE_MS = 600  # until the last layer is drawn
TABLE_HEIGHT = 220  # pixels
MENDED = 16  # cells, of which three or four are kept for checking


def main() -> None:
    os.environ[PLACE] = mkdtemp(prefix="touchup-")  # nothing of the person's own
    viewer = napari.Viewer(title="Touch-Up")
    viewer.window.resize(*SIZE)
    dock = add_dock(viewer)
    segment_nuclei(viewer, dock)
    measure(viewer)
    weight_map(viewer)
    viewer.layers.clear()
    many_images(viewer, dock)
    viewer.layers.clear()
    mend_rings(viewer, dock)
    fine_tune(viewer, dock)
    viewer.close()


def segment_nuclei(viewer: napari.Viewer, dock: TouchUpDock) -> None:
    viewer.open_sample(PLUGIN, "nuclei")
    segment(viewer, dock)
    open_fold(dock, "Masks")
    shoot(viewer, "segment")


def weight_map(viewer: napari.Viewer) -> None:
    masks = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    widget, weights = viewer.window.add_plugin_dock_widget(PLUGIN, "Weight map")
    weights: WeightMapDock
    weights.show_map.click()
    settle()
    masks.visible = False
    viewer.reset_view()
    viewer.scene.camera.zoom *= 2
    shoot(viewer, "weight_map")
    viewer.window.remove_dock_widget(widget)


def measure(viewer: napari.Viewer) -> None:
    """Colour the objects by their size, and go to one of the larger ones."""
    widget, table = viewer.window.add_plugin_dock_widget(PLUGIN, "Measure & score")
    table: MeasureDock
    viewer.window._qt_window.resizeDocks([widget], [TABLE_HEIGHT], Qt.Orientation.Vertical)
    wait(lambda: table.measuring.view is not None)
    table.measure.coloured.setChecked(True)
    table.measure.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    viewer.reset_view()
    table.measure.table.selectRow(3)
    shoot(viewer, "measure")
    table.measure.coloured.setChecked(False)
    viewer.window.remove_dock_widget(widget)


def many_images(viewer: napari.Viewer, dock: TouchUpDock) -> None:
    """Segment a folder, and go to an image of it."""
    folder = Path(mkdtemp(prefix="touchup-")) / "plate"
    folder.mkdir()
    for well in range(10):
        image = make_image("nuclei", (256, 256), seed=3, index=well).image
        write_image(folder / f"well_{well:02d}.tif", image, "YX")
    open_fold(dock, "Apply && export")
    dock.apply_panel.queue.open_folder(folder)
    dock.apply.queue.go(0)
    wait(lambda: dock.session.image is not None)
    dock.apply_panel.folder.propose()
    dock.apply.run.status.choices[0][1]()  # Start
    wait(lambda: dock.apply.run.report is not None)
    dock.run.segment.click()
    wait(lambda: not dock.session.running)
    viewer.reset_view()
    shoot(viewer, "apply")


def mend_rings(viewer: napari.Viewer, dock: TouchUpDock) -> None:
    """Give some cells the outlines that a person would paint: those of the truth."""
    viewer.open_sample(PLUGIN, "rings")
    segment(viewer, dock)
    open_fold(dock, "Correct")
    truth = tifffile.imread(sample_path("rings", truth=True))
    cells = np.argsort(-np.bincount(truth.ravel())[1:])[:MENDED] + 1
    tools = dock.session.tools(dock.session.image)
    for cell in cells:
        state = tools.state(())
        after = np.where(truth == cell, state.free_label(), state.labels)
        tools.stroke("brush", {(): compare(state.labels, after)})
    dock.binding.current.masks.selected_label = state.free_label() - 1
    shoot(viewer, "correct")


def fine_tune(viewer: napari.Viewer, dock: TouchUpDock) -> None:
    open_fold(dock, "Fine-tune")
    dock.fine_tune.start.click()
    wait(lambda: dock.tuning.trial is not None)
    shoot(viewer, "fine_tune")


def segment(viewer: napari.Viewer, dock: TouchUpDock) -> None:
    settle()
    viewer.reset_view()
    dock.run.segment.click()
    wait(lambda: not dock.session.running)


def open_fold(dock: TouchUpDock, title: str) -> None:
    next(fold for fold in dock.folds if fold.button.text() == title).set_open(True)


def wait(condition: Callable[[], bool]) -> None:
    while not condition():
        settle()


def settle() -> None:
    loop = QEventLoop()
    QTimer.singleShot(SETTLE_MS, loop.quit)
    loop.exec()


def shoot(viewer: napari.Viewer, name: str) -> None:
    settle()
    viewer.screenshot(str(HERE / f"{name}.png"), canvas_only=False, flash=False)


if __name__ == "__main__":
    main()
