"""The two layers that show what was corrected: the review, and what training will weigh."""

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_touchup.core.weights import reach_px
from napari_touchup.session.teaching import (
    KEPT,
    RING,
    TEACHES,
    WEIGHTS,
    WIPED,
    review,
    weights,
)
from napari_touchup.ui.layers import MADE_BY, Grid
from napari_touchup.ui.live_layer import Picture

REVIEW = Picture(review, 1)
WEIGHT_MAP = Picture(weights, 1 + reach_px(WEIGHTS))
# safe for the colour-blind (Okabe & Ito 2008); dashes and tints say the same without colour
COLOURS = {
    TEACHES: "#56b4e9ff",
    KEPT: "#f0a000ff",
    RING: "#56b4e938",
    WIPED: "#99999988",
    None: "#00000000",
    0: "#00000000",
}


def review_layer(grid: Grid, name: str) -> Labels:
    """Outlines and rings over the masks; nobody paints in it by accident."""
    layer = Labels(
        np.zeros(grid.shape, np.uint8),
        name=name,
        colormap=DirectLabelColormap(color_dict=COLOURS),
        opacity=1.0,
        metadata={MADE_BY: "review"},
        **grid.place,
    )
    layer.editable = False
    return layer


def weights_layer(grid: Grid, name: str) -> Image:
    top = WEIGHTS.w0 + max(WEIGHTS.background, WEIGHTS.foreground)
    return Image(
        np.zeros(grid.shape, np.float32),
        name=name,
        colormap="inferno",
        contrast_limits=(0, top),
        blending="additive",  # small weights are dark, and let the image through
        metadata={MADE_BY: "weights"},
        **grid.place,
    )
