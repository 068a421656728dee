"""A brush stroke that takes pixels from one cell."""

from collections.abc import Generator
from typing import Any

from napari.layers import Labels


def subtracting(layer: Labels, label: int, event: Any) -> Generator[None]:
    """Make the stroke that begins erase this cell, and no other.

    Parameters
    ----------
    layer : Labels
        In the mode "paint".
    label : int
    event : a mouse press, which becomes the moves and the release as the generator goes on
    """
    preserve = layer.preserve_labels
    # napari erases the label that was selected before the background, if labels are preserved
    layer.selected_label = label
    layer.selected_label = layer.colormap.background_value
    with layer.events.preserve_labels.blocker():
        layer.preserve_labels = True
    if layer.cursor == "circle_frozen":  # napari does not draw while Alt changes the brush's size
        layer.cursor = "circle"
    yield
    while event.type == "mouse_move":
        yield
    layer.selected_label = label
    with layer.events.preserve_labels.blocker():
        layer.preserve_labels = preserve
