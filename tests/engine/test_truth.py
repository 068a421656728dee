import numpy as np
import pytest

from napari_touchup.core.distance import object_distance
from napari_touchup.core.weights import class_weights, weight_map
from napari_touchup.engine.truth import make_maps, survey
from napari_touchup.options import WeightOptions

WEIGHTS = WeightOptions()


def test_a_survey_by_hand() -> None:
    truth = np.array([[0, 0, 7], [0, 9, 9]])
    marks = np.array([[1, 1, 1], [0, 0, 1]], bool)
    seen = survey(truth, marks)
    assert (seen.background, seen.foreground, seen.highest) == (2, 2, 9)
    assert {tuple(p) for p in seen.objects.tolist()} == {(0, 2), (1, 2)}
    assert seen.marked is not None
    assert {tuple(p) for p in seen.marked.tolist()} == {(0, 0), (0, 1), (0, 2), (1, 2)}


def test_what_counts_everywhere_needs_no_list() -> None:
    seen = survey(np.zeros((3, 4), int))
    assert seen.marked is None
    assert (seen.background, seen.foreground, seen.objects.shape) == (12, 0, (0, 2))


def test_every_object_can_be_found() -> None:
    truth = np.zeros((1500, 1500), np.int32)
    truth[:, :1400] = 1  # 2 million pixels of one object
    truth[700, 1450] = truth[1400, 1450] = 2  # and two of another, in two bands
    found = survey(truth).objects
    assert [700, 1450] in found.tolist()
    assert [1400, 1450] in found.tolist()
    assert len(found) < 40_000


def test_the_counts_are_those_of_the_class_weights() -> None:
    rng = np.random.default_rng(0)
    truth, marks = rng.integers(0, 3, (50, 60)), rng.random((50, 60)) < 0.5
    seen = survey(truth, marks)
    total = seen.background + seen.foreground
    expected = class_weights(truth, marks)
    assert (total / 2 / seen.background, total / 2 / seen.foreground) == pytest.approx(expected)


def test_maps_are_what_core_gives() -> None:
    truth = np.zeros((20, 20), int)
    truth[2:8, 2:8], truth[2:8, 10:16] = 5, 3
    marks = np.ones((20, 20), bool)
    maps = make_maps(truth, marks, WEIGHTS, semantic=False)
    assert np.array_equal(maps.weights, weight_map(truth, marks, WEIGHTS))
    assert np.array_equal(maps.distance, object_distance(truth))
    assert np.unique(maps.truth).tolist() == [0, 1, 2]


def test_pieces_of_a_class_are_objects() -> None:
    classes = np.zeros((20, 20), int)
    classes[2:8, 2:8], classes[2:8, 10:16], classes[2:8, 16:20] = 4, 4, 1
    maps = make_maps(classes, np.ones((20, 20), bool), WEIGHTS, semantic=True)
    assert np.array_equal(maps.truth, classes)
    assert maps.weights[5, 9] > 5  # between two pieces of class 4
    assert maps.distance[5, 16:].max() == 1
