import numpy as np
import pytest

from napari_touchup.core.delta import Area, Patch
from napari_touchup.io import packing
from napari_touchup.io.packing import pack, pack_area, unpack, unpack_area

BOX = (slice(2, 4), slice(5, 8))
BEFORE = np.array([[1, 2, 3], [4, 5, 6]], np.uint16)


def check(patch):
    found = unpack(pack(patch))
    assert found.box == patch.box
    for ours, theirs in ((found.before, patch.before), (found.after, patch.after)):
        assert (ours.dtype, ours.tolist()) == (theirs.dtype, theirs.tolist())
        assert ours.flags.writeable


@pytest.mark.parametrize("dtype", ["uint8", "bool", "<i4", ">i4", "uint64", "float64"])
def test_types_are_kept(dtype):
    before = BEFORE.astype(dtype)
    check(Patch(BOX, before, before[::-1]))


def test_windows_of_larger_arrays():
    large = np.arange(200, dtype=np.int32).reshape(10, 20)
    check(Patch(BOX, large[2:4, 5:8], large[::3, ::7][:2]))


def test_an_empty_box():
    none = np.zeros((0, 3), np.uint8)
    check(Patch((slice(2, 2), slice(0, 3)), none, none))


def test_many_blocks(monkeypatch):
    monkeypatch.setattr(packing, "BLOCK_BYTES", 64)
    before = np.random.default_rng(0).integers(0, 999, (50, 9), np.int32)
    check(Patch((slice(0, 50), slice(0, 9)), before, before * 2))


def test_a_stroke_is_small():
    labels = np.full((300, 300), 70_000, np.int32)
    after = labels.copy()
    after[100:150] = 70_001
    assert len(pack(Patch((slice(0, 300),) * 2, labels, after))) < 5000  # of 720 000


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (Patch(BOX, BEFORE, BEFORE.astype(int)), "expected numbers of one dtype"),
        (Patch(BOX, BEFORE.astype(object), BEFORE.astype(object)), "expected numbers"),
        (Patch(BOX, BEFORE, BEFORE[:1]), r"expected arrays of shape \(2, 3\)"),
        (Patch(BOX, BEFORE.T, BEFORE.T), r"expected arrays of shape \(2, 3\)"),
    ],
)
def test_what_is_no_patch(patch, message):
    with pytest.raises(ValueError, match=message):
        pack(patch)


@pytest.mark.parametrize("length", [0, 5, 50, -1])
def test_bytes_that_were_cut(length):
    data = pack(Patch(BOX, BEFORE, BEFORE + 1))
    with pytest.raises(ValueError, match=r"."):
        unpack(data[:length])


def test_areas():
    mask = np.random.default_rng(0).random((7, 11)) < 0.5
    box = (slice(1, 8), slice(2, 13))
    area = Area(box, mask)
    found = unpack_area(box, pack_area(area))
    assert found.box == box
    assert np.array_equal(found.mask, mask)
    with pytest.raises(ValueError, match="damaged"):
        unpack_area(box, b"no")
