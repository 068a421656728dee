import numpy as np

from napari_touchup.core.delta import Delta, compare
from napari_touchup.core.entries import Entry, ImageRecord, Version
from napari_touchup.session.memory_store import MemoryStore, is_of

IMAGE = ImageRecord("f", "cells", None, "YX", False, (5, 5))


def entry(image, frame, number):
    return Entry("done", image, frame, Delta(done=(False, True)), 1.0, number=number)


def test_what_is_put_is_there():
    store = MemoryStore()
    entries = [entry("f", (0,), 1), entry("f", (1,), 2), entry("g", (1,), 3)]
    store.append(entries)
    assert list(store.entries()) == entries
    assert list(store.entries("f")) == entries[:2]
    assert list(store.entries("f", (1,))) == entries[1:2]
    assert [found.delta.done for found in store.outline()] == [(False, True)] * 3
    store.put_image(IMAGE)
    versions = [Version(n, "v", 0, 1.0, "v.safetensors", "00") for n in (2, 1)]
    for version in versions:
        store.put_version(version)
    store.put_setting("a", "b")
    assert store.images() == (IMAGE,)
    assert store.versions() == tuple(reversed(versions))
    assert store.settings() == {"a": "b"}
    store.close()


def test_identity():
    assert MemoryStore("mine").identity == "mine"
    assert MemoryStore().identity != MemoryStore().identity


def test_is_of():
    found = entry("f", (), 1)
    assert is_of(found, None, None)
    assert is_of(found, "f", ())
    assert not is_of(found, "g", None)
    assert not is_of(found, "f", (0,))


def test_the_pixels_of_whole_frames_are_kept_packed():
    labels = np.kron(np.arange(64, dtype=np.int32).reshape(8, 8), np.ones((64, 64), np.int32))
    patch = compare(np.zeros_like(labels), labels)
    store = MemoryStore()
    store.append([Entry("predicted", "image", (), Delta(labels=patch), 0.0, number=1)])
    (entry,) = store.entries()
    kept = entry.delta.labels
    assert len(kept.data) < patch.after.nbytes / 50
    assert kept.box == patch.box
    for name in ("before", "after", "changed"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(patch, name))
    np.testing.assert_array_equal(entry.delta.reversed().labels.after, patch.before)
