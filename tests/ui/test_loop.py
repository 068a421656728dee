"""The whole loop as a person goes through it: real viewer, model, brush, files and training."""

import numpy as np
import pytest
import tifffile
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils._test_utils import MouseEvent
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from scipy import ndimage

from napari_touchup.core.metrics import average_precision
from napari_touchup.io.samples import sample_path
from napari_touchup.options import BrushOptions
from napari_touchup.session.project import Counts
from napari_touchup.ui.dock import TouchUpDock

STEPS = 40
BRUSH_PX = 7
GAIN = 0.1  # of AP50 on the cells that nobody touched


class Person:
    """Opens the sample in a window of its own, and mends cells with the brush."""

    def __init__(self, viewer, qtbot):
        self.viewer, self.qtbot = viewer, qtbot
        viewer.open_sample("napari-touchup", "rings")
        self.dock = TouchUpDock(viewer)
        viewer.window.add_dock_widget(self.dock)
        self.session = self.dock.session

    @property
    def masks(self):
        return self.dock.binding.current.masks

    def until(self, condition, seconds=120):
        self.qtbot.waitUntil(condition, timeout=1000 * seconds)

    def segment(self):
        self.dock.run.segment.click()
        self.until(lambda: not self.session.running)

    def mend(self, cell):
        """Paint over a cell, as one stroke."""
        self.session.brush = BrushOptions(over_neighbours=True)
        self.viewer.layers.selection.active = self.masks
        self.masks.mode = "paint"
        self.masks.brush_size = BRUSH_PX
        self.dock.correct.new_cell()
        path = strokes_path(cell)
        self._mouse(mouse_press_callbacks, "mouse_press", path[0])
        for place in path[1:]:
            self._mouse(mouse_move_callbacks, "mouse_move", place)
        self._mouse(mouse_release_callbacks, "mouse_release", path[-1])
        self.until(lambda: self.session.painting is None)

    def fine_tune(self):
        self.dock.fine_tune.options.steps.value = STEPS
        self.dock.fine_tune.start.click()
        self.until(lambda: self.dock.tuning.trial is not None, seconds=400)

    def close(self):
        self.dock.tuning.close()
        self.dock.binding.close()
        self.viewer.layers.clear()

    def _mouse(self, callbacks, kind, place):
        position = tuple(np.array(place) * self.masks.scale)
        event = MouseEvent(
            kind, position=position, dims_displayed=[0, 1], button=1, modifiers=[],
            pos=np.array(place, float), view_direction=None, up_direction=None,
        )  # fmt: skip
        callbacks(self.masks, ReadOnlyWrapper(event, exceptions=("handled",)))


def strokes_path(cell):
    """Serpentine through the inside of a cell, 3 px apart."""
    inside = ndimage.binary_erosion(cell, iterations=BRUSH_PX // 2)
    rows = np.flatnonzero(inside.any(axis=1))[::3]
    path = []
    for number, row in enumerate(rows):
        columns = np.flatnonzero(inside[row])[::3]
        path += [(row, column) for column in (columns if number % 2 == 0 else columns[::-1])]
    return path


def ap50_elsewhere(masks, truth, mended):
    """Score the cells that nobody touched: those that were mended are left out of both."""
    touched = np.isin(truth, mended)
    hit = np.unique(masks[touched])
    left = np.where(np.isin(masks, hit), 0, masks)
    return average_precision(np.where(touched, 0, truth), left, [0.5])[0]


@pytest.mark.timeout(900)
def test_five_mended_cells_make_the_model_better_and_no_edit_is_lost(make_napari_viewer, qtbot):
    truth = tifffile.imread(sample_path("rings", truth=True)).astype(np.int32)
    sizes = np.bincount(truth.ravel())
    mended = np.argsort(-sizes[1:])[5:25:4] + 1  # of middling size
    person = Person(make_napari_viewer(), qtbot)
    person.segment()
    before = ap50_elsewhere(np.asarray(person.masks.data), truth, mended)
    for label in mended[:3]:
        person.mend(truth == label)
    assert person.session.counts == Counts(teach=3)
    painted = np.asarray(person.masks.data).copy()
    person.session.undo()
    assert person.session.counts == Counts(teach=2)
    person.session.redo()
    np.testing.assert_array_equal(person.masks.data, painted)
    person.segment()  # again: hand work stays
    for label in mended[3:]:
        person.mend(truth == label)
    assert person.session.counts == Counts(teach=4, kept=1)
    corrected = np.asarray(person.masks.data).copy()
    ious = [iou(corrected, truth == label) for label in mended]
    assert min(ious) > 0.7
    person.close()

    again = Person(make_napari_viewer(), qtbot)
    again.until(lambda: again.session.status.kind == "ask")
    again.session.status.choices[0][1]()  # Resume
    np.testing.assert_array_equal(again.masks.data, corrected)
    assert again.session.counts == Counts(teach=4, kept=1)
    again.fine_tune()
    again.dock.fine_tune.trial.accept.click()
    after = ap50_elsewhere(np.asarray(again.masks.data), truth, mended)
    assert after > before + GAIN
    for label in mended:  # hand work as it was, to the voxel
        cell = corrected == most(corrected, truth == label)
        assert len(np.unique(np.asarray(again.masks.data)[cell])) == 1
    assert [version.name for version in again.session.versions.all()] == ["default", "version 1"]
    again.close()


def most(labels, cell):
    inside = labels[cell]
    return np.bincount(inside[inside > 0]).argmax()


def iou(labels, cell):
    found = labels == most(labels, cell)
    return (found & cell).sum() / (found | cell).sum()
