import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest
from app_model.types import KeyBinding
from napari.utils.shortcuts import default_shortcuts
from npe2 import PluginManifest

from napari_touchup.ui.run_panel import KEY

MANIFEST = Path(__file__).parents[2] / "napari.yaml"


def test_the_docks_start_without_torch():
    """napari starts, and the dock opens, before torch is loaded."""
    code = (
        "import sys, napari, napari_touchup.ui.dock, napari_touchup.ui.weights_dock;"
        "import napari_touchup.ui.measure_dock;"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_key_is_free():
    taken = {str(key).lower() for keys in default_shortcuts.values() for key in keys}
    assert str(KeyBinding.from_str(KEY)).lower() not in taken
    assert "shift+v" in taken  # the comparison sees such keys


def test_manifest():
    (entry,) = entry_points(group="napari.manifest", name="napari-touchup")
    assert entry.value == "napari_touchup_data:napari.yaml"
    installed = files("napari_touchup_data").joinpath("napari.yaml").read_text()
    assert installed == MANIFEST.read_text(), "install the package again: the copy is an old one"
    manifest = PluginManifest.from_file(MANIFEST)
    docks = [widget.display_name for widget in manifest.contributions.widgets]
    assert docks == ["Touch-Up", "Weight map", "Measure & score"]
    menu = manifest.contributions.menus["napari/layers/segment"]
    assert [item.command for item in menu] == ["napari-touchup.dock", "napari-touchup.weights"]
    (item,) = manifest.contributions.menus["napari/layers/measure"]
    assert item.command == "napari-touchup.measure"
    manifest.validate_imports()


def test_docks_open_from_the_menu(make_napari_viewer):
    viewer = make_napari_viewer()
    for name in ("Touch-Up", "Weight map"):
        _, dock = viewer.window.add_plugin_dock_widget("napari-touchup", name)
        assert dock.maximumWidth() == 320


def test_the_table_opens_below_the_canvas(make_napari_viewer):
    viewer = make_napari_viewer()
    widget, dock = viewer.window.add_plugin_dock_widget("napari-touchup", "Measure & score")
    assert widget.area == "bottom"
    assert dock.minimumWidth() <= 250


@pytest.mark.parametrize("name", ["Touch-Up", "Weight map", "Measure & score"])
def test_nothing_is_left_to_do_when_napari_ends_after_a_dock_was_closed(name):
    code = (
        "import napari, numpy as np\n"
        "viewer = napari.Viewer(show=False)\n"
        "viewer.add_image(np.eye(8))\n"
        "viewer.add_labels(np.eye(8, dtype=int))\n"
        f"dock, _ = viewer.window.add_plugin_dock_widget('napari-touchup', {name!r})\n"
        "viewer.window.remove_dock_widget(dock)\n"
        "viewer.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
