import numpy as np
import pytest

from napari_touchup.core.tiling import Geometry
from napari_touchup.engine.whole import centred, padded
from napari_touchup.nn.build import build
from napari_touchup.options import ModelSpec


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("shape", [(33, 70), (64, 64), (5, 1)])
def test_the_output_covers_the_image(padding: str, shape: tuple[int, int]) -> None:
    geometry: Geometry = build(ModelSpec(base=2, depth=2, padding=padding))
    image = np.random.default_rng(0).random((2, *shape), np.float32)
    large = padded(image, geometry)
    assert [geometry.input_size(n) for n in large.shape[1:]] == [*large.shape[1:]]
    assert (
        min(geometry.output_size(n) - m for n, m in zip(large.shape[1:], shape, strict=True)) >= 0
    )
    assert np.array_equal(centred(large, shape), image)
