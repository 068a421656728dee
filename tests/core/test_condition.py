import numpy as np
import pytest

from napari_touchup.core.condition import Condition, holds, parse

KEYS = ["cell", "area_px", "area_um2", "eccentricity", "intensity_mean_c1"]
TABLE = {
    "area_um2": np.array([10.0, 50.0, 90.0, np.nan]),
    "eccentricity": np.array([0.1, 0.9, 0.5, 0.5]),
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", [0, 1, 2, 3]),
        ("  ", [0, 1, 2, 3]),
        ("area > 50", [2]),
        ("area>=50", [1, 2]),
        ("AREA ≤ 50", [0, 1]),
        ("area = 50", [1]),
        ("area != 50", [0, 2]),
        ("area > 10 and eccentricity < .8", [2]),
        ("area > 10 AND area < 9e1 & eccentricity > 0.5", [1]),
        ("eccentricity > -1", [0, 1, 2, 3]),
    ],
)
def test_rows_that_are_kept(text, kept):
    assert np.flatnonzero(holds(parse(text, KEYS), TABLE, 4)).tolist() == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aera > 5", "there is no column “aera”; did you mean “area”?"),
        (
            "colour > 5",
            "there is no column “colour”; there are cell, area, eccentricity, mean",
        ),
        ("area >", "expected a comparison such as “area > 50”, got “area >”"),
        ("area", "expected a comparison such as “area > 50”, got “area”"),
        ("50 < area", "expected a comparison such as “area > 50”, got “50 < area”"),
        ("area > 5 and", "expected a comparison such as “area > 50”, got “area > 5 and”"),
        (
            "area > 5 or area < 2",
            "expected a comparison such as “area > 50”, got “area > 5 or area < 2”;"
            " join comparisons by “and”",
        ),
        ("area > big", "expected a number, got “big”"),
        ("area > 1,5", "expected a number, got “1,5”; write 1.5"),
        ("__import__('os') > 1", "expected a comparison such as “area > 50”,"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(ValueError, match=r"there is|expected") as raised:
        parse(text, KEYS)
    assert str(raised.value).startswith(message)


def test_a_condition():
    assert parse("mean >= 2", KEYS) == (Condition("intensity_mean_c1", ">=", 2.0),)
