"""Which network a command trains, settled before anything is trained; none of it needs torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_touchup.cli.console import UsageError, one_line
from napari_touchup.cli.models import model_path
from napari_touchup.options import ModelSpec

if TYPE_CHECKING:
    from napari_touchup.io.training import TrainingData
    from napari_touchup.nn.header import Header

NEW = "none"  # as --init: a network with fresh weights


@dataclass(frozen=True)
class Beginning:
    """What training begins with.

    Attributes
    ----------
    name : what it was called: "default", "none", a file or a project
    path : of the model, None for a new network
    header : of the model, None for a new network
    asked : fields of a ModelSpec that were asked for
    """

    name: str
    path: Path | None = None
    header: "Header | None" = None
    asked: dict[str, Any] = field(default_factory=dict)

    @property
    def channels(self) -> int | None:
        """How many the model takes; None: as many as the images have."""
        return None if self.header is None else self.header.spec.in_channels

    @property
    def is_new(self) -> bool:
        """Whether the network is new, or partly new: another shape than the model's is asked for.

        Raises
        ------
        UsageError
            As `spec` does.
        """
        own = None if self.header is None else self.header.spec
        return self.spec(own.in_channels if own else 1, None) != own

    def spec(self, channels: int, classes: int | None) -> ModelSpec:
        """Shape of the network that is trained.

        Parameters
        ----------
        channels : of the images
        classes : number of classes of masks that hold classes; None: they hold objects

        Raises
        ------
        UsageError
            If there is no such architecture, or it has no such option.
        """
        own = {} if self.header is None else self.header.spec.model_dump()
        given = self.asked | {"in_channels": channels}
        if given.get("arch", own.get("arch")) != own.get("arch"):
            own = {}
        enough = own.get("output") == "softmax" and (classes or 0) <= own["classes"]
        if classes is not None and not enough:
            given |= {"output": "softmax", "classes": classes}
        return named_spec(**{"arch": "unet", **own, **given})


def beginning(init: str | None, arch: str | None, **asked: Any) -> Beginning:
    """Find the model to begin with and what shall be different of it.

    Parameters
    ----------
    init : "default", "none", a model file or a project; None: "none" where a shape is asked for
    arch : NAME[:OPTION=VALUE...]
    asked : further fields of a ModelSpec; None: not asked for

    Raises
    ------
    UsageError
        If there is no such file.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if arch is not None:
        given = parse_arch(arch) | given
    init = init or (NEW if given else "default")
    if init == NEW:
        return Beginning(init, asked=given)
    from napari_touchup.nn.header import read_header

    path = model_path(init)
    return Beginning(init, path, read_header(path), given)


def parse_arch(text: str) -> dict[str, str]:
    """Fields of a ModelSpec in NAME[:OPTION=VALUE...].

    >>> parse_arch("unet:up=3x3:base=16")
    {'arch': 'unet', 'up': '3x3', 'base': '16'}
    """
    name, *parts = text.split(":")
    options = dict(part.partition("=")[::2] for part in parts)
    wrong = [option for option in options if option not in ModelSpec.model_fields]
    if wrong or not all(options.values()):
        raise UsageError(f"--arch: expected NAME[:OPTION=VALUE...], got {text!r}")
    return {"arch": name} | options


def named_spec(arch: str, **given: Any) -> ModelSpec:
    """Make the spec of a network.

    Raises
    ------
    UsageError
        If there is no such architecture, or it has no such option.
    """
    from napari_touchup.nn.build import spec_of

    try:
        return spec_of(arch, **given)
    except ValueError as error:
        raise UsageError(f"--arch: {one_line(error)}") from error


def classes_of(data: "TrainingData") -> int | None:
    """Count the classes, the background among them; None where masks hold objects."""
    return data.classes if data.semantic else None
