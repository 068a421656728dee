import pytest

from napari_touchup.cli.course import display, time_left
from napari_touchup.engine.events import Step


@pytest.mark.parametrize(
    ("progress", "seconds", "expected"),
    [(0.5, 7, "7 s"), (0.5, 99, "99 s"), (0.1, 60, "9 min"), (0.1, 3600, "9.0 h"), (1, 5, "0 s")],
)
def test_time_left(progress: float, seconds: float, expected: str) -> None:
    assert time_left(progress, seconds) == expected


def step(number: int, seconds: float) -> Step:
    return Step(number, number / 10, 1.0, {}, 2e-3, seconds, 0.0)


def test_without_a_terminal_a_line_every_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with display(leads=True) as shown:
        for number, seconds in enumerate((1, 20, 31, 40, 62), 1):
            shown.step(step(number, seconds), [1.0, 2.0])
        shown.say("[brackets]")
    assert capsys.readouterr().out.splitlines() == [
        "step 1, loss 1.500, rate 2.0e-03, 9 s left",
        "step 3, loss 1.500, rate 2.0e-03, 72 s left",
        "step 5, loss 1.500, rate 2.0e-03, 62 s left",
        "[brackets]",
    ]


def test_only_the_first_process_prints(capsys: pytest.CaptureFixture[str]) -> None:
    with display(leads=False) as shown:
        shown.step(step(1, 1), [1.0])
        shown.say("hello")
    assert capsys.readouterr() == ("", "")
