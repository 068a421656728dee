"""The manifest, the sample data and the default model are where an installed napari looks."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Runs in a fresh interpreter that sees the unpacked wheel first.
LOOK = """
import json
from importlib.resources import files
from npe2 import PluginManifest
import napari_touchup
from napari_touchup.engine.replay import REPLAY, load_replay
from napari_touchup.nn.header import DEFAULT_MODEL, read_header
manifest = PluginManifest.from_distribution("napari-touchup")
print(json.dumps({
    "package": napari_touchup.__file__,
    "widgets": [w.display_name for w in manifest.contributions.widgets],
    "samples": sorted(p.name for p in (files("napari_touchup_data") / "sample_data").iterdir()),
    "model": str(DEFAULT_MODEL),
    "model_name": read_header(DEFAULT_MODEL).name,
    "replay": str(REPLAY),
    "replayed": len(load_replay().replayed),
}))
"""


@pytest.fixture(scope="module")
def wheel_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder into which a freshly built wheel was installed, without its dependencies."""
    dist, site = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    python = [sys.executable, "-m"]
    build = [*python, "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = dist.glob("*.whl")
    install = [*python, "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return site


def test_wheel_holds_manifest_samples_and_model(wheel_site: Path) -> None:
    env = os.environ | {"PYTHONPATH": str(wheel_site)}
    run = [sys.executable, "-W", "ignore", "-c", LOOK]
    found = json.loads(subprocess.run(run, check=True, capture_output=True, env=env).stdout)
    assert found["package"].startswith(str(wheel_site))
    assert found["model"].startswith(str(wheel_site))
    assert found["widgets"] == ["Touch-Up", "Weight map", "Measure & score"]
    assert {p.name for p in (ROOT / "sample_data").iterdir()} == set(found["samples"])
    assert found["model_name"]
    assert found["replay"].startswith(str(wheel_site))
    assert found["replayed"] >= 320


def test_installed_manifest_is_the_one_in_the_tree() -> None:
    installed = (files("napari_touchup_data") / "napari.yaml").read_text()
    assert installed == (ROOT / "napari.yaml").read_text(), "run `make setup` again"


def test_default_model_is_small_enough_to_ship() -> None:
    from napari_touchup.nn.header import DEFAULT_MODEL

    assert DEFAULT_MODEL.stat().st_size < 20e6
