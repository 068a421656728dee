import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_touchup.core.delta import Area, Delta, Object, ObjectChange, Patch
from napari_touchup.core.entries import Entry, ImageRecord, Version
from napari_touchup.io import project_copy
from napari_touchup.io.project import ProjectFile
from napari_touchup.session.ledger import Ledger

BOX = (slice(3, 5), slice(0, 3))
AREA = Area(BOX, np.array([[1, 0, 1], [0, 1, 1]], bool))
GONE = Object("a-b", "confirmed", 4, "deleted", True, AREA)
IMAGE = ImageRecord("f", "cells", Path("a") / "b.tif", "TYX", False, (5, 64, 64), (1, 0))
VERSION = Version(2, "Maße", 0, 5.5, "v.safetensors", "00", 7, {"iou": 0.5, "note": None}, True)


def stroke(number, value=7, frame=(0,), image="f", kind="brush"):
    before = np.zeros((2, 3), np.int32)
    labels = Patch(BOX, before, before + value)
    change = ObjectChange(value, None, GONE)
    delta = Delta(labels, None, (change,), (False, True))
    return Entry(kind, image, frame, delta, 1.5 + number, number=number)


def plain(entry):
    """What can be compared with ==."""
    about = (entry.number, entry.kind, entry.image, entry.frame, entry.time, entry.target)
    return (*about, *plain_delta(entry.delta))


def plain_delta(delta):
    changes = [(c.label, plain_object(c.before), plain_object(c.after)) for c in delta.objects]
    return plain_patch(delta.labels), plain_patch(delta.marks), changes, delta.done, delta.numbers


def plain_patch(patch):
    if patch is None:
        return None
    halves = (patch.before, patch.after)
    return patch.box, *((half.dtype.str, half.shape, half.tobytes()) for half in halves)


def plain_object(item):
    if item is None or item.area is None:
        return item
    return replace(item, area=None), item.area.box, item.area.mask.tolist()


@st.composite
def patches(draw):
    top, left = draw(st.tuples(st.integers(0, 9), st.integers(0, 9)))
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=2, max_side=6))
    dtype = draw(st.sampled_from(["uint8", "bool", "<i4", ">u2", "int64", "float32"]))
    before, after = (draw(arrays.arrays(dtype, shape)) for _ in range(2))
    return Patch((slice(top, top + shape[0]), slice(left, left + shape[1])), before, after)


objects = st.builds(
    Object,
    st.uuids().map(str),
    st.sampled_from(["corrected", "confirmed"]),
    st.integers(1, 99),
    st.sampled_from(["untouched", "corrected", "confirmed", "deleted"]),
    st.booleans(),
    st.none() | st.just(AREA),
)
changes = st.builds(ObjectChange, st.integers(-9, 99), st.none() | objects, st.none() | objects)
deltas = st.builds(
    Delta,
    st.none() | patches(),
    st.none() | patches(),
    st.lists(changes, max_size=3).map(tuple),
    st.none() | st.tuples(st.booleans(), st.booleans()),
    st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99)), max_size=3).map(tuple),
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a.touchup"


@pytest.fixture
def project(folder):
    with ProjectFile.create(folder) as project:
        yield project


@given(st.lists(deltas, min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("p") / "a.touchup"
    written = [
        Entry("brush", f"image {n % 2}", (n % 3, 0), delta, time=n / 7, target=n, number=n + 1)
        for n, delta in enumerate(found)
    ]
    with ProjectFile.create(folder) as project:
        project.append(written)
    with ProjectFile.open(folder) as project:
        assert [plain(e) for e in project.entries()] == [plain(e) for e in written]
        outlines = [replace(e, delta=replace(e.delta, labels=None, marks=None)) for e in written]
        assert [plain(e) for e in project.outline()] == [plain(e) for e in outlines]


def test_entries_of_a_frame(project):
    places = [("f", (0,)), ("f", (1,)), ("g", (1,)), ("f", (1,)), ("f", ()), ("f", (1, 2))]
    project.append([stroke(n, image=i, frame=f) for n, (i, f) in enumerate(places, start=1)])

    def numbers(*place):
        return [entry.number for entry in project.entries(*place)]

    assert numbers() == [1, 2, 3, 4, 5, 6]
    assert numbers("f") == [1, 2, 4, 5, 6]
    assert numbers("f", (1,)) == [2, 4]
    assert numbers("f", (np.int64(1), 2)) == [6]
    assert numbers(None, (1,)) == [2, 3, 4]
    assert numbers("f", ()) == [5]


def test_records_are_renewed(project, folder):
    project.put_image(replace(IMAGE, name="old"))
    project.put_image(IMAGE)
    memory = replace(IMAGE, fingerprint="g", path=None)
    project.put_image(memory)
    project.put_version(replace(VERSION, number=10))
    project.put_version(VERSION)
    project.put_setting("current", "1")
    project.put_setting("current", "2")
    project.close()
    with ProjectFile.open(folder) as again:
        assert set(again.images()) == {IMAGE, memory}
        assert again.versions() == (VERSION, replace(VERSION, number=10))
        assert again.settings() == {"current": "2"}


def test_a_project_keeps_its_identity(project, folder):
    first = project.identity
    project.close()
    with ProjectFile.open(folder) as again:
        assert (again.identity, again.created) == (first, project.created)
    with ProjectFile.create(folder.with_name("b.touchup")) as other:
        assert other.identity != first
    with ProjectFile.create(folder.with_name("c.touchup"), "mine") as other:
        assert other.identity == "mine"
        assert other.models.is_dir()


def test_a_name_that_is_taken(project, folder):
    with pytest.raises(FileExistsError, match="choose another name"):
        ProjectFile.create(folder)


def test_a_transaction_is_written_whole_or_not(project):
    broken = stroke(2)
    broken = replace(broken, delta=Delta(replace(broken.delta.labels, box=(slice(0, 1),) * 2)))
    with pytest.raises(ValueError, match=r"expected arrays of shape \(1, 1\)"):
        project.append([stroke(1), broken])
    assert list(project.outline()) == []


def test_an_entry_that_arrived_although_its_commit_failed(project):
    project.append([])
    project.append([stroke(1)])
    project.append([stroke(1), stroke(2)])
    assert [entry.number for entry in project.entries()] == [1, 2]
    with pytest.raises(OSError, match="changed from elsewhere"):
        project.append([stroke(2, value=8)])


def test_how_the_file_is_written(project):
    assert project._database.read("PRAGMA journal_mode") == [("truncate",)]
    assert project._database.read("PRAGMA synchronous") == [(2,)]


def test_corrections_are_counted(project):
    project.put_image(IMAGE)
    kinds = ["predicted", "brush", "undo", "redo", "brush", "done", "predicted"]
    project.append([stroke(n, kind=kind) for n, kind in enumerate(kinds, start=1)])
    project.append([stroke(8, image="g")])
    assert project.corrections("f") == (2, 8.5)
    assert project.corrections("none") == (0, project.created)


# what is no project, or none that can be read


def test_a_folder_that_is_no_project(tmp_path):
    with pytest.raises(ValueError, match=r"no napari-touchup project: choose"):
        ProjectFile.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not SQLite, as anyone can see" * 99])
def test_a_file_that_is_no_project(tmp_path, content):
    (tmp_path / "ledger.sqlite").write_bytes(content)
    with pytest.raises(ValueError, match=r"no napari-touchup project: choose"):
        ProjectFile.open(tmp_path)


def test_another_programs_database(tmp_path):
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    database.execute("CREATE TABLE a (b)")
    database.close()
    with pytest.raises(ValueError, match="no napari-touchup project"):
        ProjectFile.open(tmp_path)


def change(folder, *statements):
    database = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


def test_a_newer_project_is_refused(project, folder):
    project.close()
    change(folder, "PRAGMA user_version=2")
    with pytest.raises(ValueError, match=r"newer .*\(format 2, .* up to 1\): update"):
        ProjectFile.open(folder)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pixels SET labels = substr(labels, 1, 60)",
        "UPDATE pixels SET labels = x'00'",
        "UPDATE entry SET objects = '[1]'",
        "UPDATE entry SET frame = '{'",
    ],
)
def test_a_damaged_entry(project, folder, statement):
    project.append([stroke(1)])
    project.close()
    change(folder, statement)
    with (
        ProjectFile.open(folder) as again,
        pytest.raises(ValueError, match=r"is damaged \(entry 1: .*go back to a copy"),
    ):
        list(again.entries())


def test_a_file_that_was_cut_short(project, folder):
    project.append([stroke(n) for n in range(1, 200)])
    project.close()
    file = folder / "ledger.sqlite"
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(ValueError, match="is damaged"):
        list(ProjectFile.open(folder).entries())


# two windows


def test_a_second_window_reads_only(project, folder):
    project.append([stroke(1)])
    with ProjectFile.open(folder) as second:
        assert (second.read_only, project.read_only) == (True, False)
        assert second.holder == project.holder
        assert [entry.number for entry in second.entries()] == [1]
        with pytest.raises(PermissionError, match=rf"another window .*process {os.getpid()}"):
            second.append([stroke(2)])
        with pytest.raises(PermissionError):
            second.put_setting("a", "b")
        with pytest.raises(PermissionError):
            second.moved(folder.with_name("b.touchup"))
    project.append([stroke(2)])
    project.close()
    with ProjectFile.open(folder) as third:
        assert not third.read_only


OPEN = """
import sys
from pathlib import Path
from napari_touchup.io.project import ProjectFile
project = ProjectFile.open(Path(sys.argv[1]))
print(project.read_only, flush=True)
sys.stdin.read()
"""


def opened(folder):
    """Another process that has opened a project, and whether it may only read."""
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip() == "True"


def test_a_window_of_another_process(project, folder):
    process, read_only = opened(folder)
    process.communicate()
    assert read_only
    project.close()
    process, read_only = opened(folder)
    assert not read_only
    with ProjectFile.open(folder) as mine:
        assert mine.read_only
        assert mine.holder.process == process.pid
    process.kill()  # it cannot give its lock back
    process.communicate()
    with ProjectFile.open(folder) as mine:
        assert not mine.read_only


def test_a_project_can_be_taken_over(project, folder):
    with ProjectFile.open(folder, take_over=True) as second:
        second.append([stroke(1)])
        with pytest.raises(PermissionError):
            project.append([stroke(1)])
        assert project.read_only


def test_looking_into_a_project_takes_no_lock(project, folder):
    project.close()
    with ProjectFile.open(folder, read_only=True) as looked, ProjectFile.open(folder) as opened:
        assert (looked.read_only, opened.read_only) == (True, False)


# disks that fail


def test_a_full_disk(project):
    ((pages,),) = project._database.read("PRAGMA page_count")
    project._database.read(f"PRAGMA max_page_count={pages}")
    noise = np.random.default_rng(0).integers(0, 2**31, (50, 50), np.int32)
    delta = Delta(Patch((slice(0, 50), slice(0, 50)), noise, noise[::-1]))
    large = replace(stroke(1), delta=delta)
    with pytest.raises(OSError, match="The disk is full"):
        project.append([large])
    project.append([large])  # the limit went with the connection
    assert [plain(e) for e in project.entries()] == [plain(large)]


def test_a_folder_that_vanishes_and_comes_back(project, folder):
    project.append([stroke(1)])
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(OSError, match="gone"):
        project.append([stroke(2)])
    with pytest.raises(OSError, match="gone"):
        list(project.entries())
    away.rename(folder)
    project.append([stroke(2)])
    assert [entry.number for entry in project.entries()] == [1, 2]


def test_a_ledger_outlives_its_folder(project, folder):
    said = []
    ledger = Ledger(project)
    ledger.trouble.connect(said.append)
    ledger.append([stroke(0)])
    away = folder.rename(folder.with_name("away"))
    for value in (8, 9):
        ledger.append([stroke(0, value)])
    assert not ledger.flush(10)
    assert "is gone" in said[0]
    assert "2 changes are kept in memory" in said[-1]
    away.rename(folder)
    assert ledger.flush(10)
    expected = [plain(replace(stroke(0, 7 + n), number=n + 1)) for n in range(3)]
    assert [plain(entry) for entry in ledger.entries()] == expected
    assert ledger.close()


# another folder


def test_a_project_moves(project, folder, tmp_path):
    (project.models / "deep").mkdir()
    (project.models / "deep" / "m.safetensors").write_bytes(b"weights")
    project.append([stroke(1)])
    target = tmp_path / "images" / "b.touchup"
    moved = project.moved(target)
    with moved:
        assert (moved.path, moved.identity) == (target, project.identity)
        assert not folder.exists()
        assert (moved.models / "deep" / "m.safetensors").read_bytes() == b"weights"
        moved.append([stroke(2)])
        assert [entry.number for entry in moved.entries()] == [1, 2]
    assert [path.name for path in target.parent.iterdir()] == ["b.touchup"]


def test_a_move_that_fails_leaves_all_as_it_was(project, folder, tmp_path, monkeypatch):
    (project.models / "m").write_bytes(b"weights")
    monkeypatch.setattr(project_copy.filecmp, "cmp", lambda *a, **k: False)
    with pytest.raises(OSError, match="differs from"):
        project.moved(tmp_path / "images" / "b.touchup")
    assert list((tmp_path / "images").iterdir()) == []
    project.append([stroke(1)])
    with pytest.raises(FileExistsError):
        project.moved(folder)
    assert [entry.number for entry in project.entries()] == [1]


def test_a_ledger_moves_its_project(project, folder, tmp_path):
    ledger = Ledger(project)
    ledger.append([stroke(0)])
    ledger.move(tmp_path / "b.touchup")
    ledger.append([stroke(0)])
    assert ledger.flush(10)
    assert (ledger.folder, folder.exists()) == (tmp_path / "b.touchup", False)
    assert [entry.number for entry in ledger.entries()] == [1, 2]
    assert ledger.close()
