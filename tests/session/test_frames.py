import gc

import numpy as np
import pytest

from napari_touchup.options import InstanceOptions
from napari_touchup.session.frames import Frames, Kept

OLD, NEW = InstanceOptions(), InstanceOptions(threshold=0.7)


def kept(value=0.5, made_with=OLD):
    return Kept(np.full((3, 4, 4), value, np.float16), "maps", None, made_with)  # 96 bytes


def test_put_and_get():
    frames = Frames()
    frames.put((2,), kept(0.25))
    frames.put((0,), kept())
    assert (2,) in frames
    assert (1,) not in frames
    assert frames.indices() == ((0,), (2,))
    assert frames[2,].maps.max() == 0.25


@pytest.mark.parametrize(
    ("room", "on_disk"), [(300, []), (200, [2]), (100, [1, 2]), (0, [0, 1, 2])]
)
def test_what_does_not_fit_in_memory_goes_to_a_file(room, on_disk):
    frames = Frames(in_memory=room)
    for n in range(3):
        frames.put((n,), kept(n / 4))
    assert [n for n in range(3) if isinstance(frames[n,].maps, np.memmap)] == on_disk
    assert [float(frames[n,].maps.max()) for n in range(3)] == [0, 0.25, 0.5]


def test_putting_again_frees_the_room_of_the_old_maps():
    frames = Frames(in_memory=100)
    for _ in range(3):
        frames.put((0,), kept())
    assert not isinstance(frames[0,].maps, np.memmap)


def test_files_are_gone_with_the_frames():
    frames = Frames(in_memory=0)
    frames.put((0,), kept())
    path = frames[0,].maps.filename
    frames.put((0,), kept(0.75))
    assert frames[0,].maps.max() == 0.75
    del frames
    gc.collect()
    assert not path.parent.exists()


def test_outdated():
    frames = Frames()
    for n in range(3):
        frames.put((n,), kept(made_with=OLD if n else NEW))
    assert frames.outdated(NEW) == ((1,), (2,))


def test_maps_in_a_file_stay_when_only_the_masks_are_new():
    frames = Frames(in_memory=0)
    frames.put((0,), kept(0.25))
    maps = frames[0,].maps
    frames.put((0,), Kept(maps, "maps", None, NEW))
    assert frames[0,].maps is maps
    assert maps.filename.exists()
    frames.put((0,), kept(0.75))
    assert not maps.filename.exists()
