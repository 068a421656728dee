"""Which images networks take: padded ones take multiples of their stride, and keep the size."""

from torch import Tensor, nn

from napari_touchup.options import ModelSpec


class OnGrid(nn.Module):
    """A network that says which inputs it accepts; its output is as large as its input.

    The valid U-Net accepts and gives other edges.

    Attributes
    ----------
    spec : ModelSpec
    stride : int
        S, pixels.
    mirror : (int, int)
        By how much a frame is at least extended by reflection, before and after, pixels.
    """

    spec: ModelSpec
    stride: int
    mirror: tuple[int, int]

    def input_size(self, n: int) -> int:
        """Smallest accepted input edge >= n, pixels: a multiple of the stride."""
        n = max(n, 1)
        return n + -n % self.stride

    def output_size(self, n: int) -> int:
        """Output edge of an accepted input edge n, pixels: n."""
        if n != self.input_size(n):
            raise ValueError(f"expected an edge that the network accepts, got {n}{self._nearby(n)}")
        return n

    def check(self, x: Tensor) -> None:
        """Refuse an input that is not (B, C, Y, X) with edges that the network accepts.

        Raises
        ------
        ValueError
            The message names the nearest accepted edges.
        """
        if x.ndim != 4 or x.shape[1] != self.spec.in_channels:
            channels = self.spec.in_channels
            raise ValueError(f"expected (B, {channels}, Y, X), got {tuple(x.shape)}")
        for n in x.shape[2:]:
            self.output_size(n)

    def _nearby(self, n: int) -> str:
        above = self.input_size(n)
        below = above - self.stride
        if below < self.input_size(1):
            return f"; nearest: {above}"
        return f"; nearest: {below}, {above}"
