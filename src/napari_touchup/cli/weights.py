"""`touchup weights`: the weight map of a label image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from napari_touchup.cli.console import refuse_existing, say
from napari_touchup.options import WeightOptions

if TYPE_CHECKING:
    from napari_touchup.io.images import ImageFile

DEFAULTS = WeightOptions()

LabelFile = Annotated[
    Path,
    typer.Argument(
        metavar="LABELS.tif",
        help="Label image, 0 = background; 2D, T or Z.",
        exists=True,
        dir_okay=False,
    ),
]
Out = Annotated[
    Path, typer.Option("--output", "-o", metavar="OUT.tif", help="Weight map, TIFF of float32.")
]
W0 = Annotated[
    float, typer.Option(metavar="W", help="Weight added where two objects touch (no unit).")
]
Sigma = Annotated[
    float,
    typer.Option(
        metavar="PX",
        help="Falloff of the border weight, pixels; along Z and Y as many as the file's pixel "
        "size makes of them.",
    ),
]
Balance = Annotated[
    bool,
    typer.Option("--balance", help="Objects and background weigh the same in all (no unit)."),
]


def weights(
    labels: LabelFile,
    out: Out,
    w0: W0 = DEFAULTS.w0,
    sigma: Sigma = DEFAULTS.sigma,
    balance: Balance = False,
) -> None:
    """Write the weight map of a label image (Ronneberger 2015, equation 2)."""
    from napari_touchup.core.weights import class_weights
    from napari_touchup.io.images import read_labels, write_image

    options = WeightOptions(w0=w0, sigma=sigma)
    refuse_existing([out])
    image = read_labels(labels)
    if balance:
        background, foreground = class_weights(image.data)
        options = options.model_copy(update={"background": background, "foreground": foreground})
    write_image(out, _weight_maps(image, options), image.axes, image.pixel)
    say(f"weight map of {labels} in {out}")


def _weight_maps(image: "ImageFile", options: WeightOptions) -> NDArray[np.float32]:
    """Weight map of each time point, of the whole volume where there is a Z."""
    from napari_touchup.core.weights import weight_map

    first = image.axes.index("T") if "T" in image.axes else None
    if first is None:
        return weight_map(image.data, None, options, _spacing(image, image.axes))
    axes = image.axes.replace("T", "")
    frames = np.moveaxis(image.data, first, 0)
    maps = [weight_map(frame, None, options, _spacing(image, axes)) for frame in frames]
    return np.moveaxis(np.stack(maps), 0, first)


def _spacing(image: "ImageFile", axes: str) -> tuple[float, ...] | None:
    """Size of a pixel along each axis, in pixels of X."""
    pixel = image.pixel
    if pixel is None:
        return None
    sizes = {"X": 1.0, "Y": pixel.y / pixel.x, "Z": (pixel.z or pixel.x) / pixel.x}
    return tuple(sizes[letter] for letter in axes)
