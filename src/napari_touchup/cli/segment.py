"""`touchup segment`: masks for files and folders."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_touchup.cli.console import UsageError, say
from napari_touchup.cli.device import DeviceName
from napari_touchup.cli.models import check_level, model_path
from napari_touchup.cli.segmenting import run
from napari_touchup.options import InstanceOptions, SegmentOptions

if TYPE_CHECKING:
    from napari_touchup.io.batch import BatchOptions
    from napari_touchup.io.outputs import Task

DEFAULTS = InstanceOptions()

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT",
        help="Images, or folders of them with their subfolders: TIFF (also multi-page), PNG, JPEG.",
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Folder of the masks: DIR/a.tif for INPUT a.tif."
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        metavar="default|FILE",
        help="The bundled model, a .safetensors file, or a project (NAME.touchup), whose model "
        "in use is taken.",
    ),
]
Channels = Annotated[
    list[int] | None,
    typer.Option(
        metavar="N",
        help="Channel to segment, counted from 1; once for each channel that the model takes. "
        "Without it colours become grey, and other files must have the model's channels.",
        show_default=False,
    ),
]
AxesOption = Annotated[
    str | None,
    typer.Option(
        metavar="LETTERS",
        help="What the axes of the files are, one letter of TZCYX for each, such as TYX; "
        "without it what the file says, or a guess.",
        show_default=False,
    ),
]
Diameter = Annotated[
    float | None,
    typer.Option(
        metavar="PX",
        help="Typical object in these images, pixels; images are rescaled to the model's own.",
        show_default="not rescaled",
    ),
]
Tile = Annotated[
    int | None,
    typer.Option(metavar="PX", help="Edge of a tile, pixels.", show_default="from free memory"),
]
Memory = Annotated[
    float | None,
    typer.Option(
        metavar="GB",
        help="What the tiles that are segmented at once may take at most.",
        show_default="half of what is free",
    ),
]
Prune = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="How many levels of the network are run, for models that can be pruned; fewer is "
        "faster.",
        show_default="all",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="float32, bfloat16 or float16; auto takes bfloat16 where it is faster.",
    ),
]
Threshold = Annotated[
    float,
    typer.Option(metavar="P", help="Objects are where the mask probability (0 to 1) is above it."),
]
Split = Annotated[
    float,
    typer.Option(
        "--h",
        "--split",
        metavar="H",
        help="How deep the dip between two objects must be, relative to their height "
        "(0.01 to 0.9; 0.1 splits more, 0.4 less).",
    ),
]
MinSize = Annotated[
    int, typer.Option(metavar="PX", help="Smaller objects are removed, pixels (area).")
]
FillHoles = Annotated[
    bool, typer.Option("--fill-holes/--no-fill-holes", help="Fill the holes of objects.")
]
Method = Annotated[
    str,
    typer.Option(
        metavar="auto|membrane", help="membrane: cells between dark walls (electron microscopy)."
    ),
]
Link = Annotated[
    str | None,
    typer.Option(
        metavar="T|Z",
        help="An object keeps its number along this axis, where it overlaps from frame to frame.",
        show_default="numbers begin anew in each frame",
    ),
]
Maps = Annotated[
    bool,
    typer.Option(
        "--maps",
        help="Also write DIR/a_maps.tif, float32 (0 to 1): mask, touching border, distance.",
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a run: skip files whose masks are there.")
]


def segment(
    inputs: Inputs,
    out: Out,
    model: ModelName = "default",
    channel: Channels = None,
    axes: AxesOption = None,
    diameter: Diameter = None,
    device: DeviceName = "auto",
    tile: Tile = None,
    memory: Memory = None,
    prune: Prune = None,
    precision: Precision = "auto",
    threshold: Threshold = DEFAULTS.threshold,
    h: Split = DEFAULTS.h,
    min_size: MinSize = DEFAULTS.min_size,
    fill_holes: FillHoles = DEFAULTS.fill_holes,
    method: Method = DEFAULTS.method,
    link: Link = None,
    maps: Maps = False,
    resume: Resume = False,
) -> None:
    """Draw instance masks of images.

    Nothing is written over: if two images would have one result, or results are there already,
    it stops before work starts. A file that cannot be read does not stop the others.
    """
    how = InstanceOptions.model_validate(
        {"threshold": threshold, "h": h, "min_size": min_size}
        | {"fill_holes": fill_holes, "method": method}
    )
    where = SegmentOptions.model_validate(
        {"device": device, "tile": tile, "memory": memory, "diameter": diameter}
        | {"prune": prune, "precision": precision}
    )
    tasks, skipped = _plan(inputs, out, maps, resume)
    if skipped:
        say(f"{skipped} finished before, skipped")
    if tasks:
        path = model_path(model)
        check_level(path, prune)
        run(tasks, path, _options(channel, axes, where, how, link))


def _plan(inputs: Sequence[Path], out: Path, maps: bool, resume: bool) -> tuple[list["Task"], int]:
    from napari_touchup.io.outputs import OutputError, find_images, plan_outputs

    try:
        sources = find_images(inputs, leave_out=out)
        tasks = plan_outputs(sources, out, maps=maps, resume=resume)
    except OutputError as error:
        raise UsageError(str(error)) from error
    return tasks, len(sources) - len(tasks)


def _options(
    channels: Sequence[int] | None,
    axes: str | None,
    where: SegmentOptions,
    how: InstanceOptions,
    link: str | None,
) -> "BatchOptions":
    # loads torch: after all that can be wrong without it
    from napari_touchup.io.batch import BatchOptions
    from napari_touchup.nn.device import choose

    options = BatchOptions.model_validate(
        {"channels": tuple(channels or ()), "axes": axes, "link": link}
        | {"segment": where, "instances": how}
    )
    try:
        choose(where.device, where.precision)  # a wrong name shall not fail once for each file
    except ValueError as error:
        raise UsageError(str(error)) from error
    return options
