from queue import Queue

import numpy as np
import pytest

from napari_touchup.core.axes import Stack
from napari_touchup.core.metrics import score
from napari_touchup.session.hits import HIT, MISS, Hits
from napari_touchup.session.scoring import ScoreRequest, Scoring, score_frames

TRUTH = np.zeros((12, 12), np.uint16)
TRUTH[1:5, 1:5], TRUTH[7:11, 7:11] = 1, 2
PRED = np.zeros((12, 12), np.uint8)
PRED[1:5, 1:4] = 9


@pytest.fixture
def desk():
    calls = Queue()
    scoring = Scoring(dispatch=calls.put)
    yield scoring, lambda: calls.get(timeout=20)()
    scoring.close()


def request(truth, pred, axes="YX", **kwargs):
    return ScoreRequest(Stack(truth, axes), Stack(pred, axes), **kwargs)


def scored(*args, **kwargs):
    return list(score_frames(request(*args, **kwargs)))[-1]


def test_literals():
    found = scored(TRUTH, PRED)
    assert found.hits == Hits(hits=1, misses=1, false=0)
    expected = {"ap50": 0.5, "ap75": 0.5, "mean_ap": 0.3, "f1": 2 / 3, "seg": 0.375, "iou": 0.375}
    assert {name: found.values[name] for name in expected} == pytest.approx(expected)
    assert set(np.unique(found.pictures[()])) == {0, HIT, MISS}


def test_the_same_as_the_measures_of_core():
    found = scored(TRUTH, PRED, warping=True)
    assert found.values == score(TRUTH, PRED, warping=True)


def test_frames_are_scored_together_and_their_objects_apart():
    truth, pred = np.stack([TRUTH, TRUTH]), np.stack([TRUTH, PRED])
    found = scored(truth, pred, "TYX", frames=((0,), (1,)), warping=True)
    assert found.hits == Hits(3, 1, 0)
    assert found.values["ap50"] == 0.75
    assert "warping_error" not in found.values
    assert set(found.pictures) == {(0,), (1,)}
    assert scored(truth, pred, "TYX", frames=((1,),)).hits == Hits(1, 1, 0)


def test_planes_of_a_volume_have_their_objects_in_common():
    # object 1 is found in both planes, object 2 in one of two: half of its volume
    truth, pred = np.stack([TRUTH, TRUTH]), np.stack([TRUTH, TRUTH])
    pred[1][pred[1] == 2] = 0
    frames = ((0,), (1,))
    assert scored(truth, pred, "ZYX", frames=frames).hits == Hits(3, 1, 0)
    found = scored(truth, pred, "ZYX", frames=frames, volumes=True)
    assert found.hits == Hits(2, 0, 0)
    assert (found.values["ap50"], found.values["ap75"]) == (1, 1 / 3)
    assert found.values["seg"] == 0.5  # a match covers more than half
    assert [set(np.unique(found.pictures[i])) for i in frames] == [{0, HIT}] * 2


def test_other_labels_in_the_next_plane_are_other_objects():
    truth, pred = np.stack([TRUTH, TRUTH]), np.stack([TRUTH, TRUTH + 2 * (TRUTH > 0)])
    found = scored(truth, pred, "ZYX", frames=((0,), (1,)), volumes=True)
    assert found.hits == Hits(2, 0, 2)  # half of each volume, and the rest is false
    assert found.values["ap75"] == 0


@pytest.mark.parametrize("axes", ["TZYX", "ZTYX"])
def test_time_points_are_volumes_of_their_own(axes):
    films = np.stack([[TRUTH, TRUTH], [TRUTH, TRUTH]])
    frames = ((0, 0), (0, 1), (1, 0), (1, 1))
    assert scored(films, films, axes, frames=frames, volumes=True).hits == Hits(4)


def test_the_last_request_wins(desk):
    scoring, step = desk
    scoring.score(request(TRUTH, TRUTH))
    scoring.score(request(TRUTH, PRED))
    assert scoring.status.text == "Scoring"
    while scoring.scored is None:
        step()
    assert scoring.status.text == "1 hit, 1 miss, 0 false objects"
    scoring.clear()
    assert scoring.scored is None
    assert scoring.status.text == ""


def test_what_is_scored_already_is_not_scored_again():
    first = scored(TRUTH, PRED)
    assert list(score_frames(request(TRUTH, PRED, known=first.checksum))) == [None]
    again = list(score_frames(request(TRUTH, PRED, known=first.checksum, warping=True)))
    assert "warping_error" in again[-1].values
    changed = list(score_frames(request(TRUTH, TRUTH, known=first.checksum)))
    assert changed[-1].hits == Hits(2, 0, 0)


def test_a_failure_is_told(desk):
    scoring, step = desk
    scoring.score(request(TRUTH, PRED[:5]))
    while scoring.status.kind != "failed":
        step()
    assert "expected equal shapes" in scoring.status.failure.what
