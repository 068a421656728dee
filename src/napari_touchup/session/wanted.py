"""What would be segmented now, from what was chosen in a window."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from napari_touchup.core.entries import Index
from napari_touchup.nn.build import levels
from napari_touchup.nn.header import Header
from napari_touchup.options import InstanceOptions, SegmentOptions
from napari_touchup.session.images import Channel, Feed, Image
from napari_touchup.session.paste import Window
from napari_touchup.session.run import Request


@dataclass(frozen=True, eq=False)
class ModelChoice:
    path: Path
    header: Header


class Choice(Protocol):
    """What is needed of a session."""

    image: Image | None
    channels: tuple[Channel | None, ...]
    options: SegmentOptions
    instances: InstanceOptions
    model: ModelChoice | None


def fit_level(options: SegmentOptions, header: Header) -> SegmentOptions:
    """Let all of a network run that has not the level of the options."""
    if options.prune is None or options.prune in levels(header.spec):
        return options
    return options.model_copy(update={"prune": None})


def missing(session: Choice) -> str | None:
    """Say what has to be chosen before anything can be segmented."""
    if session.image is None:
        return "Open an image first: File > Open File(s), or File > Open Sample."
    if session.model is None:
        return "Choose a model first, above."
    if None in session.channels:
        count = len(session.channels)
        return f"This model takes {count} channels: choose above which one is which."
    try:
        Feed(_chosen(session))
    except ValueError as error:
        return f"These channels do not go together: {error}."
    return None


def request(
    session: Choice, frames: tuple[Index, ...], window: Window | None, even_done: bool
) -> Request:
    """Put together what a session would segment now.

    Raises
    ------
    RuntimeError
        If something is `missing`.
    """
    if session.model is None or None in session.channels:
        raise RuntimeError(missing(session))
    return Request(
        Feed(_chosen(session)), frames, session.model.path, session.model.header.normalize,
        window, session.options, session.instances, even_done,
    )  # fmt: skip


def chosen_feed(session: Choice) -> Feed | None:
    """Give what a network would read now; None where something has to be chosen first."""
    return None if missing(session) else Feed(_chosen(session))


def _chosen(session: Choice) -> tuple[Channel, ...]:
    return tuple(channel for channel in session.channels if channel is not None)
