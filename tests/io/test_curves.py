from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from napari_touchup.io import curves as module
from napari_touchup.io.curves import Curves, check_plotting, plot, smooth


def curves(scored: bool = True) -> Curves:
    made = Curves()
    for step in range(1, 4):
        made.add({"step": step, "loss": 1 / step, "rate": 1e-3})
    if scored:
        made.add_scores(3, {"ap50": 0.51234567, "ap75": 0.25, "iou": 0.75})
    return made


def test_as_json() -> None:
    scores = {"step": 3, "ap50": 0.51235, "ap75": 0.25, "iou": 0.75}
    assert curves().as_json() == {
        "curves": {
            "step": [1, 2, 3],
            "loss": [1, 0.5, 0.33333],
            "rate": [0.001, 0.001, 0.001],
        },
        "validation": [scores],
        "scores": scores,
    }


def test_nothing_scored() -> None:
    assert curves(scored=False).scores == {}


def test_smooth_looks_back_over_a_twentieth() -> None:
    values = np.repeat([1.0, 3.0], 20)  # of 40: two steps
    assert smooth(values)[[0, 19, 20, 21]].tolist() == [1, 1, 2, 3]


def test_plotting_needs_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs matplotlib: pip install 'napari-touchup\[plot\]'"):
        check_plotting()


@pytest.mark.parametrize("scored", [True, False])
def test_a_drawn_run(tmp_path: Path, scored: bool) -> None:
    pytest.importorskip("matplotlib")
    check_plotting()
    plot(curves(scored), tmp_path / "run.png")
    with Pillow.open(tmp_path / "run.png") as picture:
        assert min(picture.size) >= 500
        assert len(set(picture.convert("L").tobytes())) > 10  # not blank
