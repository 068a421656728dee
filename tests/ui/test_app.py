"""The main job in a real window, with real networks."""

import napari
import numpy as np
import pytest
import tifffile

from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec, SegmentOptions
from napari_touchup.ui.app import add_dock, demo, open_window


@pytest.fixture
def windows(make_napari_viewer, monkeypatch):
    """Viewers that napari makes are closed after the test."""
    monkeypatch.setattr(napari, "Viewer", lambda **kwargs: make_napari_viewer(show=True, **kwargs))


@pytest.fixture
def tiny_model(tmp_path):
    import torch

    from napari_touchup.nn.build import build
    from napari_touchup.nn.checkpoint import save

    torch.manual_seed(0)
    spec = ModelSpec(base=2, depth=2)
    path = tmp_path / "tiny.safetensors"
    save(path, build(spec), Header(name="tiny", spec=spec, diameter_px=20))
    return path


def test_a_tiny_network_end_to_end(make_napari_viewer, tiny_model, qtbot):
    viewer = make_napari_viewer()
    image = np.random.default_rng(0).integers(0, 4000, (90, 110), np.uint16)
    viewer.add_image(image, name="noise", scale=(0.5, 0.5))
    dock = add_dock(viewer)
    dock.session.open_model(tiny_model)
    dock.session.options = SegmentOptions(device="cpu", precision="float32", tile=64)
    assert dock.model.model.currentText() == "tiny"
    dock.run.segment.click()
    qtbot.waitUntil(lambda: not dock.session.running, timeout=60_000)
    assert dock.session.status.kind == "done"
    assert dock.session.device.startswith("CPU")
    masks = viewer.layers["noise masks"]
    assert masks.data.shape == (90, 110)
    dock.layers.boxes["probability"].setChecked(True)
    probability = viewer.layers["noise probability"].data
    assert probability.min() > 0
    assert probability.max() < 1
    threshold = float(np.quantile(probability, 0.9))
    dock.session.instances = dock.session.instances.model_copy(
        update={"threshold": threshold, "min_size": 0}
    )
    qtbot.waitUntil(lambda: 0 < (masks.data > 0).mean() < 0.2)


def test_demo(windows, tmp_path, monkeypatch):
    stayed = []
    monkeypatch.setattr(napari, "run", lambda: stayed.append(True))
    text = demo(tmp_path / "demo.png", tmp_path / "masks.tif", stay_open=True)
    assert stayed == [True]
    assert "cells, median" in text
    assert tifffile.imread(tmp_path / "masks.tif").max() > 40
    assert (tmp_path / "demo.png").stat().st_size > 50_000


def test_open_window_with_an_image(windows, tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((20, 30), np.uint8))
    viewer = open_window(path)
    assert [layer.name for layer in viewer.layers] == ["a"]
    # all of it is seen, beside the dock
    assert viewer.layers["a"].corner_pixels.tolist() == [[0, 0], [19, 29]]
