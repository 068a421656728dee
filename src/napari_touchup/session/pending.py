"""What a store has still to be given."""

from dataclasses import dataclass, field
from typing import Any

from napari_touchup.core.entries import Entry, ImageRecord, Store, Version


@dataclass
class Pending:
    """Entries in their order, and the newest of each image, version and setting."""

    entries: list[Entry] = field(default_factory=list)
    images: dict[str, ImageRecord] = field(default_factory=dict)  # by fingerprint
    versions: dict[int, Version] = field(default_factory=dict)  # by number
    settings: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entries) or any(self._records)

    def batch(self) -> "Pending":
        """Copy what is to be written now, while more may come."""
        images, versions, settings = (dict(records) for records in self._records)
        return Pending(list(self.entries), images, versions, settings)

    def update(self, newer: "Pending") -> None:
        """Add records."""
        for records, added in zip(self._records, newer._records, strict=True):
            records.update(added)

    def remove(self, batch: "Pending") -> None:
        """Forget what was written, except for records that are newer."""
        del self.entries[: len(batch.entries)]
        for records, written in zip(self._records, batch._records, strict=True):
            for key, value in written.items():
                if records[key] is value:
                    del records[key]

    def write(self, store: Store) -> None:
        """Write all; images first, as entries speak of them."""
        for record in self.images.values():
            store.put_image(record)
        for version in self.versions.values():
            store.put_version(version)
        for name, value in self.settings.items():
            store.put_setting(name, value)
        if self.entries:
            store.append(self.entries)

    def put_first(self, store: Store) -> None:
        """Put all that a store holds before what is pending."""
        images = {record.fingerprint: record for record in store.images()}
        versions = {version.number: version for version in store.versions()}
        settings = store.settings()
        self.entries[:0] = store.entries()  # nothing has changed until all is read
        self.images = images | self.images
        self.versions = versions | self.versions
        self.settings = settings | self.settings

    @property
    def _records(self) -> tuple[dict[Any, Any], ...]:
        return self.images, self.versions, self.settings
