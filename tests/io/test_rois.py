import struct
import zipfile

import numpy as np
import pytest
from roifile import ROI_TYPE, ImagejRoi

from napari_touchup.core.scenes import KINDS
from napari_touchup.core.synth import make, timelapse
from napari_touchup.io.images import ImageFileError, read_labels
from napari_touchup.io.outlines import labels_of, outlines_of
from napari_touchup.io.rois import read_rois, write_rois

RING = np.array([[0, 0, 0, 0, 0], [0, 7, 7, 7, 0], [0, 7, 0, 7, 2], [0, 7, 7, 7, 0]])


def again(tmp_path, labels, axes):
    write_rois(tmp_path / "a.zip", outlines_of(labels, axes))
    read = read_rois(tmp_path / "a.zip")
    assert read.left_out == 0
    return labels_of(read.outlines, labels.shape, axes)[0]


def rois(path):
    return {roi.name: roi for roi in ImagejRoi.fromfile(path)}


def test_what_is_written(tmp_path):
    write_rois(tmp_path / "a.zip", outlines_of(RING, "YX"))
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert file.namelist() == ["0002.roi", "0007.roi"]
    found = rois(tmp_path / "a.zip")
    pixel, ring = found["0002"], found["0007"]
    assert (pixel.roitype, pixel.integer_coordinates.tolist()) == (
        ROI_TYPE.TRACED,
        [[0, 0], [1, 0], [1, 1], [0, 1]],
    )
    for roi, box in ((pixel, (4, 2, 5, 3)), (ring, (1, 1, 4, 4))):
        assert (roi.left, roi.top, roi.right, roi.bottom) == box
        assert (roi.position, roi.c_position, roi.z_position, roi.t_position) == (0, 0, 0, 0)
    assert (ring.roitype, ring.composite) == (ROI_TYPE.RECT, True)
    assert ring.multi_coordinates.tolist() == [
        *(0, 1, 1, 1, 4, 1, 1, 4, 4, 1, 1, 4, 4),
        *(0, 2, 3, 1, 3, 3, 1, 3, 2, 1, 2, 2, 4),
    ]


@pytest.mark.parametrize(
    ("axes", "hyperstack", "positions"),
    [
        ("TYX", False, {"0003_T001": (1, 0, 0, 0), "0003_T002": (2, 0, 0, 0)}),
        ("ZYX", False, {"0003_Z001": (1, 0, 0, 0), "0003_Z002": (2, 0, 0, 0)}),
        ("TYX", True, {"0003_T001": (0, 0, 0, 1), "0003_T002": (0, 0, 0, 2)}),
        ("ZYX", True, {"0003_Z001": (0, 0, 1, 0), "0003_Z002": (0, 0, 2, 0)}),
    ],
)
def test_planes_of_one_axis(tmp_path, axes, hyperstack, positions):
    labels = np.full((2, 3, 3), 3)
    write_rois(tmp_path / "a.zip", outlines_of(labels, axes), hyperstack=hyperstack)
    found = {
        name: (roi.position, roi.c_position, roi.z_position, roi.t_position)
        for name, roi in rois(tmp_path / "a.zip").items()
    }
    assert found == positions
    read = read_rois(tmp_path / "a.zip")
    np.testing.assert_array_equal(labels_of(read.outlines, (2, 3, 3), axes)[0], labels)


def test_planes_of_two_axes(tmp_path):
    labels = np.zeros((2, 3, 4, 4), int)
    labels[1, 2, 1, 1] = 9
    write_rois(tmp_path / "a.zip", outlines_of(labels, "TZYX"))
    roi = rois(tmp_path / "a.zip")["0009_T002_Z003"]
    assert (roi.position, roi.z_position, roi.t_position) == (0, 3, 2)
    np.testing.assert_array_equal(again(tmp_path, labels, "TZYX"), labels)


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_come_back_exactly(tmp_path, kind):
    labels = make(kind, (96, 128), np.random.default_rng(1)).truth
    np.testing.assert_array_equal(again(tmp_path, labels, "YX"), labels)


def test_a_film_comes_back_exactly(tmp_path):
    labels = timelapse((64, 64), np.random.default_rng(1), 3).truth
    np.testing.assert_array_equal(again(tmp_path, labels, "TYX"), labels)


def test_noise_comes_back_exactly(tmp_path):
    labels = np.random.default_rng(1).integers(0, 6, (40, 40))
    np.testing.assert_array_equal(again(tmp_path, labels, "YX"), labels)


def test_far_out_in_a_large_mosaic(tmp_path):
    labels = np.zeros((3, 70_000), np.uint16)
    labels[1, 40_000:40_004], labels[2, 69_990:] = 1, 2
    np.testing.assert_array_equal(again(tmp_path, labels, "YX"), labels)


def test_real_nuclei_come_back_exactly(tmp_path, dsb2018):
    labels = read_labels(sorted((dsb2018 / "masks").rglob("*.tif"))[0]).data
    np.testing.assert_array_equal(again(tmp_path, labels, "YX"), labels)


def write_zip(path, **entries):
    with zipfile.ZipFile(path, "w") as file:
        for name, roi in entries.items():
            file.writestr(f"{name}.roi", roi if isinstance(roi, bytes) else roi.tobytes())
    return path


def test_shapes_of_other_people(tmp_path):
    oval = ImagejRoi(roitype=ROI_TYPE.OVAL, left=0, top=0, right=10, bottom=6)
    rectangle = ImagejRoi(roitype=ROI_TYPE.RECT, left=12, top=1, right=15, bottom=3)
    points = np.array([[0.2, 7.2], [4.4, 7.2], [4.4, 9.8], [0.2, 9.8]])
    freehand = ImagejRoi.frompoints(points, name="by hand")
    line = ImagejRoi(roitype=ROI_TYPE.LINE, x2=5.0, y2=5.0)
    entries = {"a": oval, "b": rectangle, "c": freehand, "d": line}
    read = read_rois(write_zip(tmp_path / "a.zip", **entries))
    assert read.left_out == 1
    labels, _ = labels_of(read.outlines, (10, 16), "YX")
    assert (labels[1:3, 12:15] == 2).all()
    assert (labels == 2).sum() == 6
    assert (labels == 3).sum() == 12
    assert (labels == 1).sum() == pytest.approx(np.pi * 5 * 3, rel=0.1)


@pytest.mark.parametrize(
    "curve", [(2, 10, 10, 0, 10), (3, 8, 20 / 3, 8, 40 / 3, 0, 20)], ids=["quadratic", "cubic"]
)
def test_curves_of_a_path(tmp_path, curve):
    height = curve[-1]
    path = np.array([0, 0, 0, *curve, 4], np.float32)
    roi = ImagejRoi(roitype=ROI_TYPE.RECT, multi_coordinates=path, shape_roi_size=len(path))
    (outline,) = read_rois(write_zip(tmp_path / "a.zip", x=roi)).outlines
    ring = outline.rings[0]
    assert ring[-1].tolist() == [0, height]
    expected = {10: 100 / 3, 20: 80}[height]  # integrals of x dy by hand
    (x, y), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    assert 0.5 * abs((x * y1 - x1 * y).sum()) == pytest.approx(expected, rel=0.01)


def test_a_single_roi_and_its_own_name(tmp_path):
    roi = ImagejRoi.frompoints(np.array([[0, 0], [2, 0], [2, 2]]), name="0042")
    roi.tofile(tmp_path / "some.roi")
    assert [outline.label for outline in read_rois(tmp_path / "some.roi").outlines] == [42]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no zip of ROIs"),
        (b"PK\3\4 and so on", "it is no zip of ROIs"),
        (b"Iout and no more", "too short"),
    ],
)
def test_a_damaged_file(tmp_path, content, message):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ImageFileError, match=f"a.zip cannot be read: .*{message}"):
        read_rois(tmp_path / "a.zip")


@pytest.mark.parametrize("damage", ["text", "cut", "path", "start", "nan"])
def test_a_damaged_roi(tmp_path, damage):
    outline = next(outlines_of((RING == 7).astype(int), "YX"))
    write_rois(tmp_path / "good.zip", [outline])
    roi = next(iter(rois(tmp_path / "good.zip").values()))
    if damage == "nan":
        roi.multi_coordinates[1] = np.nan
    if damage == "path":
        roi.multi_coordinates[3] = 77
    if damage == "start":
        roi.multi_coordinates[0] = 1
    content = {"text": b"Hello" * 20, "cut": roi.tobytes()[:90]}.get(damage, roi.tobytes())
    with pytest.raises(ImageFileError, match=r"a\.zip cannot be read: "):
        read_rois(write_zip(tmp_path / "a.zip", x=content))


def test_a_zip_that_unpacks_to_too_much(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.roi", b"Iout" + bytes(2**27))
    with pytest.raises(ImageFileError, match=r"its ROIs take 0\.1 GB"):
        read_rois(tmp_path / "a.zip")


def test_other_files_of_a_zip_are_passed_over(tmp_path):
    path = write_zip(tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("readme.txt", "hello")
    assert read_rois(path).outlines == []


def test_a_path_of_an_unknown_number_of_points_is_no_crash(tmp_path):
    roi = ImagejRoi.frompoints(np.array([[0, 0], [2, 0], [2, 2]]))
    content = bytearray(roi.tobytes())
    content[16:18] = struct.pack(">H", 60_000)
    with pytest.raises(ImageFileError, match="cannot be read"):
        read_rois(write_zip(tmp_path / "a.zip", x=bytes(content)))
