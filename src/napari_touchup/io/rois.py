"""Objects as ROIs of ImageJ: a zip for its ROI Manager, one entry for each object and plane.

ImageJ's format has no description but ij/io/RoiDecoder.java (imagej.net/ij/source); a wand's
"traced" polygon runs along pixel edges, and a composite holds a path that is filled by the
even-odd rule, so that both give back the very pixels.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from napari_touchup.core.contours import Ring
from napari_touchup.io.images import explained
from napari_touchup.io.outlines import Outline, Read, label_of
from napari_touchup.io.tiff import replacing

DIGITS = 4  # of a name at least
INTEGERS = 2**15  # coordinates of a traced polygon, pixels
VERTICES = 2**16
# segments of a path (java.awt.geom.PathIterator), and how many points each has: curves are
# quadratic and cubic Bézier curves from the point before
MOVE, LINE, CLOSE = 0, 1, 4
POINTS = {MOVE: 1, LINE: 1, 2: 2, 3: 3, CLOSE: 0}
STEPS = 16  # in which a curve is walked
ENTRY_BYTES, FILE_BYTES = 2**26, 2**30  # what a zip may unpack to
OVAL_VERTICES = 360
POLYGONS = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED)
DRAWINGS = (ROI_SUBTYPE.TEXT, ROI_SUBTYPE.IMAGE)


def write_rois(path: Path, outlines: Iterable[Outline], *, hyperstack: bool = False) -> None:
    """Write a zip that ImageJ's ROI Manager opens; the file is there whole or not.

    Entries are named by label, such as ``0012``, in stacks ``0012_T003`` (planes counted from 1).

    Parameters
    ----------
    path : a file that is there is replaced
    outlines : with labels
    hyperstack : whether the image has two axes of T, Z and channels; ImageJ knows planes of
        other stacks by one number only
    """
    with replacing(path) as part, ZipFile(part, "w", ZIP_DEFLATED) as file:
        for outline in outlines:
            roi = _roi(outline, hyperstack or None not in (outline.t, outline.z))
            file.writestr(f"{roi.name}.roi", roi.tobytes())


def read_rois(path: Path) -> Read:
    """Read the areas of a zip, or of a single .roi file.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    """
    with explained(path):
        rois = list(_entries(path))
        areas = [(name, roi) for name, roi in rois if _is_area(roi)]
        outlines = [_outline(name, roi) for name, roi in areas]
        return Read(outlines, len(rois) - len(areas))


def _roi(outline: Outline, hyperstack: bool) -> ImagejRoi:
    places = {"T": outline.t, "Z": outline.z}
    planes = {axis: at + 1 for axis, at in places.items() if at is not None}
    name = "_".join([f"{outline.label:0{DIGITS}}", *(f"{a}{n:03}" for a, n in planes.items())])
    roi = ImagejRoi(name=name)
    if hyperstack:
        roi.t_position, roi.z_position = planes.get("T", 0), planes.get("Z", 0)
    else:
        roi.position = max(planes.values(), default=0)
    points = np.concatenate(outline.rings)
    roi.left, roi.top = (int(n) for n in points.min(axis=0))
    roi.right, roi.bottom = (int(n) for n in points.max(axis=0))
    if len(outline.rings) == 1 and points.max() < INTEGERS and len(points) < VERTICES:
        roi.roitype = ROI_TYPE.TRACED
        roi.n_coordinates = len(points)
        roi.integer_coordinates = (points - [roi.left, roi.top]).astype(np.int32)
    else:
        roi.roitype = ROI_TYPE.RECT
        roi.multi_coordinates = _path(outline.rings)
        roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _path(rings: Sequence[Ring]) -> NDArray[np.float32]:
    segments: list[float] = []
    for ring in rings:
        for number, (x, y) in enumerate(ring.tolist()):
            segments += [LINE if number else MOVE, x, y]
        segments.append(CLOSE)
    return np.array(segments, np.float32)


def _entries(path: Path) -> Iterator[tuple[str, ImagejRoi]]:
    with path.open("rb") as file:
        single = file.read(4) == b"Iout"
    if single:
        roi = ImagejRoi.frombytes(path.read_bytes())
        yield roi.name or path.stem, roi
        return
    try:
        with ZipFile(path) as archive:
            entries = [e for e in archive.infolist() if e.filename.lower().endswith(".roi")]
            sizes = [entry.file_size for entry in entries]
            if max(sizes, default=0) > ENTRY_BYTES or sum(sizes) > FILE_BYTES:
                raise ValueError(f"its ROIs take {sum(sizes) / 2**30:.1f} GB")
            for entry in entries:
                # ImageJ too takes the name of the entry
                yield Path(entry.filename).stem, ImagejRoi.frombytes(archive.read(entry))
    except BadZipFile as error:
        raise ValueError("it is no zip of ROIs") from error


def _is_area(roi: ImagejRoi) -> bool:
    return roi.subtype not in DRAWINGS and roi.roitype in (*POLYGONS, ROI_TYPE.RECT, ROI_TYPE.OVAL)


def _outline(name: str, roi: ImagejRoi) -> Outline:
    rings = _rings(roi)
    if not all(np.isfinite(ring).all() for ring in rings):
        raise ValueError(f"ROI {name} has coordinates that are no numbers")
    # ImageJ counts planes from 1; 0 is all of them
    t, z, plane = (n - 1 if n > 0 else None for n in (roi.t_position, roi.z_position, roi.position))
    if t is not None or z is not None:
        plane = None
    return Outline([[ring] for ring in rings], label_of(name), t, z, plane)


def _rings(roi: ImagejRoi) -> list[Ring]:
    if roi.multi_coordinates is not None:
        return _walked(roi.multi_coordinates.tolist())
    if roi.roitype in POLYGONS:
        return [np.asarray(roi.coordinates())]
    left, top, right, bottom = float(roi.left), float(roi.top), float(roi.right), float(roi.bottom)
    if roi.subpixelrect:
        left, top, right, bottom = roi.xd, roi.yd, roi.xd + roi.widthd, roi.yd + roi.heightd
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    if roi.roitype == ROI_TYPE.RECT:
        return [corners]
    turn = np.linspace(0, 2 * np.pi, OVAL_VERTICES, endpoint=False)
    around = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return [corners.mean(axis=0) + around * np.ptp(corners, axis=0) / 2]


def _walked(path: Sequence[float]) -> list[Ring]:
    """Rings of a path; the inverse of `_path`."""
    rings: list[list[NDArray[np.float64]]] = []
    at = 0
    while at < len(path):
        kind = int(path[at])
        if kind not in POINTS or (kind != MOVE and not rings):
            raise ValueError(f"expected a path of segments, got {kind} at {at}")
        after = at + 1 + 2 * POINTS[kind]
        points = np.reshape(path[at + 1 : after], (POINTS[kind], 2)).astype(float)
        if kind == MOVE:
            rings.append([])
        rings[-1] += list(points) if len(points) < 2 else _curve(rings[-1][-1], points)
        at = after
    return [np.array(ring) for ring in rings]


def _curve(start: NDArray[np.float64], points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Points along a Bézier curve, by de Casteljau's construction."""
    share = np.linspace(0, 1, STEPS + 1)[1:, np.newaxis, np.newaxis]
    line = np.broadcast_to(np.vstack([start, points]), (STEPS, len(points) + 1, 2))
    while line.shape[1] > 1:
        line = (1 - share) * line[:, :-1] + share * line[:, 1:]
    return list(line[:, 0])
