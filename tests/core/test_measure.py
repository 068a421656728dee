from math import pi

import pytest

from napari_touchup.core.measure import median_diameter


@pytest.mark.parametrize(
    ("areas", "diameter"),
    [([pi * 25], 10), ([pi, pi * 4, pi * 100], 4), ([pi * 3, pi * 5], 4)],
)
def test_median_diameter(areas, diameter):
    assert median_diameter(areas) == pytest.approx(diameter)
