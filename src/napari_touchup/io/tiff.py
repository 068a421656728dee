"""What TIFF files say of their axes and pixels, and TIFF files that ImageJ understands."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import DTypeLike, NDArray

from napari_touchup.core.channel_names import real_name

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF, both byte orders
LAZY_BYTES = 2**28  # what is larger is read when it is asked for
CLASSIC_BYTES = 2**32 - 2**25  # TIFF has 32-bit offsets; what may be larger becomes BigTIFF
MICROMETRE = ("µm", "μm", r"\u00b5m", "micron", "microns", "micrometer", "micrometre")
INCH, CENTIMETRE = 2, 3  # values of the tag ResolutionUnit


@dataclass(frozen=True, slots=True)
class PixelSize:
    """Edges of a pixel, in `unit`."""

    y: float
    x: float
    z: float | None = None  # distance of the planes
    unit: str = "um"


def is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in MAGIC


def array_of(file: tifffile.TiffFile) -> Any:
    """Return the one array that a file holds.

    Numpy; where it is larger than 256 MB, mapped into memory, or zarr of what is compressed.

    Raises
    ------
    ValueError
        If there are several; none is chosen silently.
    """
    if len(file.series) != 1:
        shapes = ", ".join(str(series.shape) for series in file.series[:4])
        raise ValueError(f"expected one image, got {len(file.series)} of different kinds: {shapes}")
    series = file.series[0]
    if series.nbytes <= LAZY_BYTES:
        return series.asarray()
    if series.dataoffset is not None:  # one uncompressed block; of its strips zarr makes one chunk
        where, dtype = file.filehandle.path, series.dtype.newbyteorder(file.byteorder)
        return np.memmap(where, dtype, "r", series.dataoffset, series.shape)
    import zarr  # half a second, and seldom needed

    return zarr.open_array(series.aszarr(level=0), mode="r")


def axis_labels(file: tifffile.TiffFile) -> str:
    """One letter for each axis, tifffile's: S for samples, I or Q for what is not known."""
    return str(file.series[0].axes)


def is_colour(file: tifffile.TiffFile) -> bool:
    """Whether the samples of a pixel are red, green, blue and perhaps alpha."""
    page = file.series[0].keyframe
    colours = page.photometric in (
        tifffile.PHOTOMETRIC.RGB,
        tifffile.PHOTOMETRIC.YCBCR,  # tifffile gives it as RGB
    )
    return bool(colours and "S" in file.series[0].axes and page.samplesperpixel in (3, 4))


def pixel_size(file: tifffile.TiffFile) -> PixelSize | None:
    """Size of a pixel, if the file says so: OME, ImageJ, or the tags of TIFF."""
    if file.is_ome and file.ome_metadata:
        return _ome_size(file.ome_metadata)
    tags = file.pages.first.tags
    x, y = (_edge(tags.valueof(name)) for name in ("XResolution", "YResolution"))
    if x is None or y is None:
        return None
    if file.is_imagej:
        note = file.imagej_metadata or {}
        unit, z = _unit(str(note.get("unit", ""))), note.get("spacing")
        z = float(z) if isinstance(z, float | int) and z > 0 else None
        return PixelSize(y, x, z, unit) if unit else None
    named = {INCH: "inch", CENTIMETRE: "cm"}.get(tags.valueof("ResolutionUnit", 1))
    return PixelSize(y, x, unit=named) if named else None


def channel_names(file: tifffile.TiffFile) -> tuple[str, ...]:
    """Names of what the channels show, in their order, "" for one without; () unless OME has any.

    ImageJ has labels of planes only, which are numbers and file names more often than not.
    """
    if not file.is_ome or not file.ome_metadata:
        return ()
    pixels = ElementTree.fromstring(file.ome_metadata).find(".//{*}Pixels")
    channels = [] if pixels is None else pixels.findall("{*}Channel")
    names = tuple(real_name(channel.get("Name", "")) for channel in channels)
    return names if any(names) else ()


def _edge(resolution: object) -> float | None:
    """Edge of a pixel for a rational number of pixels per unit."""
    match resolution:
        case (int(pixels), int(units)) if pixels > 0 and units > 0:
            return units / pixels
    return None


def _unit(name: str) -> str | None:
    name = name.strip().lower()
    if name in MICROMETRE:
        return "um"
    return None if name in ("", "pixel", "pixels") else name


def _ome_size(text: str) -> PixelSize | None:
    pixels = ElementTree.fromstring(text).find(".//{*}Pixels")
    found = pixels.attrib if pixels is not None else {}
    if "PhysicalSizeX" not in found or "PhysicalSizeY" not in found:
        return None
    y, x, z = (float(found.get(f"PhysicalSize{axis}", "nan")) for axis in "YXZ")
    unit = _unit(found.get("PhysicalSizeXUnit", "µm"))
    if unit is None or not (y > 0 and x > 0):
        return None
    return PixelSize(y, x, z if z > 0 else None, unit)


@contextmanager
def plane_writer(
    path: Path, shape: Sequence[int], axes: str, dtype: DTypeLike, pixel: PixelSize | None = None
) -> Generator[Callable[[NDArray[Any]], None]]:
    """Write a zlib-compressed TIFF plane by plane; the file is there when the block ends well.

    Parameters
    ----------
    path : a file that is there is replaced
    shape, axes : of the whole array; axes in ImageJ's order TZCYX
    dtype : what planes are converted to
    pixel : is noted in the file

    Yields
    ------
    function
        Appends a plane (Y, X).
    """
    # ImageJ writes no uint32, so tifffile would refuse it: the note is made by hand
    notes = iter([tifffile.imagej_description(tuple(shape), axes=axes, **_note(pixel))])
    scale = (1 / pixel.x, 1 / pixel.y) if pixel else (1, 1)
    big = prod(shape) * np.dtype(dtype).itemsize > CLASSIC_BYTES
    with replacing(path) as part, tifffile.TiffWriter(part, bigtiff=big) as file:

        def write(plane: NDArray[Any]) -> None:
            file.write(
                np.asarray(plane, dtype),
                photometric="minisblack",
                compression="zlib",
                resolution=scale,
                resolutionunit="none",
                description=next(notes, None),
                metadata=None,
                software=False,
            )

        yield write


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Give the path of a hidden file that takes the place of `path` when the block ends well."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _note(pixel: PixelSize | None) -> dict[str, Any]:
    if pixel is None:
        return {}
    return {"unit": pixel.unit} | ({"spacing": pixel.z} if pixel.z else {})
