"""Masks written as the ending of a file says: label TIFF, ROI zip, GeoJSON or a table."""

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_touchup.io.geojson import write_geojson
from napari_touchup.io.images import ImageFile, write_labels
from napari_touchup.io.measurements import States, measure_file, write_cells
from napari_touchup.io.outlines import outlines_of
from napari_touchup.io.rois import write_rois

TIFF, ROIS, GEOJSON, TABLE = (".tif", ".tiff"), (".zip",), (".geojson",), (".csv",)
# what people choose from, and its endings; the first is for names without a known one
FORMATS = {
    "Label images": TIFF,
    "ROIs for ImageJ": ROIS,
    "GeoJSON for QuPath": GEOJSON,
    "Measurements": TABLE,
}
ENDINGS = tuple(ending for endings in FORMATS.values() for ending in endings)


def write_masks(
    path: Path,
    masks: ImageFile,
    image: ImageFile | None = None,
    states: States | None = None,
) -> str:
    """Write masks; the file is there whole or not.

    Parameters
    ----------
    path : its suffix, one of `ENDINGS`, says how; a file that is there is replaced
    masks : integers >= 0, axes without C
    image : of the same frames; its intensities are measured, and of an image with channels
        ImageJ's ROIs say both T and Z
    states : what a person said of the objects; a table has them

    Returns
    -------
    str
        What is in the file, such as "T 3, Y 512, X 640, pixel 0.25 um".

    Raises
    ------
    ValueError
        If the suffix is another one, these are no labels, or the image has other frames.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise ValueError(f"expected a name that ends in {', '.join(ENDINGS)}, got {path.name}")
    return write(path, masks, image, states)


def with_ending(path: Path, endings: Sequence[str]) -> Path:
    """Give a name the ending of a format that a person chose.

    >>> str(with_ending(Path("plate 1.2"), ROIS)), str(with_ending(Path("a.tif"), ROIS))
    ('plate 1.2.zip', 'a.zip')
    """
    suffix = path.suffix.lower()
    if suffix in endings:
        return path
    name = path.stem if suffix in ENDINGS else path.name
    return path.with_name(f"{name}{endings[0]}")


def write_outlines(paths: Sequence[Path], masks: ImageFile, image: ImageFile | None) -> int:
    """Write outlines as ROI zips and GeoJSON, and count them; parameters as of `write_masks`."""
    if not paths:
        return 0
    outlines = list(outlines_of(masks.data, masks.axes))
    channels = 1 if image is None or image.rgb else image.stack().n_channels
    for path in paths:
        if path.suffix.lower() in ROIS:
            write_rois(path, outlines, hyperstack=channels > 1)
        else:
            write_geojson(path, outlines)
    return len(outlines)


def _labels(path: Path, masks: ImageFile, image: ImageFile | None, states: States | None) -> str:
    write_labels(path, masks.data, masks.axes, masks.pixel)
    sizes = zip(masks.axes, masks.data.shape, strict=True)
    text, pixel = ", ".join(f"{letter} {n}" for letter, n in sizes), masks.pixel
    return f"{text}, pixel {pixel.x:.4g} {pixel.unit}" if pixel else f"{text}, no pixel size known"


def _outlines(path: Path, masks: ImageFile, image: ImageFile | None, states: States | None) -> str:
    count = write_outlines([path], masks, image)
    return "1 outline" if count == 1 else f"{count} outlines"


def _table(path: Path, masks: ImageFile, image: ImageFile | None, states: States | None) -> str:
    columns = measure_file(masks, image, states)
    write_cells(path, {path.stem: columns})
    count = len(columns["cell"])
    return "1 object" if count == 1 else f"{count} objects"


_WRITERS: dict[str, Callable[[Path, ImageFile, ImageFile | None, States | None], str]] = {
    **dict.fromkeys(TIFF, _labels),
    **dict.fromkeys((*ROIS, *GEOJSON), _outlines),
    **dict.fromkeys(TABLE, _table),
}
