"""What `touchup train` checks and settles before anything is trained; none of it needs torch."""

from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_touchup.cli.console import UsageError, one_line, refuse_existing
from napari_touchup.options import ModelSpec, TrainOptions

if TYPE_CHECKING:
    from napari_touchup.io.training import TrainingData

SUFFIX = ".safetensors"
CROP_PX = 128  # edge of a crop; more where objects are large:
CROP_OBJECTS, CROP_LIMIT_PX = 4, 512  # diameters that fit into it, up to a limit


def refuse_outputs(out: Path, plot: bool) -> None:
    """Stop before work starts, if the results cannot be written.

    Raises
    ------
    UsageError
    """
    from napari_touchup.io.curves import check_plotting

    if out.suffix != SUFFIX:
        raise UsageError(f"expected -o MODEL{SUFFIX}, got {out}")
    refuse_existing([out, out.with_suffix(".json"), *([out.with_suffix(".png")] if plot else [])])
    if plot:
        check_plotting()
    out.absolute().parent.mkdir(parents=True, exist_ok=True)


def train_options(**given: Any) -> TrainOptions:
    """Check how it shall be trained.

    Raises
    ------
    UsageError
        If a number is out of its range.
    """
    try:
        return TrainOptions.model_validate(given)
    except ValidationError as error:
        # the option has a name of its own
        raise UsageError(one_line(error).replace("--rate ", "--lr ")) from error


def crop_edge(diameter_px: float) -> int:
    """Edge of a crop that shows objects whole, a multiple of 32 pixels.

    >>> [crop_edge(d) for d in (8, 20, 41, 300)]
    [128, 128, 192, 512]
    """
    wanted = 32 * ceil(CROP_OBJECTS * diameter_px / 32)
    return min(max(CROP_PX, wanted), CROP_LIMIT_PX)


def read_data(
    places: tuple[Path, Path],
    annotated: Path | None,
    channels: tuple[int, ...],
    wanted: int | None,
    semantic: bool,
) -> "TrainingData":
    """Read images and masks.

    Raises
    ------
    UsageError
        If they do not go together; the message lists all that is wrong.
    """
    from napari_touchup.io.pairs import PairError, find_pairs
    from napari_touchup.io.training import read_training

    try:
        return read_training(find_pairs(*places, annotated), channels, wanted, semantic)
    except PairError as error:
        raise UsageError(str(error)) from error


def named(data: "TrainingData", names: str | None) -> "TrainingData":
    """Give the channels names; without any those stay that the files have.

    Raises
    ------
    UsageError
        If there is not one for each.
    """
    if names is None:
        return data
    given = tuple(name.strip() for name in names.split(","))
    if len(given) != data.channels or not all(given):
        raise UsageError(
            f"--channel-names: expected {data.channels} name(s), one for each channel that is "
            f"learned from, got {names!r}"
        )
    return replace(data, names=given)


def read_replay(
    place: tuple[Path, Path] | None, channels: tuple[int, ...], spec: ModelSpec, semantic: bool
) -> "TrainingData":
    """Read what is mixed into training; without a place the bundled crops.

    Raises
    ------
    UsageError
        If it does not fit the network.
    """
    from napari_touchup.engine.replay import fits, load_replay
    from napari_touchup.io.training import TrainingData

    if place is not None:
        return read_data(place, None, channels, spec.in_channels, semantic)
    if not fits(spec):
        raise UsageError(
            "--replay: the bundled crops have one channel and objects, this model has "
            f"{spec.in_channels} channel(s) and the output {spec.output}; "
            "expected --replay-from IMAGES MASKS"
        )
    return TrainingData(list(load_replay().replayed))
