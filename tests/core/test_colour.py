import numpy as np
import pytest

from napari_touchup.core.colour import luminance, to_channels


@pytest.mark.parametrize(
    ("pixel", "grey"),
    [
        ((255, 0, 0), 76.245),
        ((0, 255, 0), 149.685),
        ((0, 0, 255), 29.07),
        ((255, 255, 255), 255.0),
        ((10, 20, 30, 200), 18.15),  # alpha does not count
    ],
)
def test_luminance(pixel, grey):
    frame = np.array(pixel, np.uint8).reshape(-1, 1, 1)
    result = luminance(frame)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[[grey]]], rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 4, 4), (5, 4, 4), (4, 4)])
def test_luminance_takes_colours_only(shape):
    with pytest.raises(ValueError, match="expected a colour image"):
        luminance(np.zeros(shape))


@pytest.mark.parametrize(
    ("channels", "rgb", "wanted", "result"),
    [(1, False, 1, 1), (2, False, 2, 2), (3, True, 3, 3), (3, True, 1, 1), (4, True, 3, 3)],
)
def test_channels_that_fit(channels, rgb, wanted, result):
    assert to_channels(np.zeros((channels, 4, 5)), rgb, wanted).shape == (result, 4, 5)


@pytest.mark.parametrize(
    ("channels", "rgb", "wanted", "message"),
    [
        (
            3,
            False,
            1,
            "expected 1 channel for this model, got 3: say which of 1 to 3 to use, or, if these are"
            " frames, give the axes$",
        ),
        (3, True, 2, "expected 2 channels for this model, got 3: say which of 1 to 3 to use$"),
        (1, False, 2, "expected 2 channels for this model, got 1$"),
    ],
)
def test_channels_that_do_not_fit(channels, rgb, wanted, message):
    with pytest.raises(ValueError, match=message):
        to_channels(np.zeros((channels, 4, 5)), rgb, wanted)
