import subprocess
import sys

import numpy as np
import pytest

from napari_touchup.nn.header import Header
from napari_touchup.options import InstanceOptions, ModelSpec, SegmentOptions
from napari_touchup.session.network import TorchNetwork
from napari_touchup.session.run import Device, Predicted, Tile

CPU = SegmentOptions(device="cpu", precision="float32")


@pytest.fixture(params=["maps", "instances"])
def model_file(request, detecting, tmp_path):
    """A tiny network with random weights, of each output that a window shows alike."""
    import torch

    from napari_touchup.nn.build import build
    from napari_touchup.nn.checkpoint import save

    torch.manual_seed(0)
    spec = detecting if request.param == "instances" else ModelSpec(base=2, depth=2)
    path = tmp_path / "tiny.safetensors"
    save(path, build(spec), Header(name="tiny", spec=spec, diameter_px=20))
    return path


def test_a_real_network(model_file):
    network = TorchNetwork()
    assert not network.loaded(model_file)
    list(network.load(model_file))
    assert network.loaded(model_file)
    frame = np.random.default_rng(0).integers(0, 255, (1, 40, 50), np.uint8)
    *events, last = network.segment(frame, CPU, InstanceOptions())
    assert {type(event) for event in events} == {Device, Tile}
    assert isinstance(last, Predicted)
    assert last.maps.shape == (3, 40, 50)
    again = network.make_masks(last.maps.astype(np.float16), last.output, InstanceOptions())
    assert again.shape == (40, 50)


def test_a_file_that_was_written_anew_is_read_anew(model_file):
    network = TorchNetwork()
    list(network.load(model_file))
    content = model_file.read_bytes()
    model_file.unlink()
    assert not network.loaded(model_file)
    model_file.write_bytes(content)
    assert not network.loaded(model_file)


def test_segment_before_load():
    with pytest.raises(RuntimeError, match=r"expected a call of load\(\)"):
        list(TorchNetwork().segment(np.zeros((1, 4, 4)), CPU, InstanceOptions()))


def test_a_session_loads_no_torch_before_it_is_used():
    code = (
        "import sys, napari_touchup.session.session as s; s.Session();"
        "print(sorted({'torch', 'napari', 'qtpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_level_is_loaded_on_its_own(tmp_path, layered):
    import torch

    from napari_touchup.engine.segment import segment
    from napari_touchup.nn.build import build
    from napari_touchup.nn.checkpoint import load, save

    torch.manual_seed(0)
    path = tmp_path / "deep.safetensors"
    save(path, build(layered), Header(name="deep", spec=layered, diameter_px=20))
    network = TorchNetwork()
    list(network.load(path, 2))
    assert [network.loaded(path, prune) for prune in (None, 1, 2)] == [False, False, True]
    frame = np.random.default_rng(0).integers(0, 255, (1, 40, 50), np.uint8)
    how = CPU.model_copy(update={"prune": 2})
    *_, found = network.segment(frame, how, InstanceOptions())
    *_, expected = segment(load(path, prune=2), frame, CPU)
    np.testing.assert_array_equal(found.maps, expected.maps)
    *_, whole = segment(load(path), frame, CPU)
    assert np.abs(found.maps - whole.maps).max() > 1e-3
    with pytest.raises(ValueError, match=r"a level of \[1, 2, 3\], got 4"):
        list(network.load(path, 4))
