import numpy as np
import pytest

from napari_touchup.core import optics


@pytest.mark.parametrize(("sigma", "width"), [(0.3, 1), (2.0, 5), (5.0, 11), (20.0, 41)])
def test_wide_blur_spreads_by_the_nearest_odd_box(sigma: float, width: int) -> None:
    point = np.zeros((161, 161))
    point[80, 80] = 1
    spread = optics.wide_blur(point, sigma)
    assert spread.sum() == pytest.approx(1)
    offset = np.arange(161) - 80
    assert np.sum(spread.sum(0) * offset**2) == pytest.approx((width**2 - 1) / 4)


@pytest.mark.parametrize(
    ("at", "width", "expected"), [(0.0, 2.0, 0.5), (-2.0, 2.0, 0.1587), (9.0, 1.0, 1.0)]
)
def test_soft_step(at: float, width: float, expected: float) -> None:
    assert optics.soft_step(np.array([at]), width) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("scale", [1.0, 6.0])
def test_random_field_is_smooth_over_its_scale(scale: float) -> None:
    field = optics.random_field((256, 256), np.random.default_rng(0), scale)
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(1)
    # the filter's autocorrelation at distance d is exp(-d^2 / (4 scale^2))
    shift = int(2 * scale)
    assert np.mean(field[shift:] * field[:-shift]) == pytest.approx(np.exp(-1), abs=0.12)


def test_random_field_of_one_pixel_is_zero() -> None:
    assert optics.random_field((1, 1), np.random.default_rng(0), 3.0).tolist() == [[0.0]]


def test_illumination() -> None:
    rng = np.random.default_rng(0)
    assert np.all(optics.illumination((20, 30), rng, 0.0) == 1)
    light = optics.illumination((200, 300), rng, 0.5)
    assert 0.2 < np.ptp(light) < 1.5
    assert light.min() >= 0.1


@pytest.mark.parametrize(("light", "noise"), [(1.0, 0.1), (4.0, 0.1), (0.25, 0.3), (1.0, 0.02)])
def test_expose_has_shot_and_read_noise(light: float, noise: float) -> None:
    photo = optics.expose(np.full((600, 600), light), np.random.default_rng(0), noise)
    variance = light * noise**2 + (0.4 * noise) ** 2  # shot, growing with light, and read
    assert photo.mean() == pytest.approx(light, abs=0.01 * noise)
    assert photo.var() == pytest.approx(variance, rel=0.07)


def test_shot_noise_is_skewed_as_poisson() -> None:
    photons = 9.0
    photo = optics.expose(np.ones((900, 900)), np.random.default_rng(0), photons**-0.5)
    third = np.mean((photo - photo.mean()) ** 3) * photons**3
    assert third == pytest.approx(photons, rel=0.1)  # read noise has no third moment


def test_expose_without_noise_is_exact() -> None:
    light = np.linspace(0, 2, 12).reshape(3, 4)
    assert np.array_equal(optics.expose(light, np.random.default_rng(0), 0.0), light)
