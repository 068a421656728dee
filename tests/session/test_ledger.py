from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from napari_touchup.core.delta import Delta, Object, ObjectChange, Patch
from napari_touchup.core.entries import Entry, ImageRecord, Version
from napari_touchup.session import writer
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.memory_store import MemoryStore

FIRST = Object("u", "corrected", 1, "corrected", held_out=False)
IMAGE = ImageRecord("f", "cells", None, "YX", False, (64, 64))
VERSION = Version(1, "v1", 0, 5.0, "v1.safetensors", "00")


class Disk(MemoryStore):
    """A store in a folder, on a disk that can be full, or slow."""

    def __init__(self, identity=None, path=Path("a.touchup")):
        super().__init__(identity)
        self.path = path
        self.full = self.closed = self.removed = False
        self.batches = []  # numbers of the entries of each transaction
        self.ready = Event()
        self.ready.set()

    def append(self, entries):
        assert self.ready.wait(10)
        if self.full:
            raise OSError("The disk is full.")
        self.batches.append([entry.number for entry in entries])
        super().append(entries)

    def copied(self, folder):
        if self.full:
            raise OSError("The disk is full.")
        other = Disk(self.identity, folder)
        other.append(list(self.entries()))
        return other

    def close(self):
        self.closed = True

    def remove(self):
        self.removed = True


def entry(kind="brush", image="f", frame=(0,)):
    patch = Patch((slice(0, 1), slice(0, 2)), np.array([[0, 1]]), np.array([[2, 1]]))
    delta = Delta(patch, objects=(ObjectChange(2, None, FIRST),))
    return Entry(kind, image, frame, delta, time=1.0)


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def ledger(disk, monkeypatch):
    monkeypatch.setattr(writer, "RETRY_S", 0.05)
    ledger = Ledger(disk)
    yield ledger
    disk.full = False
    disk.ready.set()
    ledger.close()


@pytest.fixture
def log(ledger):
    """What was told, in order."""
    said = []
    ledger.saved.connect(lambda saved: said.append(str(saved.folder)))
    ledger.saving.connect(lambda: said.append("saving"))
    ledger.trouble.connect(said.append)
    return said


def numbers(entries):
    return [entry.number for entry in entries]


def test_entries_get_numbers_and_are_durable_at_once(ledger, disk, log):
    assert numbers(ledger.append([entry(), entry("erase")])) == [1, 2]
    assert numbers(ledger.append([entry()])) == [3]
    assert ledger.flush(10)
    assert disk.batches == [[1, 2], [3]]
    assert ledger.unsaved == 0
    assert log == ["a.touchup", "a.touchup"]


def test_numbers_go_on_after_those_that_are_there(disk):
    disk.append([replace(entry(), number=7)])
    ledger = Ledger(disk)
    assert numbers(ledger.append([entry()])) == [8]
    assert ledger.close()
    assert disk.closed


def test_a_slow_disk_is_not_waited_for(ledger, disk, log):
    disk.ready.clear()
    ledger.append([entry()])
    assert log == ["saving"]
    ledger.append([entry()])
    assert numbers(ledger.entries()) == [1, 2]  # one is being written, one is not yet
    assert not ledger.flush(0.01)
    disk.ready.set()
    assert ledger.flush(10)
    assert log[-1] == "a.touchup"
    assert disk.batches == [[1], [2]]


def test_a_full_disk_is_told_at_once_and_written_when_there_is_room(ledger, disk, log):
    disk.full = True
    ledger.append([entry()])
    assert log == ["The disk is full. 1 change is kept in memory and written as soon as it can be."]
    ledger.append([entry()])
    assert not ledger.flush(10)
    assert "2 changes are kept" in log[-1]
    assert numbers(ledger.entries()) == numbers(ledger.outline()) == [1, 2]
    disk.full = False
    assert ledger.flush(10)
    assert disk.batches == [[1, 2]]
    assert log[-1] == "a.touchup"


def test_the_writer_tries_again_by_itself(ledger, disk):
    written = Event()
    ledger.saved.connect(lambda saved: written.set())
    disk.full = True
    ledger.append([entry()])
    disk.full = False
    assert written.wait(10)
    assert disk.batches == [[1]]


def test_the_same_trouble_is_told_once(ledger, disk, log):
    disk.full = True
    ledger.append([entry()])
    for _ in range(3):
        assert not ledger.flush(10)
    assert len(log) == 1


def test_entries_of_a_frame(ledger, disk):
    ledger.append([entry(), entry(frame=(1,)), entry(image="g")])
    ledger.flush(10)
    disk.full = True
    ledger.append([entry(frame=(1,)), entry(image="g", frame=(1,))])
    assert numbers(ledger.entries("f", (1,))) == [2, 4]
    assert numbers(ledger.entries("g")) == [3, 5]
    assert numbers(ledger.entries()) == [1, 2, 3, 4, 5]


def test_an_outline_holds_no_pixels(ledger, disk):
    ledger.append([entry()])
    disk.full = True
    ledger.append([entry()])
    for found in ledger.outline():
        assert (found.delta.labels, found.delta.marks) == (None, None)
        assert found.delta.objects == (ObjectChange(2, None, FIRST),)


def test_records_are_known_before_they_are_written(ledger, disk):
    ledger.put_image(replace(IMAGE, name="old"))
    disk.ready.clear()
    ledger.append([entry()])  # the writer is busy with it
    ledger.put_image(IMAGE)
    ledger.put_version(VERSION)
    ledger.put_setting("current", "1")
    assert ledger.images() == (IMAGE,)
    assert ledger.versions() == (VERSION,)
    assert (ledger.setting("current"), ledger.setting("other")) == ("1", None)
    assert disk.versions() == ()
    disk.ready.set()
    assert ledger.flush(10)
    assert (disk.images(), disk.versions()) == ((IMAGE,), (VERSION,))
    assert disk.settings() == {"current": "1"}


def test_from_memory_to_a_file():
    memory = MemoryStore()
    ledger = Ledger(memory)
    ledger.append([entry(), entry()])
    ledger.put_image(IMAGE)
    ledger.put_setting("current", "0")
    assert ledger.folder is None
    disk = Disk(memory.identity)
    disk.full = True
    ledger.adopt(disk)
    assert ledger.folder == Path("a.touchup")  # at once, so that nobody makes a second project
    assert not ledger.flush(10)
    assert numbers(ledger.append([entry()])) == [3]
    assert numbers(ledger.entries()) == [1, 2, 3]
    disk.full = False
    assert ledger.flush(10)
    assert disk.batches == [[1, 2, 3]]
    assert ledger.folder == Path("a.touchup")
    assert (disk.images(), disk.settings()) == ((IMAGE,), {"current": "0"})
    assert ledger.close()


def test_only_an_empty_store_of_the_same_identity_is_adopted(ledger, disk):
    with pytest.raises(ValueError, match="expected a store of"):
        ledger.adopt(Disk())
    other = Disk(disk.identity)
    other.append([replace(entry(), number=1)])
    with pytest.raises(ValueError, match="expected an empty project"):
        ledger.adopt(other)


def test_a_project_moves(ledger, disk, log):
    ledger.append([entry()])
    ledger.move(Path("b.touchup"))
    assert ledger.flush(10)
    assert (ledger.folder, disk.removed) == (Path("b.touchup"), True)
    assert numbers(ledger.append([entry()])) == [2]
    assert numbers(ledger.entries()) == [1, 2]
    assert log == ["a.touchup", "b.touchup", "b.touchup"]


def test_a_project_that_cannot_move_stays(ledger, disk, log):
    disk.full = True
    ledger.move(Path("b.touchup"))
    assert ledger.flush(10)
    assert log == ["The disk is full."]
    assert (ledger.folder, disk.removed) == (Path("a.touchup"), False)


def test_a_project_moves_twice(ledger):
    ledger.append([entry()])
    for name in "bc":
        ledger.move(Path(f"{name}.touchup"))
    assert ledger.flush(10)
    assert ledger.folder == Path("c.touchup")
    assert numbers(ledger.entries()) == [1]


def test_a_listener_that_fails_stops_nothing(ledger, disk, caplog):
    @ledger.saved.connect
    def fail(saved):
        raise KeyError

    ledger.append([entry()])
    ledger.append([entry()])
    assert ledger.flush(10)
    assert disk.batches == [[1], [2]]
    assert "a listener of the ledger failed" in caplog.text


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_disk_does_all_is_kept_in_order(monkeypatch, seed):
    monkeypatch.setattr(writer, "RETRY_S", 0.002)
    rng = np.random.default_rng(seed)
    memory = MemoryStore()
    ledger, disk = Ledger(memory), Disk(memory.identity)
    for step in range(120):
        ledger.append([entry()] * rng.integers(1, 3))
        disk.full = rng.random() < 0.4
        if step == 20:
            ledger.adopt(disk)
        if rng.random() < 0.1 and step > 20:
            ledger.move(Path(f"{step}.touchup"))
        if rng.random() < 0.1:
            ledger.flush(10)
        disk = ledger._writer.store if step > 20 else disk
        assert numbers(ledger.entries()) == list(range(1, ledger._last + 1))
    disk.full = False
    assert ledger.flush(10)
    assert numbers(ledger._writer.store.entries()) == list(range(1, ledger._last + 1))
    assert ledger.close()


def test_memory_cannot_move():
    ledger = Ledger(MemoryStore())
    with pytest.raises(RuntimeError, match="adopt"):
        ledger.move(Path("b.touchup"))
    ledger.close()


def test_what_is_told_goes_through_dispatch(disk):
    queue = []
    ledger = Ledger(disk, queue.append)
    said = []
    ledger.saving.connect(lambda: said.append("saving"))
    ledger.saved.connect(lambda saved: said.append("saved"))
    disk.ready.clear()
    ledger.append([entry()])
    disk.ready.set()
    assert ledger.close()
    assert said == []
    for call in queue:
        call()
    assert said == ["saved"]  # it is no longer being saved


def test_a_closed_ledger_takes_nothing(ledger):
    ledger.close()
    with pytest.raises(RuntimeError, match="close"):
        ledger.append([entry()])


def test_what_was_not_written_is_told_at_the_end(disk):
    ledger = Ledger(disk)
    disk.full = True
    ledger.append([entry()])
    assert not ledger.close()
