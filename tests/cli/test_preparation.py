import subprocess
import sys

import pytest

from napari_touchup.cli.preparation import crop_edge


@pytest.mark.parametrize(
    ("diameter_px", "edge"), [(8, 128), (32, 128), (32.1, 160), (41, 192), (128, 512), (300, 512)]
)
def test_crops_show_objects_whole(diameter_px: float, edge: int) -> None:
    assert crop_edge(diameter_px) == edge


def test_reading_and_checking_needs_no_torch() -> None:
    code = (
        "import sys, napari_touchup.cli.preparation, napari_touchup.io.training\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
