"""Draw the figures of the guide by what the code computes.

python docs/guide/figures.py [FOLDER]
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.segmentation import find_boundaries
from torch import Tensor, nn

import napari_touchup as touchup
from napari_touchup.core.instances import SIGMA_PX
from napari_touchup.core.tiling import Tile, TilePlan, plan, read_tile
from napari_touchup.nn.build import build
from napari_touchup.options import ModelSpec, SegmentOptions, WeightOptions, paper_spec

HERE = Path(__file__).parent / "figures"
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#777777"  # told apart by the colour-blind
STYLE = {"font.size": 9, "svg.hashsalt": "touchup", "savefig.dpi": 100}
CELLS = slice(40, 168), slice(230, 358)  # of the nuclei, a place where many touch


def main(folder: Path = HERE) -> None:
    folder.mkdir(exist_ok=True)
    figures: dict[str, Callable[[], Figure]] = {
        "unet.svg": unet, "tiles.png": tiles, "weights.png": weights, "maps.png": maps,
    }  # fmt: skip
    with mpl.rc_context(STYLE):
        for name, draw in figures.items():
            # without a date or version, so that the same figure is the same file
            stamp = {"Date": None} if name.endswith("svg") else {"Software": None}
            draw().savefig(folder / name, metadata=stamp)


def unet() -> Figure:
    """Draw the network of the paper, the edges of its maps as PyTorch gives them."""
    shapes = shapes_of(paper_spec(), 572)
    figure = Figure((8.6, 4.9), layout="constrained")
    axes = figure.add_subplot()
    places = {"input": (0.0, 0)}
    for level in range(4):
        places |= {f"down.{level}": (1.0 + level, level), f"merge.{level}": (9.4 - level, level)}
    places |= {"bottom": (5.2, 4), "head": (10.4, 0)}
    for name, (x, level) in places.items():
        box(axes, x, level, *shapes[name])
    arrow(axes, (0.1, 0), (0.8, 0), BLUE)
    arrow(axes, (9.6, 0), (10.3, 0), BLUE)
    for level in range(4):
        down, up = (2 + level, 8.4 - level) if level < 3 else (5.2, 5.2)
        arrow(axes, (1.25 + level, level), (9.15 - level, level), GREY)
        arrow(axes, (1.2 + level, level + 0.2), (down - 0.25, level + 0.9), ORANGE)
        arrow(axes, (up + 0.25, level + 0.9), (9.2 - level, level + 0.2), ORANGE)
    legend(axes)
    axes.set(xlim=(-0.4, 10.9), ylim=(5.6, -0.6))
    axes.axis("off")
    return figure


def shapes_of(spec: ModelSpec, edge: int) -> dict[str, tuple[int, int]]:
    """Channels and edge of what the parts of a U-Net give; nothing is computed."""
    found = {"input": (spec.in_channels, edge)}

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda _part, _given, y: found.update({name: (y.shape[1], y.shape[2])})

    with torch.device("meta"):
        network = build(spec)
        parts = {"bottom": network.bottom, "head": network.head}
        for level in range(spec.depth):
            parts[f"down.{level}"] = network.down[level]
            # those of the expanding path are counted from the bottom
            parts[f"merge.{level}"] = network.merge[spec.depth - 1 - level]
        for name, part in parts.items():
            part.register_forward_hook(note(name))
        network(torch.zeros(1, spec.in_channels, edge, edge))
    return found


def box(axes: Axes, x: float, level: int, channels: int, edge: int) -> None:
    """Draw maps: as high as they are large, as wide as they are many."""
    width, height = 0.04 + 0.045 * np.log2(channels), 0.12 + 0.5 * edge / 572
    corner = x - width / 2, level - height / 2
    axes.add_patch(Rectangle(corner, width, height, fc="#cfe3f2", ec="black", lw=0.8))
    axes.text(x, level - height / 2 - 0.04, f"{channels}", ha="center", va="bottom", fontsize=7)
    axes.text(x, level + height / 2 + 0.05, f"{edge}²", ha="center", va="top", fontsize=7)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=8, color=colour, lw=1)
    )


def legend(axes: Axes) -> None:
    texts = {
        BLUE: "two 3×3 convolutions (at the end one of 1×1)",
        ORANGE: "pooled to half the edge, or up to twice the edge; then two 3×3 convolutions",
        GREY: "the fine detail is cut to size and put beside the coarse",
    }
    for row, (colour, text) in enumerate(texts.items()):
        y = 4.85 + 0.3 * row
        arrow(axes, (-0.3, y), (0.2, y), colour)
        axes.text(0.3, y, text, va="center", fontsize=8)


def tiles() -> Figure:
    """Draw the tiles of a frame; the network is small, so that its halo does not fill it."""
    with torch.device("meta"):
        network = build(ModelSpec(padding="valid", depth=2, base=1, norm="none"))
    frame = touchup.make_image("phase", (180, 300), seed=3).image
    cut: TilePlan = plan(frame.shape, 140, network)  # type: ignore[arg-type]
    y, x = (n + b + a for n, b, a in zip(frame.shape, cut.before, cut.after, strict=True))
    everything = Tile((slice(0, y), slice(0, x)), *[(slice(0, 0), slice(0, 0))] * 2)
    extended = read_tile(frame[np.newaxis], cut, everything)[0]

    figure = Figure((8.6, 5.2), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(extended, cmap="gray", vmax=np.percentile(extended, 99.5))
    shade = np.full((y, x, 4), (1, 1, 1, 0.45))
    rows, columns = (slice(b, b + n) for b, n in zip(cut.before, frame.shape, strict=True))
    shade[rows, columns, 3] = 0
    axes.imshow(shade)
    for tile in cut.tiles:
        window(axes, tile.write, BLUE, cut.before, lw=1.2)
    middle = cut.tiles[len(cut.tiles) // 2]
    window(axes, middle.read, ORANGE, (0, 0), lw=2.2, ls="--")
    window(axes, middle.write, BLUE, cut.before, lw=3)
    axes.axis("off")
    return figure


def window(
    axes: Axes, part: tuple[slice, slice], colour: str, by: tuple[int, int], **line: Any
) -> None:
    rows, columns = part
    corner = columns.start + by[1] - 0.5, rows.start + by[0] - 0.5
    size = columns.stop - columns.start, rows.stop - rows.start
    axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, **line))


def weights() -> Figure:
    """Draw the weight map of true masks, and how fast the weight between two cells falls."""
    image, truth = nuclei()
    figure = Figure((8.6, 2.7), layout="constrained")
    first, second, third = figure.subplots(1, 3, width_ratios=(1, 1.2, 1.1))
    show(first, outlined(image, truth), "masks")
    shown = second.imshow(touchup.weight_map(truth), cmap="viridis")
    second.set_title("weight map")
    second.axis("off")
    figure.colorbar(shown, ax=second, shrink=0.8)
    gap = np.linspace(0, 20, 100)
    w0 = WeightOptions().w0
    for sigma, style in ((2.5, ":"), (WeightOptions().sigma, "-"), (10, "--")):
        added = w0 * np.exp(-(gap**2) / (2 * sigma**2))
        third.plot(gap, added, style, color=BLUE, label=f"sigma = {sigma:g} px")
    third.set(xlabel="d1 + d2, pixels", ylabel="added weight", ylim=(0, None))
    third.legend()
    return figure


def maps() -> Figure:
    """Draw what the bundled network says of some nuclei, and what is made of it."""
    image, _ = nuclei()
    model = touchup.load_model()
    options = SegmentOptions(device="cpu", precision="float32")
    *_, found = touchup.segment(model, image[np.newaxis], options)
    mask, border, distance = np.asarray(found.maps)
    height = gaussian_filter(distance * (1 - border), SIGMA_PX)
    figure = Figure((8.6, 6.0), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    named = {"image": image, "mask p": mask, "touching border b": border,
             "distance d": distance, "hills: d (1 − b), smoothed": height}  # fmt: skip
    for axes, (title, shown) in zip(panels, named.items(), strict=False):
        show(axes, shown, title)
    show(panels[-1], outlined(image, found.masks), "masks")
    return figure


def nuclei() -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    sample = touchup.make_image("nuclei", (512, 512), seed=5)
    return sample.image[CELLS], sample.truth[CELLS]


def outlined(image: NDArray[Any], masks: NDArray[Any]) -> NDArray[np.float64]:
    """Colour the objects of an image, (Y, X, 3), and draw their outlines."""
    grey = np.clip(image / np.percentile(image, 99.5), 0, 1)[..., np.newaxis]
    colours = np.array(mpl.color_sequences["tab20"])[masks % 20]
    inside = (masks > 0)[..., np.newaxis]
    mixed = np.where(inside, 0.45 * grey + 0.55 * colours, grey)
    edges = find_boundaries(masks, mode="inner")[..., np.newaxis]
    return np.where(edges, 1.0, mixed)


def show(axes: Axes, image: NDArray[Any], title: str) -> None:
    axes.imshow(image, cmap="gray", interpolation="nearest")
    axes.set_title(title)
    axes.axis("off")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
