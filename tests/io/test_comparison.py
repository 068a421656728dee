import csv
from pathlib import Path

import numpy as np
from PIL import Image

from napari_touchup.engine.compare import Result
from napari_touchup.io.comparison import Shown, draw, rows, write_table

SCORES = {"ap50": 0.71234, "ap75": 0.5, "mean_ap": 0.45, "iou": 0.9, "other": 7}
RESULT = Result("unet:base=16", SCORES, 1_943_299, 92_100.0, 2_345_678.0, 512, 60.0)
ROW = ["unet:base=16", "0.712", "0.500", "0.450", "0.900", "1.94", "0.092", "2.35", "512"]


def test_table(tmp_path: Path) -> None:
    assert rows([RESULT]) == [ROW]
    write_table(tmp_path / "table.csv", [RESULT, RESULT])
    with (tmp_path / "table.csv").open(newline="") as file:
        heading, *written = csv.reader(file)
    assert heading == [
        "network", "AP50", "AP75", "mean AP", "IoU",
        "parameters, M", "MFLOP per pixel", "Mpx/s", "steps",
    ]  # fmt: skip
    assert written == [ROW, ROW]


def test_figure_has_a_row_for_each_image_and_a_column_for_each_network(tmp_path: Path) -> None:
    image, truth = np.zeros((300, 40)), np.zeros((300, 40), int)
    truth[140:160, 10:20] = 1
    one = Shown(image, truth, {"a": truth, "b": np.zeros_like(truth)})
    draw(tmp_path / "figure.png", [one, one])
    with Image.open(tmp_path / "figure.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 150) & (pixels[..., 2] < 120)
    lines = [np.array_split(line, 4, axis=1) for line in np.array_split(yellow, 2)]
    outlined = [[bool(cell.any()) for cell in line] for line in lines]
    assert outlined == [[False, True, True, False]] * 2  # image, truth, a, b
