"""The bundled sample images: read for File > Open Sample, and written as `touchup synth` does.

All are synthetic (`core.synth`); sample_data/README.md gives the command that made each one.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_touchup.core.synth import Sample

NAMES = ("nuclei", "phase", "membranes", "rings", "timelapse")
MICROMETRE = "um"
SHOWN = (0.2, 99.8)  # percentiles that become black and white
LayerData: TypeAlias = tuple[NDArray[Any], dict[str, Any], str]


def sample_path(name: str, *, truth: bool = False) -> Path:
    """Path of a bundled image, or of its truth.

    Raises
    ------
    ValueError
        for a name that is not in `NAMES`
    """
    if name not in NAMES:
        raise ValueError(f"expected a sample among {', '.join(NAMES)}, got {name!r}")
    folder = files("napari_touchup_data") / "sample_data"
    return Path(str(folder / f"{name}{'_truth' if truth else ''}.tif"))


def write_sample(folder: Path, stem: str, sample: Sample) -> tuple[Path, Path]:
    """Write `stem.tif` and `stem_truth.tif`: zlib, ImageJ axes, pixel size in micrometres.

    Raises
    ------
    FileExistsError
        if one of the two is already there
    """
    image, truth = folder / f"{stem}.tif", folder / f"{stem}_truth.tif"
    for path in (image, truth):
        if path.exists():
            raise FileExistsError(f"{path} is already there")
    _write(image, sample.image, "TCYX"[-sample.image.ndim :], sample.pixel_um)
    labels = sample.truth.astype(np.uint16 if sample.truth.max() < 2**16 else np.uint32)
    _write(truth, labels, "TYX"[-sample.truth.ndim :], sample.pixel_um)
    return image, truth


def _write(path: Path, data: NDArray[Any], axes: str, pixel_um: float) -> None:
    per_um = (1 / pixel_um, 1 / pixel_um)
    tifffile.imwrite(
        path,
        data,
        imagej=data.dtype != np.uint32,  # ImageJ has no 32-bit integers
        compression="zlib",
        predictor=True,
        resolution=per_um,
        metadata={"axes": axes, "unit": "micron"},
    )


def nuclei() -> list[LayerData]:
    """Fluorescent nuclei, one (Y, X) image layer."""
    return _layer("nuclei")


def phase() -> list[LayerData]:
    """Cells in phase contrast, one (Y, X) image layer."""
    return _layer("phase")


def membranes() -> list[LayerData]:
    """Electron micrograph of tissue, one (Y, X) image layer."""
    return _layer("membranes")


def rings() -> list[LayerData]:
    """Cells with stained membranes, which the bundled model does not know: one (Y, X) layer."""
    return _layer("rings")


def timelapse() -> list[LayerData]:
    """Cells and, in channel 1, their nuclei over time, one (T, C, Y, X) image layer."""
    return _layer("timelapse")


def _layer(name: str) -> list[LayerData]:
    path = sample_path(name)
    with tifffile.TiffFile(path) as file:
        data, axes = file.asarray(), file.series[0].axes
        pixels, micrometres = file.pages.first.tags["XResolution"].value
    pixel = micrometres / pixels
    spatial = [axis in "YX" for axis in axes]
    kwargs = {
        "name": name,
        "scale": tuple(pixel if known else 1.0 for known in spatial),
        "units": tuple(MICROMETRE if known else "pixel" for known in spatial),
        "axis_labels": tuple(axes.lower()),
        "contrast_limits": tuple(np.percentile(data, SHOWN).tolist()),
    }
    return [(data, kwargs, "image")]
