import numpy as np
import pytest

from napari_touchup.engine import samples as module
from napari_touchup.engine.samples import Sample, SampleSet
from napari_touchup.options import WeightOptions


def discs(shape: tuple[int, int], centres: list[tuple[int, int]], radius: float = 8) -> np.ndarray:
    y, x = np.indices(shape)
    truth = np.zeros(shape, np.int32)
    for number, (cy, cx) in enumerate(centres, 1):
        truth[np.hypot(y - cy, x - cx) <= radius] = number
    return truth


def sample(truth: np.ndarray, annotated: np.ndarray | None = None, chance: float = 1) -> Sample:
    rng = np.random.default_rng(0)
    image = (truth > 0) * 500 + rng.normal(100, 10, truth.shape)
    return Sample(image[None].astype(np.uint16), truth, annotated, chance)


class Lazy:
    """An array that counts the pixels that are read of it."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape, self.dtype, self.read = array, array.shape, array.dtype, 0

    def __getitem__(self, index: object) -> np.ndarray:
        part = self.array[index]
        self.read += part.size
        return part


def test_class_weights_are_pooled_over_annotated_pixels() -> None:
    first = np.zeros((10, 10), int)
    first[:2] = 1  # 20 object, 80 background
    marks = np.zeros((10, 10), bool)
    marks[:2] = True
    second = np.full((10, 10), 7)  # counts with 20 object pixels
    pooled = SampleSet([sample(first), sample(second, marks)]).pooled
    assert pooled.background == pytest.approx(120 / 160)
    assert pooled.foreground == pytest.approx(120 / 80)


def test_without_balance_the_given_weights_stay() -> None:
    given = WeightOptions(w0=3, background=0.25, foreground=4)
    assert SampleSet([sample(discs((40, 40), [(20, 20)]))], given, balance=False).pooled == given


def test_weights_are_zero_where_not_annotated() -> None:
    truth = discs((64, 64), [(20, 20), (40, 40)])
    marks = truth == 1
    crops = SampleSet([sample(truth, marks)]).crop(0, 0, 0, 64)
    assert np.array_equal(crops.weights[0] > 0, marks)
    assert np.array_equal(crops.annotated[0], marks)


def test_images_are_normalised_and_nan_is_zero() -> None:
    truth = discs((64, 64), [(32, 32)], 16)
    image = np.where(truth > 0, 9.0, 5.0)[None]
    image[0, 0, 0], image[0, 0, 1] = np.nan, np.inf
    crops = SampleSet([Sample(image, truth)]).crop(0, 0, 0, 64)
    assert crops.image.dtype == np.float32
    assert crops.image[0, 0, 0, :2].tolist() == [0, 0]
    assert crops.image[0, 0, 32, 32] == pytest.approx(1)
    assert crops.image[0, 0, 2, 2] == pytest.approx(0)


def test_windows_are_mirrored_outside_the_image() -> None:
    truth = discs((32, 32), [(4, 4)])
    crops = SampleSet([sample(truth)]).crop(0, -8, -8, 48)
    assert crops.truth.shape == (1, 48, 48)
    assert np.array_equal(crops.truth[0, 8:40, 8:40], truth)
    assert np.array_equal(crops.truth[0, 8, :8], truth[0, 8:0:-1])
    assert np.array_equal(crops.image[0, 0, :8, 20], crops.image[0, 0, 16:8:-1, 20])


def test_large_images_are_read_by_crop(monkeypatch: pytest.MonkeyPatch) -> None:
    centres = [(y, x) for y in range(12, 500, 24) for x in range(12, 500, 20)]
    plain = sample(discs((512, 512), centres))
    whole = SampleSet([plain])
    monkeypatch.setattr(module, "CACHE_PX", 0)
    image, truth = Lazy(plain.image), Lazy(plain.truth)
    lazy = SampleSet([Sample(image, truth)])
    lazy.crop(0, 0, 0, 8)  # survey and limits
    image.read = truth.read = 0
    expected, got = whole.crop(0, 200, 210, 64), lazy.crop(0, 200, 210, 64)
    for name in ("image", "annotated", "weights", "distance"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=1e-6)
    assert image.read == 64 * 64
    assert truth.read <= (64 + 2 * module.CONTEXT_PX) ** 2


def test_foreground_is_found_where_it_is_rare() -> None:
    truth = discs((1500, 1500), [(1400, 77)], 3)
    found = SampleSet([sample(truth)])
    rng = np.random.default_rng(1)
    always = found.draw(rng, 20, 64, 64, foreground=1.0)
    never = found.draw(rng, 20, 64, 64, foreground=0.0)
    assert np.all(always.truth.any(axis=(1, 2)))
    assert np.count_nonzero(never.truth.any(axis=(1, 2))) < 5


def test_crops_lie_where_something_is_annotated() -> None:
    truth = discs((400, 400), [(50, 50), (350, 350)])
    marks = np.zeros((400, 400), bool)
    marks[30:70, 30:70] = True
    crops = SampleSet([sample(truth, marks)]).draw(np.random.default_rng(0), 30, 64, 64, 0.5)
    assert np.all(crops.annotated.any(axis=(1, 2)))


def test_chance_decides_how_often_a_sample_is_drawn() -> None:
    empty, full = np.zeros((32, 32), int), np.ones((32, 32), int)
    unmarked = np.zeros((32, 32), bool)
    both = SampleSet([sample(empty, chance=3), sample(full), sample(full, unmarked, chance=50)])
    crops = both.draw(np.random.default_rng(0), 200, 16, 16, 0.0)
    assert 35 <= np.count_nonzero(crops.truth.any(axis=(1, 2))) <= 65
    assert crops.annotated.all()


def test_the_same_generator_draws_the_same() -> None:
    one = SampleSet([sample(discs((100, 100), [(30, 30), (60, 60)]))])
    first = one.draw(np.random.default_rng(5), 4, 32, 48, 0.5)
    again = one.draw(np.random.default_rng(5), 4, 32, 48, 0.5)
    other = one.draw(np.random.default_rng(6), 4, 32, 48, 0.5)
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)


def test_labels_beyond_float32_stay_apart() -> None:
    truth = np.zeros((16, 16), np.int64)
    truth[:, :8], truth[:, 8:] = 2**40, 2**40 + 1
    assert np.unique(SampleSet([sample(truth)]).crop(0, 0, 0, 16).truth).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("image", "truth", "annotated"),
    [
        ((8, 8), (8, 8), None),
        ((1, 8, 8), (8, 9), None),
        ((1, 8, 8), (1, 8, 8), None),
        ((1, 8, 8), (8, 8), (8, 7)),
    ],
)
def test_shapes_that_differ_are_refused(
    image: tuple[int, ...], truth: tuple[int, ...], annotated: tuple[int, ...] | None
) -> None:
    marks = None if annotated is None else np.ones(annotated, bool)
    with pytest.raises(ValueError, match=r"expected an image \(C, Y, X\)"):
        Sample(np.zeros(image), np.zeros(truth, int), marks)


def test_empty_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        SampleSet([])
    nothing = SampleSet([sample(np.ones((8, 8), int), np.zeros((8, 8), bool))])
    with pytest.raises(ValueError, match="expected annotated pixels"):
        nothing.draw(np.random.default_rng(0), 1, 8, 8, 0.5)
    with pytest.raises(ValueError, match=r"equal channels, got \[1, 2\]"):
        SampleSet(
            [
                sample(np.ones((8, 8), int)),
                Sample(np.zeros((2, 8, 8)), np.ones((8, 8), int)),
            ]
        )
