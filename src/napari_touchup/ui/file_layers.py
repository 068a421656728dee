"""Layers made of files: an image as napari shows it, and its masks over it."""

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from napari.layers._source import layer_source

from napari_touchup.core.axes import check_axes
from napari_touchup.io.images import ImageFile
from napari_touchup.session.opened import Opened
from napari_touchup.ui.layers import MADE_BY
from napari_touchup.ui.pixel import place_of


def image_layer(opened: Opened) -> ImageLayer:
    """Make a layer with the file's axes, colours and pixel size."""
    image = opened.image
    data, axes = image.data, image.axes
    if image.rgb and isinstance(data, np.ndarray):
        data = np.moveaxis(data, axes.index("C"), -1)  # where napari wants the colours
        axes = axes.replace("C", "") + "C"
    rgb = image.rgb and axes.endswith("C")
    named = axes[:-1] if rgb else axes
    with layer_source(path=str(opened.path)):  # as napari itself notes it
        return ImageLayer(
            data,
            name=opened.path.stem,
            rgb=rgb,
            axis_labels=list(named.lower()),
            **place_of(named, image.pixel),
        )


def saved_masks_layer(opened: Opened) -> Labels | None:
    """Make a layer of the masks in a file, to look at; None where they do not fit the image."""
    image, masks = opened.image, opened.masks
    if masks is None or not _fits(image, masks):
        return None
    layer = Labels(
        np.asarray(masks.data),
        name=f"{opened.path.stem} masks in the file",
        axis_labels=list(masks.axes.lower()),
        metadata={MADE_BY: "saved masks"},
        **place_of(masks.axes, image.pixel),
    )
    layer.editable = False
    return layer


def _fits(image: ImageFile, masks: ImageFile) -> bool:
    sizes = dict(zip(check_axes(image.axes, image.data.shape), image.data.shape, strict=True))
    found = dict(zip(masks.axes, masks.data.shape, strict=True))
    return {letter: sizes.get(letter, 1) for letter in found} == found
