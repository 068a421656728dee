from dataclasses import replace

import numpy as np
import pytest

from napari_touchup.core.shapes import Canvas, Shape, depth

DISC = Shape(y=0, x=0, a=10, b=10, angle=0, bend=0, waves=())
ELLIPSE = replace(DISC, a=20, b=5)
FLAT = (np.zeros((40, 60)), np.zeros((40, 60)))


@pytest.mark.parametrize(
    ("shape", "dy", "dx", "expected"),
    [
        pytest.param(DISC, 0, 4, 6, id="disc: inside is positive"),
        pytest.param(DISC, 10, 0, 0, id="disc: the outline is at 0"),
        pytest.param(DISC, 0, -13, -3, id="disc: outside is negative"),
        pytest.param(ELLIPSE, 0, 20, 0, id="ellipse: tip of the long axis"),
        pytest.param(ELLIPSE, 5, 0, 0, id="ellipse: tip of the short axis"),
        pytest.param(ELLIPSE, 7, 0, -2, id="ellipse: beside it"),
        pytest.param(replace(ELLIPSE, angle=np.pi / 2), 20, 0, 0, id="turned by 90 degrees"),
        pytest.param(replace(DISC, waves=(0.2 + 0j,)), 0, 12, 0, id="order 2 lengthens one axis"),
        pytest.param(replace(DISC, waves=(0.2 + 0j,)), 8, 0, 0, id="order 2 shortens the other"),
        pytest.param(replace(ELLIPSE, bend=0.5), 4, 0, 5, id="bent: the middle moves aside"),
    ],
)
def test_depth(shape: Shape, dy: float, dx: float, expected: float) -> None:
    assert depth(shape, np.array([[dy]], float), np.array([[dx]], float)) == pytest.approx(
        expected, abs=1e-3
    )


@pytest.mark.parametrize("bend", [0.0, 0.35, 0.7])
@pytest.mark.parametrize("waves", [(), (0.2 + 0j, 0.1j), (0.1j, 0.1 + 0j, -0.1j, 0.1 + 0j)])
def test_the_outline_stays_within_reach(bend: float, waves: tuple[complex, ...]) -> None:
    shape = replace(ELLIPSE, bend=bend, waves=waves)
    y, x = np.mgrid[-60:61, -60:61].astype(float)
    assert np.hypot(y, x)[depth(shape, y, x) > 0].max() <= shape.reach


def test_canvas_keeps_the_two_deepest() -> None:
    canvas = Canvas((40, 60), FLAT)
    canvas.draw(replace(DISC, y=20, x=20), margin=12)
    canvas.draw(replace(DISC, y=20, x=36), margin=12)
    assert canvas.label[20, [20, 27, 29, 36]].tolist() == [1, 1, 2, 2]
    assert canvas.first[20, 27] == pytest.approx(3)
    assert canvas.second[20, 27] == pytest.approx(1)
    assert canvas.between()[20, 27] == pytest.approx(1)
    assert canvas.label[0, 59] == 0


def test_canvas_draws_what_lies_partly_or_wholly_outside() -> None:
    canvas = Canvas((40, 60), FLAT)
    canvas.draw(replace(DISC, y=-5, x=30), margin=2)
    canvas.draw(replace(DISC, y=-90, x=-90), margin=2)
    canvas.draw(replace(DISC, y=90, x=190), margin=2)
    assert np.unique(canvas.label).tolist() == [0, 1]
    assert canvas.depth_at(0, 30) == pytest.approx(5)
    assert canvas.depth_at(-5, 30) == -1e3


def test_warp_moves_the_outline() -> None:
    canvas = Canvas((40, 60), (np.zeros((40, 60)), np.full((40, 60), 3.0)))
    canvas.draw(replace(DISC, y=20, x=30), margin=5)
    assert canvas.first[20, 17] == pytest.approx(0, abs=1e-6)
