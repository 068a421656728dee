"""What `touchup train` checks and settles before anything is trained; none of it needs torch."""

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_touchup.cli.console import UsageError, one_line, refuse_existing
from napari_touchup.options import ModelSpec, TrainOptions

if TYPE_CHECKING:
    from napari_touchup.io.training import TrainingData
    from napari_touchup.nn.header import Header

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


def parent_header(
    init: str, path: Path | None, shape: dict[str, str | int | None], semantic: bool
) -> "Header | None":
    """Header of the model to begin with; None: a new one.

    Parameters
    ----------
    init : what the model was called
    path : its file, if any
    shape : what was asked for

    Raises
    ------
    UsageError
        If a shape is asked for that this model does not have.
    """
    if path is None:
        return None
    from napari_touchup.nn.header import read_header

    header = read_header(path)
    own = header.spec.model_dump()
    wrong = {name: given for name, given in shape.items() if given not in (None, own[name])}
    if wrong:
        asked = " ".join(f"--{name} {given}" for name, given in wrong.items())
        has = ", ".join(f"{name} {own[name]}" for name in wrong)
        raise UsageError(f"{asked}: the model {init} has {has}; a new one: --init none")
    if semantic and header.spec.output != "softmax":
        raise UsageError(f"--semantic: the model {init} knows no classes; a new one: --init none")
    return header


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
    return TrainingData(list(load_replay().replayed), colours=False, semantic=False)


def new_spec(
    arch: str | None, base: int | None, depth: int | None, data: "TrainingData"
) -> ModelSpec:
    """Choose the shape of a new network for this data.

    Raises
    ------
    UsageError
        If there is no such architecture.
    """
    from napari_touchup.nn.build import ARCHITECTURES

    shape = {"arch": arch, "base": base, "depth": depth}
    given: dict[str, Any] = {name: value for name, value in shape.items() if value is not None}
    if given.get("arch", "unet") not in ARCHITECTURES:
        raise UsageError(f"--arch: expected one of {', '.join(ARCHITECTURES)}, got {arch}")
    if data.semantic:
        given |= {"output": "softmax", "classes": data.classes}
    return ModelSpec.model_validate(given | {"in_channels": data.channels})
