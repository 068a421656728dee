"""What a click with a key held does to the cell under it."""

from collections.abc import Callable, Generator
from typing import Any, Literal

from napari.layers import Labels

from napari_touchup.core.entries import Index
from napari_touchup.ui.layers import Grid
from napari_touchup.ui.mouse import Spot, in_encircling, is_click, keep, spot_at
from napari_touchup.ui.subtract import subtracting

MODES = ("pan_zoom", "pick", "paint", "erase", "fill")  # of the layer, in which a click is ours
NO_CELL = "There is no cell under the mouse"
NEXT = "Alt+click another cell to merge it with this one"

Preset = Literal["napari", "qupath"]


class Gestures:
    """Ctrl+click deletes a cell; Alt+click merges it with the one that is selected.

    Only a click counts: a drag with a key held stays napari's. The data are left to the
    callables.

    Parameters
    ----------
    layer : Labels
    grid : Grid
        Its axes.
    delete : callable
        Takes the index of a frame and a label.
    merge : callable
        Takes the index of a frame, the label that stays, and the one that is gone.
    tell : callable
        Takes a sentence for the person.
    preset : {"napari", "qupath"}
        With "qupath" the brush subtracts from a cell while Alt is held, and does not merge.
    """

    def __init__(
        self,
        layer: Labels,
        grid: Grid,
        delete: Callable[[Index, int], None],
        merge: Callable[[Index, int, int], None],
        tell: Callable[[str], None],
        preset: Preset = "napari",
    ) -> None:
        self.preset = preset
        self._layer = layer
        self._grid = grid
        self._delete = delete
        self._merge = merge
        self._tell = tell
        # first of all: what is a gesture, nobody else takes for a stroke
        layer.mouse_drag_callbacks.insert(0, self._on_press)
        layer.mouse_move_callbacks.insert(0, self._on_move)

    def close(self) -> None:
        """Let go of the layer."""
        self._layer.mouse_drag_callbacks.remove(self._on_press)
        self._layer.mouse_move_callbacks.remove(self._on_move)

    def _on_press(self, layer: Labels, event: Any) -> Generator[None]:
        meant, spot = self._meaning(event), spot_at(layer, self._grid, event)
        if meant is None or spot is None:
            return
        if meant == "subtract" and (label := self._cell(spot)):
            yield from subtracting(layer, label, event)
            return
        layer.mouse_drag_callbacks = keep(layer.mouse_drag_callbacks, self._on_press)
        start = tuple(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if meant == "subtract" or is_click(start, event):
            self._act(meant, spot)

    def _meaning(self, event: Any) -> str | None:
        mode = str(self._layer.mode)
        if event.button != 1 or mode not in MODES or in_encircling(self._layer):
            return None
        keys = [key for key in ("Control", "Alt", "Shift", "Meta") if key in event.modifiers]
        if keys == ["Alt"]:
            return "subtract" if self.preset == "qupath" and mode == "paint" else "merge"
        return "delete" if keys == ["Control"] else None

    def _act(self, meant: str, spot: Spot) -> None:
        selected = self._selected(spot)
        if not spot.label:
            self._tell(NO_CELL)
        elif meant == "delete":
            self._delete(spot.index, spot.label)
        elif selected in (0, spot.label):
            self._layer.selected_label = spot.label
            self._tell(NEXT)
        else:
            self._merge(spot.index, selected, spot.label)

    def _cell(self, spot: Spot) -> int:
        """Cell that a stroke subtracts from; 0: there is none."""
        return spot.label or self._selected(spot)

    def _selected(self, spot: Spot) -> int:
        """Cell of the frame that was touched last, which is the selected one; or 0."""
        label = int(self._layer.selected_label)
        plane = self._grid.plane(self._layer.data, spot.index)
        return label if (plane == label).any() else 0

    def _on_move(self, layer: Labels, event: Any) -> None:
        """Keep Alt from changing the brush's size where it means to subtract."""
        if self.preset != "qupath" or str(layer.mode) != "paint" or in_encircling(layer):
            return
        if "Alt" in event.modifiers:
            layer.mouse_move_callbacks = keep(layer.mouse_move_callbacks, self._on_move)
