from pathlib import Path

import pytest

from napari_touchup.session.folder_report import Counted, Failed, find_unusual, findings_of

LIKE = [100, 90, 110, 95, 105, 100, 98]


@pytest.mark.parametrize(
    ("counts", "far"),
    [
        ([*LIKE, 400], [7]),
        ([*LIKE, 20], [7]),
        ([*LIKE, 125], []),
        ([*LIKE[:-1], 400], []),  # seven with cells are too few to say
        ([*LIKE, 0, 0], []),  # zeros are no unusual counts, and do not make seven eight
        ([*LIKE, 101, 0, 400], [9]),
        ([100] * 8, []),
        ([*[100] * 8, 101], []),  # all alike: one cell more is nothing
        ([*[100] * 8, 140], [8]),  # 3 / sqrt(100) of a logarithm: below 74, above 135
        ([*[100] * 8, 134, 75], []),
        ([*[1] * 20, 5], []),
        ([1, 2, 5, 12, 30, 70, 150, 400, 1000], []),  # scattered: nothing stands out
        ([], []),
    ],
)
def test_unusual(counts, far):
    assert find_unusual(counts).nonzero()[0].tolist() == far


def _end(name, objects, frames=1):
    return Counted(Path(name), Path("out") / name, frames, objects)


def test_findings():
    counted = [_end(f"{n}.tif", count) for n, count in enumerate(LIKE)]
    counted += [_end("many.tif", 412), _end("none.tif", 0), _end("film.tif", 1000, 10)]
    found = findings_of(counted, [Failed(Path("bad.tif"), "cannot be read")])
    assert [(f.kind, f.source.name, f.reason) for f in found] == [
        ("failed", "bad.tif", "cannot be read"),
        ("empty", "none.tif", "no cells found"),
        ("unusual", "many.tif", "412 cells; most images have about 100"),
    ]
    assert [f.masks for f in found] == [None, Path("out/none.tif"), Path("out/many.tif")]


def test_counts_of_films_are_compared_by_the_frame():
    counted = [_end(f"{n}.tif", 10 * n, n) for n in range(1, 9)] + [_end("film.tif", 600, 6)]
    (found,) = findings_of(counted, [])
    assert found.reason == "100 cells a frame; most images have about 10 a frame"
