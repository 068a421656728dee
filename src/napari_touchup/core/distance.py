"""The object-normalised distance: 1 where an object is deepest, towards 0 at its rim."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi


def object_distance(truth: NDArray[np.integer]) -> NDArray[np.float32]:
    """Distance of every object pixel to what is not its object, over the object's maximum.

    The frame's own edge is no rim: an object that it cuts may be deepest there, as it is in the
    mirrored frame that a network sees.

    Parameters
    ----------
    truth : (Y, X) int array, 0 = background

    Returns
    -------
    (Y, X) float32 array, 0 in the background, in (0, 1] inside objects

    Raises
    ------
    ValueError
        If `truth` is not 2D.

    Examples
    --------
    >>> object_distance(np.array([[0, 7, 7, 7, 0]])).tolist()
    [[0.0, 0.5, 1.0, 0.5, 0.0]]
    """
    if truth.ndim != 2:
        raise ValueError(f"expected labels of shape (Y, X), got {truth.shape}")
    labels, numbers = np.unique(truth, return_inverse=True)
    numbers = numbers.reshape(truth.shape) + 1
    result = np.zeros(truth.shape, np.float32)
    for number, (label, box) in enumerate(zip(labels, ndi.find_objects(numbers), strict=True), 1):
        if label:
            result[box] += _depth(numbers[box] == number, box, truth.shape)
    return result


def _depth(
    inside: NDArray[np.bool_], box: tuple[slice, ...], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    rim = [(int(s.start > 0), int(s.stop < n)) for s, n in zip(box, shape, strict=True)]
    framed = np.pad(inside, rim)
    if framed.all():  # one object is the whole frame: it has no rim
        return inside.astype(np.float32)
    inner = tuple(
        slice(before, before + n) for (before, _), n in zip(rim, inside.shape, strict=True)
    )
    distance = ndi.distance_transform_edt(framed)[inner]
    return np.asarray(distance / distance.max(), np.float32)
