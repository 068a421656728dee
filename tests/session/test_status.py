import pytest

from napari_touchup.nn.header import ModelFileError
from napari_touchup.session.run import Summary
from napari_touchup.session.status import (
    done_question,
    explain,
    failed,
    found,
    report,
    time_left,
)


@pytest.mark.parametrize(
    ("summaries", "expected"),
    [
        ([Summary((755,) * 3, 0.9)], "3 cells, median 31 px"),
        ([Summary((79,), 0.9)], "1 cell, median 10 px"),
        ([Summary((79,), 0.9), Summary((), 0.1)], "2 frames, 1 cell, median 10 px"),
    ],
)
def test_found(summaries, expected):
    assert found(summaries, 0.5) == expected


@pytest.mark.parametrize(
    ("highest", "words"),
    [
        (0.32, "a threshold below 0.32 (Masks)"),
        (0.02, "A lower threshold will not help"),
        (0.9, "a smaller minimum size (Masks)"),
    ],
)
def test_nothing_found_proposes_what_to_try(highest, words):
    text = found([Summary((), highest)], 0.5)
    assert "another channel, or set the diameter of a cell" in text
    assert words in text


@pytest.mark.parametrize(
    ("done", "total", "seconds", "expected"),
    [
        (0, 4, 1.0, ""),
        (4, 4, 1.0, ""),
        (1, 4, 10.0, ", 30 s left"),
        (1, 61, 10.0, ", 10 min left"),
    ],
)
def test_time_left(done, total, seconds, expected):
    assert time_left(done, total, seconds) == expected


@pytest.mark.parametrize(
    ("error", "what", "todo"),
    [
        (RuntimeError("CUDA out of memory. Tried"), "There was not enough memory.", "smaller tile"),
        (MemoryError(), "There was not enough memory.", "only “What I see”"),
        (ModelFileError("a.pt is a pickled file"), "a.pt is a pickled file", "another model"),
        (FileNotFoundError("no such file"), "no such file", "still there"),
        (ImportError("no torch"), "A library could not be loaded: no torch", "pip install"),
        (ValueError("expected (Y, X)"), "expected (Y, X)", "copy the report"),
        (
            KeyError("x"),
            "Something unexpected happened (KeyError: 'x').",
            "copy the report and send it",
        ),
    ],
)
def test_explain(error, what, todo):
    failure = explain(error)
    assert failure.what == what
    assert todo in failure.todo
    assert type(error).__name__ in failure.report


def test_report_names_versions_and_the_place():
    try:
        raise ValueError("here")
    except ValueError as error:
        text = report(error)
    assert "napari-touchup 0." in text
    assert "torch 2." in text
    assert "test_report_names_versions_and_the_place" in text


def test_failed_says_what_is_safe():
    status = failed(OSError("gone"), "The model was not opened.")
    assert (status.kind, status.text) == ("failed", "The model was not opened.")
    assert "your corrections" in status.failure.safe


@pytest.mark.parametrize(
    ("done", "words", "buttons"),
    [
        (1, "This frame is done.", ["Leave it", "Change it too"]),
        (3, "3 frames are done.", ["Leave them", "Change them too"]),
    ],
)
def test_done_question(done, words, buttons):
    answers = []
    asked = done_question(done, lambda: answers.append("leave"), lambda: answers.append("change"))
    assert asked.text.startswith(words)
    assert [text for text, _ in asked.choices] == buttons
    for _, answer in asked.choices:
        answer()
    assert answers == ["leave", "change"]
