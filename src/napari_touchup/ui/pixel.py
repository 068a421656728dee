"""How large a pixel is: between a file, which says so once, and a layer, which does by the axis."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari.layers import Layer

from napari_touchup.io.tiff import PixelSize

PRINTED = ("inch", "cm")  # sizes on paper, such as 72 dpi: they say nothing of the sample


def place_of(axes: str, pixel: PixelSize | None) -> dict[str, Any]:
    """Scale and units of a layer with these axes; none where the file gives no true size.

    >>> place_of("TYX", PixelSize(0.5, 0.25))
    {'scale': [1.0, 0.5, 0.25], 'units': ['pixel', 'um', 'um']}
    """
    if pixel is None or pixel.unit in PRINTED:
        return {}
    edges = {"Y": pixel.y, "X": pixel.x, "Z": pixel.z}
    sizes = [edges.get(letter) for letter in axes]
    return {
        "scale": [size or 1.0 for size in sizes],
        "units": [pixel.unit if size else "pixel" for size in sizes],
    }


def pixel_of(layer: Layer, axes: str) -> PixelSize | None:
    """Size of a layer's pixels in micrometres; of one without units, what its file says."""
    size = size_of(axes, layer.scale, layer.units)
    path = layer.source.path
    return pixel_of_file(Path(path)) if size is None and path is not None else size


def size_of(axes: str, scale: Iterable[Any], units: Iterable[Any]) -> PixelSize | None:
    """Size of pixels in micrometres; None where Y has no unit of length.

    Parameters
    ----------
    scale, units : of each axis, as a layer has them
    """
    lengths = {
        letter: float((abs(edge) * unit).m_as("um"))
        for letter, edge, unit in zip(axes, scale, units, strict=False)
        if letter in "YXZ" and unit.is_compatible_with("um")
    }
    if "Y" not in lengths or "X" not in lengths:
        return None
    return PixelSize(lengths["Y"], lengths["X"], lengths.get("Z"))


def pixel_of_file(path: Path) -> PixelSize | None:
    """Size of a pixel, if a TIFF file is there and says so."""
    import tifffile

    from napari_touchup.io.tiff import is_tiff, pixel_size

    if not path.is_file() or not is_tiff(path):
        return None
    with tifffile.TiffFile(path) as file:
        return pixel_size(file)
