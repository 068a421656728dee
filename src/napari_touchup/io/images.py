"""Images in files: TIFF, PNG and JPEG are read, TIFF that ImageJ understands is written."""

import struct
import warnings
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from napari_touchup.core.axes import Stack, check_axes, resolve_axes
from napari_touchup.io import tiff
from napari_touchup.io.tiff import PixelSize, plane_writer

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")  # what is looked for in a folder
FILE_ORDER = "TZCYX"  # of the axes in a file
NUMBERS = ("L", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # Pillow's modes of one number
GREY = ("1", "LA", "La")  # those that become one

# all that decoders raise for a file that is cut short or damaged
DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    SyntaxError,  # Pillow, for a broken PNG
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
)


class ImageFileError(ValueError):
    """A file cannot be read as an image; the message says why, in one line."""


@dataclass(frozen=True, eq=False, slots=True)
class ImageFile:
    """What a file holds.

    Attributes
    ----------
    data : array-like
        Numpy, or zarr where it is read when it is asked for.
    axes : str
        One letter of "TZCYX" for each axis.
    rgb : bool
        Whether C are the colours of one picture.
    pixel : PixelSize, optional
    names : tuple of str
        Of what each channel shows, in the order of C; () where the file names none.
    """

    data: Any
    axes: str
    rgb: bool = False
    pixel: PixelSize | None = None
    names: tuple[str, ...] = ()

    def stack(self, channels: tuple[int, ...] | None = None) -> Stack:
        """Frame by frame; of the given channels, counted from 0."""
        return Stack(self.data, self.axes, channels)

    def names_of(self, channels: tuple[int, ...]) -> tuple[str, ...]:
        """Names of channels, counted from 1; (): of all."""
        return tuple(self.names[n - 1] for n in channels) if self.names and channels else self.names


@contextmanager
def open_image(path: Path, axes: str | None = None) -> Generator[ImageFile]:
    """Open an image for the length of a block; more than 256 MB of TIFF stay in the file.

    Parameters
    ----------
    path : TIFF (also multi-page, ImageJ, OME), PNG, JPEG or what else Pillow reads
    axes : one letter of "TZCYX" for each axis, where the file's own or the guess is wrong

    Raises
    ------
    ImageFileError
        If the file cannot be read, is no image, or holds several that are not one array.
    """
    with explained(path):
        source = tifffile.TiffFile(path) if tiff.is_tiff(path) else None
    if source is None:
        with explained(path):
            image = _with_axes(*_pillow(path), pixel=None, axes=axes)
        yield image
        return
    with source:
        with explained(path):
            rgb = tiff.is_colour(source)
            labels = tiff.axis_labels(source)
            data, pixel = tiff.array_of(source), tiff.pixel_size(source)
            image = _with_axes(data, labels, rgb, pixel, axes)
            names = tiff.channel_names(source)
        yield replace(image, names=names if len(names) == image.stack().n_channels else ())


def channel_names(path: Path, count: int) -> tuple[str, ...]:
    """Names that a file gives to its channels; () unless it is a TIFF with so many.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    """
    with explained(path):
        if not tiff.is_tiff(path):
            return ()
        with tifffile.TiffFile(path) as source:
            names = tiff.channel_names(source)
    return names if len(names) == count else ()


def read_labels(path: Path) -> ImageFile:
    """Read a label image whole; its axes have no C.

    Raises
    ------
    ImageFileError
        If the file cannot be read, or does not hold integers >= 0.
    """
    with open_image(path) as image:
        with explained(path):
            data = np.asarray(image.data[...])
        if image.rgb or not _are_labels(data):
            found = "colours" if image.rgb else f"{data.dtype} from {data.min()} to {data.max()}"
            raise ImageFileError(f"{path}: expected labels (integers >= 0), got {found}")
        # labels have no channels: what looks like them are a few frames
        frames = "T" if "T" not in image.axes else "Z"
        return replace(image, data=data, axes=image.axes.replace("C", frames))


def write_labels(
    path: Path, labels: NDArray[Any], axes: str, pixel: PixelSize | None = None
) -> None:
    """Write labels as zlib-compressed TIFF with ImageJ's axes; the file is there whole or not.

    Parameters
    ----------
    path : a file that is there is replaced
    labels : integer array >= 0, written as uint16, or uint32 for numbers above 65 535
    axes : one letter of "TZCYX" for each axis
    pixel : is noted in the file

    Raises
    ------
    ValueError
        If these are no labels, or the axes do not fit.
    """
    if not _are_labels(labels):
        raise ValueError(f"expected labels (integers >= 0), got {labels.dtype}")
    dtype = np.uint16 if labels.max(initial=0) < 2**16 else np.uint32
    write_image(path, labels.astype(dtype, copy=False), axes, pixel)


def write_image(path: Path, data: NDArray[Any], axes: str, pixel: PixelSize | None = None) -> None:
    """Write an array as `write_labels` does, in its own dtype (uint8, uint16, uint32, float32)."""
    axes = check_axes(axes, data.shape)
    ordered = "".join(letter for letter in FILE_ORDER if letter in axes)
    data = data.transpose([axes.index(letter) for letter in ordered])
    with plane_writer(path, data.shape, ordered, data.dtype, pixel) as write:
        for plane in data.reshape(-1, *data.shape[-2:]):
            write(plane)


def _are_labels(data: NDArray[Any]) -> bool:
    return data.dtype.kind in "iub" and bool(data.min(initial=0) >= 0)


def _with_axes(
    data: Any, labels: str, rgb: bool, pixel: PixelSize | None, axes: str | None
) -> ImageFile:
    if 0 in data.shape or np.dtype(data.dtype).kind not in "biuf":
        raise ValueError(f"expected real numbers, got {data.dtype} of shape {data.shape}")
    if axes is not None:
        return ImageFile(data, check_axes(axes, data.shape), rgb, pixel)
    if rgb and "C" in labels:
        raise ValueError("expected channels or colours, got both: save the channels apart")
    return ImageFile(data, resolve_axes(data.shape, labels=labels), rgb, pixel)


def _pillow(path: Path) -> tuple[NDArray[Any], str, bool]:
    """Pixels, labels of the axes as tifffile gives them, and whether they are colours."""
    with warnings.catch_warnings():
        # large mosaics are common here, and damaged data only spoils its own result
        warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
        with Pillow.open(path) as picture:
            if picture.mode in GREY:
                return np.asarray(picture.convert("L")), "YX", False
            if picture.mode in NUMBERS:
                return np.asarray(picture), "YX", False
            mode = "RGBA" if picture.has_transparency_data else "RGB"
            return np.asarray(picture.convert(mode)), "YXS", True


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn whatever a decoder raises inside the block into an `ImageFileError`."""
    try:
        yield
    except DAMAGED as error:
        raise ImageFileError(f"{path} cannot be read: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no TIFF, PNG or JPEG"
    text = error.strerror if isinstance(error, OSError) else None
    return text or (str(error).strip().splitlines() or [type(error).__name__])[0]
