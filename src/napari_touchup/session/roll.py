"""Who is who in a project: serial numbers that are never used again, and who is held out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from napari_touchup.core.delta import Area, Object, Origin, State

BLOCK = 5  # of so many objects one is held out


@dataclass(eq=False)
class Roll:
    """Gives identities to the objects of one project.

    Attributes
    ----------
    project : identity of the project
    last : serial number that was given last, of each origin
    """

    project: str
    last: dict[Origin, int] = field(default_factory=lambda: {"corrected": 0, "confirmed": 0})
    new_uid: Callable[[], str] = lambda: str(uuid4())

    def new(
        self,
        origin: Origin,
        state: State | None = None,
        kept: bool | None = None,
        area: Area | None = None,
    ) -> Object:
        """Make an object; `kept` is the role that it inherits, None: its serial number says."""
        serial = self.last[origin] = self.last[origin] + 1
        role = held_out(self.project, origin, serial) if kept is None else kept
        return Object(self.new_uid(), origin, serial, state or origin, role, area)

    def note(self, known: Object) -> None:
        """Take note of an object that was given before, such as one read from a file."""
        self.last[known.origin] = max(self.last[known.origin], known.serial)


def held_out(project: str, origin: Origin, serial: int) -> bool:
    """Whether an object is kept for checking: one of every five, corrected and confirmed apart.

    Of the first five it is the fifth, so that a few corrections teach; later a hash says.

    >>> [held_out("p", "corrected", serial) for serial in range(1, 6)]
    [False, False, False, False, True]
    """
    block, place = divmod(serial - 1, BLOCK)
    if block == 0:
        return place == BLOCK - 1
    digest = sha256(f"{project}/{origin}/{block}".encode()).digest()
    return place == int.from_bytes(digest[:8], "big") % BLOCK
