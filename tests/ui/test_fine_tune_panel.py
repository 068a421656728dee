"""The Fine-tune and Correct folds in a real window, with a worker that answers at once."""

import pytest

from napari_touchup.engine.teachable import NOT_YET
from napari_touchup.options import BrushOptions
from napari_touchup.session.session import Session
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.dock import TouchUpDock
from napari_touchup.ui.fine_tune_panel import NOTHING


@pytest.fixture
def dock(make_napari_viewer, fake_network, fake_worker, tiny_choice, spots, qtbot):
    viewer = make_napari_viewer()
    session = Session(network=fake_network, dispatch=QueuedDispatch(), model=tiny_choice)
    dock = TouchUpDock(viewer, session, fake_worker)
    viewer.window.add_dock_widget(dock)
    viewer.add_image(spots(90, 40), name="cells")
    dock.run.segment.click()
    qtbot.waitUntil(lambda: not session.running)
    yield dock
    dock.tuning.close()
    dock.binding.close()


@pytest.fixture
def trained(dock, qtbot):
    """A candidate waits for its answer."""
    dock.session.tools(dock.session.image).confirm((), [1])
    dock.fine_tune.start.click()
    qtbot.waitUntil(lambda: dock.tuning.trial is not None)
    return dock


def names(dock):
    return [layer.name for layer in dock.binding.viewer.layers]


def test_session_to_counts(dock):
    assert dock.fine_tune.summary.text() == NOTHING
    dock.session.tools(dock.session.image).confirm((), [1])
    assert dock.fine_tune.summary.text() == "1 teaches."
    assert dock.correct_panel.counts.text() == "1 teaches"


def test_session_model_that_cannot_learn(dock, model_choice, tiny_choice, detecting):
    dock.session.tools(dock.session.image).confirm((), [1])
    dock.session.model = model_choice(spec=detecting)
    assert dock.fine_tune.summary.text() == NOT_YET
    assert not dock.fine_tune.start.isEnabled()
    dock.session.model = tiny_choice
    assert dock.fine_tune.summary.text() == "1 teaches."
    assert dock.fine_tune.start.isEnabled()


def test_without_corrections_it_says_what_to_do(dock, qtbot):
    dock.fine_tune.start.click()
    qtbot.waitUntil(lambda: dock.session.status.kind == "ask")
    assert "Nothing teaches yet" in dock.run.status.text()
    assert not dock.fine_tune.start.isHidden()


def test_a_candidate_is_shown_and_is_not_the_active_layer(trained):
    panel = trained.fine_tune
    assert "cells candidate" in names(trained)
    assert not trained.trial.layer.editable
    assert trained.binding.viewer.layers.selection.active is trained.binding.current.masks
    assert panel.start.isHidden()
    assert not panel.trial.isHidden()
    assert "Too few to be sure" in panel.trial.verdict.text()
    assert [panel.trial.changes.item(n).text() for n in range(panel.trial.changes.count())] == [
        "gained: 2"
    ]


def test_holding_the_button_shows_the_old_masks(trained):
    masks, candidate = trained.binding.current.masks, trained.trial.layer
    assert (masks.visible, candidate.visible) == (False, True)
    trained.fine_tune.trial.flip.pressed.emit()
    assert (masks.visible, candidate.visible) == (True, False)
    trained.fine_tune.trial.flip.released.emit()
    assert (masks.visible, candidate.visible) == (False, True)


def test_a_click_jumps_to_the_change(trained):
    changes = trained.fine_tune.trial.changes
    changes.itemClicked.emit(changes.item(0))
    assert trained.binding.viewer.scene.camera.center[1:] == pytest.approx((11.5, 23.5))


def test_accept(trained):
    trained.fine_tune.trial.accept.click()
    assert "cells candidate" not in names(trained)
    assert trained.binding.current.masks.visible
    assert trained.binding.current.masks.data.max() == 2
    assert trained.model.model.currentText() == "version 1"
    assert not trained.fine_tune.start.isHidden()


def test_discard(trained):
    trained.fine_tune.trial.discard.click()
    assert "cells candidate" not in names(trained)
    assert trained.binding.current.masks.data.max() == 1
    assert trained.session.model.header.name == "m"


def test_previews_come_and_go(dock, qtbot):
    dock.fine_tune.options.previews.setChecked(True)
    dock.session.tools(dock.session.image).confirm((), [1])
    seen = []
    dock.tuning.previewed.connect(lambda _: seen.append(dock.preview.layer))
    dock.fine_tune.start.click()
    qtbot.waitUntil(lambda: dock.tuning.trial is not None)
    assert seen[0].data.any()
    assert dock.preview.layer is None
    assert "cells preview" not in names(dock)


def test_options_both_ways(dock):
    form = dock.fine_tune.options
    form.steps.value = 60
    assert dock.tuning.options.steps == 60
    dock.tuning.options = dock.tuning.options.model_copy(update={"rate": 0.003})
    assert form.rate.value == pytest.approx(0.003)


def test_brush_switches_both_ways(dock):
    panel = dock.correct_panel
    panel.over.setChecked(True)
    panel.qupath.setChecked(True)
    assert dock.session.brush == BrushOptions(over_neighbours=True, preset="qupath")
    dock.session.brush = BrushOptions(smart=False)
    assert [box.isChecked() for box in (panel.smart, panel.over, panel.qupath)] == [False] * 3


def test_it_says_where_the_work_is(dock, qtbot):
    assert dock.correct_panel.saved.isHidden()
    dock.session.tools(dock.session.image).confirm((), [1])
    qtbot.waitUntil(lambda: dock.correct_panel.saved.text().startswith("Saved "))
    assert dock.correct_panel.saved.text().endswith("cells.touchup")


def test_the_review_that_comes_by_itself_is_ticked(dock):
    assert not dock.layers.boxes["review"].isChecked()
    dock.session.tools(dock.session.image).confirm((), [1])
    assert dock.layers.boxes["review"].isChecked()


def test_mark_brushes_are_switches(dock):
    buttons = dock.correct_panel.buttons
    buttons["background"].click()
    assert buttons["background"].isChecked()
    buttons["ignore"].click()
    assert (buttons["background"].isChecked(), buttons["ignore"].isChecked()) == (False, True)
    buttons["ignore"].click()
    assert not buttons["ignore"].isChecked()


def test_every_control_has_a_tooltip(dock):
    panel = dock.correct_panel
    controls = [
        *panel.buttons.values(), panel.smart, panel.over, panel.review, panel.outlines,
        panel.qupath, panel.keys, panel.keep, dock.fine_tune.start, dock.fine_tune.stop,
        dock.fine_tune.curve, dock.fine_tune.rest, dock.fine_tune.trial.accept,
        dock.fine_tune.trial.discard, dock.fine_tune.trial.flip, dock.fine_tune.trial.changes,
        dock.fine_tune.options.previews,
        *(field.native for field in dock.fine_tune.options.form),
    ]  # fmt: skip
    assert [control for control in controls if not control.toolTip()] == []
