"""What a project keeps as rows and as JSON: entries, changes of objects, images, versions."""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from napari_touchup.core.delta import Area, Delta, Object, ObjectChange
from napari_touchup.core.entries import Entry, ImageRecord, Index, Version
from napari_touchup.io.packing import box_of, corners, pack, pack_area, unpack, unpack_area

Row = tuple[Any, ...]


def entry_row(entry: Entry) -> Row:
    """Give number, kind, image, frame, time, target, done and objects."""
    done = None if entry.delta.done is None else json.dumps(entry.delta.done)
    objects = _changes_to_json(entry.delta)
    place = (entry.image, frame_text(entry.frame))
    return (entry.number, entry.kind, *place, float(entry.time), entry.target, done, objects)


def pixel_row(entry: Entry) -> Row:
    """Give number, labels and marks."""
    patches = (entry.delta.labels, entry.delta.marks)
    return (entry.number, *(None if patch is None else pack(patch) for patch in patches))


def entry_from_rows(row: Row, labels: bytes | None = None, marks: bytes | None = None) -> Entry:
    number, kind, image, frame, time, target, done, objects = row
    changes = json.loads(objects)
    delta = Delta(
        None if labels is None else unpack(labels),
        None if marks is None else unpack(marks),
        tuple(_change_from_json(change) for change in changes if len(change) == 3),
        None if done is None else tuple(json.loads(done)),
        tuple((pair[0], pair[1]) for pair in changes if len(pair) == 2),
    )
    return Entry(kind, image, tuple(json.loads(frame)), delta, time, target, number)


def frame_text(frame: Index) -> str:
    """Write an index as "[3, 0]"."""
    return json.dumps([int(i) for i in frame])


def image_to_json(record: ImageRecord) -> str:
    path = None if record.path is None else str(record.path)
    return json.dumps({**asdict(record), "path": path})


def image_from_json(text: str) -> ImageRecord:
    values: dict[str, Any] = json.loads(text)
    path = None if values["path"] is None else Path(values["path"])
    # names came later: an older project knows none
    lists = {name: tuple(values.get(name, ())) for name in ("shape", "channels", "names")}
    return ImageRecord(**{**values, **lists, "path": path})


def version_to_json(version: Version) -> str:
    return json.dumps(asdict(version))


def version_from_json(text: str) -> Version:
    return Version(**json.loads(text))


def _changes_to_json(delta: Delta) -> str:
    """Rows of three for objects that changed, of two for those of another number."""
    rows = [[c.label, _object_to_json(c.before), _object_to_json(c.after)] for c in delta.objects]
    return json.dumps([*rows, *delta.numbers], separators=(",", ":"))


def _change_from_json(row: Sequence[Any]) -> ObjectChange:
    label, before, after = row
    return ObjectChange(label, _object_from_json(before), _object_from_json(after))


def _object_to_json(item: Object | None) -> dict[str, Any] | None:
    if item is None:
        return None
    values = {field.name: getattr(item, field.name) for field in fields(item)}
    return {**values, "area": _area_to_json(item.area)}


def _object_from_json(values: dict[str, Any] | None) -> Object | None:
    if values is None:
        return None
    return Object(**{**values, "area": _area_from_json(values["area"])})


def _area_to_json(area: Area | None) -> list[Any] | None:
    return None if area is None else [corners(area.box), b64encode(pack_area(area)).decode()]


def _area_from_json(values: list[Any] | None) -> Area | None:
    if values is None:
        return None
    box, packed = values
    return unpack_area(box_of(box), b64decode(packed))
