"""`touchup synth`: synthetic images with exact truth."""

from pathlib import Path
from typing import Annotated

import typer

from napari_touchup.cli.console import UsageError, progress, refuse_existing, say

Kind = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="nuclei, phase, dic, membranes, rings or timelapse.",
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Folder: images go to DIR/images, truth to DIR/masks."
    ),
]
Count = Annotated[int, typer.Option("-n", metavar="N", min=1, help="Number of images.")]
Size = Annotated[int, typer.Option(metavar="PX", min=16, help="Edge of an image, pixels.")]
Seed = Annotated[
    int, typer.Option(metavar="N", min=0, help="Number that the random ones grow from.")
]


def synth(kind: Kind, out: Out, n: Count = 4, size: Size = 512, seed: Seed = 0) -> None:
    """Make synthetic microscopy with exact instance truth; the same seed gives the same pixels."""
    from napari_touchup.core.synth import EVERY_KIND, make_image
    from napari_touchup.io.images import write_image, write_labels
    from napari_touchup.io.tiff import PixelSize

    if kind not in EVERY_KIND:
        raise UsageError(f"expected a KIND of {', '.join(EVERY_KIND)}, got {kind!r}")
    names = [f"{kind}_{index:03d}.tif" for index in range(n)]
    images, masks = out / "images", out / "masks"
    refuse_existing(folder / name for name in names for folder in (images, masks))
    images.mkdir(parents=True, exist_ok=True)
    masks.mkdir(exist_ok=True)
    with progress("images") as bar:
        for index, name in enumerate(bar.track(names, description=kind)):
            made = make_image(kind, (size, size), seed, index)
            pixel = PixelSize(made.pixel_um, made.pixel_um)
            write_image(images / name, made.image, "TCYX"[-made.image.ndim :], pixel)
            write_labels(masks / name, made.truth, "TYX"[-made.truth.ndim :], pixel)
    say(f"{n} images in {images}, their truth in {masks}")
