"""A person who tries everything, in any order, while jobs run."""

from functools import partial

import numpy as np
import pytest
from napari.layers import Shapes
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils._test_utils import MouseEvent
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from qtpy.QtWidgets import QApplication

from napari_touchup.session.frame_state import rebuild
from napari_touchup.session.session import Session
from napari_touchup.session.teaching import review
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.dock import TouchUpDock

ACTIONS = 300
THRESHOLDS = (0.3, 0.55, 0.75, 0.92)  # between the values of the spots, and above all of them


class Walk:
    """Random actions on a viewer with the dock; each method is one of them."""

    def __init__(self, viewer, dock, rng, qtbot):
        self.viewer, self.dock, self.rng, self.qtbot = viewer, dock, rng, qtbot

    @property
    def masks(self):
        now = self.dock.binding.current
        return now and now.masks

    def wait(self):
        """Until no job runs."""
        self.qtbot.waitUntil(lambda: at_rest(self.dock), timeout=10_000)
        QApplication.processEvents()

    def segment(self):
        shown = [b for b in self.dock.run.scopes.values() if not b.isHidden()]
        self.rng.choice(shown).click()
        self.dock.run.segment.click()

    def stop(self):
        self.dock.run.stop.click()

    def answer(self):
        if self.dock.session.status.choices:
            row = self.dock.run._row
            row.itemAt(int(self.rng.integers(row.count()))).widget().click()

    def stroke(self):
        """Drag the brush, the eraser or the bucket; jobs may end in the middle of it."""
        if self.masks is None:
            return
        self.viewer.layers.selection.active = self.masks
        self.masks.mode = self.rng.choice(["paint", "erase", "fill"])
        self._mouse(mouse_press_callbacks, "mouse_press")
        for _ in range(3):
            if self.rng.random() < 0.3:
                self.segment()
            if self.rng.random() < 0.3:
                self.threshold()
            if self.rng.random() < 0.3:
                self.wait()  # a job ends in the middle of the stroke
            self._mouse(mouse_move_callbacks, "mouse_move")
        self._mouse(mouse_release_callbacks, "mouse_release")

    def _mouse(self, callbacks, kind):
        place = list(self.viewer.dims.point)
        height, width = self.masks.data.shape[-2:]
        step = self.masks.scale[-2:]
        place[-2:] = self.rng.integers((height, width)) * step
        shown = list(self.viewer.dims.displayed)
        event = MouseEvent(kind, position=tuple(place), dims_displayed=shown, button=1)
        callbacks(self.masks, ReadOnlyWrapper(event, exceptions=("handled",)))

    def undo(self):
        if self.masks is not None:
            self.masks.undo()

    def redo(self):
        if self.masks is not None:
            self.masks.redo()

    def session_undo(self):
        self.dock.session.undo()

    def session_redo(self):
        self.dock.session.redo()

    def tool(self):
        """A button of the Correct fold, on some cell; a drawing tool is left at once."""
        if self.masks is not None:
            plane = (
                self.masks.data[tuple(self.dock.session.frame)]
                if self.masks.ndim > 2
                else self.masks.data
            )
            cells = np.unique(plane)
            self.masks.selected_label = int(self.rng.choice(cells)) or 1
        self.rng.choice(list(self.dock.correct_panel.buttons.values())).click()
        for layer in [layer for layer in self.viewer.layers if isinstance(layer, Shapes)]:
            self.viewer.layers.remove(layer)

    def train(self):
        self.dock.fine_tune.start.click()

    def stop_training(self):
        self.dock.fine_tune.stop.click()

    def accept(self):
        self.dock.fine_tune.trial.accept.click()

    def discard(self):
        self.dock.fine_tune.trial.discard.click()

    def apply_model(self):
        self.dock.fine_tune.rest.click()

    def threshold(self):
        self.dock.masks.threshold.value = float(self.rng.choice(THRESHOLDS))

    def min_size(self):
        self.dock.masks.min_size.value = float(self.rng.choice([0, 15, 100]))

    def apply(self):
        self.dock.masks.apply.click()

    def show_map(self):
        box = self.rng.choice(list(self.dock.layers.boxes.values()))
        if box.isEnabled():
            box.click()

    def delete_masks(self):
        if self.masks is not None:
            self.viewer.layers.remove(self.masks)

    def delete_image(self):
        """And open it again."""
        layer = self.rng.choice(self.dock.binding.images())
        self.viewer.layers.remove(layer)
        self.viewer.add_layer(layer)

    def new_data(self):
        layer = self.rng.choice(self.dock.binding.images())
        layer.data = layer.data.copy()

    def rename(self):
        layer = self.viewer.layers[int(self.rng.integers(len(self.viewer.layers)))]
        layer.name = f"layer {self.rng.integers(100)}"

    def frame(self):
        self.viewer.dims.set_current_step(0, int(self.rng.integers(3)))

    def image(self):
        box = self.dock.image.image
        row = int(self.rng.integers(box.count()))
        box.setCurrentIndex(row)
        box.activated.emit(row)

    def select(self):
        layers = self.viewer.layers
        layers.selection.active = layers[int(self.rng.integers(len(layers)))]

    def theme(self):
        self.viewer.theme = "light" if self.viewer.theme == "dark" else "dark"

    def fold(self):
        self.rng.choice(self.dock.folds).button.click()


# how often each is tried
WEIGHTS = {
    "segment": 5, "stop": 1, "answer": 4, "stroke": 5, "undo": 1, "redo": 1,
    "session_undo": 2, "session_redo": 2, "threshold": 4,
    "min_size": 1, "apply": 2, "show_map": 2, "delete_masks": 1, "delete_image": 0.5,
    "tool": 6, "train": 3, "stop_training": 1, "accept": 2, "discard": 1, "apply_model": 1,
    "new_data": 0.5, "rename": 1, "frame": 3, "image": 2, "select": 1, "theme": 0.2, "fold": 1,
}  # fmt: skip


@pytest.fixture
def dock_in(make_napari_viewer, fake_network, fake_worker, tiny_choice, spots):
    viewer = make_napari_viewer()
    session = Session(network=fake_network, dispatch=QueuedDispatch(), model=tiny_choice)
    dock = TouchUpDock(viewer, session, fake_worker)
    viewer.window.add_dock_widget(dock)
    frames = [spots(40, 60), spots(90, 60, 40), spots(80, 80, 60)]
    viewer.add_image(np.stack(frames), name="movie", scale=(1, 0.5, 0.5))
    viewer.add_image(np.stack([spots(90, 60), spots(90, 60), spots(80)], axis=-1), name="colours")
    viewer.add_image(spots(50, 60, 90), name="still")
    yield viewer, dock
    dock.tuning.close()
    dock.binding.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1))
def test_nothing_breaks_and_the_layers_hold_what_the_session_believes(
    dock_in, fake_network, qtbot, seed
):
    viewer, dock = dock_in
    rng = np.random.default_rng(seed)
    walk = Walk(viewer, dock, rng, qtbot)
    chance = np.array(list(WEIGHTS.values())) / sum(WEIGHTS.values())
    done = []
    for name in rng.choice(list(WEIGHTS), ACTIONS, p=chance):
        done.append(str(name))
        painted = planes(dock)
        getattr(walk, name)()
        if rng.random() < 0.6:
            QApplication.processEvents()
        if rng.random() < 0.2:
            walk.wait()
        assert dock.session.status.kind != "failed", done
        if name not in ("stroke", "undo", "redo", "session_undo", "session_redo", "tool", "answer"):
            for masks, plane, reviewed, before in painted:
                now = plane(masks)
                np.testing.assert_array_equal(now[reviewed], before[reviewed], err_msg=str(done))
    walk.wait()
    assert dock.session.status.kind != "failed", done
    for results in dock.binding.opened:
        check(results, fake_network, done)
    check_view(dock)


def at_rest(dock):
    return not (dock.session.running or dock.session._remaker._job or dock.tuning.running)


def planes(dock):
    """What is shown of reviewed objects: only a person may change it."""
    found = []
    for results in dock.binding.opened:
        image, masks = results.image, results.masks
        frames = dock.session.project.masked(image.key) if masks is not None else ()
        for index in frames:
            objects = dock.session.project.objects(image.key, index)
            reviewed = [label for label, known in objects.items() if known.reviewed]
            plane = partial(shown_plane, results.grid, index)
            before = plane(masks)
            found.append((masks, plane, np.isin(before, reviewed), before))
    return found


def shown_plane(grid, index, masks):
    return grid.plane(masks.data, index).copy()


def check(results, network, done):
    """Layer and ledger agree; frames without hand work show the masks of their maps."""
    session, image = results.session, results.image
    frames, project = image.frames, session.project
    for index in project.masked(image.key):
        entries = project.ledger.entries(image.key, index)
        rebuilt = rebuild(image.plane_shape, [entry.delta for entry in entries])
        state = session.tools(image).state(index)
        np.testing.assert_array_equal(rebuilt.labels, state.labels, err_msg=str(done))
        np.testing.assert_array_equal(rebuilt.marks, state.marks, err_msg=str(done))
        assert rebuilt.objects == state.objects == project.objects(image.key, index), done
        if results.masks is not None:
            plane = results.grid.plane(results.masks.data, index)
            np.testing.assert_array_equal(plane, state.labels, err_msg=f"{index} {done}")
        if "review" in results.live and index in results.live["review"]._true:
            shown = results.grid.plane(results.layers["review"].data, index)
            np.testing.assert_array_equal(shown, review(state), err_msg=f"{index} {done}")
        touched = state.objects or state.marks.any()
        if not touched and index in frames and frames[index].window is None:
            if not frames[index].maps.any():  # of a candidate
                continue
            kept = frames[index]
            masks = network.make_masks(kept.maps, kept.output, kept.made_with)
            np.testing.assert_array_equal(state.labels, masks, err_msg=f"{index} {done}")


def check_view(dock):
    """The panels show what the session holds."""
    session = dock.session
    assert dock.image.image.currentData() is dock.binding.current.source
    assert dock.masks.threshold.value == pytest.approx(session.instances.threshold)
    assert dock.masks.min_size.value == session.instances.min_size
    frames = session.image.frames
    assert set(session.outdated) == set(frames.outdated(session.instances))
    assert not dock.run.segment.isHidden()
    for kind, box in dock.layers.boxes.items():
        assert box.isChecked() == (kind in dock.binding.current.layers)
