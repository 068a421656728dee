import os
import platform
import subprocess
import sys
import tempfile

import pytest

from napari_touchup.core.scratch import PREFIX, scratch_folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_program_left_goes(place):
    code = (
        f"import tempfile; tempfile.tempdir = {str(place)!r}\n"
        "from napari_touchup.core.scratch import scratch_folder\n"
        "(scratch_folder() / 'maps').touch()\n"
        "import os; os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode != 0
    (left,) = place.iterdir()
    assert (left / "maps").exists()
    made = scratch_folder()
    assert list(place.iterdir()) == [made]


@pytest.mark.parametrize(
    "name",
    [
        f"{PREFIX}{platform.node()}-{os.getppid()}-abc",  # of a program that runs
        f"{PREFIX}another-computer-{2**22 + 1}-abc",
        f"{PREFIX}{platform.node()}-abc",
        "something-else",
    ],
)
def test_all_else_stays(place, name):
    (place / name).mkdir()
    made = scratch_folder()
    assert {path.name for path in place.iterdir()} == {name, made.name}
