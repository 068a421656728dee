"""What a network of another shape can take over from a trained one."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_touchup.options import ModelSpec

LISTED = 4  # names that a sentence has room for


@dataclass(frozen=True)
class Transferred:
    """What came of it, tensor by tensor.

    Attributes
    ----------
    taken : names of tensors that were taken over
    fresh : names of tensors that keep their fresh values, since the source has none that fits
    unused : names of tensors of the source that fit nowhere
    """

    taken: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        count = len(self.taken) + len(self.fresh)
        parts = [f"{len(self.taken)} of {count} tensors taken over"]
        parts += [f"fresh: {_listed(self.fresh)}"] if self.fresh else []
        parts += [f"not used: {_listed(self.unused)}"] if self.unused else []
        return "; ".join(parts)


def transfer(
    weights: Mapping[str, Tensor], source: ModelSpec, module: nn.Module, target: ModelSpec
) -> Transferred:
    """Take over what fits by name and shape, in place.

    A first convolution for another number of channels fits too: its filters are shared out.

    Parameters
    ----------
    weights : the trained network's, by name
    source, target : shapes of the trained network and of `module`
    module : the network that is given weights

    Raises
    ------
    ValueError
        If no kernel fits, so that training would begin from nothing.
    """
    fitting = {}
    for name, own in module.state_dict().items():
        given = weights.get(name)
        if given is not None and _same_but_channels(given, own, source, target):
            given = shared_out(given, target.in_channels)
        if given is not None and given.shape == own.shape:
            fitting[name] = given.to(own.dtype)
    if not any(given.ndim > 1 for given in fitting.values()):
        raise ValueError(
            f"nothing of a {source.arch} of base {source.base} fits a {target.arch} of base "
            f"{target.base}; a new one: --init none"
        )
    module.load_state_dict(fitting, strict=False)
    return Transferred(
        tuple(fitting),
        tuple(name for name in module.state_dict() if name not in fitting),
        tuple(name for name in weights if name not in fitting),
    )


def shared_out(weight: Tensor, channels: int) -> Tensor:
    """Make filters for another number of input channels, with equal response to grey.

    They are repeated in turn and scaled; what a grey image then lacks of its response is spread
    evenly over the channels. So for one channel they are summed.

    Parameters
    ----------
    weight : (K, C, y, x)
    channels : how many are wanted

    Returns
    -------
    (K, channels, y, x), whose sum over the channels is that of `weight`

    >>> shared_out(torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1), 1).flatten().tolist()
    [6.0]
    """
    known = weight.shape[1]
    repeated = weight[:, torch.arange(channels) % known] * (known / channels)
    lacking = weight.sum(1, keepdim=True) - repeated.sum(1, keepdim=True)
    return repeated + lacking / channels


def _same_but_channels(given: Tensor, own: Tensor, source: ModelSpec, target: ModelSpec) -> bool:
    ends = given.shape[:1] + given.shape[2:], own.shape[:1] + own.shape[2:]
    channels = given.shape[1:2], own.shape[1:2]
    wanted = torch.Size([source.in_channels]), torch.Size([target.in_channels])
    return given.ndim == 4 and ends[0] == ends[1] and channels == wanted


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
