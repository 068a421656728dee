import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from napari_touchup.core.delta import Delta
from napari_touchup.core.entries import Entry, ImageRecord
from napari_touchup.io.project import ProjectFile
from napari_touchup.io.projects import (
    Found,
    find_by_fingerprint,
    known_projects,
    new_project,
    projects_folder,
    remember,
    safe_name,
)

IMAGE = ImageRecord("f", "cells", Path("cells.tif"), "YX", False, (5, 5))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TOUCHUP_PROJECTS", str(tmp_path / "home"))
    return tmp_path / "home"


def used(project, *times, record=IMAGE):
    """Write strokes into a project, and close it."""
    with project:
        project.put_image(record)
        strokes = [
            Entry("brush", record.fingerprint, (), Delta(done=(False, True)), time, 0, number)
            for number, time in enumerate(times, start=1)
        ]
        if strokes:
            project.append(strokes)
    return project.path


def test_where_projects_are(home, monkeypatch):
    assert projects_folder() == home
    monkeypatch.delenv("NAPARI_TOUCHUP_PROJECTS")
    assert projects_folder().parts[-2:] == ("napari-touchup", "projects")


def test_names_are_never_used_twice(home):
    paths = [used(new_project("cells")) for _ in range(3)]
    assert [path.name for path in paths] == [
        "cells.touchup",
        "cells 2.touchup",
        "cells 3.touchup",
    ]
    assert known_projects() == sorted(paths)


def test_a_project_keeps_the_identity_of_what_was_in_memory():
    with new_project("cells", "mine") as project:
        assert project.identity == "mine"


@given(st.text(max_size=200))
@example("..")
@example("CON")
@example("a/../../b")
def test_any_text_makes_a_file_name(tmp_path_factory, text):
    name = safe_name(text)
    assert 0 < len(name) <= 70
    assert not set(name) & set('<>:"/\\|?*\0')
    assert name == name.strip(" .")
    assert name.lower() != "con"


def test_an_image_is_found_again_newest_first():
    old, new = used(new_project("a"), 5.0, 6.0), used(new_project("b"), 7.0)
    used(new_project("other"), 9.0, record=replace(IMAGE, fingerprint="g"))
    assert find_by_fingerprint("f") == [
        Found(new, "b", IMAGE, 7.0, 1),
        Found(old, "a", IMAGE, 6.0, 2),
    ]
    assert find_by_fingerprint("none") == []


def test_an_image_without_strokes():
    path = used(new_project("a"))
    created = ProjectFile.open(path, read_only=True).created
    assert find_by_fingerprint("f") == [Found(path, "a", IMAGE, created, 0)]


def test_a_project_that_is_open_is_found():
    with new_project("a") as project:
        project.put_image(IMAGE)
        assert [found.path for found in find_by_fingerprint("f")] == [project.path]
        project.put_setting("a", "b")  # it writes on


def test_a_moved_project_is_found(tmp_path, home):
    with new_project("a") as project, project.moved(tmp_path / "images" / "b.touchup") as moved:
        remember(moved.path)
        remember(moved.path)
        used(moved, 1.0)
    assert known_projects() == [moved.path]
    assert [found.name for found in find_by_fingerprint("f")] == ["b"]
    away = moved.path.rename(tmp_path / "away")  # a disk that is not there today
    assert find_by_fingerprint("f") == []
    away.rename(moved.path)
    assert len(find_by_fingerprint("f")) == 1


def test_a_move_that_was_cut_short_shows_one_project(tmp_path):
    path = used(new_project("a"), 1.0)
    with ProjectFile.open(path) as project, project.copied(tmp_path / "b.touchup") as copy:
        remember(copy.path)
        done = Entry("brush", "f", (), Delta(done=(True, False)), 2.0, 0, 2)
        copy.append([done])
    assert [found.name for found in find_by_fingerprint("f")] == ["b"]


@pytest.mark.parametrize("content", ["", "{", "5", "[5]"])
def test_what_cannot_be_read_hides_nothing(home, content):
    path = used(new_project("a"), 1.0)
    (home / "broken.touchup").mkdir()
    (home / "elsewhere.json").write_text(content)
    assert [found.path for found in find_by_fingerprint("f")] == [path]


def test_no_folder_yet(home):
    assert (known_projects(), find_by_fingerprint("f")) == ([], [])
    assert not os.path.lexists(home)
