import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_touchup.core.stitch import label_blocks

Array = NDArray[np.generic]


def same_partition(a: Array, b: Array) -> bool:
    pairs = set(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    return len(pairs) == len({p[0] for p in pairs}) == len({p[1] for p in pairs})


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    block=st.integers(5, 40),
)
def test_blocks_equal_one_pass_where_components_fit_the_overlap(
    seed: int, shape: tuple[int, int], block: int
) -> None:
    rng = np.random.default_rng(seed)
    seeds = rng.random(shape) < 0.01
    plane = ndimage.binary_dilation(seeds, iterations=2)
    pieces, _ = ndimage.label(plane)
    extent = max(
        (max(s.stop - s.start for s in box) for box in ndimage.find_objects(pieces)), default=1
    )

    def label(window: tuple[slice, slice]) -> NDArray[np.int32]:
        return ndimage.label(plane[window])[0].astype(np.int32)

    found = label_blocks(label, shape, block=block, overlap=extent)
    assert same_partition(found, pieces)
    assert np.unique(found[found > 0]).tolist() == list(range(1, pieces.max() + 1))


def test_an_object_larger_than_the_overlap_is_joined_again() -> None:
    plane = np.zeros((60, 60), bool)
    plane[5:55, 5:55] = True
    plane[30, :] = False  # two halves, each in several blocks

    def label(window: tuple[slice, slice]) -> NDArray[np.int32]:
        return ndimage.label(plane[window])[0].astype(np.int32)

    found = label_blocks(label, (60, 60), block=16, overlap=4)
    assert same_partition(found, ndimage.label(plane)[0])
