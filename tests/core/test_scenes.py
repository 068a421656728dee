from dataclasses import fields, replace

import numpy as np
import pytest

from napari_touchup.core import scenes
from napari_touchup.core.shapes import Canvas, Shape

DISC = Shape(y=32, x=32, a=12, b=12, angle=0, bend=0, waves=())
FLAT = (np.zeros((64, 96)), np.zeros((64, 96)))


def knobs(kind: str = "nuclei", **given: float) -> scenes.Knobs:
    return scenes.draw_knobs(kind, np.random.default_rng(0), given)


def test_every_kind_has_a_range_for_every_knob() -> None:
    names = {field.name for field in fields(scenes.Knobs)}
    assert {kind: set(ranges) for kind, ranges in scenes.RANGES.items()} == dict.fromkeys(
        scenes.KINDS, names
    )


def test_drawn_knobs_lie_in_their_ranges() -> None:
    for seed in range(20):
        drawn = scenes.draw_knobs("phase", np.random.default_rng(seed), {})
        for name, (low, high) in scenes.RANGES["phase"].items():
            assert low <= getattr(drawn, name) <= high


def test_a_given_knob_leaves_the_others_as_drawn() -> None:
    assert knobs(diameter=20.0) == replace(knobs(), diameter=20.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"diametre": 3.0}, r"expected knobs among density, .*, got \['diametre'\]"),
        ({"diameter": 2.0}, "expected a diameter of at least 3 px, got 2.0"),
        ({"density": 1.5}, "expected a density of at most 1, got 1.5"),
        ({"noise": -0.1}, "expected noise >= 0, got -0.1"),
        ({"blur": float("nan")}, "expected blur >= 0, got nan"),
        ({"contrast": 0.0}, "expected a contrast above 0, got 0"),
    ],
)
def test_bad_knobs(given: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        knobs(**given)


@pytest.mark.parametrize("density", [0.0, 0.15, 0.4])
def test_scatter_covers_the_density(density: float) -> None:
    setting = knobs(density=density, diameter=16.0, clustering=0.3, spread=0.1)
    canvas = scenes.empty_canvas((300, 300), np.random.default_rng(1), setting)
    scenes.scatter(canvas, np.random.default_rng(2), setting)
    assert np.mean(canvas.first > 0) == pytest.approx(density, abs=0.05)


def test_clustering_makes_objects_touch() -> None:
    contacts = []
    for clustering in (0.0, 0.9):
        setting = knobs(density=0.1, diameter=16.0, clustering=clustering, spread=0.1)
        canvas = scenes.empty_canvas((400, 400), np.random.default_rng(1), setting)
        scenes.scatter(canvas, np.random.default_rng(2), setting)
        contacts.append(np.sum((canvas.first > 0) & (canvas.second > -1)) / len(canvas.shapes))
    assert contacts[1] > 3 * contacts[0]


@pytest.mark.parametrize("diameter", [18.0, 40.0, 80.0])
def test_tile_plane_leaves_no_gap(diameter: float) -> None:
    setting = knobs("membranes", diameter=diameter)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        canvas = scenes.empty_canvas((200, 200), rng, setting)
        scenes.tile_plane(canvas, rng, setting)
        assert canvas.label.min() > 0


@pytest.mark.parametrize(
    ("radius", "blur", "softness"), [(12, 1.0, 0.5), (12, 3.0, 0.5), (4, 2.0, 0.5), (12, 1.0, 4.0)]
)
def test_the_mask_ends_at_half_maximum(radius: float, blur: float, softness: float) -> None:
    canvas = Canvas((64, 96), FLAT)
    canvas.draw(replace(DISC, a=radius, b=radius), margin=20)
    seen = scenes.bodies(canvas, knobs(blur=blur), 0.0, np.full(2, softness))
    assert np.array_equal(seen.truth == 1, seen.seen >= seen.seen.max() / 2)
    assert seen.truth.sum() == pytest.approx(np.pi * radius**2, rel=0.12)


def test_overlapping_outlines_become_touching_masks() -> None:
    canvas = Canvas((64, 96), FLAT)
    canvas.draw(DISC, margin=20)
    canvas.draw(replace(DISC, x=51), margin=20)
    seen = scenes.bodies(canvas, knobs(blur=1.0), 0.0, np.full(3, 0.5))
    assert seen.truth[32, 38:46].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]  # midway: x = 41.5
    assert np.sum(seen.truth == 1) == np.sum(seen.truth == 2)


def test_a_gap_between_bodies_is_dark_and_wide_ones_part_the_masks() -> None:
    canvas = Canvas((64, 96), FLAT)
    canvas.draw(DISC, margin=20)
    canvas.draw(replace(DISC, x=51), margin=20)
    narrow, wide = (
        scenes.bodies(canvas, knobs(blur=1.0), gap, np.full(3, 0.5)) for gap in (1.0, 6.0)
    )
    assert narrow.seen[32, 41] < 0.9
    assert wide.truth[32, 41] == 0
