from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from napari_touchup.core.scores import Pair, Scores
from napari_touchup.engine.lessons import Candidate, Learned, Preview
from napari_touchup.io.projects import PLACE
from napari_touchup.nn.build import ARCHITECTURES, spec_of
from napari_touchup.nn.header import Header, read_header
from napari_touchup.options import ModelSpec
from napari_touchup.session.run import Advice, Device, Note, Predicted, Tile
from napari_touchup.session.wanted import ModelChoice

DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--benchmark", action="store_true", help="run tests/test_bench.py")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "benchmark_report: runs only with --benchmark")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--benchmark"):
        return
    skip = pytest.mark.skip(reason="a benchmark: ask for it with --benchmark")
    for item in items:
        if item.get_closest_marker("benchmark_report"):
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder in which the projects of a test lie."""
    monkeypatch.setenv(PLACE, str(tmp_path / "projects"))
    return tmp_path / "projects"


@pytest.fixture
def dsb2018() -> Path:
    """Folder of the real, annotated nuclei; the test is skipped where it is absent."""
    folder = DATA / "dsb2018"
    if not folder.is_dir():
        pytest.skip(f"needs the dsb2018 images in {folder}")
    return folder


class FakeNetwork:
    """What a session runs instead of a network: probability = mean over channels / 100."""

    def __init__(self) -> None:
        self.read: list[tuple[int, ...]] = []  # shapes of the frames it was given
        self.frame: Any = None  # the last one
        self.limits: Any = None  # those that came with it
        self.advice = ""
        self.error: Exception | None = None  # raised after the first tile
        self.gate = Event()  # cleared: it waits before the second tile
        self.gate.set()
        self.free = 0  # frames at which it does not wait
        self.loads = 0
        self.prune: int | None = None  # the level that was loaded
        self.remade = 0

    def loaded(self, path: Path, prune: int | None) -> bool:
        return self.loads > 0 and self.prune == prune

    def load(self, path: Path, prune: int | None) -> Iterator[Note | Advice]:
        self.loads += 1
        self.prune = prune
        yield Note("loaded")
        if self.advice:
            yield Advice(self.advice)

    def segment(self, frame: Any, options: Any, instances: Any, limits: Any) -> Iterator[Any]:
        self.read.append(frame.shape)
        self.frame, self.limits = frame, limits
        yield Device("a fake device")
        yield Tile(1, 2)
        assert len(self.read) <= self.free or self.gate.wait(20)
        if self.error is not None:
            raise self.error
        yield Tile(2, 2)
        p = (frame.mean(axis=0) / 100).astype(np.float32)
        maps = np.stack([p, 1 - p, p / 2])
        yield Predicted(maps, self.make_masks(maps, "maps", instances), "maps")

    def make_masks(self, maps: Any, output: str, instances: Any) -> Any:
        self.remade += 1
        labels, count = ndimage.label(np.asarray(maps[0]) > instances.threshold)
        small = np.bincount(labels.ravel(), minlength=count + 1) < instances.min_size
        return np.where(small[labels], 0, labels).astype(np.uint16)


@pytest.fixture
def fake_network() -> FakeNetwork:
    return FakeNetwork()


@pytest.fixture
def model_choice(tmp_path: Path) -> Any:
    """Makes a chosen model that takes so many channels, or of a spec; there is no such file."""

    def choice(channels: int = 1, spec: ModelSpec | None = None) -> ModelChoice:
        spec = spec or ModelSpec(in_channels=channels)
        return ModelChoice(tmp_path / "m.safetensors", Header(name="m", spec=spec, diameter_px=20))

    return choice


@pytest.fixture
def layered() -> ModelSpec:
    """Of a small network that can be pruned to the levels 1, 2 and 3."""
    arch = next(name for name, known in ARCHITECTURES.items() if known.prunes)
    return spec_of(arch, base=2, depth=3)


@pytest.fixture(scope="session")
def detecting() -> ModelSpec:
    """Of a small network that detects objects."""
    found = (n for n, known in ARCHITECTURES.items() if known.usual.get("output") == "instances")
    return spec_of(next(found), base=2)


@pytest.fixture
def model_file(tmp_path: Path) -> Any:
    """Writes a model of some 100 weights, or of a spec."""

    def write(path: str | Path, **about: Any) -> Path:
        # PyTorch loads only in tests that need it
        from napari_touchup.nn.build import build
        from napari_touchup.nn.checkpoint import save

        small = ModelSpec(base=2, depth=1, in_channels=about.pop("in_channels", 1))
        spec = about.pop("spec", small)
        header = Header(**({"name": "m", "spec": spec, "diameter_px": 20} | about))
        (tmp_path / path).parent.mkdir(exist_ok=True)
        save(tmp_path / path, build(spec), header)
        return tmp_path / path

    return write


def spots(*values: int) -> Any:
    """(32, 64) uint8 image with a square of 8 x 8 px for each value, from left to right."""
    image = np.zeros((32, 64), np.uint8)
    for number, value in enumerate(values):
        image[8:16, 4 + 16 * number : 12 + 16 * number] = value
    return image


@pytest.fixture(name="spots")
def spots_fixture() -> Any:
    return spots


@pytest.fixture
def tiny_choice(model_file: Any) -> ModelChoice:
    """Chooses such a model, named "m"."""
    path = model_file("m.safetensors")
    return ModelChoice(path, read_header(path))


class FakeWorker:
    """What trains instead of a process: takes two steps, then finds what the test wants."""

    def __init__(self, write_model: Any) -> None:
        self.running = False
        self.write_model = write_model
        self.requests: list[Any] = []
        self.masks: Any = None  # of the candidate; None: what is bright
        self.error: Exception | None = None  # raised after the first step

    def events(self, task: str, request: Any) -> Iterator[Any]:
        self.requests.append(request)
        yield Learned(1, 0.5, 1.0, 1.0, 1.0)
        if self.error is not None:
            raise self.error
        if request.preview is not None:
            seen = (request.preview.image[0] > 30).astype(np.uint16)
            yield Preview(1, np.zeros((3, *seen.shape), np.float16), seen)
        yield Learned(2, 1.0, 0.5, 2.0, 0.0)
        masks = self.masks
        if masks is None:
            masks = ndimage.label(request.frame.image[0] > 30)[0].astype(np.uint16)
        self.write_model(request.out, name=request.name)
        maps = np.zeros((3, *masks.shape), np.float16)
        yield Candidate(request.out, Scores((Pair(0.5, 0.7),) * 3), maps, masks)

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def fake_worker(model_file: Any) -> FakeWorker:
    return FakeWorker(model_file)
