"""How a frame's channels become those that a network takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue; ITU-R BT.601
AXES = ", or, if these are frames, give the axes"
GREY_RULE = "grey = 0.299 red + 0.587 green + 0.114 blue"
COLOURS = ("red", "green", "blue")  # names of their channels


def luminance(frame: NDArray[Any]) -> NDArray[np.float32]:
    """Brightness of a colour image as an eye sees it, ITU-R BT.601.

    Parameters
    ----------
    frame : (3 or 4, Y, X) real array
        Red, green, blue; a fourth channel (alpha) is not looked at.

    Returns
    -------
    (1, Y, X) float32 array, in the unit of the frame

    Raises
    ------
    ValueError
        If the frame has other channels.

    Examples
    --------
    >>> luminance(np.array([[[100]], [[200]], [[50]]]))
    array([[[153.]]], dtype=float32)
    """
    if frame.ndim != 3 or len(frame) not in (3, 4):
        raise ValueError(f"expected a colour image (3 or 4, Y, X), got {frame.shape}")
    grey = np.zeros(frame.shape[1:], np.float32)
    for weight, channel in zip(LUMA, frame, strict=False):
        grey += np.float32(weight) * channel.astype(np.float32)
    return grey[np.newaxis]


def to_channels(frame: NDArray[Any], rgb: bool, wanted: int) -> NDArray[Any]:
    """Give a frame the number of channels that a network takes; never cut a channel off unasked.

    Colours become grey for a network of one channel, alpha is dropped for one of three. All else
    that differs is an error: which channels are meant is for a person to say.

    Parameters
    ----------
    frame : (C, Y, X) array
    rgb : bool
        Whether the channels are the colours of one picture.
    wanted : int
        Channels that the network takes.

    Raises
    ------
    ValueError
        If the channels do not fit.
    """
    if len(frame) == wanted:
        return frame
    if rgb and wanted == 1:
        return luminance(frame)
    if rgb and (len(frame), wanted) == (4, 3):
        return frame[:3]
    if len(frame) > wanted:
        raise ValueError(
            f"expected {_count(wanted)} for this model, got {len(frame)}: "
            f"say which of 1 to {len(frame)} to use{'' if rgb else AXES}"
        )
    raise ValueError(f"expected {_count(wanted)} for this model, got {len(frame)}")


def _count(channels: int) -> str:
    return "1 channel" if channels == 1 else f"{channels} channels"
