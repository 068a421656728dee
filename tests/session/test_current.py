from pathlib import Path

import pytest

import napari_touchup as touchup
from napari_touchup.core.entries import Version
from napari_touchup.io.project import ProjectFile
from napari_touchup.nn.header import DEFAULT_MODEL
from napari_touchup.session.current import choose, current, find_model, model_of
from napari_touchup.session.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(ProjectFile.create(tmp_path / "a.touchup"))
    yield ledger
    ledger.close()


def version(number, binned=False):
    file = DEFAULT_MODEL.name if number == 0 else f"version-{number}.safetensors"
    return Version(number, f"v{number}", 0, 0.0, file, "", binned=binned)


@pytest.mark.parametrize(
    ("numbers", "binned", "chosen", "expected"),
    [
        ((), (), None, None),
        ((0,), (), None, 0),
        ((0, 1, 2), (), None, 2),
        ((0, 1, 2), (), 1, 1),
        ((0, 1, 2), (2,), None, 1),
        ((0, 1, 2), (1,), 1, 2),
        ((0, 1, 2), (), 7, 2),
    ],
)
def test_the_chosen_version_or_the_newest(ledger, numbers, binned, chosen, expected):
    for number in numbers:
        ledger.put_version(version(number, number in binned))
    if chosen is not None:
        choose(ledger, version(chosen))
    found = current(ledger)
    assert (None if found is None else found.number) == expected


def test_where_it_is(ledger, tmp_path):
    folder = tmp_path / "a.touchup"
    assert model_of(folder) is None
    assert find_model(folder) == DEFAULT_MODEL
    ledger.put_version(version(0))
    ledger.flush()
    assert model_of(folder) == DEFAULT_MODEL
    ledger.put_version(version(1))
    ledger.flush()
    assert touchup.find_model(folder) == folder / "models" / "version-1.safetensors"


def test_what_is_no_project(tmp_path):
    with pytest.raises(ValueError, match="is no napari-touchup project"):
        find_model(tmp_path)
    with pytest.raises(touchup.ModelFileError, match="no such file"):
        find_model(Path("absent.touchup"))
    assert find_model("default") == DEFAULT_MODEL
