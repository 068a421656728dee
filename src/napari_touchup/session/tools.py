"""What a person can do to masks: each call is one entry of the ledger, and one step of undo."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from napari_touchup.core import cut, join, outline
from napari_touchup.core.delta import Area, Box, Delta, Patch, compare
from napari_touchup.core.drawn import rastered
from napari_touchup.core.entries import Index
from napari_touchup.core.pieces import pieces, separate
from napari_touchup.session import corrections
from napari_touchup.session.frame_state import FrameState
from napari_touchup.session.project import Project


class Tools:
    """Edits of one image's frames.

    Parameters
    ----------
    project : where they are written down
    image : fingerprint of the image
    shape : of its frames
    """

    def __init__(self, project: Project, image: str, shape: tuple[int, ...]) -> None:
        self._project = project
        self._image = image
        self._shape = shape

    def state(self, index: Index) -> FrameState:
        return self._project.state(self._image, index, self._shape)

    def stroke(self, kind: str, patches: Mapping[Index, Patch]) -> None:
        """Write down what was painted; `after` of each patch is what is shown now."""
        deltas = {}
        for index, patch in patches.items():
            state = self.state(index)
            before = state.labels[patch.box]
            # what the painter did not change is as the ledger has it
            after = np.where(patch.changed, patch.after, before)
            change = compare(before, after, (patch.box[0].start, patch.box[1].start))
            if change is not None:
                deltas[index] = corrections.stroke(state, change, self._project.roll)
        self._project.commit(kind, self._image, deltas)

    def catch(self, index: Index, plane: NDArray[np.integer]) -> bool:
        """Write down an edit that no event told of: what is shown differs from the ledger."""
        state = self.state(index)
        patch = compare(state.labels, plane.astype(np.int32, copy=False))
        if patch is not None:
            delta = corrections.stroke(state, patch, self._project.roll)
            self._project.commit("outside", self._image, {index: delta})
        return patch is not None

    def split(self, index: Index, line: NDArray[np.floating]) -> None:
        """Cut the object under a line in two.

        Raises
        ------
        ValueError
            If the line crosses none.
        """
        state = self.state(index)
        label, new = under(line, state.labels)[0], state.free_label()
        self._replace("split", index, cut.split(state.labels, label, line, new), {new: label})

    def merge(self, index: Index, keep: int, gone: int) -> None:
        self._replace("merge", index, join.merge(self.state(index).labels, keep, gone))

    def merge_along(self, index: Index, line: NDArray[np.floating]) -> None:
        """Make one object of the two that a line mostly lies on.

        Raises
        ------
        ValueError
            If it lies on less than two.
        """
        found = under(line, self.state(index).labels)
        if len(found) < 2:
            raise ValueError("The line crosses one cell only: draw it from one into the other.")
        self.merge(index, found[0], found[1])

    def smooth(self, index: Index, label: int) -> None:
        """Fill holes and smooth the outline."""
        patch = outline.smooth(self.state(index).labels, label)
        if patch is not None:
            self._replace("smooth", index, patch)

    def separate(self, index: Index, label: int) -> None:
        """Make a cell of each piece of an object."""
        state = self.state(index)
        count = len(pieces(state.labels, label)) - 1
        new = range(state.free_label(), state.free_label() + count)
        patch = separate(state.labels, label, list(new))
        self._replace("separate", index, patch, dict.fromkeys(new, label))

    def delete(self, index: Index, labels: Iterable[int]) -> None:
        delta = corrections.delete(self.state(index), labels, self._project.roll)
        self._commit("delete", index, delta)

    def confirm(self, index: Index, labels: Iterable[int]) -> None:
        delta = corrections.confirm(self.state(index), labels, self._project.roll)
        self._commit("confirm", index, delta)

    def unconfirm(self, index: Index, labels: Iterable[int]) -> None:
        self._commit("unconfirm", index, corrections.unconfirm(self.state(index), labels))

    def right(self, index: Index, box: Box | None = None) -> None:
        """Confirm all that lies in a box, objects and background; None: in the frame."""
        state = self.state(index)
        whole = (slice(0, self._shape[0]), slice(0, self._shape[1]))
        delta = corrections.right(state, box or whole, self._project.roll)
        self._commit("right", index, delta)

    def background(self, index: Index, area: Area) -> None:
        delta = corrections.background(self.state(index), area, self._project.roll)
        self._commit("background", index, delta)

    def ignore(self, index: Index, area: Area) -> None:
        self._commit("ignore", index, corrections.ignore(self.state(index), area))

    def finish(self, index: Index, done: bool) -> None:
        self._commit("done", index, corrections.finish(self.state(index), done))

    def renumber(self, index: Index, numbers: tuple[tuple[int, int], ...], join: bool) -> None:
        """Show objects under other numbers, labels before and after.

        Parameters
        ----------
        join : one undo takes it back together with the frame before
        """
        self._project.commit("link", self._image, {index: Delta(numbers=numbers)}, join)

    def _replace(
        self,
        kind: str,
        index: Index,
        patch: Patch,
        parents: Mapping[int, int] = corrections.NOBODY,
    ) -> None:
        state = self.state(index)
        delta = corrections.stroke(state, patch, self._project.roll, parents)
        self._commit(kind, index, delta)

    def _commit(self, kind: str, index: Index, delta: Delta) -> None:
        self._project.commit(kind, self._image, {index: delta})


def under(line: NDArray[np.floating], labels: NDArray[np.integer]) -> list[int]:
    """Labels that a line lies on, the one with the most of it first.

    Raises
    ------
    ValueError
        If it lies on none.
    """
    found = labels[rastered(np.asarray(line, float), labels.shape)]
    numbers, counts = np.unique(found[found > 0], return_counts=True)
    if not numbers.size:
        raise ValueError("The line crosses no cell: draw it from one side of a cell to the other.")
    order: list[int] = numbers[np.argsort(-counts, kind="stable")].tolist()
    return order
