"""Files that belong together by their names: an image, its masks, and where these count."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_touchup.io.outputs import OutputError, find_images

NAMED = 20  # files or faults that a message lists


class PairError(ValueError):
    """Files do not go together; the message lists all of them, in one line."""


@dataclass(frozen=True, slots=True)
class Pair:
    image: Path
    masks: Path
    annotated: Path | None = None  # non-zero = the masks count there; None: everywhere


def find_pairs(images: Path, masks: Path, annotated: Path | None = None) -> list[Pair]:
    """Pair the images of folders by their names without suffix.

    Parameters
    ----------
    images, masks, annotated : folders, searched with their subfolders; or one file each, whose
        names may differ then

    Raises
    ------
    PairError
        If a folder has no images, two have one name, or one lacks its partner.
    """
    places = [place for place in (images, masks, annotated) if place is not None]
    try:
        found = [find_images([place]) for place in places]
    except OutputError as error:
        raise PairError(str(error)) from error
    if all(place.is_file() for place in places):
        return [Pair(*places)]
    named = [by_name(paths) for paths in found]
    names = {"images": named[0], "masks": named[1]}
    if annotated is not None:
        names["annotated masks"] = named[2]
    if lacking := _lacking(names):
        raise PairError("; ".join(lacking))
    return [Pair(*(paths[name] for paths in named)) for name in named[0]]


def name_of(path: Path) -> str:
    """Name without suffix; `.ome.tif` is one suffix."""
    return path.stem[:-4] if path.stem.lower().endswith(".ome") else path.stem


def by_name(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by `name_of`, in their order.

    Raises
    ------
    PairError
        If two have the same.
    """
    found: dict[str, Path] = {}
    twice = []
    for path in paths:
        if path != found.setdefault(name_of(path), path):
            twice.append(f"{found[name_of(path)]} and {path}")
    if twice:
        raise PairError(f"two files of one name: {listed(twice)}")
    return found


def listed(texts: Sequence[str], separator: str = ", ") -> str:
    """Texts in one line, many of them shortened.

    >>> listed(["a.tif", "b.tif"])
    'a.tif, b.tif'
    """
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return separator.join(texts[:NAMED]) + more


def _lacking(names: Mapping[str, Mapping[str, Path]]) -> list[str]:
    """Say which images lack something, and which files lack their image."""
    images, faults = names["images"], []
    for kind, files in names.items():
        if missing := [str(path) for name, path in images.items() if name not in files]:
            faults.append(f"no {kind} for {listed(missing)}")
        if extra := [str(path) for name, path in files.items() if name not in images]:
            faults.append(f"no image for {listed(extra)}")
    return faults
