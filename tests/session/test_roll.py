import pytest

from napari_touchup.core.delta import Object
from napari_touchup.session.roll import Roll, held_out


@pytest.mark.parametrize("origin", ["corrected", "confirmed"])
def test_one_of_every_five_is_held_out(origin):
    roles = [held_out("some project", origin, serial) for serial in range(1, 501)]
    assert [sum(roles[start : start + 5]) for start in range(0, 500, 5)] == [1] * 100


def test_later_blocks_differ_between_projects_and_between_the_kinds():
    seen = {
        tuple(held_out(project, origin, serial) for serial in range(6, 106))
        for project in "ab"
        for origin in ("corrected", "confirmed")
    }
    assert len(seen) == 4


def test_serial_numbers_go_on_after_those_that_were_read():
    roll = Roll("p", new_uid=lambda: "u")
    roll.note(Object("x", "corrected", 7, "deleted", held_out=False))
    roll.note(Object("x", "corrected", 3, "corrected", held_out=False))
    assert [roll.new("corrected").serial, roll.new("confirmed").serial] == [8, 1]


def test_an_inherited_role_goes_before_that_of_the_number():
    roll = Roll("p", {"corrected": 4, "confirmed": 0})
    assert not roll.new("corrected", kept=False).held_out
    assert held_out("p", "corrected", 5)
