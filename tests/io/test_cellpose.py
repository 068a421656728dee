import os
import pickle
import subprocess
from collections import OrderedDict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from napari_touchup.io.cellpose import STAND_INS, read_cellpose
from napari_touchup.io.images import ImageFileError

MASKS = np.array([[0, 1, 1], [2, 2, 0]], np.uint16)


def content(masks=MASKS, **more):
    """What Cellpose 4 saves."""
    return {
        "outlines": masks * 0,
        "colors": np.zeros((2, 3), np.uint8),
        "masks": masks,
        "chan_choose": [0, 0],
        "ismanual": np.zeros(0, bool),
        "filename": "a.tif",
        "flows": [masks[None], [], np.zeros((1, 2), ">f4"), [masks, None]],
        "diameter": np.float64(30),
        "normalize_params": {"percentile": [1.0, 99.0], "invert": False},
        "names": np.array(["a", "b"]),
        "odd": np.array([None, 1, {2}, frozenset()], object),
        "kind": np.dtype("u2"),
    } | more


def saved(tmp_path, what):
    path = tmp_path / "a_seg.npy"
    np.save(path, what)
    return path


def pickled(tmp_path, data):
    """A file whose pickle is given."""
    path = tmp_path / "a_seg.npy"
    with path.open("wb") as file:
        header = {"shape": (), "fortran_order": False, "descr": "|O"}
        npy.write_array_header_1_0(file, header)
        file.write(data)
    return path


@pytest.mark.parametrize("dtype", ["u1", "u2", ">u4", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_masks_are_read(tmp_path, dtype, order):
    masks = MASKS.astype(dtype, order=order)
    found = read_cellpose(saved(tmp_path, content(masks)))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, MASKS)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_every_protocol_of_python_3(tmp_path, protocol):
    array = np.array(content(np.asfortranarray(MASKS)), object)
    path = pickled(tmp_path, pickle.dumps(array, protocol))
    np.testing.assert_array_equal(read_cellpose(path), MASKS)


def test_numpy_before_2_called_its_modules_otherwise(tmp_path):
    data = pickle.dumps(np.array(content(), object), 3).replace(b"numpy._core", b"numpy.core")
    np.testing.assert_array_equal(read_cellpose(pickled(tmp_path, data)), MASKS)


def test_volumes_and_plain_arrays(tmp_path):
    volume = np.stack([MASKS, MASKS])
    np.testing.assert_array_equal(read_cellpose(saved(tmp_path, content(volume))), volume)
    np.testing.assert_array_equal(read_cellpose(saved(tmp_path, MASKS)), MASKS)


def test_an_image_without_objects(tmp_path):
    found = read_cellpose(saved(tmp_path, content(MASKS * 0)))
    assert found.tolist() == [[0, 0, 0], [0, 0, 0]]


class Runs:
    """Unpickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "posix.system"),
        (os.mkdir, "posix.mkdir"),
        (subprocess.run, "subprocess.run"),
        (eval, "builtins.eval"),
        (getattr, "builtins.getattr"),
        (bytearray, "builtins.bytearray"),
        (np.load, "numpy.load"),
        (np.fromfile, "numpy.fromfile"),
        (partial, "functools.partial"),
        (OrderedDict, "collections.OrderedDict"),
        (Path, "pathlib.Path"),
    ],
)
@pytest.mark.parametrize("place", ["masks", "hidden"])
def test_what_asks_to_run_something_is_refused(tmp_path, function, name, place):
    what = content() | {place: Runs(function, str(tmp_path / "harm"))}
    path = saved(tmp_path, what)
    before = sorted(tmp_path.iterdir())
    asked = name.replace("posix", os.name if os.name == "posix" else "nt")
    message = f"a_seg.npy cannot be read: it asks to run '{asked}', which is no data: not opened"
    with pytest.raises(ImageFileError) as caught:
        read_cellpose(path)
    assert str(caught.value) == f"{tmp_path}/{message}"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "data",
    [
        b"cposix\nsystem\n(S'touch harm'\ntR.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
        b"(S'touch harm'\niposix\nsystem\n.",
        b"cnumpy\nndarray.__init__\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
    ],
)
def test_other_ways_to_name_a_function(tmp_path, data):
    with pytest.raises(ImageFileError, match="it asks to run"):
        read_cellpose(pickled(tmp_path, data))


@pytest.mark.parametrize("name", STAND_INS)
def test_a_pickle_cannot_change_what_stands_in(tmp_path, name):
    module, _, attribute = name.rpartition(".")
    before = dict(vars(STAND_INS[name]))
    state = b"(N(S'data'\nS'new'\nS'__doc__'\nS'new'\ndt"
    with pytest.raises(ImageFileError, match="cannot be read"):
        read_cellpose(pickled(tmp_path, f"c{module}\n{attribute}\n".encode() + state + b"b."))
    assert dict(vars(STAND_INS[name])) == before


def array_of(state):
    """A file whose masks claim to be something that they are not."""
    stub = Runs(np._core.multiarray._reconstruct, np.ndarray, (0,), b"b")
    stub.call = (*stub.call, state)
    return content() | {"masks": stub}


@pytest.mark.parametrize(
    "state",
    [
        (1, (1000, 1000), np.dtype("u2"), False, b"12"),
        (1, (-1,), np.dtype("u2"), False, b"1"),
        (1, (2, 2), np.dtype("O"), False, b"12345678" * 4),
        (1, (2, 2), np.dtype("u2,u2"), False, b"12345678" * 2),
        (1, (2, 2), None, False, b"1234"),
        (1, "ab", np.dtype("u1"), False, b"1234"),
        (1, (2, 2), np.dtype("u1"), False, "text"),
        (1,),
        7,
    ],
)
def test_arrays_that_lie(tmp_path, state):
    with pytest.raises(ImageFileError, match=r"a_seg\.npy cannot be read: "):
        read_cellpose(saved(tmp_path, array_of(state)))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"img": MASKS}, "it holds no masks"),
        ({"masks": None}, "it holds no masks"),
        ({"masks": [1, 2]}, "it holds no masks"),
        (["masks"], "expected masks of integers"),
        (content(MASKS.astype(float)), r"expected masks .*, got float64 of shape \(2, 3\)"),
        (content(MASKS.astype(int) - 1), "expected masks of integers >= 0"),
        (content(MASKS[0]), r"got uint16 of shape \(3,\)"),
        (MASKS[None, None], r"got uint16 of shape \(1, 1, 2, 3\)"),
    ],
)
def test_files_without_masks(tmp_path, what, message):
    with pytest.raises(ImageFileError, match=rf"a_seg\.npy cannot be read: .*{message}"):
        read_cellpose(saved(tmp_path, what))


@pytest.mark.parametrize("length", [0, 4, 40, 200, 700])
def test_a_file_that_is_cut_short(tmp_path, length):
    path = saved(tmp_path, content())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ImageFileError, match=r"a_seg\.npy cannot be read: "):
        read_cellpose(path)


def test_noise_never_crashes(tmp_path):
    good = bytearray(saved(tmp_path, content()).read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(300):
        bad = good.copy()
        for at in rng.integers(128, len(bad), 3):
            bad[at] = rng.integers(256)
        (tmp_path / "b_seg.npy").write_bytes(bad)
        try:
            read_cellpose(tmp_path / "b_seg.npy")
        except ImageFileError:
            continue
