"""The chooser; a session without a window is enough."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_touchup.nn.header import DEFAULT_MODEL
from napari_touchup.session.models import SHARED, Models
from napari_touchup.session.session import Session
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.model_panel import MANAGE, OPEN, ModelPanel


@pytest.fixture
def panel(qtbot, fake_network):
    session = Session(network=fake_network, dispatch=QueuedDispatch())
    panel = ModelPanel(Models(session))
    panel.session = session
    qtbot.addWidget(panel)
    yield panel
    session.close()


def texts(panel):
    """Names of the chooser; a separator has none."""
    return [panel.model.itemText(row) for row in range(panel.model.count())]


def choose(panel, name):
    row = panel.model.findText(name)
    panel.model.setCurrentIndex(row)
    panel.model.activated.emit(row)


def test_it_begins_with_the_bundled_one(panel):
    assert panel.session.model.path == DEFAULT_MODEL
    assert panel.model.currentText() == "default"
    assert texts(panel) == ["default", "", OPEN, MANAGE]
    assert "Manage the models" in panel.manage.toolTip()


def test_session_to_chooser(panel, model_file):
    panel.session.open_model(model_file("worms.safetensors", name="worms"))
    assert texts(panel) == ["default", "", "worms", "", OPEN, MANAGE]
    assert panel.model.currentText() == "worms"
    assert "objects about 20 px wide" in panel.model.toolTip()
    version = panel.session.versions.take_in(model_file("v.safetensors", name="v"))
    assert texts(panel) == ["default", "", "v", "", "worms", "", OPEN, MANAGE]
    panel.session.open_model(panel.session.versions.path(version))
    assert panel.model.currentText() == "v"
    panel.session.versions.rename(version, "mine")
    assert panel.model.currentText() == "mine"


def test_chooser_to_session(panel, model_file):
    version = panel.session.versions.take_in(model_file("v.safetensors", name="v"))
    choose(panel, "v")
    assert panel.session.model.path == panel.session.versions.path(version)
    choose(panel, "default")
    assert panel.session.model.path == DEFAULT_MODEL


@pytest.mark.parametrize("chosen", [True, False])
def test_open_file(panel, model_file, monkeypatch, chosen):
    path = model_file("worms.safetensors", name="worms")
    answer = str(path) if chosen else "", ""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: answer)
    choose(panel, OPEN)
    assert panel.model.currentText() == ("worms" if chosen else "default")


def test_a_bad_file_leaves_the_choice(panel, tmp_path, monkeypatch):
    (tmp_path / "bad.safetensors").write_bytes(b"PK\x03\x04")
    answer = str(tmp_path / "bad.safetensors"), ""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: answer)
    choose(panel, OPEN)
    assert panel.model.currentText() == "default"
    assert panel.session.status.text == "The model was not opened."


def test_manage_is_in_the_list_too(panel, qtbot):
    with qtbot.waitSignal(panel.manage.clicked):
        choose(panel, MANAGE)
    assert panel.model.currentText() == "default"


def test_models_of_an_administrator_come_by_themselves(
    qtbot, fake_network, model_file, monkeypatch
):
    path = model_file("shared/worms.safetensors", name="worms")
    monkeypatch.setenv(SHARED, str(path.parent))
    session = Session(network=fake_network, dispatch=QueuedDispatch())
    panel = ModelPanel(Models(session))
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: "worms" in texts(panel))
    tip = panel.model.itemData(panel.model.findText("worms"), Qt.ItemDataRole.ToolTipRole)
    assert tip == f"Of the folder of shared models: {path}"
    session.close()
