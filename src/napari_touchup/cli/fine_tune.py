"""`touchup fine-tune`: teach a project's model what was corrected, without a window."""

from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from napari_touchup.cli.console import UsageError, refuse_existing, say
from napari_touchup.cli.device import DeviceName
from napari_touchup.cli.models import check_level
from napari_touchup.cli.preparation import SUFFIX, train_options
from napari_touchup.options import SegmentOptions, TrainOptions

if TYPE_CHECKING:
    from napari_touchup.engine.lessons import Candidate
    from napari_touchup.session.fine_tune_request import How
    from napari_touchup.session.project_training import ProjectTraining

USUAL = TrainOptions.fine_tuning()

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="PROJECT.touchup", help="Folder of a project with corrections.", show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="MODEL.safetensors",
        help="Write the new model here.",
        show_default=False,
    ),
]
Accept = Annotated[
    bool, typer.Option("--accept", help="Make it the project's newest version, and use it there.")
]
Steps = Annotated[int, typer.Option(metavar="N", help="Length of the run, steps.")]
Rate = Annotated[float, typer.Option("--lr", metavar="X", help="Highest learning rate.")]
Replay = Annotated[
    float,
    typer.Option(
        metavar="0..1",
        help="Share of the first batches that is old, synthetic crops; it sinks as in the window.",
    ),
]
Diameter = Annotated[
    float | None,
    typer.Option(
        metavar="PX",
        help="Typical object in these images, pixels, as it was set in the window.",
        show_default="not rescaled",
    ),
]
Prune = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Levels of the network that will be run, for models that can be pruned: the scores "
        "are of these, while all of it learns.",
        show_default="all",
    ),
]
Seed = Annotated[
    int, typer.Option(metavar="N", help="The same seed and corrections: the same model, on a CPU.")
]


def fine_tune(
    project: Folder,
    out: Out = None,
    accept: Accept = False,
    steps: Steps = USUAL.steps or 1,
    lr: Rate = USUAL.rate,
    replay: Replay = USUAL.replay,
    diameter: Diameter = None,
    prune: Prune = None,
    seed: Seed = USUAL.seed,
    device: DeviceName = USUAL.device,
) -> None:
    """Teach the model of a project what was corrected there, as the window does.

    It begins with the base version and all corrections so far, from the image files where they
    were last seen, or beside the project. With --accept the project goes on with the new model.
    """
    _check_out(out, accept)
    options = USUAL.model_dump() | {
        "steps": steps, "rate": lr, "replay": replay, "seed": seed, "device": device,
    }  # fmt: skip
    segment = SegmentOptions(diameter=diameter, device=device, prune=prune)
    train = train_options(**options)
    from napari_touchup.session.fine_tune_request import How

    with closing(_open(project, accept)) as training:
        check_level(training.model, prune)
        _run(training, How(train, segment), out, accept)


def _check_out(out: Path | None, accept: bool) -> None:
    if out is None and not accept:
        raise UsageError(f"expected --accept, or -o MODEL{SUFFIX}, or both: where shall it go?")
    if out is not None:
        if out.suffix != SUFFIX:
            raise UsageError(f"expected -o MODEL{SUFFIX}, got {out}")
        refuse_existing([out])
        out.absolute().parent.mkdir(parents=True, exist_ok=True)


def _open(folder: Path, accept: bool) -> "ProjectTraining":
    from napari_touchup.session.project_training import ProjectTraining

    try:
        return ProjectTraining(folder, write=accept)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _run(training: "ProjectTraining", how: "How", out: Path | None, accept: bool) -> None:
    from napari_touchup.cli.lesson import follow
    from napari_touchup.core.verdict import verdict
    from napari_touchup.session.project_training import listed

    with ExitStack() as ended:
        folder = None if accept else Path(ended.enter_context(TemporaryDirectory()))
        request = training.request(how, folder and folder / f"candidate{SUFFIX}")
        if training.away:
            say(f"not found, so they teach nothing: {listed(training.away)}")
        candidate = follow(request)
        for line in verdict(candidate.scores).lines:
            say(line)
        _keep(training, candidate, out, accept)


def _keep(
    training: "ProjectTraining", candidate: "Candidate", out: Path | None, accept: bool
) -> None:
    """Put the new model where it was asked for."""
    from napari_touchup.nn.naming import copy_named

    path = candidate.path
    if accept:
        version = training.accept(candidate)
        path = training.path(version)
        say(f"{version.name} is the model of the project now")
    if out is not None:
        copy_named(path, out, out.stem)
        say(f"the new model: {out}")
