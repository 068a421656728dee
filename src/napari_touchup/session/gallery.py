"""The images of a project whose pixels can be read: open in the window, or in their files."""

from pathlib import Path

import numpy as np

from napari_touchup.core.entries import ImageRecord
from napari_touchup.io.images import open_image
from napari_touchup.session.images import Channel, Feed, Image


class Gallery:
    """Remembers images by their key, and finds those of earlier sessions in their files.

    Parameters
    ----------
    beside : a folder where files are looked for that are not in their place any more
    """

    def __init__(self, beside: Path | None = None) -> None:
        self._beside = beside
        self._open: dict[str, Image] = {}
        self._feeds: dict[str, Feed] = {}  # that a person chose for a network

    def note(self, image: Image) -> None:
        self._open[image.key] = image

    def note_feed(self, image: Image, feed: Feed) -> None:
        """Remember which channels a network was given."""
        self.note(image)
        self._feeds[image.key] = feed

    def image(self, record: ImageRecord) -> Image | None:
        """Give an image of a project, if its file is still there and holds the same pixels."""
        if record.fingerprint in self._open:
            return self._open[record.fingerprint]
        found = next(filter(None, (_read(path, record) for path in self._places(record))), None)
        if found is not None:
            self.note(found)
        return found

    def feed(self, record: ImageRecord, wanted: int) -> Feed | None:
        """Give the channels that a network of so many inputs reads; None where they are unknown."""
        image = self.image(record)
        if image is None:
            return None
        chosen = self._feeds.get(record.fingerprint) or Feed(_chosen(image, record, wanted))
        return chosen if len(chosen.channels) == wanted else None

    def _places(self, record: ImageRecord) -> tuple[Path, ...]:
        if record.path is None:
            return ()
        return (record.path, *([self._beside / record.path.name] if self._beside else []))

    def record(self, image: Image) -> ImageRecord:
        """Tell what a project shall know of an image."""
        feed = self._feeds.get(image.key)
        numbers = [channel.number for channel in feed.channels] if feed else []
        return ImageRecord(
            image.key, image.name, image.path, image.axes, image.rgb, tuple(image.data.shape),
            tuple(number for number in numbers if number is not None), image.names,
        )  # fmt: skip


def _chosen(image: Image, record: ImageRecord, wanted: int) -> tuple[Channel, ...]:
    if record.channels:
        return image.numbered(record.channels)
    plain = tuple(channel for channel in image.channels if not channel.grey)
    return image.channels[:1] if wanted == 1 else plain[:wanted]


def _read(path: Path, record: ImageRecord) -> Image | None:
    """Read a file; None if it is gone, cannot be read, or holds other pixels by now."""
    try:
        with open_image(path, record.axes) as file:
            data = np.asarray(file.data)
            names = record.names or file.names
            image = Image(record.name, data, record.axes, record.rgb, path, names)
    except (OSError, ValueError):
        return None
    return image if image.key == record.fingerprint else None
