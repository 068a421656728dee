import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QApplication

from napari_touchup.session.images import Image
from napari_touchup.session.session import Session
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.dock import TouchUpDock
from napari_touchup.ui.link_box import LinkBox


@pytest.fixture
def dock(make_napari_viewer, fake_network, model_choice):
    viewer = make_napari_viewer()
    session = Session(network=fake_network, dispatch=QueuedDispatch(), model=model_choice())
    dock = TouchUpDock(viewer, session)
    viewer.window.add_dock_widget(dock, name="Touch-Up")
    yield dock
    fake_network.gate.set()
    dock.binding.close()


@pytest.fixture
def film(dock, spots, qtbot):
    """Cell A in all three frames, cell B, to its left, in the last two."""
    data = np.stack([spots(0, 60), spots(90, 60), spots(90, 60)])
    layer = dock.binding.viewer.add_image(data, name="film", axis_labels=("t", "y", "x"))
    dock.session.segment([(0,), (1,), (2,)])
    qtbot.waitUntil(lambda: not dock.session.running)
    return layer


def choose(box, text):
    box.axis.setCurrentIndex(box.axis.findText(text))
    box.axis.activated.emit(box.axis.currentIndex())


def labels(masks):
    """Of cells A and B in each frame."""
    return [[int(label) for label in np.unique(frame) if label] for frame in masks.data]


def test_it_is_there_for_stacks_only(dock, spots):
    box = dock.run.link
    assert box.isHidden()
    dock.binding.viewer.add_image(np.zeros((2, 3, 8, 8)), axis_labels=("t", "z", "y", "x"))
    texts = [box.axis.itemText(row) for row in range(box.axis.count())]
    assert texts == ["no", "through T", "through Z"]
    assert not box.isHidden()
    layer = dock.binding.viewer.add_image(spots(90))
    dock.binding.choose(layer)
    assert box.isHidden()


def test_the_box_and_the_session_follow_each_other(qtbot):
    session = Session()
    box = LinkBox(session)
    qtbot.addWidget(box)
    session.image = Image("film", np.zeros((2, 8, 8)), "TYX")
    session.link = "T"
    assert box.axis.currentText() == "through T"
    choose(box, "no")
    assert session.link is None
    session.link = "Z"  # of another image
    assert box.axis.currentText() == "no"
    session.close()


def test_the_masks_that_are_shown_are_linked(dock, film, qtbot):
    masks = dock.binding.current.masks
    assert labels(masks) == [[1], [1, 2], [1, 2]]
    assert masks.data[0][masks.data[1] == 2].max() == 1  # the same cell
    masks.selected_label = 1
    choose(dock.run.link, "through T")
    qtbot.waitUntil(lambda: "Linked" in dock.session.status.text)
    assert labels(masks) == [[1], [1, 2], [1, 2]]
    assert masks.data[0][masks.data[1] == 1].max() == 1
    assert dock.run.status.text() == "Linked through T: 2 cells in 3 frames"
    assert dock.session.project.state(dock.session.image.key, (1,), (32, 64)).labels.tolist() == (
        masks.data[1].tolist()
    )


def test_the_brush_stays_on_its_cell(dock, film, qtbot):
    dock.binding.viewer.dims.set_current_step(0, 1)
    masks = dock.binding.current.masks
    masks.selected_label = 2
    dock.session.link = "T"
    qtbot.waitUntil(lambda: "Linked" in dock.session.status.text)
    assert masks.selected_label == 1
    assert dock.session.cell == 1
    dock.session.undo()
    assert masks.selected_label == 2


def test_undo_shows_the_old_labels_and_moves_to_no_other_frame(dock, film, qtbot):
    masks = dock.binding.current.masks
    before = masks.data.copy()
    dock.session.link = "T"
    qtbot.waitUntil(lambda: "Linked" in dock.session.status.text)
    dock.binding.viewer.dims.set_current_step(0, 2)
    dock.session.undo()
    np.testing.assert_array_equal(masks.data, before)
    assert dock.binding.viewer.dims.current_step[0] == 2
    QApplication.processEvents()
    assert dock.session.project.corrected() == ()  # what was drawn anew is no edit from outside
    assert dock.session.project.ledger.folder is None


def test_an_export_is_linked_first(dock, film, tmp_path, qtbot):
    dock.session.link = "T"
    qtbot.waitUntil(lambda: "Linked" in dock.session.status.text)
    masks = dock.binding.current.masks
    dock.binding.viewer.dims.set_current_step(0, 1)
    with masks.block_history():
        masks.paint((1, 28, 30), 7)
    dock.apply_panel.export_to(tmp_path / "film.tif")
    qtbot.waitUntil(lambda: dock.apply.export.status.kind == "done")
    written = tifffile.imread(tmp_path / "film.tif")
    assert [np.unique(frame).tolist() for frame in written] == [[0, 1], [0, 1, 2, 3], [0, 1, 2]]
    np.testing.assert_array_equal(written, masks.data)
