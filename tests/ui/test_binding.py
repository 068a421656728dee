from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_touchup.engine.segment import Prediction
from napari_touchup.io import batch
from napari_touchup.io.outputs import plan_outputs


def test_the_active_image_is_followed(bound, spots):
    bound.viewer.add_image(spots(90), name="a")
    bound.viewer.add_image(spots(90), name="b")
    assert bound.session.image.name == "b"
    bound.viewer.layers.selection.active = bound.viewer.layers["a"]
    assert bound.session.image.name == "a"


def test_other_layers_are_no_images(bound, spots):
    bound.viewer.add_image(spots(90), name="a")
    bound.viewer.add_labels(spots(1))
    bound.segment()
    bound.binding.current.show_map("probability")
    bound.viewer.layers.selection.active = bound.viewer.layers["a probability"]
    assert [layer.name for layer in bound.binding.images()] == ["a"]
    assert bound.session.image.name == "a"


def test_coming_back_to_an_image_finds_its_frames(bound, spots):
    a = bound.viewer.add_image(spots(90), name="a")
    bound.segment()
    bound.viewer.add_image(spots(90, 90), name="b")
    assert bound.masks is None
    bound.viewer.layers.selection.active = a
    assert () in bound.session.image.frames
    assert bound.masks.name == "a masks"


def test_renaming(bound, spots):
    layer = bound.viewer.add_image(spots(90), name="a")
    layer.name = "c"
    assert bound.session.image.name == "c"
    bound.segment()
    assert bound.names == ["c", "c masks"]


def test_removing_the_image(bound, spots):
    bound.viewer.add_image(spots(90), name="a")
    b = bound.viewer.add_image(spots(90), name="b")
    bound.viewer.layers.remove(b)
    assert bound.session.image.name == "a"
    bound.viewer.layers.clear()
    assert bound.session.image is None


def test_removing_the_image_during_a_run(bound, spots):
    layer = bound.viewer.add_image(spots(90), name="a")
    bound.network.gate.clear()
    bound.session.segment()
    bound.viewer.layers.remove(layer)
    bound.network.gate.set()
    bound.until(lambda: not bound.session.running)
    assert bound.names == []


def test_new_data_in_the_layer_during_a_run(bound, spots):
    layer = bound.viewer.add_image(spots(90), name="a")
    bound.network.gate.clear()
    bound.session.segment()
    layer.data = np.zeros((5, 7))
    bound.network.gate.set()
    bound.until(lambda: not bound.session.running)
    assert bound.names == ["a"]
    assert bound.session.image.data.shape == (5, 7)


@pytest.mark.parametrize(("axes", "frame"), [(None, (2,)), ("ZYX", (2,)), ("CYX", ())])
def test_axes_override(bound, spots, axes, frame):
    layer = bound.viewer.add_image(np.stack([spots(90)] * 5), name="a")
    bound.viewer.dims.set_current_step(0, 2)
    bound.binding.choose(layer, axes)
    assert bound.session.image.axes == (axes or "TYX")
    assert bound.session.frame == frame


def test_wrong_axes(bound, spots):
    layer = bound.viewer.add_image(spots(90))
    with pytest.raises(ValueError, match="expected"):
        bound.binding.choose(layer, "TYX")


def test_dask_is_read_frame_by_frame(bound, spots):
    read = []

    def frame(block_info):
        read.append(block_info[None]["chunk-location"][0])
        return spots(90)[np.newaxis]

    shape = ((1,) * 60, (32,), (64,))
    data = da.map_blocks(frame, chunks=shape, dtype=np.uint8, meta=np.zeros((0, 0, 0), np.uint8))
    bound.viewer.add_image(data, name="lazy", contrast_limits=(0, 255))
    bound.viewer.dims.set_current_step(0, 1)
    read.clear()
    bound.segment()
    assert 1 in read
    assert len(set(read)) <= 1 + 4  # and some by which the image is known again


@pytest.mark.parametrize("colours", [3, 4])
def test_colours_are_fed_as_by_the_command_line(
    bound, tmp_path, monkeypatch, model_choice, colours
):
    rgb = np.random.default_rng(0).integers(0, 255, (40, 50, colours), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb")
    fed = []

    def segment(_model, frame, *_):
        fed.append(frame)
        yield Prediction(np.zeros((3, 40, 50)), np.zeros((40, 50), np.uint16), 0.1)

    monkeypatch.setattr(batch, "segment", segment)
    tasks = plan_outputs([tmp_path / "a.tif"], tmp_path / "out")
    *_, done = batch.segment_files(tasks, SimpleNamespace(header=model_choice().header))
    assert isinstance(done, batch.FileDone)
    bound.viewer.add_image(rgb, name="rgb")
    bound.segment()
    np.testing.assert_array_equal(bound.network.frame, fed[0])
    assert bound.network.frame.dtype == fed[0].dtype == np.float32
    assert bound.masks.data.shape == (40, 50)


def test_channels_of_a_layer_that_goes_are_asked_for_anew(bound, spots, model_choice):
    bound.session.model = model_choice(2)
    bound.viewer.add_image(spots(90), name="a")
    b = bound.viewer.add_image(spots(60), name="b")
    bound.binding.choose(bound.viewer.layers["a"])
    ((_, beside),) = bound.session.beside
    bound.session.channels = (bound.session.image.channels[0], beside)
    bound.viewer.layers.remove(b)
    assert bound.session.channels == (bound.session.image.channels[0], None)


def test_an_image_of_too_many_axes_is_no_image(bound, spots):
    bound.viewer.add_image(spots(90), name="a")
    bound.viewer.add_image(np.zeros((2, 2, 2, 2, 4, 5)), name="six")
    assert [layer.name for layer in bound.binding.images()] == ["a"]
    assert bound.session.image.name == "a"


def test_channels_beside(bound, spots, model_choice):
    bound.session.model = model_choice(2)
    bound.viewer.add_image(spots(90), name="a")
    bound.viewer.add_image(np.zeros((5, 7)), name="small")
    bound.viewer.add_image(spots(60), name="b")
    assert [name for name, _ in bound.session.beside] == ["a"]
    bound.session.model = model_choice(1)
    assert bound.session.beside == ()


def test_multiscale(bound, spots):
    bound.viewer.add_image([spots(90), spots(90)[::2, ::2]], name="pyramid")
    bound.segment()
    assert bound.masks.data.shape == (32, 64)


def test_closed(bound, spots):
    bound.binding.close()
    bound.viewer.add_image(spots(90))
    assert bound.session.image is None
