"""A network that is given more context than it needs itself."""

from dataclasses import dataclass

from napari_touchup.core.tiling import Geometry


@dataclass(frozen=True, slots=True)
class _Wider:
    inner: Geometry
    by: int  # pixels

    @property
    def stride(self) -> int:
        return self.inner.stride

    @property
    def halo(self) -> tuple[int, int]:
        before, after = self.inner.halo
        return before + self.by, after + self.by

    @property
    def mirror(self) -> tuple[int, int]:
        return self.inner.mirror

    def input_size(self, n: int) -> int:
        return self.inner.input_size(n)

    def output_size(self, n: int) -> int:
        return self.inner.output_size(n)


def wider(geometry: Geometry, by: int) -> Geometry:
    """Ask for more context on every side, pixels; the frame is mirrored as it was."""
    return _Wider(geometry, by)
