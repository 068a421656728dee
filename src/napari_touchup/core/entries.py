"""What a ledger is made of, and what it asks of the file behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from napari_touchup.core.delta import Delta

Index = tuple[int, ...]  # of a frame along T, Z, e.g. (3, 0) in "TZ"

# what a person reads of an action
TITLES = {
    "predicted": "new masks",
    "brush": "brush stroke",
    "erase": "eraser stroke",
    "fill": "fill",
    "outside": "edit from outside",
    "draw": "drawn cell",
    "split": "split",
    "merge": "merge",
    "delete": "deletion",
    "smooth": "smoothed outline",
    "separate": "separate cells",
    "confirm": "confirmation",
    "unconfirm": "confirmation taken back",
    "right": "region that is right",
    "background": "background stroke",
    "ignore": "ignore stroke",
    "done": "end of a frame's review",
    "link": "linked frames",
    "undo": "undo",
    "redo": "redo",
}
NO_HAND = frozenset({"predicted", "link"})  # they say nothing of what a person takes for right


@dataclass(frozen=True, eq=False)
class Entry:
    """One action in one frame.

    Attributes
    ----------
    kind : a key of `TITLES`
    image : the image's fingerprint
    frame : index along T, Z
    time : seconds since the epoch
    target : the entry that an undo or a redo turns round
    number : place in the ledger, from 1; 0 before it has one
    """

    kind: str
    image: str
    frame: Index
    delta: Delta
    time: float
    target: int = 0
    number: int = 0


@dataclass(frozen=True)
class ImageRecord:
    """An image of a project, found again by its fingerprint.

    Attributes
    ----------
    fingerprint : of its content: shape, dtype, a strided sample of its pixels
    name : of its layer
    path : where it was last seen, a hint; None for one that only was in memory
    axes : one letter of TZCYX for each axis
    rgb : its last axis holds colours
    shape : of the data
    channels : that the network was given, counted from 0; (): all of C as one grey
    names : of what each channel shows, in the order of C; "" or (): not named
    """

    fingerprint: str
    name: str
    path: Path | None
    axes: str
    rgb: bool
    shape: tuple[int, ...]
    channels: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """A model of a project; it never changes, except for its name and whether it was thrown away.

    Attributes
    ----------
    number : from 1; 0 is the model that the project began with
    name : for people
    parent : number of the version that its training began with
    created : seconds since the epoch
    file : name in the project's folder `models/`
    digest : SHA-256 of the file
    corrections : objects that taught it
    scores : what was measured, JSON values by name
    binned : thrown away; the file is still there
    """

    number: int
    name: str
    parent: int
    created: float
    file: str
    digest: str
    corrections: int = 0
    scores: dict[str, float | int | str | None] = field(default_factory=dict)
    binned: bool = False


class Store(Protocol):
    """A file of entries, images and versions; the ledger's thread alone calls it to write."""

    path: Path  # of the project's folder
    read_only: bool  # another window writes here
    identity: str  # of the project: UUID, decides what is held out

    def append(self, entries: Sequence[Entry]) -> None:
        """Write numbered entries in one transaction; they are durable when it returns."""

    def entries(self, image: str | None = None, frame: Index | None = None) -> Iterator[Entry]:
        """Read entries in their order, of one image and one frame where given."""

    def outline(self) -> Iterator[Entry]:
        """Read all entries without pixels: their deltas hold objects and `done` only."""

    def images(self) -> tuple[ImageRecord, ...]: ...

    def put_image(self, record: ImageRecord) -> None:
        """Add an image, or renew what is known of it."""

    def versions(self) -> tuple[Version, ...]: ...

    def put_version(self, version: Version) -> None: ...

    def settings(self) -> dict[str, str]: ...

    def put_setting(self, name: str, value: str) -> None: ...

    def close(self) -> None:
        """Let go of the file and of its lock."""
