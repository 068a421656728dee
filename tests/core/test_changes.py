from time import perf_counter

import numpy as np
import pytest

from napari_touchup.core.changes import compare, count_changed, renumbered


def row(text: str) -> np.ndarray:
    """Labels (1, X) from digits; a blank is background."""
    return np.array([[0 if sign == " " else int(sign) for sign in text]], np.uint16)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1111", "1111", []),
        ("1111", "5555", []),  # only its number is another
        ("    ", "    ", []),
        ("11111111", "11112222", [("split", (1,), (1, 2))]),
        ("11112222", "33333333", [("merged", (1, 2), (3,))]),
        ("    ", " 22 ", [("gained", (), (2,))]),
        (" 22 ", "    ", [("lost", (2,), ())]),
        ("1111 ", "11   ", [("reshaped", (1,), (1,))]),
        ("1111111111 ", "1111111111 ", []),
        ("11111111111111111111", " 1111111111111111111", []),  # IoU 0.95
        ("111   ", "   222", [("gained", (), (2,)), ("lost", (1,), ())]),
        ("1111    ", "  222222", [("gained", (), (2,)), ("lost", (1,), ())]),  # a half is no more
        ("1111    ", " 2222222", [("reshaped", (1,), (2,))]),  # three quarters are
        ("11112222", "1122 334", [("split", (1,), (1, 2)), ("split", (2,), (3, 4))]),
        ("11112222", "11111112", [("reshaped", (1, 2), (1, 2))]),  # merged and split
        ("1111122222", "1111111123", [("split", (1, 2), (1, 2, 3))]),
        ("11112222", "11111222", [("reshaped", (1,), (1,)), ("reshaped", (2,), (2,))]),
        ("11113333", "1111 333", [("reshaped", (3,), (3,))]),
        ("1 2", "1  ", [("lost", (2,), ())]),
    ],
)
def test_kinds(old: str, new: str, expected: list[object]) -> None:
    assert [(c.kind, c.old, c.new) for c in compare(row(old), row(new))] == expected


def test_where_a_change_is() -> None:
    old, new = np.zeros((2, 20, 30), np.int32)
    old[2:6, 4:8] = 3
    new[2:6, 4:12] = 9
    (change,) = compare(old, new)
    assert change.box == (slice(2, 6), slice(4, 12))
    assert change.centre == (4, 8)


@pytest.mark.parametrize(
    ("new", "old", "first", "expected"),
    [
        ("11 22", "33 55", None, "33 55"),
        ("11 22", "33   ", None, "33 44"),
        ("11 22", "33   ", 8, "33 88"),
        ("11 22", "     ", None, "11 22"),
        ("     ", "33   ", None, "     "),
        ("11122", "55522", None, "55522"),
        ("12345", "     ", 4, "45678"),
        ("1111 22", "3333333", None, "3333 44"),  # the larger part keeps the number
        ("333 111", "111 333", None, "111 333"),
    ],
)
def test_numbers_are_kept(new: str, old: str, first: int | None, expected: str) -> None:
    assert np.array_equal(renumbered(row(new), row(old), first), row(expected))


def test_old_numbers_may_be_large() -> None:
    old = row("11 2").astype(np.uint32) * 3_000_000
    assert renumbered(row("11 2"), old).tolist() == [[3_000_000, 3_000_000, 0, 6_000_000]]


def test_counts_of_those_that_nobody_touched() -> None:
    changes = compare(row("11112222 33 4"), row("1111222  33  "))
    assert count_changed(changes, {1, 2, 3}) == 1
    assert count_changed(changes, ()) == 0


def test_a_full_frame_takes_well_under_a_second() -> None:
    y, x = np.indices((2048, 2048))
    old = ((y // 52) * 40 + x // 52 + 1) * (((y % 52) < 40) & ((x % 52) < 40))
    new = np.roll(old, 3, axis=1)
    started = perf_counter()
    changes = compare(old, new)
    numbers = renumbered(new, old)
    assert perf_counter() - started < 3  # 0.5 s alone; the machine may be busy
    assert len(np.unique(old)) > 1500
    assert {change.kind for change in changes} == {"reshaped"}
    assert np.array_equal(numbers, new)
