import numpy as np

from napari_touchup.core.metrics import match
from napari_touchup.core.overlap import overlap
from napari_touchup.session.hits import FALSE, HIT, MISS, draw_hits


def disc(y, x, r, shape=(60, 120)):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= r * r


TRUTH = disc(30, 20, 15) * 1 + disc(30, 60, 15) * 2
PRED = disc(31, 20, 15) * 7 + disc(30, 100, 15) * 4


def picture():
    table = overlap(TRUTH, PRED)
    return draw_hits(TRUTH, PRED, table, match(table))


def test_a_hit_is_the_whole_outline_of_what_was_predicted():
    drawn = picture()
    near = disc(31, 20, 15) & ~disc(31, 20, 12)
    assert set(np.unique(drawn[:, :40])) == {0, HIT}
    assert (drawn[:, :40] == HIT).sum() > 0.6 * near.sum()
    assert drawn[31, 20] == 0


def test_a_miss_is_dashed_and_a_false_object_dotted():
    drawn = picture()
    dashes, dots = (pieces(drawn == value) for value in (MISS, FALSE))
    assert 4 <= dashes <= 8 < dots <= 16


def pieces(mask):
    from skimage.measure import label

    return label(mask, connectivity=2).max()


def test_a_single_pixel_is_seen():
    truth, pred = np.zeros((2, 5, 5), int)
    truth[2, 2], pred[4, 4] = 3, 1
    table = overlap(truth, pred)
    drawn = draw_hits(truth, pred, table, match(table))
    assert (drawn[2, 2], drawn[4, 4]) == (MISS, FALSE)


def test_nothing_at_all():
    empty = np.zeros((4, 4), int)
    table = overlap(empty, empty)
    assert not draw_hits(empty, empty, table, match(table)).any()
