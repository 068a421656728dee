"""Where the maps of a frame are put: in memory, or on disk where they are too many."""

import shutil
from typing import Any
from weakref import finalize

import numpy as np

from napari_touchup.core.scratch import scratch_folder

MEMORY_BYTES = 2**30  # of float32 maps that are kept in memory, about 90 Mpx of three maps
CHUNK_PX = 512  # edge of what is read and written at once on disk


def maps_array(shape: tuple[int, int, int]) -> Any:
    """Make an array for maps.

    Parameters
    ----------
    shape : (K, Y, X)

    Returns
    -------
    float32 numpy array; or, for more than 1 GB, a float16 zarr array in a temporary folder (half
    precision has the three digits that probabilities need), which goes when the array does.
    """
    if 4 * np.prod(shape, dtype=np.int64) <= MEMORY_BYTES:
        return np.empty(shape, np.float32)
    import zarr  # half a second, and seldom needed

    folder = scratch_folder()
    chunks = shape[0], min(CHUNK_PX, shape[1]), min(CHUNK_PX, shape[2])
    array = zarr.create_array(folder, shape=shape, chunks=chunks, dtype=np.float16)
    finalize(array, shutil.rmtree, folder, ignore_errors=True)
    return array
