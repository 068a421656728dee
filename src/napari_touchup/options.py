"""Frozen, validated options; every attribute states its unit.

Options travel: from a panel to the session, over a pipe to a worker, into a model's header.
So they are plain values, know no array and no torch, and say on their own what is allowed.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
EncoderName = Literal["resnet18", "resnet34", "resnet50", "xception"]


class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NormalizeOptions(Options):
    """Intensity limits that are mapped to 0 and 1, per frame and channel."""

    low: Annotated[float, Field(ge=0, le=100)] = 1.0  # percentile
    high: Annotated[float, Field(ge=0, le=100)] = 99.8  # percentile

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"expected low < high percentile, got {self.low} and {self.high}")
        return self


class WeightOptions(Options):
    """The weight map of Ronneberger 2015, equation 2."""

    w0: NonNegative = 10.0  # weight added where two objects touch
    sigma: Positive = 5.0  # falloff of the border weight, pixels (or the unit of `spacing`)
    background: NonNegative = 1.0  # class weight of background pixels
    foreground: NonNegative = 1.0  # class weight of object pixels


class InstanceOptions(Options):
    """How maps become masks."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5  # mask probability
    h: Annotated[float, Field(ge=0.01, le=0.9)] = 0.25  # seed depth, normalised distance
    min_size: Annotated[int, Field(ge=0)] = 15  # pixels; smaller objects are removed
    fill_holes: bool = True
    method: Literal["auto", "membrane"] = "auto"  # membrane: flood p from its minima (EM)


class SegmentOptions(Options):
    """How a network is run over a frame."""

    device: str = "auto"  # "auto", "cpu", "mps", "cuda" or "cuda:N"
    tile: Annotated[int, Field(ge=1)] | None = None  # tile edge, pixels; None: from free memory
    batch: Annotated[int, Field(ge=1)] | None = None  # tiles at once; None: from free memory
    memory: Positive | None = None  # GB that tiles may take at most; None: half of what is free
    diameter: Positive | None = None  # object diameter in this image, pixels; None: no rescaling
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    compile: bool = False  # torch.compile: 6-12 s once, then faster; not where objects are detected
    prune: Annotated[int, Field(ge=1)] | None = None  # levels that are run; None: all


class ModelSpec(Options):
    """All that is needed to build a network again.

    An architecture heeds some of the fields below `classes`; `nn.build` knows which.
    """

    arch: str = "unet"  # a name of `nn.build.ARCHITECTURES`
    in_channels: Annotated[int, Field(ge=1, le=4096)] = 1
    output: Literal["maps", "softmax", "instances"] = "maps"
    classes: Annotated[int, Field(ge=1, le=4096)] = 3  # K, channels of what is shown
    base: Annotated[int, Field(ge=1, le=1024)] = 32  # channels of the first level
    depth: Annotated[int, Field(ge=1, le=7)] = 4  # number of poolings
    padding: Literal["same", "valid"] = "same"
    norm: Literal["batch", "batch_after", "none"] = "batch"  # batch_after: behind the activation
    activation: Literal["relu", "leaky_relu"] = "relu"  # leaky: slope 0.2
    up: Literal["2x2", "3x3"] = "2x2"  # kernel of the stride-2 transposed convolution
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # at the end of the contracting path
    dropout_levels: Annotated[int, Field(ge=1, le=8)] = 2  # lowest ones that have it; 1: the bottom
    head: Literal["1x1", "3x3"] = "1x1"  # kernel of the output convolution
    encoder: EncoderName | None = None  # contracting path that image classification knows
    deep_supervision: bool = False  # every decoder has a head of its own that learns

    @model_validator(mode="after")
    def _maps_are_three(self) -> Self:
        if self.output != "softmax" and self.classes != 3:
            raise ValueError(
                f"expected 3 channels (mask, border, distance) for the output {self.output!r}, "
                f"got {self.classes}"
            )
        return self


class AugmentOptions(Options):
    """How crops are varied while a network trains; lengths are in pixels of the network's input."""

    rotate: Annotated[float, Field(ge=0, le=180)] = 180.0  # largest turn either way, degrees
    flip: bool = True  # mirrors half of the crops
    zoom: tuple[Positive, Positive] = (0.6, 1.6)  # smallest and largest magnification
    elastic: NonNegative = 10.0  # sigma of the displacements of a 3x3 grid, pixels
    gamma: NonNegative = 0.4  # largest |log gamma|
    brightness: NonNegative = 0.15  # largest shift, in units of the normalised range
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.3  # largest relative change
    invert: Fraction = 0.3  # chance that dark and bright change places
    blur: NonNegative = 1.5  # largest Gaussian sigma, pixels; half of the crops stay sharp
    noise: NonNegative = 0.1  # largest Gaussian sigma, normalised; half of the crops stay clean

    @model_validator(mode="after")
    def _zoom_ordered(self) -> Self:
        if self.zoom[0] > self.zoom[1]:
            raise ValueError(f"expected zoom (smallest, largest), got {self.zoom}")
        return self

    @classmethod
    def none(cls) -> Self:
        """Options that change nothing."""
        return cls(
            rotate=0, flip=False, zoom=(1, 1), elastic=0, gamma=0,
            brightness=0, contrast=0, invert=0, blur=0, noise=0,
        )  # fmt: skip


class TrainOptions(Options):
    """How a network is trained. It ends at `steps` or `minutes`, whichever is reached first."""

    steps: Annotated[int, Field(ge=1)] | None = 1000  # None: only `minutes` ends it
    minutes: Positive | None = None  # None: only `steps` ends it
    batch: Annotated[int, Field(ge=1)] = 8  # crops in a step
    crop: Annotated[int, Field(ge=8)] = 256  # edge of what the network gives, pixels
    foreground: Fraction = 0.5  # share of the crops that are centred on an annotated object
    replay: Fraction = 0.0  # share of every batch, and most of its weight, that is of replay sets
    replay_end: Fraction | None = None  # what it evenly becomes by the end; None: it stays
    optimizer: Literal["adamw", "sgd"] = "adamw"
    rate: Positive = 2e-3  # peak learning rate
    weight_decay: NonNegative = 1e-3  # not on norms and biases
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99  # sgd only; Ronneberger 2015, section 3
    warmup: Fraction = 0.05  # share of the run in which the rate rises
    clip: Positive = 1.0  # largest norm of the whole gradient
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.995  # decay of the averaged weights; 0: the last
    freeze_norm: bool = False  # batch norm keeps its statistics; its affine part still learns
    augment: AugmentOptions = AugmentOptions()
    validate_every: Annotated[int, Field(ge=1)] = 200  # steps
    save_every: Annotated[int, Field(ge=1)] = 200  # steps
    seed: Annotated[int, Field(ge=0)] = 0
    device: str = "auto"  # "auto", "cpu", "mps", "cuda" or "cuda:N"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.steps is None and self.minutes is None:
            raise ValueError("expected steps or minutes, or both; got neither")
        return self

    @classmethod
    def fine_tuning(cls) -> Self:
        """Options that teach a trained model some annotated objects; see docs/few_shot."""
        return cls(
            steps=150,
            batch=8,
            crop=128,
            rate=1e-3,
            ema=0.98,
            freeze_norm=True,
            replay=0.25,
            replay_end=0.0,
        )


class BrushOptions(Options):
    """How masks are painted by hand."""

    smart: bool = True  # a stroke on background makes a new cell, one on a cell extends it
    over_neighbours: bool = False  # a stroke takes the pixels of other cells
    preset: Literal["napari", "qupath"] = "napari"  # qupath: Alt and the brush subtract


def paper_spec(in_channels: int = 1, classes: int = 2, base: int = 64) -> ModelSpec:
    """Spec of the network of Ronneberger 2015, figure 1."""
    return ModelSpec(
        arch="unet-paper",
        in_channels=in_channels,
        output="softmax",
        classes=classes,
        base=base,
        padding="valid",
        norm="none",
        dropout=0.5,
    )
