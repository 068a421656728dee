"""The batches of a training run: drawn from sample sets, varied on the device."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from napari_touchup.core.tiling import Geometry
from napari_touchup.engine.augment import Draws, Layers, augment, window
from napari_touchup.engine.distributed import ALONE, Team
from napari_touchup.engine.samples import Crops, SampleSet, stack
from napari_touchup.engine.whole import covering
from napari_touchup.nn.loss import Targets
from napari_touchup.options import ModelSpec, TrainOptions


@dataclass(frozen=True, eq=False)
class Batch(Crops):
    old: NDArray[np.bool_]  # (B,) comes of a replay set


class Feed:
    """Batch n of a run, which depends on the seed, n and the share of old crops alone.

    Parameters
    ----------
    samples : the set that is learned
    replay : sets of which `replay_share` of every batch is drawn
    module : the network; valid networks get targets of their smaller output
    spec : of the network
    team : with whom the crops of every batch are shared out

    Raises
    ------
    ValueError
        If sets and network do not fit each other.
    """

    def __init__(
        self,
        samples: SampleSet,
        replay: Sequence[SampleSet],
        options: TrainOptions,
        module: nn.Module,
        spec: ModelSpec,
        team: Team = ALONE,
    ) -> None:
        most = max(options.replay, options.replay_end or 0.0)
        if most and not replay:
            raise ValueError(f"expected replay sets for a share of {most}, got none")
        if options.batch < team.size:
            raise ValueError(
                f"expected a crop for each of {team.size} processes, got a batch of {options.batch}"
            )
        for one in (samples, *replay):
            _check(one, samples.semantic, spec)
        self.samples, self.replay, self.options, self.team = samples, replay, options, team
        self.spec = spec
        # a network that gives classes only tells touching objects apart by background between
        # them, as the truth of Ronneberger 2015 has it (section 3, figure 3)
        self.gap = spec.output == "softmax" and not samples.semantic
        geometry = cast("Geometry", module)
        self.input_size = covering(options.crop, geometry)
        self.output_size = geometry.output_size(self.input_size)
        self.window = window(self.input_size, options.augment)
        self._seconds = 0.0

    def draw(self, step: int, count: int, progress: float = 0.0) -> Batch:
        """Windows for the step after `step` steps: this process's part of `count` crops.

        Progress is that of the run when the step begins, 0 ... 1.
        """
        begun = time.perf_counter()
        rng = np.random.default_rng([self.options.seed, step])
        share = replay_share(progress, self.options) if self.replay else 0.0
        old = math.floor(count * share + rng.random())  # 2.4 of a batch: 2, and 3 at times
        picks = [self.replay[int(rng.integers(len(self.replay)))] for _ in range(min(old, count))]
        sets = [self.samples] * (count - len(picks)) + picks
        sizes = (self.input_size, self.window, self.options.foreground)
        part = self.team.part(count)
        # each crop has randomness of its own, so that processes can share a batch out
        crops = stack(
            [
                sets[index].draw(np.random.default_rng([self.options.seed, step, index]), 1, *sizes)
                for index in part
            ]
        )
        self._seconds += time.perf_counter() - begun
        return Batch(**vars(crops), old=np.array(part) >= count - len(picks))

    def vary(
        self, crops: Batch, step: int, count: int, device: torch.device
    ) -> tuple[Tensor, Targets]:
        """Network input (B, C, Y, X) and targets of its output's size, on the device.

        Crops, step and count are those of `draw`.
        """
        begun = time.perf_counter()
        arrays = {f.name: getattr(crops, f.name) for f in fields(Layers)}
        layers = Layers(**{name: torch.from_numpy(a).to(device) for name, a in arrays.items()})
        generator = Generator(device).manual_seed(torch_seed(self.options.seed, step))
        draws = Draws(generator, count, self.team.part(count).start)
        how = self.options.augment
        image, targets = augment(
            layers, self.input_size, how, draws, self.samples.semantic, self.gap
        )
        targets = centred(targets, self.output_size)
        if self.replay:
            targets = weigh_old(targets, torch.from_numpy(crops.old).to(device), self.team)
        self._seconds += time.perf_counter() - begun
        return image, targets

    def take_seconds(self) -> float:
        """Seconds spent here since the last call (on a GPU: those that the host waited)."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def replay_share(progress: float, options: TrainOptions) -> float:
    """Give the share of a batch that is old; it goes evenly from its first value to its last.

    >>> fading = TrainOptions(replay=0.5, replay_end=0.25)
    >>> [replay_share(progress, fading) for progress in (0, 0.5, 1)]
    [0.5, 0.375, 0.25]
    """
    last = options.replay if options.replay_end is None else options.replay_end
    return options.replay + (last - options.replay) * progress


def weigh_old(targets: Targets, old: Tensor, team: Team = ALONE) -> Targets:
    """Let old crops weigh no more than new ones: else the few cells of a frame are drowned.

    Old crops are annotated everywhere, new ones often in a tenth of their pixels.

    Parameters
    ----------
    targets : of this process's part of a batch
    old : (B,) bool, the crops of replay sets
    team : the processes that share the batch
    """
    pixels = targets.annotated.sum((1, 2), dtype=torch.float32)  # (B,)
    new = (~old).to(pixels)
    news, new_pixels, olds, old_pixels = team.mean(
        torch.stack([new.sum(), (new * pixels).sum(), (1 - new).sum(), ((1 - new) * pixels).sum()])
    )
    factor = (new_pixels * olds / (old_pixels * news)).nan_to_num(1.0, 1.0).clamp(max=1.0)
    counts = torch.where(old, factor, 1.0)[:, None, None]
    return replace(targets, annotated=targets.annotated * counts)


def torch_seed(seed: int, step: int) -> int:
    """One number of 63 bits for torch's generators."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)


def centred(targets: Targets, size: int) -> Targets:
    """Cut to the middle `size` x `size` pixels, which are what a valid network gives."""
    edge = (targets.mask.shape[-1] - size) // 2
    middle = slice(edge, edge + size)
    return Targets(
        **{f.name: getattr(targets, f.name)[..., middle, middle] for f in fields(targets)}
    )


def _check(samples: SampleSet, semantic: bool, spec: ModelSpec) -> None:
    if samples.channels != spec.in_channels:
        raise ValueError(
            f"expected images with {spec.in_channels} channel(s), as the network takes, "
            f"got {samples.channels}"
        )
    if samples.semantic != semantic:
        raise ValueError("expected either classes or instances in all sets, got both")
    if semantic and spec.output != "softmax":
        raise ValueError(f"expected a softmax network for classes, got one of {spec.output}")
    highest = max(survey.highest for survey in samples.surveys)
    if semantic and highest >= spec.classes:
        raise ValueError(f"expected classes 0 ... {spec.classes - 1}, got {highest}")
