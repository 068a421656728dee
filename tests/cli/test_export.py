import csv
import re

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_touchup.cli import app
from napari_touchup.io.geojson import read_geojson
from napari_touchup.io.images import read_labels, write_image, write_labels
from napari_touchup.io.outlines import labels_of
from napari_touchup.io.rois import read_rois
from napari_touchup.io.tiff import PixelSize

LABELS = np.zeros((12, 14), np.uint16)
LABELS[1:4, 1:5], LABELS[1:9, 5:9], LABELS[3:5, 6:8] = 2, 30, 0
RAW = np.random.default_rng(0).integers(0, 4000, (2, 12, 14), np.uint16)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def fails(code, *words):
    result = run(*words)
    assert result.exit_code == code, result.output
    assert re.fullmatch(r"touchup: [^\n]+\n", result.stderr), result.stderr
    return result.stderr


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Masks and images: a frame, a film, and an image that nobody segmented."""
    monkeypatch.chdir(tmp_path)
    for name in ("masks", "images"):
        (tmp_path / name).mkdir()
    write_labels(tmp_path / "masks/a.tif", LABELS, "YX", PixelSize(0.5, 0.5))
    write_labels(tmp_path / "masks/film.tif", np.stack([LABELS, LABELS * 0]), "TYX")
    write_image(tmp_path / "images/a.tif", RAW, "CYX")
    write_image(tmp_path / "images/film.tif", RAW, "TYX")
    tifffile.imwrite(tmp_path / "images/unseen.tif", RAW[0])
    return tmp_path


def test_everything_of_a_folder(folder):
    write_image(folder / "masks/a_maps.tif", RAW.astype(np.float32), "CYX")  # no masks
    words = ["export", "masks", "--image", "images", "-o", "out"]
    result = run(*words, "--roi", "--geojson", "--csv")
    assert (result.exit_code, result.stderr) == (0, "")
    out = folder / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "a.geojson", "a_rois.zip", "cells.csv", "film.geojson", "film_rois.zip", "images.csv",
    ]  # fmt: skip
    for read in (read_rois(out / "a_rois.zip"), read_geojson(out / "a.geojson")):
        np.testing.assert_array_equal(labels_of(read.outlines, LABELS.shape, "YX")[0], LABELS)
    cells = rows(out / "cells.csv")
    assert [(row["file"], row["frame"], row["cell"], row["area_px"]) for row in cells] == [
        ("a.tif", "0", "2", "12"),
        ("a.tif", "0", "30", "28"),
        ("film.tif", "0", "2", "12"),
        ("film.tif", "0", "30", "28"),
    ]
    assert [row["area_um2"] for row in cells] == ["3.0", "7.0", "", ""]
    assert float(cells[0]["intensity_mean_c2"]) == RAW[1][LABELS == 2].mean()
    assert cells[2]["intensity_mean_c2"] == ""
    images = rows(out / "images.csv")
    assert [(row["file"], row["frames"], row["cells"]) for row in images] == [
        ("a.tif", "1", "2"),
        ("film.tif", "2", "2"),
    ]
    assert re.search(r"masks/a\.tif +2 +out/a_rois\.zip", result.stdout)
    assert re.search(r"2 files in \d+ s: 4 objects; 0 failed", result.stdout)
    assert "measurements in out/cells.csv and out/images.csv" in result.stdout


def test_positions_are_of_hyperstacks_where_the_image_has_channels(folder):
    write_image(folder / "film.tif", np.stack([RAW, RAW]), "TCYX")
    run("export", "masks/film.tif", "-o", "one", "--roi")
    run("export", "masks/film.tif", "--image", "film.tif", "-o", "two", "--roi")
    one, two = (read_rois(folder / n / "film_rois.zip").outlines[0] for n in ("one", "two"))
    assert (one.plane, one.t) == (0, None)
    assert (two.plane, two.t) == (None, 0)


def test_one_kind_alone_and_without_images(folder):
    assert run("export", "masks/a.tif", "masks/film.tif", "-o", "out", "--csv").exit_code == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["cells.csv", "images.csv"]
    assert "intensity_mean_c1" not in rows(folder / "out/cells.csv")[0]


def test_a_file_that_fails_does_not_stop_the_others(folder):
    (folder / "masks/broken.tif").write_bytes(b"no image")
    tifffile.imwrite(folder / "masks/float.tif", np.full((3, 3), 0.5, np.float32))
    write_image(folder / "images/film.tif", RAW[:, 1:], "TYX")
    for name in ("broken", "float"):
        tifffile.imwrite(folder / f"images/{name}.tif", RAW[0])
    result = run("export", "masks", "--image", "images", "-o", "out", "--geojson", "--csv")
    assert (result.exit_code, result.stderr) == (1, "touchup: 3 of 4 files failed\n")
    assert re.search(r"broken\.tif +failed: cannot be read: it is no TIFF", result.stdout)
    assert re.search(r"float\.tif +failed: expected labels", result.stdout)
    assert re.search(r"film\.tif +failed: expected an image of the frames", result.stdout)
    assert [row["file"] for row in rows(folder / "out/images.csv")] == ["a.tif"]
    assert not (folder / "out/film.geojson").exists()


def test_nothing_is_left_where_all_fail(folder):
    (folder / "x.tif").write_bytes(b"no image")
    fails(1, "export", "x.tif", "-o", "out", "--csv", "--roi")
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["masks", "-o", "out"], "expected one or more of --roi, --geojson and --csv"),
        (["absent", "-o", "out", "--roi"], "no such file or folder: absent"),
        (["masks", "-o", "there", "--csv"], "already there: there/cells.csv; nothing is written"),
        (["masks", "-o", "there", "--geojson"], "already there: there/a.geojson; nothing"),
        (["masks", "--image", "there", "-o", "out", "--csv"], "no images in there"),
        (["masks", "--image", "masks/a.tif", "-o", "out", "--csv"], "no image for masks/film.tif"),
        (["masks", "x", "-o", "out", "--roi"], "several files would become out/a_rois.zip"),
    ],
)
def test_bad_usage(folder, words, message):
    for name in ("there/cells.csv", "there/a.geojson", "x/a.tif"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert message in fails(2, "export", *words)
    assert not (folder / "out").exists()


def test_masks_come_back(folder):
    run("export", "masks", "-o", "out", "--roi", "--geojson")
    for kind, back in (("*.zip", "zip"), ("*.geojson", "json")):
        files = sorted((folder / "out").glob(kind))
        assert run("import", *files, "--image", "images", "-o", back).exit_code == 0
        for name in ("a.tif", "film.tif"):
            expected, found = (read_labels(folder / n / name) for n in ("masks", back))
            np.testing.assert_array_equal(found.data, expected.data)
            assert found.axes == expected.axes
