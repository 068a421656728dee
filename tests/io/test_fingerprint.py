import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_touchup.io.fingerprint import fingerprint, sample

images = arrays.arrays(
    st.sampled_from(["uint8", "<u2", ">u2", "float32", "bool"]),
    arrays.array_shapes(min_dims=2, max_dims=5, min_side=1, max_side=7),
)


@given(images)
@settings(max_examples=60, deadline=None)
def test_it_is_the_content_that_counts(image):
    expected = fingerprint(image)
    assert fingerprint(da.from_array(image, chunks=2)) == expected
    assert fingerprint(np.asfortranarray(image)) == expected
    assert fingerprint(image.astype(image.dtype.newbyteorder("S"))) == expected


@given(images, st.data())
@settings(max_examples=60, deadline=None)
def test_in_a_small_plane_every_value_counts(image, data):
    plane = np.ascontiguousarray(image[(0,) * (image.ndim - 2)])
    other = plane.copy()
    values = other.reshape(-1).view(np.uint8)  # bytes, as NaN is not equal to itself
    values[data.draw(st.integers(0, len(values) - 1))] ^= 1
    assert fingerprint(other) != fingerprint(plane)


@pytest.mark.parametrize("shape", [(70, 50, 60), (3, 30, 50, 60), (30, 500, 700)])
def test_frames_that_are_shifted_are_another_image(shape):
    image = np.random.default_rng(0).integers(0, 99, shape, np.uint8)
    assert fingerprint(np.roll(image, 2, axis=-3)) != fingerprint(image)


@pytest.mark.parametrize(
    "other", [np.zeros((6, 4), np.uint8), np.zeros((1, 4, 6), np.uint8), np.zeros((4, 6), np.int8)]
)
def test_shape_and_type_count(other):
    assert fingerprint(other) != fingerprint(np.zeros((4, 6), np.uint8))


def test_an_image_has_one_for_ever():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    expected = "2504d0f29f62dca535819849f9972d310560c9779c4eec5b48175bb4e8e83ad3"
    assert fingerprint(image) == expected


def test_zarr_and_memory_maps(tmp_path):
    image = np.random.default_rng(0).integers(0, 99, (2, 300, 5000), np.uint16)
    np.save(tmp_path / "a.npy", image)
    store = zarr.open(str(tmp_path / "a.zarr"), mode="w", shape=image.shape, dtype=image.dtype)
    store[:] = image
    expected = fingerprint(image)
    assert fingerprint(np.load(tmp_path / "a.npy", mmap_mode="r")) == expected
    assert fingerprint(store) == expected


def test_an_image_without_pixels():
    assert fingerprint(np.zeros((0, 5))) != fingerprint(np.zeros((5, 0)))


@pytest.mark.parametrize("wrong", [np.zeros(5), np.zeros((2, 2), object), np.zeros((2, 2), "U1")])
def test_what_is_no_image(wrong):
    with pytest.raises(ValueError, match="expected an image"):
        fingerprint(wrong)


@pytest.mark.parametrize("shape", [(1000, 2048, 2048, 3), (5000, 5000), (9, 8, 4096, 10)])
def test_few_values_are_looked_at(shape):
    class Counted:
        dtype = np.dtype(np.uint8)
        read = 0

        def __getitem__(self, key):
            part = np.broadcast_to(np.uint8(0), shape)[key]
            self.read += part.size
            return part

    data = Counted()
    data.shape = shape
    fingerprint(data)
    assert 1000 <= data.read <= 2**16


def test_of_a_large_chunked_image_few_chunks_are_read():
    read = set()

    def block(block_info=None):
        read.add(block_info[None]["chunk-location"])
        return np.zeros(block_info[None]["chunk-shape"], np.uint8)

    data = da.map_blocks(block, chunks=((512,) * 32, (512,) * 32), dtype=np.uint8, meta=0)
    data = data.astype(np.uint8)
    fingerprint(data)
    assert len(read) <= 16
    assert len(list(sample((16384, 16384)))) == 4
