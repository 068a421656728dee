"""How the open image is segmented, told in other words: a command, Python, a methods section."""

import os
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_touchup.core.delta import Object
from napari_touchup.core.link import LEAST_IOU
from napari_touchup.nn.build import shape_of
from napari_touchup.nn.header import DEFAULT_MODEL, Header, content_hash
from napari_touchup.options import Options
from napari_touchup.session.folder import FolderRequest, channel_numbers, folder_request
from napari_touchup.session.session import Session

# what `touchup segment` calls them
NAMES = {
    "diameter": "--diameter", "tile": "--tile", "memory": "--memory", "prune": "--prune",
    "device": "--device", "precision": "--precision",
    "threshold": "--threshold", "h": "--h", "min_size": "--min-size", "method": "--method",
}  # fmt: skip
HASH_DIGITS = 12  # of a model's SHA-256, enough to tell it from all others


@dataclass(frozen=True)
class Recipe:
    """How one file is segmented."""

    source: Path
    request: FolderRequest

    @property
    def model(self) -> str:
        """What commands and Python call the model."""
        path = self.request.model
        return "default" if path == DEFAULT_MODEL else str(path)


def recipe(session: Session, axes: str | None) -> Recipe:
    """Freeze how a session would segment its image now.

    Parameters
    ----------
    axes : that a person gave; None: as the file says

    Raises
    ------
    ValueError
        If there is no model, or the image cannot be read from one file; in words for people.
    """
    image = session.image
    if image is None or session.model is None:
        raise ValueError("Open an image and choose a model first, above.")
    if image.path is None or not image.path.is_file():
        raise ValueError(
            "This image has no file of its own that a command could read: save it first."
        )
    wanted, given = len(session.channels), channel_numbers(session)
    plain = wanted == 1 and session.channels[0] in image.channels[:1]
    if not given and not plain:
        raise ValueError("The model's channels are of several layers: save them as one file first.")
    request = folder_request(session, image.path.parent, axes=axes)
    link = session.link if session.link and session.link in image.axes else None
    return Recipe(image.path, replace(request, link=link))


def as_command(recipe: Recipe) -> str:
    """Give the command that writes the same masks, as this computer's shell takes it."""
    request = recipe.request
    words = ["touchup", "segment", str(recipe.source), "-o", str(request.output)]
    words += [] if recipe.model == "default" else ["--model", recipe.model]
    words += [word for number in request.channels for word in ("--channel", str(number))]
    words += ["--axes", request.axes] if request.axes else []
    words += ["--link", request.link] if request.link else []
    for options in (request.segment, request.instances):
        changed = _changed(options)
        given = [(flag, str(changed[name])) for name, flag in NAMES.items() if name in changed]
        words += [word for pair in given for word in pair]
    words += [] if request.instances.fill_holes else ["--no-fill-holes"]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def as_python(recipe: Recipe) -> str:
    """Give the Python that writes the same masks."""
    request = recipe.request
    how: dict[str, Any] = {"channels": request.channels, "axes": request.axes, "link": request.link}
    arguments = [f"{name}={value!r}" for name, value in how.items() if value]
    for name, options in (("segment", request.segment), ("instances", request.instances)):
        if changed := _changed(options):
            words = ", ".join(f"{field}={value!r}" for field, value in changed.items())
            arguments.append(f"{name}=touchup.{type(options).__name__}({words})")
    masks = request.output / f"{recipe.source.stem}.tif"
    return "\n".join(
        [
            "from pathlib import Path",
            "",
            "import napari_touchup as touchup",
            "",
            f"task = touchup.Task(Path({str(recipe.source)!r}), Path({str(masks)!r}))",
            f"options = touchup.BatchOptions({', '.join(arguments)})",
            f"model = touchup.load_model({recipe.model!r})",
            "for event in touchup.segment_files([task], model, options):",
            "    print(event)",
            "",
        ]
    )


def methods_text(recipe: Recipe, header: Header, frames: int, reviewed: Iterable[Object]) -> str:
    """Write the paragraph for a paper: what made the masks, and what a person did to them.

    Parameters
    ----------
    header : of the model
    frames : number of frames that have masks
    reviewed : objects that a person looked at
    """
    states = [known.state for known in reviewed]
    settings = _changed(recipe.request.instances) | _changed(recipe.request.segment)
    how = f"with {_told(settings)}" if settings else "with default settings"
    if link := recipe.request.link:
        how += f", and linked through {link} where they overlap (IoU of at least {LEAST_IOU})"
    digest = content_hash(recipe.request.model)[:HASH_DIGITS]
    return (
        f"Objects in {_count(frames, 'frame')} of {recipe.source.name} were segmented with "
        f"napari-touchup {version('napari-touchup')}, model “{header.name}” (SHA-256 {digest}…; "
        f"{header.spec.arch}, {_told(shape_of(header.spec))}; trained on objects about "
        f"{header.diameter_px:.0f} px wide), {how}. Of the objects, {states.count('corrected')} "
        f"were corrected by hand, {states.count('confirmed')} confirmed as they were drawn and "
        f"{states.count('deleted')} deleted; all others are as the model drew them."
    )


def _changed(options: Options) -> dict[str, Any]:
    """Options that are not the default ones, without what only says how fast it goes."""
    return options.model_dump(exclude_defaults=True, exclude={"memory"})


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
