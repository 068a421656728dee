import numpy as np
import pytest

from napari_touchup.io.outlines import Outline, extent, label_of, labels_of, outlines_of

SQUARE = np.array([[1, 1], [3, 1], [3, 3], [1, 3]])


def square(label=None, **place):
    return Outline([[SQUARE]], label, **place)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("0012", 12),
        ("7", 7),
        (" 0012_T003 ", 12),
        ("0012_T003_Z010", 12),
        ("4294967295", 2**32 - 1),
        ("4294967296", None),
        ("0000", None),
        ("0003-0120-0345", None),  # ImageJ's own: plane, y and x
        ("cell 3", None),
        ("", None),
    ],
)
def test_names_that_are_labels(name, label):
    assert label_of(name) == label


@pytest.mark.parametrize("axes", ["YX", "TYX", "ZYX", "TZYX", "YXT", "ZTYX"])
def test_stacks_come_back_exactly(axes):
    sizes = {"T": 2, "Z": 3, "Y": 6, "X": 7}
    shape = [sizes[axis] for axis in axes]
    labels = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint16)
    outlines = list(outlines_of(labels, axes))
    again, hidden = labels_of(outlines, labels.shape, axes)
    np.testing.assert_array_equal(again, labels)
    assert (again.dtype, hidden) == (np.uint16, 0)
    assert all((outline.t is None) == ("T" not in axes) for outline in outlines)
    assert all((outline.z is None) == ("Z" not in axes) for outline in outlines)


def test_channels_are_no_axis_of_labels():
    with pytest.raises(ValueError, match="expected axes from T, Z, Y and X, got CYX"):
        list(outlines_of(np.zeros((2, 3, 4), int), "CYX"))


@pytest.mark.parametrize(
    ("outlines", "expected"),
    [
        ([square()], ((3, 3), "YX")),
        ([square(t=0, z=0)], ((3, 3), "YX")),
        ([square(t=4, z=0)], ((5, 3, 3), "TYX")),
        ([square(z=1)], ((2, 3, 3), "ZYX")),
        ([square(t=1, z=2)], ((2, 3, 3, 3), "TZYX")),
        ([square(plane=2)], ((3, 3, 3), "TYX")),
        ([square(), Outline([[np.add(SQUARE, (4.5, 0))]])], ((3, 8), "YX")),
    ],
)
def test_the_size_is_guessed_from_what_is_drawn(outlines, expected):
    assert extent(outlines) == expected


@pytest.mark.parametrize(
    ("outlines", "message"),
    [
        ([], "no objects that tell how large the image is"),
        ([Outline([[SQUARE * 1e6]])], r"an image of \(3000000, 3000000\) pixels: give the image"),
        ([square(t=10**9)], "give the image too"),
    ],
)
def test_a_size_that_cannot_be_guessed(outlines, message):
    with pytest.raises(ValueError, match=message):
        extent(outlines)


def test_numbers_are_kept_if_they_tell_objects_apart():
    far = Outline([[SQUARE + 3]], 4)
    assert np.unique(labels_of([square(9), far], (9, 9), "YX")[0]).tolist() == [0, 4, 9]
    assert np.unique(labels_of([square(4), far], (9, 9), "YX")[0]).tolist() == [0, 1, 2]
    assert np.unique(labels_of([square(), far], (9, 9), "YX")[0]).tolist() == [0, 1, 2]
    film = labels_of([square(4, t=0), square(4, t=1)], (2, 4, 4), "TYX")[0]
    assert np.unique(film).tolist() == [0, 4]
    assert labels_of([square(70_000)], (4, 4), "YX")[0].dtype == np.uint32


def test_the_later_of_two_is_on_top_and_the_hidden_are_counted():
    outlines = [square(1), Outline([[np.add(SQUARE, (50, 0))]], 2), square(3)]
    labels, hidden = labels_of(outlines, (4, 4), "YX")
    assert np.unique(labels).tolist() == [0, 3]
    assert hidden == 2


def test_an_object_of_no_plane_is_in_every_one():
    labels, hidden = labels_of([square(5)], (3, 4, 4), "TYX")
    assert (labels == 5).sum(axis=(1, 2)).tolist() == [4, 4, 4]
    assert hidden == 0


@pytest.mark.parametrize(("axes", "index"), [("TYX", 1), ("ZYX", 1), ("TZYX", (slice(None), 1))])
def test_a_plane_without_axis_is_of_z_before_t(axes, index):
    shape = (2,) * (len(axes) - 2) + (4, 4)
    labels, _ = labels_of([square(5, plane=1)], shape, axes)
    assert (labels[index] == 5).any()
    assert (labels == 5).sum() == (labels[index] == 5).sum()


def test_a_plane_that_is_not_there():
    with pytest.raises(ValueError, match="an object is in plane 3 of T, the image has 2"):
        labels_of([square(1, t=2)], (2, 4, 4), "TYX")
    with pytest.raises(ValueError, match="an object is in plane 2 of Z, the image has 1"):
        labels_of([square(1, z=1)], (2, 4, 4), "TYX")
