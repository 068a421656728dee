"""The plugin's own page of napari's preferences."""

from pathlib import Path

from npe2 import PluginManifest

from napari_touchup.ui.dock import TouchUpDock
from napari_touchup.ui.preferences import PLUGIN, shared_folder

MANIFEST = Path(__file__).parents[2] / "napari.yaml"


def test_the_folder_of_models(plugin_settings, npe2pm, tmp_path):
    from napari.settings import get_plugin_settings

    assert shared_folder() is None  # the plugin is not registered
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    assert shared_folder() is None
    get_plugin_settings(PLUGIN).models.folder = str(tmp_path)
    assert shared_folder() == tmp_path
    assert str(tmp_path) in (tmp_path / f"{PLUGIN}.yaml").read_text()


def test_the_dock_lists_its_models(make_napari_viewer, monkeypatch, model_file, qtbot):
    path = model_file("own/worms.safetensors", name="worms")
    monkeypatch.setattr("napari_touchup.ui.dock.shared_folder", lambda: path.parent)
    dock = TouchUpDock(make_napari_viewer())
    qtbot.addWidget(dock)
    qtbot.waitUntil(lambda: dock.model.model.findText("worms") >= 0)
    dock.binding.close()
