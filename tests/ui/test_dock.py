import numpy as np
import pytest
from napari.layers import Shapes
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication

from napari_touchup.session.segment_run import LOADING
from napari_touchup.session.session import Session
from napari_touchup.session.status import failed
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.dock import MAX_WIDTH, TouchUpDock
from napari_touchup.ui.run_panel import KEY


@pytest.fixture
def window(make_napari_viewer, fake_network, model_choice):
    """A viewer with the dock in it."""
    viewer = make_napari_viewer()
    session = Session(network=fake_network, dispatch=QueuedDispatch(), model=model_choice())
    dock = TouchUpDock(viewer, session)
    viewer.window.add_dock_widget(dock, name="Touch-Up")
    yield viewer, dock
    fake_network.gate.set()
    dock.binding.close()


@pytest.fixture
def movie(window, spots):
    viewer, _ = window
    data = np.stack([np.stack([spots(*[90] * n), spots(60)]) for n in (1, 2, 3)])
    layer = viewer.add_image(data, name="movie", axis_labels=("t", "c", "y", "x"))
    viewer.dims.set_current_step(0, 1)
    return layer


def ended(dock):
    return lambda: not dock.session.running


def shown(widget):
    """Whether it would be seen in an open window."""
    return not widget.isHidden()


def test_width(window):
    _, dock = window
    assert dock.maximumWidth() == MAX_WIDTH == 320
    assert dock.sizeHint().width() <= 320
    for fold in dock.folds:
        fold.set_open(True)
        assert dock.widget().minimumSizeHint().width() <= dock.minimumWidth()


def test_what_was_understood(window, movie):
    _, dock = window
    assert dock.image.image.currentText() == "movie"
    assert dock.image.understood.text() == "T 3, C 2, Y 32, X 64"
    assert [combo.currentText() for combo in dock.image.channels] == ["1"]
    assert dock.run.scopes["all"].text() == "All 3"


def test_axes_override_from_the_view(window, movie):
    _, dock = window
    dock.image.change.click()
    dock.image.axes.setText("CTYX")
    dock.image.axes.returnPressed.emit()
    assert dock.session.image.axes == "CTYX"
    assert dock.image.understood.text() == "C 3, T 2, Y 32, X 64"
    dock.image.axes.setText("CT")
    dock.image.axes.returnPressed.emit()
    assert "expected" in dock.image.problem.text()


def test_segment_and_status(window, movie, qtbot):
    viewer, dock = window
    dock.run.segment.click()
    assert dock.run.status.text() == LOADING
    assert not shown(dock.run.segment)
    assert shown(dock.run.stop)
    assert shown(dock.run.progress)
    qtbot.waitUntil(ended(dock))
    assert dock.run.status.text().startswith("2 cells, median 9 px")
    assert shown(dock.run.segment)
    assert not shown(dock.run.progress)
    assert [layer.name for layer in viewer.layers] == ["movie", "movie masks"]


def test_all_frames(window, movie, qtbot):
    _, dock = window
    dock.run.scopes["all"].click()
    dock.run.segment.click()
    qtbot.waitUntil(ended(dock))
    assert dock.session.status.text.startswith("3 frames, 6 cells")


def test_what_i_see(window, movie, qtbot, fake_network):
    _, dock = window
    movie.corner_pixels = np.array([[1, 0, 0, 0], [1, 0, 31, 15]])
    dock.run.scopes["view"].click()
    dock.run.segment.click()
    qtbot.waitUntil(ended(dock))
    assert fake_network.read == [(1, 32, 16)]


def test_what_i_see_of_an_image_out_of_view(window, movie, fake_network):
    _, dock = window
    movie.corner_pixels = np.array([[1, 0, 40, 0], [1, 0, 50, 15]])
    dock.run.scopes["view"].click()
    dock.run.segment.click()
    assert dock.run.status.text().startswith("The canvas shows nothing of this image.")
    assert fake_network.read == []


def test_stop(window, movie, qtbot, fake_network):
    _, dock = window
    fake_network.gate.clear()
    dock.run.segment.click()
    dock.run.stop.click()
    fake_network.gate.set()
    qtbot.waitUntil(ended(dock))
    assert dock.run.status.text().startswith("Stopped: 0 of 1 frames done.")


def test_activity(window, movie, qtbot, fake_network):
    _, dock = window
    fake_network.gate.clear()
    dock.run.segment.click()
    qtbot.waitUntil(lambda: dock.activity._bar.n == 1)
    assert dock.activity._bar.total == 2
    fake_network.gate.set()
    qtbot.waitUntil(ended(dock))
    assert dock.activity._bar is None


def test_failure_stays_in_the_dock(window, movie, qtbot, fake_network):
    _, dock = window
    fake_network.error = RuntimeError("CUDA out of memory")
    dock.run.segment.click()
    qtbot.waitUntil(ended(dock))
    assert shown(dock.run.failure)
    assert "There was not enough memory." in dock.run.failure.text.text()
    dock.run.failure.copy.click()
    assert "CUDA out of memory" in QGuiApplication.clipboard().text()
    fake_network.error = None
    dock.run.segment.click()
    assert not shown(dock.run.failure)
    qtbot.waitUntil(ended(dock))


def test_an_error_that_looks_like_html_is_read_as_text(window):
    _, dock = window
    dock.session.status = failed(ValueError("<b>no</b>"))
    assert dock.run.failure.text.textFormat() == Qt.TextFormat.PlainText
    assert "What happened: <b>no</b>" in dock.run.failure.text.text()


def test_advice_stays_with_a_link(window, movie, qtbot, fake_network):
    _, dock = window
    fake_network.advice = "This computer has an NVIDIA card. Choose CUDA at https://pytorch.org/x/."
    assert not shown(dock.run.advice)
    dock.run.segment.click()
    qtbot.waitUntil(ended(dock))
    dock.session.image = None  # the status is of the image, the advice is not
    assert dock.run.status.text() == ""
    assert shown(dock.run.advice)
    text = dock.run.advice.text
    assert text.openExternalLinks()
    assert '<a href="https://pytorch.org/x/"' in text.text()
    assert text.text().endswith("</a>.")


def test_choices_are_buttons(window, movie, qtbot):
    _, dock = window
    dock.run.segment.click()
    qtbot.waitUntil(ended(dock))
    dock.session.tools(dock.session.image).finish(dock.session.frame, True)
    dock.run.segment.click()
    texts = [dock.run._row.itemAt(n).widget().text() for n in range(dock.run._row.count())]
    assert texts == ["Leave it", "Change it too"]
    dock.run._row.itemAt(1).widget().click()
    qtbot.waitUntil(ended(dock))
    assert not shown(dock.run.choices)


def test_sliders_to_session(window, movie, qtbot):
    _, dock = window
    dock.run.scopes["all"].click()
    dock.run.segment.click()
    qtbot.waitUntil(ended(dock))
    dock.masks.threshold.value = 0.95
    assert dock.session.instances.threshold == 0.95
    qtbot.waitUntil(lambda: not dock.binding.current.masks.data[1].any())
    assert dock.binding.current.masks.data[2].any()
    assert dock.masks.apply.text() == "Apply to all unfinished frames (2)"
    dock.masks.apply.click()
    qtbot.waitUntil(lambda: not dock.binding.current.masks.data.any())
    assert not dock.masks.apply.isEnabled()


def test_session_to_sliders(window):
    _, dock = window
    values = {"threshold": 0.7, "h": 0.3, "min_size": 40}
    dock.session.instances = dock.session.instances.model_copy(update=values)
    assert dock.masks.threshold.value == pytest.approx(0.7)
    assert dock.masks.split.value == pytest.approx(0.3)
    assert dock.masks.min_size.value == 40


def test_values_outside_a_slider_are_shown_at_its_end_and_kept(window):
    _, dock = window
    dock.session.instances = dock.session.instances.model_copy(update={"h": 0.9, "min_size": 3})
    assert dock.masks.split.value == pytest.approx(0.4)
    dock.masks.threshold.value = 0.6
    assert (dock.session.instances.h, dock.session.instances.min_size) == (0.9, 3)


def test_a_device_that_code_chose_is_shown(window):
    _, dock = window
    dock.session.options = dock.session.options.model_copy(update={"device": "cuda:1"})
    assert dock.advanced.device.value == "cuda:1"


def test_advanced_both_ways(window):
    _, dock = window
    dock.advanced.diameter.value = 24.5
    dock.advanced.tile.value = 256
    assert dock.session.options.diameter == 24.5
    assert dock.session.options.tile == 256
    values = {"diameter": None, "device": "cpu", "precision": "float32", "tile": None}
    dock.session.options = dock.session.options.model_copy(update=values)
    assert dock.advanced.diameter.native.text() == "as trained"
    assert dock.advanced.tile.native.text() == "auto"
    assert dock.advanced.device.value == "cpu"
    assert dock.advanced.precision.value == "float32"
    dock.session.device = "CPU with 2 threads"
    assert dock.advanced.chosen.text() == "Ran on: CPU with 2 threads"


def test_measure(window, movie, qtbot):
    viewer, dock = window
    movie.scale = (1, 1, 0.5, 0.5)
    dock.binding.choose(movie, "TCYX")
    dock.advanced.measure.native.click()
    lines = viewer.layers.selection.active
    assert isinstance(lines, Shapes)
    assert lines.mode == "add_line"
    assert lines.scale[-2:].tolist() == [0.5, 0.5]
    lines.add_lines(np.array([[0, 0, 3, 4], [0, 0, 9, 12]]))
    qtbot.waitUntil(lambda: lines not in viewer.layers)
    assert dock.session.options.diameter == 10
    assert viewer.layers.selection.active is movie


def test_map_layers_on_request(window, movie, qtbot):
    viewer, dock = window
    assert not dock.layers.boxes["borders"].isEnabled()
    dock.run.segment.click()
    qtbot.waitUntil(ended(dock))
    for kind, box in dock.layers.boxes.items():
        box.setChecked(True)
        assert f"movie {kind}" in viewer.layers
    weights = viewer.layers["movie weights"]
    dock.session.tools(dock.session.image).confirm(dock.session.frame, [1])
    qtbot.waitUntil(lambda: weights.data.any())
    viewer.layers.remove("movie borders")
    assert not dock.layers.boxes["borders"].isChecked()
    dock.layers.boxes["distance"].setChecked(False)
    assert "movie distance" not in viewer.layers


def test_channels_are_asked_for(window, movie, qtbot, model_choice, fake_network):
    viewer, dock = window
    viewer.add_image(np.asarray(movie.data[:, 0]), name="third", axis_labels=("t", "y", "x"))
    dock.binding.choose(movie)
    dock.session.model = model_choice(3)
    assert [combo.currentText() for combo in dock.image.channels] == ["choose…"] * 3
    dock.run.segment.click()
    assert "takes 3 channels" in dock.run.status.text()
    for combo, row in zip(dock.image.channels, (1, 2, 3), strict=True):
        combo.setCurrentIndex(row)
        combo.activated.emit(row)
    assert dock.image.channels[2].currentText() == "third"
    dock.run.segment.click()
    qtbot.waitUntil(ended(dock))
    assert fake_network.read == [(3, 32, 64)]


def test_one_fold_is_open(window):
    _, dock = window
    for fold in dock.folds:
        fold.set_open(True)
        assert [other.is_open() for other in dock.folds].count(True) == 1


def test_every_control_has_a_tooltip(window, movie):
    _, dock = window
    controls = [
        *dock.run.scopes.values(), dock.run.segment, dock.run.stop, dock.model.model,
        dock.image.image, dock.image.change, dock.image.axes, *dock.image.channels,
        dock.masks.apply, *(field.native for field in dock.masks.form),
        *(field.native for field in dock.advanced.form), *dock.layers.boxes.values(),
        *(fold.button for fold in dock.folds),
    ]  # fmt: skip
    assert [control for control in controls if not control.toolTip()] == []
    assert KEY in dock.run.segment.toolTip()
    for field in (dock.masks.min_size, dock.advanced.diameter, dock.advanced.tile):
        assert "pixels" in field.tooltip


def test_key(window, movie, qtbot):
    viewer, dock = window
    key = next(binding for binding in viewer.keymap if str(binding).lower() == "shift+s")
    viewer.keymap[key](viewer)
    qtbot.waitUntil(lambda: dock.binding.current.masks is not None)


def test_a_closed_dock_lets_go(window, movie, qtbot):
    viewer, dock = window
    session = dock.session
    with qtbot.waitSignal(dock.destroyed):
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
    viewer.layers.clear()
    session.frame = (2,)
    assert not viewer.keymap


def texts(field):
    return [field.native.itemText(row) for row in range(field.native.count())]


def test_levels_are_a_choice_where_a_model_has_some(window, model_choice, layered):
    _, dock = window
    levels = dock.advanced.levels
    assert not shown(levels.native)
    dock.session.model = model_choice(spec=layered)
    assert shown(levels.native)
    assert texts(levels) == ["all (3)", "2", "1"]
    assert levels.current_choice == "all (3)"
    dock.session.model = model_choice(spec=layered.model_copy(update={"depth": 1}))
    assert not shown(levels.native)  # one level is no choice
    dock.session.model = model_choice()
    assert not shown(levels.native)


def test_levels_both_ways(window, model_choice, layered):
    _, dock = window
    session, levels = dock.session, dock.advanced.levels
    session.model = model_choice(spec=layered)
    levels.value = 2
    assert session.options.prune == 2
    levels.value = 0
    assert levels.current_choice == "all (3)"
    assert session.options.prune is None
    session.options = session.options.model_copy(update={"prune": 1})
    assert levels.current_choice == "1"
    session.model = model_choice(spec=layered.model_copy(update={"depth": 4}))
    assert texts(levels) == ["all (4)", "3", "2", "1"]
    assert (levels.current_choice, session.options.prune) == ("1", 1)
    session.model = model_choice()
    assert session.options.prune is None
    session.model = model_choice(spec=layered)
    assert levels.current_choice == "all (3)"
