"""`touchup train`: a model from images and their masks."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from napari_touchup.cli.console import UsageError
from napari_touchup.cli.device import DeviceName
from napari_touchup.cli.network import beginning, classes_of
from napari_touchup.cli.preparation import (
    CROP_LIMIT_PX,
    CROP_OBJECTS,
    CROP_PX,
    crop_edge,
    named,
    read_data,
    read_replay,
    refuse_outputs,
    train_options,
)
from napari_touchup.nn.build import ARCHITECTURES
from napari_touchup.options import EncoderName, TrainOptions

DEFAULTS, FINE_TUNING = TrainOptions(), TrainOptions.fine_tuning()

Images = Annotated[
    Path, typer.Argument(metavar="IMAGES", help="Folder of images, or one.", show_default=False)
]
Masks = Annotated[
    Path,
    typer.Argument(
        metavar="MASKS",
        help="Folder of masks with the same names: a number for each object, 0 = background.",
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="MODEL.safetensors", help="The model; MODEL.json is a report."
    ),
]
AnnotatedIn = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Masks with the same names, not 0 where MASKS count; elsewhere nothing is learned.",
        show_default="everything counts",
    ),
]
Init = Annotated[
    str | None,
    typer.Option(
        metavar="default|none|FILE",
        help="The model to begin with, also the one of a project (NAME.touchup); none: a new one. "
        "Where another shape is asked for, what fits of it is taken over.",
        show_default="default, or none with --arch, --base, --depth or --encoder",
    ),
]
Arch = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[:OPTION=VALUE...]",
        help=f"Architecture: {', '.join(ARCHITECTURES)}. Options such as unet:up=3x3:norm=none "
        "are those of ModelSpec.",
        show_default="unet",
    ),
]
Base = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of channels of its first level (twice as many a level below).",
        show_default="what its authors took, 32 for unet",
    ),
]
Depth = Annotated[
    int | None, typer.Option(metavar="N", help="Number of its poolings.", show_default="4")
]
Encoder = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Contracting path of a unet or deeplabv3plus: {', '.join(get_args(EncoderName))}.",
        show_default="the network's own",
    ),
]
EncoderWeights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Weights of that encoder from ImageNet, with torchvision's names: .safetensors, or a "
        "state dict (.pth) that holds tensors only.",
        show_default="fresh ones",
    ),
]
Semantic = Annotated[
    bool, typer.Option("--semantic", help="Masks hold class numbers (0 = background), no objects.")
]
Channels = Annotated[
    list[int] | None,
    typer.Option(
        metavar="N",
        help="Channel to learn from, counted from 1; once for each that the model takes.",
        show_default="all",
    ),
]
ChannelNames = Annotated[
    str | None,
    typer.Option(metavar="DAPI,GFP", help="Channel names.", show_default="those of the files"),
]
Steps = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Length of the run, steps.", show_default="1000, without --minutes"
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(metavar="M", help="Longest time of the run, minutes.", show_default="no limit"),
]
Batch = Annotated[int, typer.Option(metavar="N", help="Crops in a step.")]
Crop = Annotated[
    int | None,
    typer.Option(
        metavar="PX",
        help="Edge of a crop, pixels.",
        show_default=f"{CROP_PX}, or {CROP_OBJECTS} object diameters up to {CROP_LIMIT_PX}",
    ),
]
Validation = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        metavar="IMAGES MASKS",
        help="Scored now and then, never learned from.",
        show_default="nothing is scored",
    ),
]
FreezeNorm = Annotated[
    bool | None,
    typer.Option(
        "--freeze-norm/--no-freeze-norm",
        help="Keep the statistics of batch norm.",
        show_default="kept, except with --init none",
    ),
]
Replay = Annotated[
    float,
    typer.Option(
        metavar="0..1",
        help="Share of every batch that is old: of --replay-from, or else of the bundled "
        "synthetic crops (for models of one channel that find objects).",
    ),
]
ReplayFrom = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        metavar="IMAGES MASKS",
        help="What the model knows already and shall not forget.",
        show_default="bundled crops",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--lr",
        metavar="X",
        help="Highest learning rate.",
        show_default=f"{FINE_TUNING.rate:g}, or {DEFAULTS.rate:g} with --init none",
    ),
]
OptimizerName = Annotated[
    str, typer.Option(metavar="adamw|sgd", help="sgd: momentum 0.99, as the U-Net's authors did.")
]
Seed = Annotated[
    int, typer.Option(metavar="N", help="The same seed and data: the same model, on a CPU.")
]
Plot = Annotated[
    bool, typer.Option("--plot", help="Draw loss and scores as MODEL.png (needs matplotlib).")
]


def train(
    images: Images,
    masks: Masks,
    out: Out,
    annotated: AnnotatedIn = None,
    init: Init = None,
    arch: Arch = None,
    base: Base = None,
    depth: Depth = None,
    encoder: Encoder = None,
    encoder_weights: EncoderWeights = None,
    semantic: Semantic = False,
    channel: Channels = None,
    channel_names: ChannelNames = None,
    steps: Steps = None,
    minutes: Minutes = None,
    batch: Batch = DEFAULTS.batch,
    crop: Crop = None,
    validation: Validation = None,
    freeze_norm: FreezeNorm = None,
    replay: Replay = DEFAULTS.replay,
    replay_from: ReplayFrom = None,
    lr: Rate = None,
    optimizer: OptimizerName = DEFAULTS.optimizer,
    seed: Seed = DEFAULTS.seed,
    device: DeviceName = DEFAULTS.device,
    plot: Plot = False,
) -> None:
    """Train a model on images and their masks, or teach the bundled one.

    Ctrl-C ends the run and saves what it has learned. On several GPUs:
    `torchrun --nproc-per-node N -m napari_touchup.cli train ...`
    """
    refuse_outputs(out, plot)
    if replay_from is not None and not replay:
        raise UsageError("expected --replay, a share above 0, with --replay-from")
    begin = beginning(init, arch, base=base, depth=depth, encoder=encoder)
    if encoder_weights is not None and begin.path is not None:
        raise UsageError(f"--encoder-weights is for a new network, got --init {begin.name}")
    # what is partly new learns as a new one does
    usual = DEFAULTS if begin.is_new else FINE_TUNING
    options = train_options(
        steps=DEFAULTS.steps if steps is None and minutes is None else steps,
        minutes=minutes,
        batch=batch,
        crop=DEFAULTS.crop if crop is None else crop,
        replay=replay,
        rate=usual.rate if lr is None else lr,
        optimizer=optimizer,
        freeze_norm=usual.freeze_norm if freeze_norm is None else freeze_norm,
        seed=seed,
        device=device,
    )
    chosen = tuple(channel or ())
    wanted = len(chosen) or begin.channels
    data = named(read_data((images, masks), annotated, chosen, wanted, semantic), channel_names)
    if crop is None:
        options = options.model_copy(update={"crop": crop_edge(data.diameter_px)})
    spec = begin.spec(data.channels, classes_of(data))
    scored = None
    if validation is not None:
        scored = read_data(validation, None, chosen, data.channels, semantic)
    old = read_replay(replay_from, chosen, spec, semantic) if replay else None
    # loads torch: after all that can be wrong without it
    from napari_touchup.cli.training import Plan, run

    run(Plan(out, begin.path, spec, encoder_weights, data, scored, old, options, plot))
