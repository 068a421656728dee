from queue import Queue

import numpy as np
from napari.layers import Labels

from napari_touchup.ui.object_colours import ObjectColours


def test_colours_that_are_the_same_are_not_set_again():
    calls, changes = Queue(), []
    colours = ObjectColours(calls.put)
    labels = Labels(np.array([[1, 2, 3]]))
    labels.events.colormap.connect(lambda: changes.append(labels.get_color(3)[0] > 0.9))

    def show(cells, values):
        colours.show(labels, np.array(cells), np.array(values, float), (0, 1))
        for call in iter(lambda: calls.get(timeout=20), None):
            call()
            if getattr(call, "__name__", "") == "emit":  # the job has ended
                break

    show([1, 2, 3], [0, 0.5, 1])
    assert changes == [True]
    show([3, 2, 1], [1, 0.5, 0])  # sorted
    assert changes == [True]
    show([1, 2, 3], [0, 0.5, 0.001])
    assert changes == [True, False]
    labels.new_colormap()  # by a person
    show([1, 2, 3], [0, 0.5, 0.001])
    assert len(changes) == 4
    colours.off()
    show([1, 2, 3], [0, 0.5, 0.001])
    assert len(changes) == 6
