from pathlib import Path

import numpy as np
import pytest
import tifffile
from npe2 import PluginManifest

from napari_touchup.core.synth import Sample
from napari_touchup.io import samples

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "scale", "labels"),
    [
        ("nuclei", (512, 512), "uint16", (0.325, 0.325), ("y", "x")),
        ("phase", (512, 512), "uint8", (0.65, 0.65), ("y", "x")),
        ("membranes", (512, 512), "uint8", (0.005, 0.005), ("y", "x")),
        ("rings", (384, 384), "uint16", (0.2, 0.2), ("y", "x")),
        ("timelapse", (5, 2, 256, 256), "uint16", (1, 1, 0.65, 0.65), ("t", "c", "y", "x")),
    ],
)
def test_layers(
    name: str, shape: tuple[int, ...], dtype: str, scale: tuple[float, ...], labels: tuple[str, ...]
) -> None:
    ((data, kwargs, layer_type),) = getattr(samples, name)()
    assert (data.shape, data.dtype, layer_type) == (shape, dtype, "image")
    assert kwargs["name"] == name
    assert kwargs["scale"] == pytest.approx(scale)
    assert kwargs["axis_labels"] == labels
    assert kwargs["units"] == tuple("um" if label in "yx" else "pixel" for label in labels)
    low, high = kwargs["contrast_limits"]
    assert data.min() <= low < high <= data.max()


@pytest.mark.parametrize("name", samples.NAMES)
def test_truth_fits_the_image(name: str) -> None:
    image, truth = (tifffile.imread(samples.sample_path(name, truth=t)) for t in (False, True))
    assert truth.shape[-2:] == image.shape[-2:]
    assert truth.max() > 20


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match=r"expected a sample among nuclei, .*, got 'cats'"):
        samples.sample_path("cats")


def test_the_bundled_files_are_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "sample_data").iterdir()) < 4_000_000


def test_the_manifest_offers_each_sample() -> None:
    manifest = PluginManifest.from_file(ROOT / "napari.yaml")
    offered = {sample.key: sample for sample in manifest.contributions.sample_data or ()}
    assert tuple(offered) == samples.NAMES
    commands = {c.id: c.python_name for c in manifest.contributions.commands or ()}
    for name, sample in offered.items():
        assert sample.command == f"napari-touchup.sample_{name}"
        assert commands[sample.command] == f"napari_touchup.io.samples:{name}"


@pytest.mark.parametrize(
    ("shape", "axes"), [((6, 7), "YX"), ((3, 2, 6, 7), "TCYX")], ids=["image", "series"]
)
def test_write_sample(tmp_path: Path, shape: tuple[int, ...], axes: str) -> None:
    image = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    truth = np.zeros((*shape[:-3], 6, 7), np.int32)
    truth[..., 2:, 3:] = 300
    paths = samples.write_sample(tmp_path, "a", Sample(image, truth, pixel_um=0.25))
    assert [path.name for path in paths] == ["a.tif", "a_truth.tif"]
    with tifffile.TiffFile(paths[0]) as file:
        assert np.array_equal(file.asarray(), image)
        assert file.series[0].axes == axes
        assert file.imagej_metadata["unit"] == "micron"
        assert file.pages.first.tags["XResolution"].value == (4, 1)
    assert np.array_equal(tifffile.imread(paths[1]), truth)


def test_write_sample_never_replaces_a_file(tmp_path: Path) -> None:
    sample = Sample(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.int32), 1.0)
    (tmp_path / "a_truth.tif").write_text("mine")
    with pytest.raises(FileExistsError, match=r"a_truth\.tif is already there"):
        samples.write_sample(tmp_path, "a", sample)
    assert [path.name for path in tmp_path.iterdir()] == ["a_truth.tif"]


def test_more_labels_than_16_bits_hold(tmp_path: Path) -> None:
    truth = np.full((4, 4), 70_000, np.int32)
    _, path = samples.write_sample(tmp_path, "a", Sample(np.zeros((4, 4), np.uint8), truth, 1.0))
    assert tifffile.imread(path).dtype == np.uint32
    assert np.array_equal(tifffile.imread(path), truth)
