"""What a network that detects objects says of one image."""

from dataclasses import dataclass

from torch import Tensor

MASK_EDGE = 28  # M, of a mask inside its box (He 2017, figure 4)


@dataclass(frozen=True, eq=False, slots=True)
class Detections:
    """N objects, the surest first.

    Attributes
    ----------
    boxes : (N, 4) float32
        y0, x0, y1, x1 in pixels of the image: half-open, clipped to it.
    scores : (N,) float32
        0..1, descending.
    masks : (N, M, M) float32
        Probability that a place of the box belongs to the object; M = `MASK_EDGE`. Value (i, j)
        stands for the centre of cell (i, j) of M x M equal cells of the box.
    """

    boxes: Tensor
    scores: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.boxes)
