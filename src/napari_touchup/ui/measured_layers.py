"""Labels and image layers, as what is measured of them."""

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_touchup.core.axes import CHANNELS_MAX, NAMES, Stack
from napari_touchup.io.tiff import PixelSize
from napari_touchup.session.measured import Source
from napari_touchup.ui.layers import is_result, level_0
from napari_touchup.ui.pixel import pixel_of

COLOURS = (0, 1, 2)  # of a picture; alpha is not measured


def axes_of(labels: Labels) -> str | None:
    """Say what the axes of labels are, such as "TYX"; None where that is not to be guessed.

    The last two are the plane. Others are what their names say, or T and Z in this order; one of
    length 1 beside others stands for the channels of an image.
    """
    shape = level_0(labels).shape
    if len(shape) < 2:
        return None
    leading = [_letter(name) for name in labels.axis_labels[:-2]]
    if len(set(leading) - {None}) < len(leading) - leading.count(None):
        leading = [None] * len(leading)  # two of the same name say nothing
    for n, letter in enumerate(leading):
        if letter is None and shape[n] == 1 and len(leading) > 1 and "C" not in leading:
            leading[n] = "C"
    free = (letter for letter in "TZ" if letter not in leading)
    letters = [next(free, None) if letter is None else letter for letter in leading]
    known = [letter for letter in letters if letter is not None]
    wrong = "C" in known and shape[known.index("C")] != 1
    return None if len(known) < len(letters) or wrong else "".join(known) + "YX"


def image_axes(labels: Labels, image: Image) -> str | None:
    """Axes of an image of the same frames as labels; None if it has others."""
    axes = axes_of(labels)
    if axes is None:
        return None
    wanted, shape = level_0(labels).shape, level_0(image).shape
    if image.rgb:
        return axes + "C" if shape[:-1] == wanted and "C" not in axes else None
    if len(shape) == len(wanted):
        pairs = zip(axes, wanted, shape, strict=True)
        return axes if all(a == b or letter == "C" for letter, a, b in pairs) else None
    if len(shape) != len(wanted) + 1 or "C" in axes:
        return None
    for n, length in enumerate(shape):
        if length <= CHANNELS_MAX and shape[:n] + shape[n + 1 :] == wanted:
            return f"{axes[:n]}C{axes[n:]}"
    return None


def proposed(labels: Labels, images: list[Image]) -> Image | None:
    """Choose the image that labels most likely belong to, among those that fit."""
    of_its_name = [each for each in images if labels.name.startswith(each.name)]
    plain = [each for each in images if not is_result(each)]
    return next(iter(of_its_name or plain), None)


def label_stack(labels: Labels) -> Stack:
    """Labels as frames.

    Raises
    ------
    ValueError
        If nobody knows what its axes are.
    """
    axes = axes_of(labels)
    if axes is None:
        raise ValueError(f"expected labels with T, Z, Y, X, got the axes {labels.axis_labels}")
    return Stack(level_0(labels), axes)


def source_of(labels: Labels, image: Image | None) -> Source:
    """Labels, and the image that their intensities come from, as they are measured."""
    stack = label_stack(labels)
    raw = None
    if image is not None and (axes := image_axes(labels, image)) is not None:
        raw = Stack(level_0(image), axes, COLOURS if image.rgb else None)
    pixel, unit = _pixel(labels, image, stack.axes)
    return Source(labels.name, stack, raw, pixel, unit)


def _pixel(
    labels: Labels, image: Image | None, axes: str
) -> tuple[tuple[float, float] | None, str]:
    """Edges of a pixel and their unit: of the labels, else of the image."""
    found = pixel_of(labels, axes)
    if found is None and image is not None:
        found = _image_pixel(image, labels)
    if found is not None:
        return (found.y, found.x), found.unit
    y, x = (float(abs(scale)) for scale in labels.scale[-2:])
    return (None, "") if (y, x) == (1, 1) else ((y, x), "unit")


def _image_pixel(image: Image, labels: Labels) -> PixelSize | None:
    axes = image_axes(labels, image)
    return None if axes is None else pixel_of(image, axes[: image.ndim])


def _letter(name: str) -> str | None:
    return next((letter for letter in "TZC" if name.strip().lower() in NAMES[letter]), None)


def same_frames(labels: Labels, others: list[Layer]) -> list[Labels]:
    """Labels layers that can be the truth of another one."""
    shape = level_0(labels).shape
    return [
        each
        for each in others
        if isinstance(each, Labels) and each is not labels and level_0(each).shape == shape
    ]


def label_at(labels: Labels, event: Any) -> int:
    """Label below the mouse, 0 where there is none."""
    found = labels.get_value(
        event.position,
        view_direction=event.view_direction,
        dims_displayed=event.dims_displayed,
        world=True,
    )
    value = found[-1] if isinstance(found, tuple) else found  # (level, label) of several levels
    return 0 if value is None else int(np.asarray(value))
