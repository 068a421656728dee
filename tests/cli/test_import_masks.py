import os
import re

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from typer.testing import CliRunner

from napari_touchup.cli import app
from napari_touchup.io.images import read_labels, write_image
from napari_touchup.io.outlines import outlines_of
from napari_touchup.io.rois import write_rois
from napari_touchup.io.tiff import PixelSize

LABELS = np.array([[0, 3, 3, 0], [9, 9, 3, 0], [0, 0, 0, 0]], np.uint16)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def fails(code, *words):
    result = run(*words)
    assert result.exit_code == code, result.output
    assert re.fullmatch(r"touchup: [^\n]+\n", result.stderr), result.stderr
    return result.stderr


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_rois(tmp_path / "r_rois.zip", outlines_of(LABELS, "YX"))
    np.save(tmp_path / "c_seg.npy", {"masks": LABELS})
    Pillow.fromarray(LABELS).save(tmp_path / "p.png")
    (tmp_path / "images").mkdir()
    for name in "rcp":
        write_image(tmp_path / f"images/{name}.tif", LABELS, "YX", PixelSize(0.5, 0.5))
    return tmp_path


FILES = ("r_rois.zip", "c_seg.npy", "p.png")


def test_every_kind(folder):
    result = run("import", *FILES, "-o", "out", "--image", "images")
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["c.tif", "p.tif", "r.tif"]
    for name in "rcp":
        masks = read_labels(folder / f"out/{name}.tif")
        np.testing.assert_array_equal(masks.data, LABELS)
        assert (masks.axes, masks.pixel) == ("YX", PixelSize(0.5, 0.5))
    assert re.search(r"r_rois\.zip +2 +out/r\.tif", result.stdout)
    assert re.search(r"3 files in \d+ s: 6 objects; 0 failed", result.stdout)


def test_without_images_and_with_one(folder):
    assert run("import", "r_rois.zip", "-o", "out").exit_code == 0
    assert tifffile.imread(folder / "out/r.tif").shape == (2, 3)
    words = ("import", "r_rois.zip", "-o", "other", "--image", "images/p.tif")
    assert run(*words).exit_code == 0
    assert tifffile.imread(folder / "other/r.tif").shape == (3, 4)


class Harm:
    def __reduce__(self):
        return os.system, ("touch harm",)


def test_a_file_that_fails_does_not_stop_the_others(folder):
    np.save(folder / "evil_seg.npy", {"masks": LABELS, "more": Harm()})
    Pillow.fromarray(np.zeros((3, 4, 3), np.uint8)).save(folder / "rgb.png")
    result = run("import", "evil_seg.npy", "rgb.png", "p.png", "-o", "out")
    assert (result.exit_code, result.stderr) == (1, "touchup: 2 of 3 files failed\n")
    assert re.search(
        r"evil_seg\.npy +failed: cannot be read: it asks to run '(posix|nt)\.system', which is no "
        r"data: not opened",
        result.stdout,
    )
    assert re.search(r"rgb\.png +failed: expected labels .*, got colours", result.stdout)
    assert not (folder / "harm").exists()
    assert [path.name for path in (folder / "out").iterdir()] == ["p.tif"]


def test_notes_are_in_the_table(folder):
    Pillow.fromarray((LABELS > 0).astype(np.uint8)).save(folder / "b.png")
    result = run("import", "b.png", "-o", "out")
    assert result.exit_code == 0
    assert "there is one label only: are these all objects together?" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.zip", "-o", "out"], "no such file: absent.zip"),
        (["images", "-o", "out"], "no such file: images"),
        (["images/p.tif", "-o", "out"], "expected ROI zip, .roi, GeoJSON, Cellpose's _seg.npy or"),
        (["p.png", "-o", "images"], "already there: images/p.tif; nothing is written over"),
        (["p.png", "p_seg.npy", "-o", "out"], "several files would become out/p.tif"),
        ([*FILES, "-o", "out", "--image", "images/p.tif"], "no image for r_rois.zip, c_seg.npy"),
        ([*FILES, "-o", "out", "--image", "absent"], "no such file or folder: absent"),
    ],
)
def test_bad_usage(folder, words, message):
    (folder / "p_seg.npy").touch()
    assert message in fails(2, "import", *words)
    assert not (folder / "out").exists()
