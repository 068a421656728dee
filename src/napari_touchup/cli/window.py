"""`touchup gui` and `touchup demo`: a napari window."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_touchup.cli.console import UsageError, say

ImageArgument = Annotated[
    Path | None, typer.Argument(metavar="[IMAGE]", help="Image to open.", show_default=False)
]
Screenshot = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Save a picture of the window (PNG) and close it.",
        show_default="leave the window open",
    ),
]
MasksFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Save the masks (TIFF).", show_default="not saved"),
]


def gui(image: ImageArgument = None) -> None:
    """Open napari with the Touch-Up dock, and an image in it."""
    if image is not None and not image.exists():
        raise UsageError(f"no such file: {image}")
    _need_display()
    import napari

    from napari_touchup.ui.app import open_window

    open_window(image)
    napari.run()


def demo(screenshot: Screenshot = None, masks: MasksFile = None) -> None:
    """Segment a bundled sample image in a napari window."""
    for path in (screenshot, masks):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"no such folder: {path.parent}")
    _need_display()
    from napari_touchup.ui.app import demo as run_demo

    say(run_demo(screenshot, masks, stay_open=screenshot is None))
    for path in (screenshot, masks):
        if path is not None:
            say(str(path.absolute()))


def _need_display() -> None:
    """Qt would abort the process."""
    given = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in given):
        raise RuntimeError("there is no display; a virtual one: xvfb-run -a touchup demo ...")
