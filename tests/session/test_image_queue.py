from pathlib import Path

import numpy as np
import pytest

from napari_touchup.core.axes import Stack
from napari_touchup.io.outputs import OutputError
from napari_touchup.session.image_queue import ImageQueue, QueueItem


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "plate"
    for name in ("b.tif", "a.png", "deep/c.tif", "masks/a.tif", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def heard(queue, *names):
    log = []
    for name in names:
        queue.events[name].connect(lambda value, name=name: log.append((name, value)), max_args=1)
    return log


def test_a_folder(folder):
    queue = ImageQueue()
    queue.open_folder(folder, leave_out=folder / "masks")
    assert [item.name for item in queue.items] == ["a.png", "b.tif", str(Path("deep/c.tif"))]
    assert queue.folder == folder
    assert queue.marks == ("to do",) * 3
    assert (queue.position, queue.current) == (-1, None)
    assert queue.find(folder / "b.tif") == 1
    assert queue.find(folder / "masks" / "a.tif") == -1


def test_a_folder_without_images_leaves_the_queue_as_it_was(folder, tmp_path):
    queue = ImageQueue()
    queue.open_folder(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OutputError, match="no images"):
        queue.open_folder(tmp_path / "empty")
    assert queue.folder == folder


@pytest.mark.parametrize(
    ("axes", "shape", "names"),
    [
        ("TYX", (3, 4, 5), ["T 1", "T 2", "T 3"]),
        ("TZYX", (1, 2, 4, 5), ["T 1, Z 1", "T 1, Z 2"]),
        ("CYX", (3, 4, 5), []),
        ("TYX", (1, 4, 5), []),
    ],
)
def test_frames_of_a_stack(axes, shape, names):
    queue = ImageQueue()
    queue.show_frames(Stack(np.zeros(shape), axes))
    assert [item.name for item in queue.items] == names
    assert queue.folder is None


def test_next_and_previous_stop_at_the_ends():
    queue = ImageQueue()
    queue.next()
    assert queue.position == -1
    queue.show_frames(Stack(np.zeros((3, 4, 5)), "TYX"))
    moves = [queue.next, queue.next, queue.previous, queue.previous, queue.previous]
    moves += [queue.next] * 4
    places = []
    for move in moves:
        move()
        places.append(queue.position)
    assert places == [0, 1, 0, 0, 0, 1, 2, 2, 2]
    assert queue.current == QueueItem("T 3", frame=(2,))


def test_marks_are_asked_for():
    queue = ImageQueue()
    queue.show_frames(Stack(np.zeros((3, 4, 5)), "TYX"))
    log = heard(queue, "marks")
    done = {(1,): "corrected"}
    queue.mark_of = lambda item: done.get(item.frame, "to do")
    done[2,] = "done"
    queue.refresh_marks()
    queue.refresh_marks()
    assert log == [
        ("marks", ("to do", "corrected", "to do")),
        ("marks", ("to do", "corrected", "done")),
    ]


def test_items_are_told_of_before_what_counts_along_them(folder):
    queue = ImageQueue()
    queue.open_folder(folder)
    queue.go(2)
    log = heard(queue, "items", "marks", "position")
    queue.show_frames(Stack(np.zeros((2, 4, 5)), "TYX"))
    assert [name for name, _ in log] == ["position", "items", "marks"]
    assert log[0] == ("position", -1)
