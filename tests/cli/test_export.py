import csv
import re

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_touchup.cli import app
from napari_touchup.core.delta import compare
from napari_touchup.io.geojson import read_geojson
from napari_touchup.io.images import read_labels, write_image, write_labels
from napari_touchup.io.outlines import labels_of
from napari_touchup.io.project import ProjectFile
from napari_touchup.io.rois import read_rois
from napari_touchup.io.tiff import PixelSize
from napari_touchup.session.gallery import Gallery
from napari_touchup.session.images import Image
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.project import Project
from napari_touchup.session.tools import Tools

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
        (["masks", "-o", "out"], "expected one or more of --roi, --geojson, --tif and --csv"),
        (["absent", "-o", "out", "--roi"], "no such file or folder: absent"),
        (["masks", "-o", "there", "--csv"], "already there: there/cells.csv; nothing is written"),
        (["masks", "-o", "there", "--geojson"], "already there: there/a.geojson; nothing"),
        (["masks", "--image", "there", "-o", "out", "--csv"], "no images in there"),
        (["masks", "--image", "masks/a.tif", "-o", "out", "--csv"], "no image for masks/film.tif"),
        (["masks", "x", "-o", "out", "--roi"], "several files would become out/a_rois.zip"),
        (["masks", "x", "-o", "out", "--csv"], "several files would be one in the tables: a.tif"),
        (["no.touchup", "-o", "out", "--csv"], "no.touchup is no napari-touchup project"),
    ],
)
def test_bad_usage(folder, words, message):
    (folder / "no.touchup").mkdir()
    for name in ("there/cells.csv", "there/a.geojson", "x/a.tif"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert message in fails(2, "export", *words)
    assert not (folder / "out").exists()


@pytest.fixture
def project(folder):
    """A project of a film, whose file is there, and an image that was in memory only."""
    film = Image("film", RAW, "TYX", path=folder / "images/film.tif")
    memory = Image("pasted", RAW[0], "YX")
    project = Project(Ledger(ProjectFile.create(folder / "cells.touchup")))
    for image in (film, memory):
        project.ledger.put_image(Gallery().record(image))
        project.predict(image.key, (1,) if image is film else (), image.plane_shape, LABELS)
    tools = Tools(project, film.key, film.plane_shape)
    tools.confirm((1,), [30])
    before = tools.state((1,)).labels
    after = before.copy()
    after[10, 2:9] = 31
    tools.stroke("brush", {(1,): compare(before, after)})
    project.close()
    return folder / "cells.touchup"


def test_a_project_with_what_was_corrected_and_confirmed(project, folder):
    result = run("export", "cells.touchup", "-o", "out", "--csv", "--tif")
    assert (result.exit_code, result.stderr) == (0, "")
    cells = rows(folder / "out/cells.csv")
    assert [(row["file"], row["frame"], row["cell"], row["state"]) for row in cells] == [
        ("film.tif", "1", "2", "model"),
        ("film.tif", "1", "30", "confirmed"),
        ("film.tif", "1", "31", "corrected"),
        ("pasted", "0", "2", "model"),
        ("pasted", "0", "30", "model"),
    ]
    assert float(cells[0]["intensity_mean_c1"]) == RAW[1][LABELS == 2].mean()
    assert cells[3]["intensity_mean_c1"] == ""
    film, pasted = rows(folder / "out/images.csv")
    assert [film[name] for name in ("cells", "model", "corrected", "confirmed")] == list("3111")
    assert (pasted["file"], pasted["model"]) == ("pasted", "2")
    masks = read_labels(folder / "out/film.tif")
    assert (masks.axes, masks.data[0].any()) == ("TYX", False)
    assert masks.data[1].max() == 31


def test_a_project_without_masks_is_told_of(folder):
    Ledger(ProjectFile.create(folder / "new.touchup")).close()
    assert "new.touchup holds no masks" in fails(2, "export", "new.touchup", "-o", "out", "--csv")


def test_masks_come_back(folder):
    run("export", "masks", "-o", "out", "--roi", "--geojson")
    for kind, back in (("*.zip", "zip"), ("*.geojson", "json")):
        files = sorted((folder / "out").glob(kind))
        assert run("import", *files, "--image", "images", "-o", back).exit_code == 0
        for name in ("a.tif", "film.tif"):
            expected, found = (read_labels(folder / n / name) for n in ("masks", back))
            np.testing.assert_array_equal(found.data, expected.data)
            assert found.axes == expected.axes
