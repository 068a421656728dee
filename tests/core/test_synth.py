import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_touchup.core import synth

SAMPLES = Path(__file__).parents[2] / "sample_data"
COMMAND = re.compile(r"`(\w+)\.tif`.*`touchup synth (\w+) -o DIR -n 1 --size (\d+) --seed (\d+)`")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("kind", "dtype", "brightest"),
    [
        ("nuclei", np.uint16, 4095),
        ("phase", np.uint8, 255),
        ("dic", np.uint16, 4095),
        ("membranes", np.uint8, 255),
        ("rings", np.uint16, 4095),
    ],
)
def test_make(kind: str, dtype: type, brightest: int) -> None:
    sample = synth.make(kind, (90, 130), rng())
    assert sample.image.shape == sample.truth.shape == (90, 130)
    assert sample.image.dtype == dtype
    assert sample.truth.dtype == np.int32
    assert sample.truth.max() > 0
    assert sample.image.max() <= brightest
    assert np.ptp(sample.image) > 20


@pytest.mark.parametrize("kind", synth.EVERY_KIND)
def test_a_seed_gives_the_same_bits_and_another_seed_others(kind: str) -> None:
    first, again = (synth.make_image(kind, (64, 80), seed=4, index=1) for _ in "ab")
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.truth, again.truth)
    for seed, index in ((5, 1), (4, 2)):
        other = synth.make_image(kind, (64, 80), seed, index)
        assert not np.array_equal(first.image, other.image)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(synth.KINDS),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.integers(0, 2**32),
)
def test_an_object_is_one_piece_and_numbers_are_consecutive(
    kind: str, size: tuple[int, int], seed: int
) -> None:
    truth = synth.make(kind, size, rng(seed)).truth
    assert truth.shape == size
    assert np.unique(truth[truth > 0]).tolist() == list(range(1, truth.max() + 1))
    for number, box in enumerate(ndimage.find_objects(truth), start=1):
        assert ndimage.label(truth[box] == number)[1] == 1
        assert np.sum(truth[box] == number) >= synth.SMALLEST_PX


@pytest.mark.parametrize("kind", synth.KINDS)
def test_an_empty_frame(kind: str) -> None:
    sample = synth.make(kind, (64, 64), rng(), density=0.0)
    assert sample.truth.max() == 0
    assert np.ptp(sample.image) > 0


@pytest.mark.parametrize(
    ("kind", "diameter"),
    [
        ("nuclei", 10.0),
        ("nuclei", 50.0),
        ("phase", 24.0),
        ("membranes", 24.0),
        ("membranes", 60.0),
        ("rings", 50.0),
    ],
)
def test_diameter(kind: str, diameter: float) -> None:
    truth = synth.make(kind, (384, 384), rng(1), diameter=diameter, clustering=0.0).truth
    whole = np.setdiff1d(truth, np.r_[0, truth[0], truth[-1], truth[:, 0], truth[:, -1]])
    across = 2 * np.sqrt(np.bincount(truth.ravel())[whole] / np.pi)
    assert np.median(across) == pytest.approx(diameter, rel=0.25)


@pytest.mark.parametrize("kind", synth.KINDS)
def test_noise(kind: str) -> None:
    def grain(noise: float) -> float:
        image = synth.make(kind, (96, 96), rng(2), noise=noise, texture=0.0, blur=1.5).image
        return float(np.std(np.diff(image.astype(float), 2)) / image.mean())

    assert grain(0.0) < 0.5 * grain(0.2)


@pytest.mark.parametrize(
    ("kind", "size", "message"),
    [
        ("cats", (8, 8), "expected a kind among nuclei, phase, dic, membranes, rings, got 'cats'"),
        ("nuclei", (0, 8), r"expected a size \(Y, X\) of at least 1 pixel each, got \(0, 8\)"),
        ("nuclei", (3, 8, 8), r"expected a size \(Y, X\)"),
    ],
)
def test_bad_input(kind: str, size: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synth.make(kind, size, rng())


def test_timelapse_follows_nuclei_that_drift() -> None:
    series = synth.timelapse((128, 128), rng(3), frames=4)
    assert (series.image.shape, series.image.dtype) == ((4, 2, 128, 128), np.uint16)
    assert series.truth.shape == (4, 128, 128)
    inner = np.setdiff1d(series.truth[0, 16:-16, 16:-16], np.r_[0, series.truth[0, :2].ravel()])
    start, end = (
        np.array(ndimage.center_of_mass(frame > 0, frame, inner))
        for frame in (series.truth[0], series.truth[3])
    )
    moved = np.hypot(*(end - start).T)
    assert 1 < np.median(moved) < 12
    inside = series.truth[1] > 0
    cells, nuclei = series.image[1].astype(float)
    assert nuclei[inside].mean() > 2 * nuclei[~inside].mean()
    assert cells[inside].mean() < cells[ndimage.binary_dilation(inside, None, 4) & ~inside].mean()


def test_sample_data_is_what_its_commands_make() -> None:
    rows = COMMAND.findall((SAMPLES / "README.md").read_text())
    assert {row[0] for row in rows} == {p.stem for p in SAMPLES.glob("*.tif")} - {
        f"{row[0]}_truth" for row in rows
    }
    for name, kind, size, seed in rows:
        sample = synth.make_image(kind, (int(size), int(size)), int(seed))
        assert np.array_equal(tifffile.imread(SAMPLES / f"{name}.tif"), sample.image), name
        assert np.array_equal(tifffile.imread(SAMPLES / f"{name}_truth.tif"), sample.truth), name
