import pytest
from typer.testing import CliRunner

from napari_touchup.cli import app
from napari_touchup.nn.checkpoint import load


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def package(tmp_path, model_file):
    path = tmp_path / "cells.zip"
    result = run("export-model", model_file("m.safetensors"), "-o", path, "--author", "Ada")
    assert result.exit_code == 0, result.output
    assert "bioimageio.core ran the weights" in result.output
    return path


def test_a_model_goes_into_a_package_and_comes_back(package, tmp_path):
    back = tmp_path / "back.safetensors"
    result = run("import-model", package, "-o", back)
    assert result.exit_code == 0, result.output
    before, after = load(tmp_path / "m.safetensors"), load(back)
    assert after.header == before.header
    again = run("import-model", package, "-o", back)
    assert (again.exit_code, "already there" in again.output) == (2, True)


def test_a_file_that_is_no_package_is_told_in_one_line(tmp_path):
    path = tmp_path / "cells.zip"
    path.write_text("no zip")
    result = run("import-model", path, "-o", tmp_path / "m.safetensors")
    assert result.exit_code == 1
    assert result.output == "touchup: cells.zip cannot be read: File is not a zip file\n"
