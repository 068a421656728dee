from pathlib import Path

import pytest

from napari_touchup.io.outputs import OutputError, Task, find_images, plan_outputs, without_maps


def _touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("files", "inputs", "found"),
    [
        (["a.tif"], ["a.tif"], ["a.tif"]),
        (["a.xyz"], ["a.xyz"], ["a.xyz"]),  # named: taken whatever it is called
        (["b.png", "a.TIF", "c.jpeg", "notes.txt"], ["."], ["a.TIF", "b.png", "c.jpeg"]),
        (["a.tif", "deep/er/b.tif"], ["."], ["a.tif", "deep/er/b.tif"]),
        (["a.tif", ".b.tif", ".cache/c.tif", ".b.tif.part"], ["."], ["a.tif"]),
        (["a.tif", "b.tif"], ["b.tif", "."], ["b.tif", "a.tif"]),  # each once
        (["a.tif", "out/a.tif", "out/x/b.tif"], ["."], ["a.tif"]),  # results of a run before
    ],
)
def test_find_images(tmp_path, monkeypatch, files, inputs, found):
    _touch(tmp_path, *files)
    monkeypatch.chdir(tmp_path)
    paths = find_images([Path(name) for name in inputs], leave_out=Path("out"))
    assert paths == [Path(name) for name in found]


def test_results_beside_the_images_are_looked_at(tmp_path):
    _touch(tmp_path, "a.png", "a.tif")
    assert len(find_images([tmp_path], leave_out=tmp_path)) == 2
    assert len(find_images([tmp_path], leave_out=tmp_path.parent)) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [("absent", "no such file or folder: .*absent"), (".", "no images in .* \\(looked for .tif, ")],
)
def test_find_nothing(tmp_path, name, message):
    with pytest.raises(OutputError, match=message):
        find_images([tmp_path / name])


def test_names_of_results():
    sources = [Path("x/a.tif"), Path("b.png"), Path("c.v2.jpg"), Path("d.ome.tif")]
    plain = plan_outputs(sources, Path("out"))
    assert [task.masks for task in plain] == [
        Path("out/a.tif"), Path("out/b.tif"), Path("out/c.v2.tif"), Path("out/d.tif"),
    ]  # fmt: skip
    assert {task.maps for task in plain} == {None}
    assert plan_outputs(sources[:1], Path("out"), maps=True) == [
        Task(Path("x/a.tif"), Path("out/a.tif"), Path("out/a_maps.tif"))
    ]


@pytest.mark.parametrize(
    ("sources", "maps", "message"),
    [
        (["a.tif", "a.png"], False, r"one result: a.tif and a.png \(a.tif\)"),
        (["x/a.tif", "y/a.tif"], False, r"one result: x/a.tif and y/a.tif \(a.tif\)"),
        (["x/a.tif", "y/A.tif"], False, "one result: x/a.tif and y/A.tif"),
        (["a.tif", "a_maps.png"], True, r"one result: a.tif and a_maps.png \(a_maps.tif\)"),
        (["out/a.tif"], False, "written over the images out/a.tif"),
        (["x/b.tif", "out/b_maps.tif"], True, "written over the images out/b_maps.tif"),
    ],
)
def test_clashes(tmp_path, monkeypatch, sources, maps, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=message) as caught:
        plan_outputs([Path(name) for name in sources], Path("out"), maps=maps)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("there", "maps", "resume", "left"),
    [
        ([], False, False, ["a.png", "b.png"]),
        (["a.tif"], False, True, ["b.png"]),
        (["a.tif", "b.tif"], False, True, []),
        (["a.tif", "a_maps.tif"], True, True, ["b.png"]),
        (["a_maps.tif"], True, True, ["a.png", "b.png"]),  # cut short between the two
    ],
)
def test_what_is_left(tmp_path, there, maps, resume, left):
    _touch(tmp_path, *there)
    tasks = plan_outputs([Path("a.png"), Path("b.png")], tmp_path, maps=maps, resume=resume)
    assert [task.source.name for task in tasks] == left


@pytest.mark.parametrize(
    ("there", "maps", "resume", "message"),
    [
        (["b.tif"], False, False, "already there: .*b.tif; --resume skips"),
        (["a_maps.tif"], True, False, "already there: .*a_maps.tif; --resume skips"),
        (["a.tif"], True, True, "already there: .*a.tif; they lack their maps"),
    ],
)
def test_results_that_are_there(tmp_path, there, maps, resume, message):
    _touch(tmp_path, *there)
    with pytest.raises(OutputError, match=message):
        plan_outputs([Path("a.png"), Path("b.png")], tmp_path, maps=maps, resume=resume)


def test_a_long_list_is_cut(tmp_path):
    names = [f"{number}.tif" for number in range(20)]
    _touch(tmp_path, *names)
    with pytest.raises(OutputError, match=r"5\.tif and 14 more; --resume"):
        plan_outputs([Path(f"in/{name}") for name in names], tmp_path)


def test_maps_beside_masks_are_left_out():
    paths = [Path(name) for name in ("a.tif", "a_maps.tif", "b_maps.tif", "_maps.tif")]
    assert without_maps(paths) == [Path(name) for name in ("a.tif", "b_maps.tif", "_maps.tif")]
