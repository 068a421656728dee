"""The corrected images of a project: those whose pixels can be read, and those that are away."""

from dataclasses import dataclass

from napari_touchup.core.entries import ImageRecord, Index
from napari_touchup.session.gallery import Gallery
from napari_touchup.session.images import Feed
from napari_touchup.session.project import Project


@dataclass(frozen=True, eq=False)
class Source:
    """An image whose pixels can be read, and its frames that hold hand work."""

    key: str
    feed: Feed
    shape: tuple[int, int]  # of a frame
    frames: tuple[Index, ...]


@dataclass(frozen=True, eq=False)
class Sources:
    found: tuple[Source, ...]
    away: tuple[ImageRecord, ...]


def find_sources(project: Project, gallery: Gallery, wanted: int) -> Sources:
    """Look for the images in which a person did something.

    Parameters
    ----------
    wanted : number of channels that the model takes
    """
    frames: dict[str, list[Index]] = {}
    for key, index in project.corrected():
        frames.setdefault(key, []).append(index)
    records = {record.fingerprint: record for record in project.ledger.images()}
    found, away = [], []
    for key, indices in frames.items():
        source = _source(records[key], gallery, wanted, tuple(indices)) if key in records else None
        if source is not None:
            found.append(source)
        elif key in records:
            away.append(records[key])
    return Sources(tuple(found), tuple(away))


def _source(
    record: ImageRecord, gallery: Gallery, wanted: int, frames: tuple[Index, ...]
) -> Source | None:
    feed, image = gallery.feed(record, wanted), gallery.image(record)
    if feed is None or image is None:
        return None
    return Source(record.fingerprint, feed, image.plane_shape, frames)
