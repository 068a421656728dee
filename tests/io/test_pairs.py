from pathlib import Path

import pytest

from napari_touchup.io.pairs import Pair, PairError, by_name, find_pairs, listed


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_files_pair_by_their_names_without_suffix(tmp_path: Path) -> None:
    images = touch(tmp_path / "images", "b.png", "a.ome.tif", "deep/c.tif")
    masks = touch(tmp_path / "masks", "a.tif", "b.tif", "c.png")
    assert find_pairs(images, masks) == [
        Pair(images / "a.ome.tif", masks / "a.tif"),
        Pair(images / "b.png", masks / "b.tif"),
        Pair(images / "deep/c.tif", masks / "c.png"),
    ]


def test_single_files_may_have_any_name(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif", "b.tif", "c.tif")
    a, b, c = (tmp_path / name for name in ("a.tif", "b.tif", "c.tif"))
    assert find_pairs(a, b, c) == [Pair(a, b, c)]


@pytest.mark.parametrize(
    ("images", "masks", "marks", "expected"),
    [
        (["a.tif", "b.tif"], ["a.tif"], ["a.tif", "b.tif"], ["no masks for {i}/b.tif"]),
        (["a.tif"], ["a.tif", "b.tif"], ["a.tif"], ["no image for {m}/b.tif"]),
        (
            ["a.tif", "b.tif", "c.tif"],
            ["a.tif", "d.tif"],
            ["b.tif", "a.tif"],
            [
                "no masks for {i}/b.tif, {i}/c.tif",
                "no image for {m}/d.tif",
                "no annotated masks for {i}/c.tif",
            ],
        ),
        (["a.tif", "a.png"], ["a.tif"], ["a.tif"], ["two files of one name: {i}/a.png and {i}/a"]),
        (["a.txt"], ["a.tif"], ["a.tif"], ["no images in {i}"]),
    ],
)
def test_all_that_lacks_a_partner_is_listed(
    tmp_path: Path, images: list[str], masks: list[str], marks: list[str], expected: list[str]
) -> None:
    i, m, a = touch(tmp_path / "i", *images), touch(tmp_path / "m", *masks), tmp_path / "a"
    with pytest.raises(PairError) as caught:
        find_pairs(i, m, touch(a, *marks))
    for text in expected:
        assert text.format(i=i, m=m) in str(caught.value)


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PairError, match=r"no such file or folder: .*masks"):
        find_pairs(touch(tmp_path / "images", "a.tif"), tmp_path / "masks")


def test_names_are_unique() -> None:
    assert by_name([Path("x/a.tif"), Path("b.OME.tif")]) == {
        "a": Path("x/a.tif"),
        "b": Path("b.OME.tif"),
    }


def test_long_lists_are_cut() -> None:
    assert listed([str(number) for number in range(23)]).endswith("18, 19 and 3 more")
