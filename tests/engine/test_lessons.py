import pickle
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from napari_touchup.core.scores import Scores
from napari_touchup.engine.lessons import (
    Candidate,
    FineTuneRequest,
    Learned,
    View,
    cut,
    cut_check,
)

LIMITS = np.array([[0.0, 100.0]])


def frame() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, truth and annotated of (300, 400) with one object."""
    image = np.arange(300 * 400, dtype=np.uint32).reshape(1, 300, 400)
    truth, annotated = np.zeros((300, 400), np.int32), np.zeros((300, 400), bool)
    truth[100:120, 200:230] = 7
    annotated[90:130, 190:240] = True
    return image, truth, annotated


@pytest.mark.parametrize(
    ("margin", "rows", "columns"),
    [
        (0, slice(90, 130), slice(190, 240)),
        (50, slice(40, 180), slice(140, 290)),
        (96, slice(0, 226), slice(94, 336)),
        (1000, slice(0, 300), slice(0, 400)),
    ],
)
def test_a_cut_holds_what_counts_and_its_context(margin: int, rows: slice, columns: slice) -> None:
    image, truth, annotated = frame()
    lesson = cut(image, truth, annotated, LIMITS, margin)
    assert np.array_equal(lesson.image, image[:, rows, columns])
    assert np.array_equal(lesson.truth, truth[rows, columns])
    assert np.array_equal(lesson.annotated, annotated[rows, columns])
    assert lesson.objects == 1


def test_a_cut_is_a_copy() -> None:
    image, truth, annotated = frame()
    lesson = cut(image, truth, annotated, LIMITS)
    truth[:] = 1
    annotated[:] = False
    assert lesson.truth.max() == 7
    assert lesson.annotated.any()


def test_nothing_annotated() -> None:
    image, truth, annotated = frame()
    with pytest.raises(ValueError, match="expected annotated pixels, got none"):
        cut(image, truth, np.zeros_like(annotated), LIMITS)


def test_only_annotated_objects_are_counted() -> None:
    image, truth, annotated = frame()
    truth[0:10, 0:10] = 3  # nobody reviewed it
    truth[92:95, 192:195] = 4
    assert cut(image, truth, annotated, LIMITS, 300).objects == 2


def test_a_check_holds_one_object() -> None:
    image, truth, _ = frame()
    check = cut_check(image, truth == 7, LIMITS, "confirmed", source=2, margin=10)
    assert check.image.shape == (1, 40, 50)
    assert np.array_equal(check.mask, truth[90:130, 190:240] == 7)
    assert (check.origin, check.deleted, check.source) == ("confirmed", False, 2)


def test_all_of_it_travels() -> None:
    image, truth, annotated = frame()
    lesson = cut(image, truth, annotated, LIMITS)
    check = cut_check(image, truth == 7, LIMITS)
    request = FineTuneRequest(
        Path("a"), Path("b"), Path("c"), "d", (lesson,), (check,), frame=View(image)
    )
    again = pickle.loads(pickle.dumps(request))
    assert again.options == request.options
    for name in (field.name for field in fields(lesson)):
        assert np.array_equal(getattr(again.lessons[0], name), getattr(lesson, name))
    step = Learned(1, 0.5, 0.1, 2.0, 2.0)
    assert pickle.loads(pickle.dumps(step)) == step
    assert pickle.loads(pickle.dumps(Candidate(Path("c"), Scores()))).scores == Scores()


def test_no_torch() -> None:
    code = "import sys, napari_touchup.engine.lessons; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
