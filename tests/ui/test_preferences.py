"""The plugin's own page of napari's preferences."""

from pathlib import Path

import pytest
from npe2 import PluginManifest
from pydantic import ValidationError

from napari_touchup.options import SegmentOptions
from napari_touchup.session.child import Child
from napari_touchup.session.fine_tuning import FineTuning
from napari_touchup.session.keeper import Keeper
from napari_touchup.session.session import Session
from napari_touchup.ui.dock import TouchUpDock
from napari_touchup.ui.preferences import PLUGIN, Preferences, shared_folder

MANIFEST = Path(__file__).parents[2] / "napari.yaml"


def test_the_folder_of_models(plugin_settings, npe2pm, tmp_path):
    from napari.settings import get_plugin_settings

    assert shared_folder() is None  # the plugin is not registered
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    assert shared_folder() is None
    get_plugin_settings(PLUGIN).models.folder = str(tmp_path)
    assert shared_folder() == tmp_path
    assert str(tmp_path) in (tmp_path / f"{PLUGIN}.yaml").read_text()


class Window:
    """What preferences are brought into."""

    def __init__(self, **about):
        self.session = Session(**about)
        self.tuning = FineTuning(self.session, Child())
        self.keeper = Keeper(self.session)
        self.preferences = Preferences(self.session, self.tuning, self.keeper)

    @property
    def state(self):
        options, brush = self.session.options, self.session.brush
        trained_on = self.tuning.options.device
        place, ring = self.keeper.place, self.session.project.ring_px
        return options.device, trained_on, options.memory, place, ring, brush.preset


@pytest.fixture
def settings(plugin_settings, npe2pm):
    from napari.settings import get_plugin_settings

    npe2pm.register(PluginManifest.from_file(MANIFEST))
    return get_plugin_settings(PLUGIN)


@pytest.fixture
def windows(fake_network):
    made = []

    def make(**about):
        made.append(Window(network=fake_network, **about))
        return made[-1]

    yield make
    for window in made:
        window.preferences.close()
        window.tuning.close()
        window.session.close()


def set_all(settings, folder):
    settings.compute.device = "cpu"
    settings.compute.memory = 2.5
    settings.projects.folder = str(folder)
    settings.projects.ring = 4
    settings.painting.mouse = "qupath"


USUAL = ("auto", "auto", None, None, 10, "napari")


def test_they_act_when_the_dock_opens(settings, windows, tmp_path):
    set_all(settings, tmp_path)
    assert windows().state == ("cpu", "cpu", 2.5, tmp_path, 4, "qupath")


def test_they_act_when_they_are_changed(settings, windows, tmp_path):
    window = windows()
    assert window.state == USUAL
    set_all(settings, tmp_path)
    assert window.state == ("cpu", "cpu", 2.5, tmp_path, 4, "qupath")
    settings.compute.device = "auto"
    settings.compute.memory = 0
    settings.projects.folder = ""
    settings.projects.ring = 10
    settings.painting.mouse = "napari"
    assert window.state == USUAL


def test_what_is_not_set_changes_nothing(settings, windows):
    window = windows(options=SegmentOptions(device="cpu", tile=64, memory=3))
    assert window.session.options == SegmentOptions(device="cpu", tile=64, memory=3)


def test_only_what_is_meant_is_changed(settings, windows):
    window = windows(options=SegmentOptions(tile=64))
    settings.compute.memory = 4
    assert window.session.options == SegmentOptions(tile=64, memory=4)


def test_a_window_that_was_closed_follows_no_longer(settings, windows, tmp_path):
    window = windows()
    window.preferences.close()
    set_all(settings, tmp_path)
    assert window.state == USUAL


def test_without_the_plugin_in_napari(plugin_settings, npe2pm, windows):
    assert windows().state == USUAL


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("compute", "device", "tpu"),
        ("compute", "memory", -1),
        ("projects", "ring", 300),
        ("painting", "mouse", "trackball"),
    ],
)
def test_what_cannot_be_is_refused(settings, group, name, value):
    with pytest.raises(ValidationError):
        setattr(getattr(settings, group), name, value)


def test_the_dock_follows_them(settings, make_napari_viewer, fake_network, qtbot):
    settings.painting.mouse = "qupath"
    session = Session(network=fake_network)
    dock = TouchUpDock(make_napari_viewer(), session)
    qtbot.addWidget(dock)
    assert dock.correct_panel.qupath.isChecked()
    settings.compute.device = "cpu"
    assert dock.advanced.device.value == "cpu"
    settings.painting.mouse = "napari"
    assert not dock.correct_panel.qupath.isChecked()
    dock.binding.close()


def test_the_dock_lists_its_models(make_napari_viewer, monkeypatch, model_file, qtbot):
    path = model_file("own/worms.safetensors", name="worms")
    monkeypatch.setattr("napari_touchup.ui.dock.shared_folder", lambda: path.parent)
    dock = TouchUpDock(make_napari_viewer())
    qtbot.addWidget(dock)
    qtbot.waitUntil(lambda: dock.model.model.findText("worms") >= 0)
    dock.binding.close()
