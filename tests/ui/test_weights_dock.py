import numpy as np
import pytest

from napari_touchup.ui.weights_dock import WeightMapDock


@pytest.fixture
def window(make_napari_viewer):
    viewer = make_napari_viewer()
    dock = WeightMapDock(viewer)
    viewer.window.add_dock_widget(dock)
    return viewer, dock


@pytest.fixture
def cells(window):
    data = np.zeros((40, 60), np.uint16)
    data[4:12, 4:12] = 1
    data[4:12, 14:22] = 2
    return window[0].add_labels(data, name="cells")


def test_without_labels(window):
    _, dock = window
    assert not dock.show_map.isEnabled()
    assert dock.status.text() == "Open or paint a labels layer."


def test_makes_a_map(window, cells, qtbot):
    viewer, dock = window
    dock.show_map.click()
    qtbot.waitUntil(lambda: "Follows the brush" in dock.status.text())
    assert viewer.layers["cells weights"].data.max() > 5
    assert not dock.show_map.isEnabled()


def test_options_to_the_map(window, cells, qtbot):
    viewer, dock = window
    dock.show_map.click()
    dock.w0.value = 0
    dock.balance.value = True
    qtbot.waitUntil(lambda: "Follows the brush" in dock.status.text())
    weights = viewer.layers["cells weights"].data
    # 128 of 2400 pixels are objects
    assert sorted(np.unique(weights).tolist()) == pytest.approx([2400 / 4544, 2400 / 256])
    assert dock.status.text().startswith("Class weights: background 0.53, objects 9.38.")


def test_deleted_map_can_be_made_again(window, cells, qtbot):
    viewer, dock = window
    dock.show_map.click()
    qtbot.waitUntil(lambda: "Follows the brush" in dock.status.text())
    viewer.layers.remove("cells weights")
    assert dock.show_map.isEnabled()
    viewer.layers.remove(cells)
    assert dock.labels.count() == 0
    assert not dock.show_map.isEnabled()


def test_tooltips(window):
    _, dock = window
    controls = (dock.labels, dock.show_map, *(field.native for field in dock.form))
    assert all(control.toolTip() for control in controls)
    assert "pixels" in dock.sigma.tooltip
