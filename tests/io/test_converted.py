import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from napari_touchup.io.converted import (
    Converted,
    NotConverted,
    images_of,
    one_by_one,
    opened,
    refuse_clashes,
)
from napari_touchup.io.outputs import OutputError


@dataclass
class Task:
    source: Path
    error: Exception | None = None


def convert(task):
    if task.error is not None:
        raise task.error
    return Converted(task.source, (), 3)


def test_a_file_that_fails_does_not_stop_the_others():
    errors = [None, ValueError("first line\nmore"), OSError(), None]
    tasks = [Task(Path(str(n)), error) for n, error in enumerate(errors)]
    assert list(one_by_one(tasks, convert)) == [
        Converted(Path("0"), (), 3),
        NotConverted(Path("1"), "first line"),
        NotConverted(Path("2"), "OSError"),
        Converted(Path("3"), (), 3),
    ]


def test_bugs_are_shown():
    with pytest.raises(KeyError):
        list(one_by_one([Task(Path("a"), KeyError("x"))], convert))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("images/a.png", "images/deep/b.ome.tif", "images/c.tif", "twice/a.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("twice/a.tif").touch()


A, B = Path("m/a.tif"), Path("m/b.tif")


@pytest.mark.usefixtures("folder")
def test_images_are_found_by_their_names():
    images = Path("images")
    assert images_of([A, B], None) == {}
    assert images_of([A, B], images) == {A: images / "a.png", B: images / "deep/b.ome.tif"}
    assert images_of([Path("x.tif")], images / "a.png") == {Path("x.tif"): images / "a.png"}
    named = images_of([Path("x_a"), Path("y_a")], images, lambda path: path.name[-1])
    assert set(named.values()) == {images / "a.png"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("absent", "no such file or folder: absent"),
        ("twice", "two files of one name: twice/a.png and twice/a.tif"),
        ("images/a.png", "no image for m/b.tif"),
    ],
)
def test_images_that_are_not_found(images, message):
    with pytest.raises(OutputError, match=f"^{re.escape(message)}$"):
        images_of([A, B], Path(images))


def test_nothing_is_opened_where_there_is_no_image():
    with opened(None) as image:
        assert image is None


def test_what_is_there_is_not_written_over(tmp_path):
    refuse_clashes([tmp_path / "a", tmp_path / "b"])
    (tmp_path / "b").touch()
    with pytest.raises(OutputError, match=r"already there: .*b; nothing is written over"):
        refuse_clashes([tmp_path / "a", tmp_path / "b"])


@pytest.mark.parametrize("other", ["x/a.tif", "x/A.tif"])
def test_two_results_of_one_name(other):
    with pytest.raises(OutputError, match="several files would become "):
        refuse_clashes([Path("x/a.tif"), Path("x/b.tif"), Path(other)])
