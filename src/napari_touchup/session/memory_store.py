"""A store without a file: for work before a project has a folder, and for tests."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from napari_touchup.core.delta import Patch
from napari_touchup.core.entries import Entry, ImageRecord, Index, Version
from napari_touchup.io.packing import PackedPatch

LARGE = 2**16  # bytes of a patch; smaller ones are kept as they are


class MemoryStore:
    """Holds everything in lists; see `napari_touchup.core.entries.Store`."""

    def __init__(self, identity: str | None = None) -> None:
        self.path = Path()  # no folder
        self.read_only = False
        self.identity = identity or str(uuid4())
        self._entries: list[Entry] = []
        self._images: dict[str, ImageRecord] = {}
        self._versions: dict[int, Version] = {}
        self._settings: dict[str, str] = {}

    def append(self, entries: Sequence[Entry]) -> None:
        self._entries.extend(map(_small, entries))

    def entries(self, image: str | None = None, frame: Index | None = None) -> Iterator[Entry]:
        return (entry for entry in list(self._entries) if is_of(entry, image, frame))

    def outline(self) -> Iterator[Entry]:
        return map(without_pixels, list(self._entries))

    def images(self) -> tuple[ImageRecord, ...]:
        return tuple(self._images.values())

    def put_image(self, record: ImageRecord) -> None:
        self._images[record.fingerprint] = record

    def versions(self) -> tuple[Version, ...]:
        return tuple(self._versions[number] for number in sorted(self._versions))

    def put_version(self, version: Version) -> None:
        self._versions[version.number] = version

    def settings(self) -> dict[str, str]:
        return dict(self._settings)

    def put_setting(self, name: str, value: str) -> None:
        self._settings[name] = value

    def close(self) -> None:
        pass


def _small(entry: Entry) -> Entry:
    """Keep the pixels of whole frames packed: a segmented film is in memory until it is saved."""
    delta = entry.delta
    labels, marks = _packed(delta.labels), _packed(delta.marks)
    if labels is delta.labels and marks is delta.marks:
        return entry
    return replace(entry, delta=replace(delta, labels=labels, marks=marks))


def _packed(patch: Patch | None) -> Patch | None:
    return PackedPatch(patch) if patch is not None and patch.after.nbytes > LARGE else patch


def is_of(entry: Entry, image: str | None, frame: Index | None) -> bool:
    """Whether an entry is of an image and a frame, where these are given."""
    return image in (None, entry.image) and frame in (None, entry.frame)


def without_pixels(entry: Entry) -> Entry:
    """Keep of an entry what an outline tells."""
    return replace(entry, delta=replace(entry.delta, labels=None, marks=None))
