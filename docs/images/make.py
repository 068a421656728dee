"""Make the pictures that the README shows, from the running plugin.

make images
"""

from pathlib import Path

import napari
from napari.layers import Labels
from qtpy.QtCore import QEventLoop, QTimer

from napari_touchup.ui.app import PLUGIN, SIZE, add_dock
from napari_touchup.ui.dock import TouchUpDock
from napari_touchup.ui.weights_dock import WeightMapDock

HERE = Path(__file__).parent
SETTLE_MS = 600  # until the last layer is drawn


def main() -> None:
    viewer = napari.Viewer(title="Touch-Up")
    viewer.window.resize(*SIZE)
    dock = add_dock(viewer)
    segment_nuclei(viewer, dock)
    weight_map(viewer)
    viewer.close()


def segment_nuclei(viewer: napari.Viewer, dock: TouchUpDock) -> None:
    viewer.open_sample(PLUGIN, "nuclei")
    segment(viewer, dock)
    dock.folds[0].set_open(True)
    shoot(viewer, "segment")


def weight_map(viewer: napari.Viewer) -> None:
    masks = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    _, weights = viewer.window.add_plugin_dock_widget(PLUGIN, "Weight map")
    weights: WeightMapDock
    weights.show_map.click()
    settle()
    masks.visible = False
    viewer.scene.camera.zoom *= 2
    shoot(viewer, "weight_map")


def segment(viewer: napari.Viewer, dock: TouchUpDock) -> None:
    settle()
    viewer.reset_view()
    dock.run.segment.click()
    while dock.session.running:
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
