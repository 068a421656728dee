import pytest

from napari_touchup.core.scores import Pair, Scores
from napari_touchup.core.verdict import interval, verdict

CHOSEN = "These are cells that you chose to mend, in this image."


def pairs(*steps: tuple[float, float]) -> tuple[Pair, ...]:
    return tuple(Pair(before, after) for before, after in steps)


UP, DOWN, SAME = (0.5, 0.8), (0.8, 0.5), (0.7, 0.7)
FIVE = pairs((0.5, 0.75), (0.6, 0.8), (0.55, 0.8), (0.65, 0.85), (0.75, 0.7))


@pytest.mark.parametrize(
    ("corrected", "line", "default"),
    [
        ((), "Cannot score yet: 0 mended cells are kept for checking, 3 are needed.", None),
        (
            pairs(UP),
            "Cannot score yet: 1 mended cell is kept for checking, 3 are needed.",
            None,
        ),
        (
            pairs(UP, UP),
            "Cannot score yet: 2 mended cells are kept for checking, 3 are needed.",
            None,
        ),
        (
            FIVE,
            "Held-out: 4 of 5 cells better, 1 worse; IoU 0.61 -> 0.78. Too few to be sure. "
            + CHOSEN,
            None,
        ),
        (
            pairs(UP, DOWN, DOWN),
            "Held-out: 1 of 3 cells better, 2 worse; IoU 0.70 -> 0.60. Worse on average. "
            "Too few to be sure. " + CHOSEN,
            None,
        ),
        (
            pairs(*[UP] * 9),
            "Held-out: 9 of 9 cells better, 0 worse; IoU 0.50 -> 0.80. Too few to be sure. "
            + CHOSEN,
            None,
        ),
        (
            pairs(*[UP] * 10),
            "Better. Held-out: 10 of 10 cells better, 0 worse; IoU 0.50 -> 0.80 "
            "(+0.30, 95 % interval +0.30 to +0.30). " + CHOSEN,
            "accept",
        ),
        (
            pairs(*[UP] * 9, DOWN, SAME),
            "Better. Held-out: 9 of 11 cells better, 1 worse; IoU 0.55 -> 0.76 "
            "(+0.22, 95 % interval +0.08 to +0.30). " + CHOSEN,
            "accept",
        ),
        (
            pairs(*[UP] * 5, *[DOWN] * 5),
            "No clear difference. Held-out: 5 of 10 cells better, 5 worse; IoU 0.65 -> 0.65 "
            "(+0.00, 95 % interval -0.18 to +0.18). " + CHOSEN,
            None,
        ),
        (
            pairs(*[DOWN] * 10),
            "Worse. Held-out: 0 of 10 cells better, 10 worse; IoU 0.80 -> 0.50 "
            "(-0.30, 95 % interval -0.30 to -0.30). " + CHOSEN,
            "discard",
        ),
    ],
)
def test_what_is_said_of_mended_cells(
    corrected: tuple[Pair, ...], line: str, default: str | None
) -> None:
    found = verdict(Scores(corrected=corrected))
    assert found.lines == (line,)
    assert found.default == default


@pytest.mark.parametrize("count", range(3, 10))
def test_so_few_are_never_called_improved(count: int) -> None:
    found = verdict(Scores(corrected=pairs(*[UP] * count)))
    assert found.default is None
    assert "interval" not in found.text
    assert "improved" not in found.text.lower()
    assert "Better." not in found.text


@pytest.mark.parametrize(
    ("scores", "changed", "line"),
    [
        (
            Scores(confirmed=pairs((1, 0.95), (0.98, 0.7))),
            None,
            "Confirmed: 1 of 2 still right; IoU 0.99 -> 0.82. Confirmed cells got worse.",
        ),
        (
            Scores(confirmed=pairs((1, 0.95))),
            None,
            "Confirmed: 1 of 1 still right; IoU 1.00 -> 0.95.",
        ),
        (
            Scores(deleted=pairs((0.9, 0.8), (0.9, 0))),
            None,
            "Deleted, predicted again: 1 of 2 (before: 2).",
        ),
        (Scores(), (12, 214), "12 of 214 untouched cells changed."),
        (
            Scores(old_skill=Pair(0.812, 0.786)),
            None,
            "Old skill, on synthetic images: AP50 0.81 -> 0.79.",
        ),
    ],
)
def test_further_lines(scores: Scores, changed: tuple[int, int] | None, line: str) -> None:
    assert verdict(scores, changed).lines[1] == line


def test_confirmed_cells_that_got_worse_take_accept_back() -> None:
    better = Scores(corrected=pairs(*[UP] * 10), confirmed=pairs((1, 0.6), (1, 0.8)))
    assert verdict(better).default is None


def test_several_images() -> None:
    found = verdict(Scores(corrected=FIVE, images=4))
    assert found.text.endswith("These are cells that you chose to mend, in 4 images.")


def test_the_interval_is_the_same_every_time() -> None:
    some = pairs(*[UP] * 7, *[DOWN] * 4)
    low, high = interval(some)
    assert (low, high) == interval(some)
    assert low < 0.3 * 3 / 11 < high
