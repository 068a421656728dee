from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from napari_touchup.engine.samples import Sample
from napari_touchup.io.images import write_image, write_labels
from napari_touchup.io.pairs import Pair, PairError
from napari_touchup.io.training import TrainingData, read_training

SHAPE = (12, 16)


def disc(value: int = 1) -> Any:
    labels = np.zeros(SHAPE, np.uint16)
    labels[2:6, 3:8] = value  # 20 pixels
    return labels


def pair(folder: Path, name: str, image: Any, truth: Any, marks: Any = None) -> Pair:
    """Write the files of a pair; colours as PNG."""
    paths = [folder / f"{name}_{kind}.tif" for kind in ("image", "masks", "marks")]
    if image.ndim == 3 and image.shape[-1] == 3:
        paths[0] = paths[0].with_suffix(".png")
        Pillow.fromarray(image).save(paths[0])
    else:
        write_image(paths[0], image, "TCYX"[-image.ndim :])
    write_labels(paths[1], truth, "TYX"[-truth.ndim :])
    if marks is None:
        return Pair(*paths[:2])
    write_labels(paths[2], marks, "YX")
    return Pair(*paths)


def grey(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Any:
    return np.random.default_rng(seed).integers(0, 255, shape, np.uint8)


def test_images_masks_and_where_they_count(tmp_path: Path) -> None:
    marks = np.zeros(SHAPE, np.uint8)
    marks[:6] = 255
    image, truth = grey(), disc(7)
    (sample,) = read_training([pair(tmp_path, "a", image, truth, marks)]).samples
    assert np.array_equal(sample.image, image[None])
    assert np.array_equal(sample.truth, truth)
    assert np.array_equal(sample.annotated, marks > 0)


def test_every_frame_is_a_sample(tmp_path: Path) -> None:
    images, truth = grey(0, (2, 3, *SHAPE)), np.stack([disc(), disc(0)])
    data = read_training([pair(tmp_path, "a", images, truth)])
    assert [sample.image.shape for sample in data.samples] == [(3, *SHAPE)] * 2
    assert [int(sample.truth.max()) for sample in data.samples] == [1, 0]


@pytest.mark.parametrize(
    ("kinds", "wanted", "channels", "names"),
    [
        ("colour", None, 3, ("red", "green", "blue")),
        ("grey", None, 1, ()),
        ("colour grey", None, 1, ()),  # colours beside grey become grey
        ("colour", 1, 1, ()),
        ("colour grey", 1, 1, ()),
    ],
)
def test_channels(tmp_path: Path, kinds: str, wanted: int, channels: int, names: Any) -> None:
    made = {"grey": grey(), "colour": grey(1, (*SHAPE, 3))}
    pairs = [pair(tmp_path, kind, made[kind], disc()) for kind in kinds.split()]
    data = read_training(pairs, wanted=wanted)
    assert (data.channels, data.names) == (channels, names)


def test_a_chosen_channel(tmp_path: Path) -> None:
    image = grey(0, (2, *SHAPE))
    data = read_training([pair(tmp_path, "a", image, disc())], channels=(2,), wanted=1)
    assert np.array_equal(data.samples[0].image, image[1:])


def test_all_faults_are_listed(tmp_path: Path) -> None:
    broken = pair(tmp_path, "e", grey(), disc())
    broken.image.write_bytes(b"nothing")
    pairs = [
        pair(tmp_path, "a", grey(), disc()),
        pair(tmp_path, "b", grey(), disc()[:8]),
        pair(tmp_path, "c", grey(), disc(0)),
        pair(tmp_path, "d", grey(), disc(), np.zeros(SHAPE, np.uint8)),
        broken,
        pair(tmp_path, "f", grey(0, (3, 1, *SHAPE)), np.stack([disc()] * 2)),
    ]
    with pytest.raises(PairError) as caught:
        read_training(pairs)
    faults = str(caught.value).split("; ")
    assert [fault.replace(f"{tmp_path}/", "") for fault in faults] == [
        "shapes differ: b_image.tif (12, 16) and b_masks.tif (8, 16)",
        "no objects in c_masks.tif",
        "nothing counts in d_marks.tif",
        "e_image.tif cannot be read: it is no TIFF, PNG or JPEG",
        "numbers of frames differ: f_image.tif 3 frames and f_masks.tif 2",
    ]


@pytest.mark.parametrize(
    ("channels", "wanted", "message"),
    [
        ((), 1, r"a_image.tif: expected 1 channel for this model, got 2: say which of 1 to 2"),
        ((3,), 1, r"a_image.tif: expected channels of 1 to 2, got \(3,\)"),
        ((0,), 1, r"a_image.tif: expected channels of 1 to 2, got \(0,\)"),
    ],
)
def test_channels_that_do_not_fit(
    tmp_path: Path, channels: tuple[int, ...], wanted: int, message: str
) -> None:
    files = pair(tmp_path, "a", grey(0, (2, *SHAPE)), disc())
    with pytest.raises(PairError, match=message):
        read_training([files], channels, wanted)


def test_only_objects_that_count_are_measured(tmp_path: Path) -> None:
    marks = np.zeros(SHAPE, np.uint8)
    marks[8:] = 1
    with pytest.raises(PairError, match="no objects where the masks count"):
        read_training([pair(tmp_path, "a", grey(), disc(), marks)])


def data(truth: Any, annotated: Any = None, *, semantic: bool = False, seed: int = 0) -> Any:
    image = grey(seed, (1, *np.shape(truth)))
    return TrainingData([Sample(image, np.asarray(truth), annotated)], semantic)


TWO = [[2, 2, 0, 2], [1, 1, 0, 2]]


@pytest.mark.parametrize(("semantic", "areas"), [(False, [2, 4]), (True, [2, 2, 2])])
def test_areas_of_objects_and_of_pieces_of_classes(semantic: bool, areas: list[int]) -> None:
    assert sorted(data(TWO, semantic=semantic).areas.tolist()) == areas


def test_diameter_is_that_of_a_disc_of_the_median_area() -> None:
    assert data(np.ones((10, 10), int)).diameter_px == pytest.approx(11.2838, abs=1e-4)


def test_classes_as_objects() -> None:
    assert data(TWO, semantic=True).classes == 3
    assert data(TWO, semantic=True).as_objects().samples[0].truth.tolist() == [
        [1, 1, 0, 2],
        [1, 1, 0, 2],
    ]
    plain = data(TWO)
    assert plain.as_objects() is plain


def test_the_digest_knows_every_pixel_and_no_name() -> None:
    marks = np.ones((2, 4), bool)
    variants = [
        data(TWO),
        data(TWO, seed=1),
        data(np.array(TWO)[::-1]),
        data(TWO, marks),
        data(np.array(TWO, np.uint8)),
    ]
    assert len({one.digest for one in variants}) == 5
    assert data(TWO).digest == variants[0].digest
