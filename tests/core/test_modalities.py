import numpy as np
import pytest
from scipy import ndimage

from napari_touchup.core import modalities
from napari_touchup.core.scenes import draw_knobs

CLEAN = {"noise": 0.0, "background": 0.0, "texture": 0.0, "blur": 1.0}
SIZE = (200, 200)


def render(kind: str, seed: int, **given: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    knobs = draw_knobs(kind, rng, CLEAN | given)
    light, truth = getattr(modalities, kind)(SIZE, rng, knobs)
    return light, truth


@pytest.mark.parametrize("seed", range(4))
def test_nuclei_are_bright_to_half_their_own_maximum(seed: int) -> None:
    light, truth = render("nuclei", seed, contrast=1e3, clustering=0.0, density=0.08, diameter=24)
    checked = 0
    for number, box in enumerate(ndimage.find_objects(truth), start=1):
        if box is None or any(s.start < 8 or s.stop > 192 for s in box):
            continue
        around = tuple(slice(s.start - 8, s.stop + 8) for s in box)
        if np.unique(truth[around]).size > 2:
            continue  # a neighbour's light would disturb the measure
        here, mask = light[around], truth[around] == number
        low, high = np.median(here[~mask]), np.median(here[ndimage.binary_erosion(mask, None, 3)])
        bright = here > (low + high) / 2
        assert np.sum(bright & mask) / np.sum(bright | mask) > 0.85
        checked += 1
    assert checked >= 3


def test_phase_has_a_halo_of_the_other_sign() -> None:
    signs = set()
    for seed in range(10):
        light, truth = render("phase", seed, contrast=0.4, density=0.1, diameter=30)
        distance = ndimage.distance_transform_edt(truth == 0)
        cell = np.median(light[truth > 0]) - 1
        halo = np.median(light[(distance > 2) & (distance < 5)]) - 1
        far = np.median(light[distance > 25]) - 1
        assert cell * halo < 0
        assert abs(far) < abs(halo)
        signs.add(np.sign(cell))
    assert signs == {-1, 1}


def test_dic_is_lit_from_one_side() -> None:
    light, truth = render("dic", 3, contrast=0.4, density=0.1, diameter=30)
    rim = ndimage.binary_dilation(truth > 0, None, 2) & ~ndimage.binary_erosion(truth > 0, None, 2)
    gradient = np.stack(
        [ndimage.gaussian_filter(truth > 0, 3.0, d, float) for d in ((1, 0), (0, 1))]
    )
    slopes = np.linalg.lstsq(gradient[:, rim].T, light[rim] - 1, rcond=None)[0]
    predicted = slopes @ gradient[:, rim]
    assert np.corrcoef(predicted, light[rim])[0, 1] > 0.7
    assert abs(np.mean(light[rim]) - 1) < 0.05  # as much shadow as light


@pytest.mark.parametrize("seed", range(3))
def test_membranes_are_dark_walls_between_cells(seed: int) -> None:
    light, truth = render("membranes", seed, contrast=0.6, diameter=40)
    assert np.median(light[truth == 0]) < 0.75 * np.median(light[truth > 0])
    assert 0.02 < np.mean(truth == 0) < 0.35
    # a wall is between any two cells: no pixel of one is beside a pixel of another
    for axis in (0, 1):
        a, b = (np.take(truth, range(k, k + 199), axis) for k in (0, 1))
        assert np.mean((a != b) & (a > 0) & (b > 0)) < 1e-3


def test_looks_vary_from_object_to_object() -> None:
    look = modalities.looks(
        np.random.default_rng(0), 400, draw_knobs("nuclei", np.random.default_rng(0), {})
    )
    assert np.quantile(look.brightness, 0.03) < 0.5 < 1.5 < np.quantile(look.brightness, 0.97)
    assert look.softness.min() == 0.5
    assert 0.02 < np.mean(look.softness > 0.5) < 0.2
    assert 0 <= look.rounding.min() < look.rounding.max() < 1
