import gc
from pathlib import Path

import numpy as np
import pytest

from napari_touchup.engine import spool
from napari_touchup.engine.spool import maps_array


def test_few_maps_are_in_memory() -> None:
    maps = maps_array((3, 20, 30))
    assert isinstance(maps, np.ndarray)
    assert (maps.shape, maps.dtype) == ((3, 20, 30), np.float32)


def test_many_maps_are_on_disk_as_long_as_they_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    maps = maps_array((3, 20, 30))
    assert (maps.shape, maps.dtype) == ((3, 20, 30), np.float16)
    window = slice(None), slice(5, 9), slice(2, 30)
    maps[window] = np.full((3, 4, 28), 0.25)
    assert np.asarray(maps[window]).tolist() == np.full((3, 4, 28), 0.25).tolist()
    assert list(tmp_path.iterdir())
    del maps
    gc.collect()
    assert not list(tmp_path.iterdir())
