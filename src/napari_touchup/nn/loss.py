"""What training minimises.

Losses of maps are weighted sums over pixels divided by a normaliser. Several processes get the step
of one with the whole batch when each divides by the normaliser of all: the mean over processes,
since DistributedDataParallel averages gradients. A network that detects objects weighs its own
losses: it draws the places that it learns from, so only it knows how many there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_touchup.core.pieces import parted

DICE_SHARE = 0.5  # of the mask term
DICE_SMOOTH = 1.0  # pixels; an image without objects then still has a gradient
BORDER_WEIGHT = 10.0  # of a touching-border pixel; they are few
BORDER_MARGIN_PX = 2  # nearer to what nobody annotated a neighbour may be missing
INSIDE_WEIGHT = 3.0  # of the distance inside objects


@dataclass(frozen=True)
class Targets:
    """What the network is asked for; each (B, Y, X), on the device of its output."""

    mask: Tensor  # float 0 or 1; softmax: class index
    border: Tensor  # float 0 or 1, 1 where two objects touch
    distance: Tensor  # float 0 ... 1, distance to the outside over the object's maximum
    weights: Tensor  # float >= 0, the weight map; 0 where not annotated
    annotated: Tensor  # bool, or float >= 0 where crops count less than others; 0 is ignored
    objects: Tensor  # int instance labels, 0 = background


@dataclass(frozen=True)
class Losses:
    """Scalars: `total` is minimised; its parts, by name, are told before they are weighed."""

    total: Tensor
    parts: Mapping[str, Tensor]


Loss = Callable[[Any, Targets], Losses]  # of what a network of that output gives


def loss_for(output: str, normaliser: Tensor | None = None) -> Loss:
    """Choose the loss of a network's output: loss(raw, targets) -> Losses.

    Parameters
    ----------
    output : "maps", "softmax" or "instances"
    normaliser : what `normalisers` gives; of the targets themselves where not given

    Raises
    ------
    ValueError
        For another output.
    """
    losses: dict[str, Callable[..., Losses]] = {
        "maps": maps_loss, "softmax": _softmax_losses, "instances": _own_losses,
    }  # fmt: skip
    if output not in losses:
        raise ValueError(f"expected an output of {sorted(losses)}, got {output!r}")
    return partial(losses[output], normaliser=normaliser)


def shown(output: str, targets: Targets) -> tuple[Tensor, ...]:
    """Give what a network is shown beside the image while it learns: objects where it finds them.

    There each piece is an object: where a crop is mirrored, so are the numbers in it.

    Returns
    -------
    () or, for "instances", objects (B, Y, X) int32 and annotated (B, Y, X)
    """
    if output != "instances":
        return ()
    # sync point: the host waits until the device has varied the crops
    pieces = [torch.from_numpy(parted(image)) for image in targets.objects.cpu().numpy()]
    return torch.stack(pieces).to(targets.objects.device), targets.annotated


def mean_loss(loss: Loss, raw: Any, targets: Targets) -> Losses:
    """Loss of what a network gives while it learns: of several outputs, the mean of their losses.

    Parameters
    ----------
    loss : of one output
    raw : one output, or a tuple of those that are supervised (Zhou 2018, eq. 2)
    targets : the same for all
    """
    outputs = raw if isinstance(raw, tuple) else (raw,)
    losses = [loss(each, targets) for each in outputs]
    names = losses[0].parts
    return Losses(
        torch.stack([each.total for each in losses]).mean(),
        {name: torch.stack([each.parts[name] for each in losses]).mean() for name in names},
    )


def maps_loss(raw: Tensor, targets: Targets, normaliser: Tensor | None = None) -> Losses:
    """Loss of the three maps; pixels that are not annotated have no influence.

    Parameters
    ----------
    raw : (B, 3, Y, X) float, before the sigmoid: mask, touching border, distance
    targets : what they should be
    normaliser : what `normalisers` gives; of these targets where not given

    Returns
    -------
    Losses
        mask: cross-entropy weighted by the weight map. dice: 1 - Dice of annotated pixels, mean
        over images. border: cross-entropy, positives times 10, not within 2 px of pixels that are
        not annotated. distance: L1 after the sigmoid, times 3 inside objects. All 0 where nothing
        is annotated. total = mask + dice / 2 + border + distance.
    """
    weights, pixels, edges, depths = _weights(targets)  # (B, Y, X) each
    raw = raw.float()
    given = _sums(weights, pixels, edges, depths) if normaliser is None else normaliser
    by_mask, by_image, by_edge, by_depth = torch.where(given > 0, given, 1.0)  # 0 / 1 for 0 / 0
    p, distance = raw[:, 0].sigmoid(), raw[:, 2].sigmoid()
    mask = _cross_entropy(raw[:, 0], targets.mask, weights) / by_mask
    dice = _dice_loss(p, targets.mask, pixels).sum() / by_image
    border = _cross_entropy(raw[:, 1], targets.border, edges) / by_edge
    depth = (depths * (distance - targets.distance).abs()).sum() / by_depth
    parts = {"mask": mask, "dice": dice, "border": border, "distance": depth}
    return Losses(mask + DICE_SHARE * dice + border + depth, parts)


def softmax_loss(
    raw: Tensor, labels: Tensor, weights: Tensor, normaliser: Tensor | None = None
) -> Tensor:
    """Energy of Ronneberger 2015, equation 1, per unit of weight.

    Parameters
    ----------
    raw : (B, K, Y, X) float, before the softmax
    labels : (B, Y, X) class indices; where the weight is 0 they may be anything
    weights : (B, Y, X) float, the weight map
    normaliser : scalar; sum of the weights where not given

    Returns
    -------
    scalar, -sum(w log p_label) / sum(w); 0 without weight
    """
    labels = torch.where(weights > 0, labels, 0).long()
    given = weights.sum() if normaliser is None else normaliser
    energy = weights * F.cross_entropy(raw, labels, reduction="none")
    return energy.sum() / torch.where(given > 0, given, 1.0)


def normalisers(targets: Targets) -> Tensor:
    """(4,) sums of weights: mask, images with annotated pixels, border, distance."""
    return _sums(*_weights(targets))


def _softmax_losses(raw: Tensor, targets: Targets, normaliser: Tensor | None = None) -> Losses:
    weights = targets.weights * targets.annotated
    of_weights = None if normaliser is None else normaliser[0]
    energy = softmax_loss(raw.float(), targets.mask, weights, of_weights)
    return Losses(energy, {"mask": energy})


def _own_losses(
    raw: Mapping[str, Tensor], targets: Targets, normaliser: Tensor | None = None
) -> Losses:
    """Losses that a network which was shown the targets has made of them itself."""
    return Losses(torch.stack(list(raw.values())).sum(), raw)


def _weights(targets: Targets) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of mask, Dice, border and distance, each (B, Y, X)."""
    counts = targets.annotated.to(targets.weights)
    pixels = (counts > 0).to(counts)
    unknown = F.max_pool2d(1 - pixels, 2 * BORDER_MARGIN_PX + 1, 1, BORDER_MARGIN_PX)
    edges = counts * (1 - unknown) * (1 + (BORDER_WEIGHT - 1) * targets.border)
    depths = counts * (1 + (INSIDE_WEIGHT - 1) * (targets.mask > 0))
    return targets.weights * counts, pixels, edges, depths


def _sums(weights: Tensor, pixels: Tensor, edges: Tensor, depths: Tensor) -> Tensor:
    images = pixels.amax((1, 2)).sum()  # those with an annotated pixel
    return torch.stack([weights.sum(), images, edges.sum(), depths.sum()])


def _cross_entropy(raw: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(raw, target, weights, reduction="sum")


def _dice_loss(p: Tensor, target: Tensor, pixels: Tensor) -> Tensor:
    """1 - Dice of the annotated pixels of each image: (B,); 0 where there are none."""
    both = (pixels * p * target).sum((1, 2))
    either = (pixels * (p + target)).sum((1, 2))
    return 1 - (2 * both + DICE_SMOOTH) / (either + DICE_SMOOTH)
