"""Put newly made objects into a window of a label image that already holds others."""

import numpy as np
from numpy.typing import NDArray

Window = tuple[slice, slice]


def paste(
    labels: NDArray[np.integer],
    new: NDArray[np.integer],
    window: Window,
    keep: NDArray[np.bool_] | None = None,
) -> None:
    """Replace the objects of a window, in place; objects that reach out of it stay as they are.

    Objects of `labels` that lie wholly inside the window go. New objects get numbers above all
    others, or free ones below where the dtype holds none above; those that would cover a part of
    an object that stays are left out.

    Parameters
    ----------
    labels : (Y, X) int array
        0 = background. Its dtype must hold the number of objects.
    new : (h, w) int array
        The objects of the window, 0 = background.
    window : (slice, slice)
        Where `new` lies in `labels`, pixels.
    keep : (h, w) bool array, optional
        Pixels of the window that stay as they are, too.

    Raises
    ------
    ValueError
        If `new` does not have the shape of the window.
    """
    inside = labels[window]
    if inside.shape != new.shape:
        raise ValueError(f"expected the shape of the window {inside.shape}, got {new.shape}")
    outside = labels.copy()
    outside[window] = 0
    stays = np.isin(inside, np.unique(outside[outside > 0]))
    if keep is not None:
        stays |= keep
    blocked = np.unique(new[stays])
    fits = (new > 0) & ~np.isin(new, blocked)
    kept = np.where(stays, inside, 0)
    objects, numbers = np.unique(new[fits], return_inverse=True)
    kept[fits] = _free_numbers(outside, kept, objects.size)[numbers]
    labels[window] = kept


def _free_numbers(
    outside: NDArray[np.integer], kept: NDArray[np.integer], count: int
) -> NDArray[np.integer]:
    top = int(max(outside.max(initial=0), kept.max(initial=0)))
    if top + count <= np.iinfo(outside.dtype).max:
        return np.arange(top + 1, top + 1 + count).astype(outside.dtype)
    used = np.union1d(outside, kept)
    free = np.setdiff1d(np.arange(1, used.size + count + 1), used)
    return free[:count].astype(outside.dtype)
