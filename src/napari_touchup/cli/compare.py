"""`touchup compare`: networks trained for the same time on the same images, and scored alike."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_touchup.cli.console import UsageError, refuse_existing
from napari_touchup.cli.device import DeviceName
from napari_touchup.cli.network import Beginning, beginning
from napari_touchup.cli.preparation import crop_edge, train_options
from napari_touchup.io.comparison import FIGURE, TABLE, model_name
from napari_touchup.options import ModelSpec, TrainOptions

if TYPE_CHECKING:
    from napari_touchup.io.pairs import Pair
    from napari_touchup.io.training import TrainingData

DEFAULTS = TrainOptions()
ALL = "unet,unet-paper,unetpp,fcn8s,deeplabv3plus"
PART = 5  # one image of so many is held out, where no list says which

Images = Annotated[Path, typer.Argument(metavar="IMAGES", help="Folder of images.")]
Masks = Annotated[
    Path, typer.Argument(metavar="MASKS", help="Folder of masks with the same names: objects.")
]
Out = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", help=f"Folder of {TABLE}, {FIGURE} and the models."
    ),
]
Archs = Annotated[
    str,
    typer.Option(
        "--arch",
        metavar="NAME[:OPTION=VALUE...],...",
        help="The networks, such as unet:base=16,fcn8s:base=16 (see `touchup train --help`).",
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(metavar="M", help="Training of each, minutes.", show_default="no limit"),
]
Steps = Annotated[
    int | None,
    typer.Option(metavar="N", help="Steps of each.", show_default="1000, without --minutes"),
]
HeldOut = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Names of the images that are only scored, one in a line. Images of one experiment "
        "belong on one side: else all scores are too good.",
        show_default=f"every {PART}th, by a hash of its name",
    ),
]
Base = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of channels of the first level, of all of them.",
        show_default="what is usual for each",
    ),
]
Batch = Annotated[int, typer.Option(metavar="N", help="Crops in a step.")]
Crop = Annotated[
    int | None,
    typer.Option(metavar="PX", help="Edge of a crop, pixels.", show_default="as of train"),
]
Rate = Annotated[float, typer.Option("--lr", metavar="X", help="Highest learning rate.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Of weights and crops.")]


def compare(
    images: Images,
    masks: Masks,
    out: Out,
    arch: Archs = ALL,
    minutes: Minutes = None,
    steps: Steps = None,
    held_out: HeldOut = None,
    base: Base = None,
    batch: Batch = DEFAULTS.batch,
    crop: Crop = None,
    lr: Rate = DEFAULTS.rate,
    seed: Seed = DEFAULTS.seed,
    device: DeviceName = DEFAULTS.device,
) -> None:
    """Train networks for the same time on the same images, and score them on images held out.

    All begin with fresh weights and see the same crops, varied alike. Each is saved as it is done,
    and the table grows with it.
    """
    from napari_touchup.io.curves import check_plotting

    check_plotting()
    begins = {name: beginning(None, name, base=base) for name in arch.split(",")}
    models = [out / model_name(name) for name in begins]
    refuse_existing([out / TABLE, out / FIGURE, *models])
    options = train_options(
        steps=DEFAULTS.steps if steps is None and minutes is None else steps,
        minutes=minutes,
        batch=batch,
        crop=DEFAULTS.crop if crop is None else crop,
        rate=lr,
        seed=seed,
        device=device,
    )
    _specs(begins, 1)  # refuses what there is not before files are read
    data, scored = _read(images, masks, held_out)
    if crop is None:
        options = options.model_copy(update={"crop": crop_edge(data.diameter_px)})
    out.mkdir(parents=True, exist_ok=True)
    # loads torch: after all that can be wrong without it
    from napari_touchup.cli.comparing import run

    run(_specs(begins, data.channels), data, scored, options, out)


def _specs(begins: dict[str, Beginning], channels: int) -> dict[str, ModelSpec]:
    return {name: begin.spec(channels, None) for name, begin in begins.items()}


def _read(images: Path, masks: Path, names: Path | None) -> tuple["TrainingData", "TrainingData"]:
    """Read the images to learn, and those to score."""
    from napari_touchup.io.pairs import PairError, find_pairs
    from napari_touchup.io.training import read_training

    try:
        learned, scored = _split(find_pairs(images, masks), names)
        data = read_training(learned)
        return data, read_training(scored, wanted=data.channels)
    except PairError as error:
        raise UsageError(str(error)) from error


def _split(pairs: Sequence["Pair"], names: Path | None) -> tuple[list["Pair"], list["Pair"]]:
    from napari_touchup.io.pairs import listed, name_of

    known = {name_of(pair.image): pair for pair in pairs}
    if names is None:
        ordered = sorted(known, key=lambda name: sha256(name.encode()).hexdigest())
        chosen = set(ordered[::PART])
    else:
        try:
            chosen = set(names.read_text().split())
        except OSError as error:
            raise UsageError(f"--held-out: cannot read {names}: {error.strerror}") from error
        if unknown := sorted(chosen - known.keys()):
            raise UsageError(f"--held-out: no images of the names {listed(unknown)}")
    sides = [[pair for name, pair in known.items() if (name in chosen) == side] for side in (0, 1)]
    if not all(sides):
        raise UsageError(
            f"expected images to learn and images to score, got {len(sides[0])} and {len(sides[1])}"
        )
    return sides[0], sides[1]
