from pathlib import Path

import pytest

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


@pytest.fixture
def dsb2018() -> Path:
    """Folder of the real, annotated nuclei; the test is skipped where it is absent."""
    folder = DATA / "dsb2018"
    if not folder.is_dir():
        pytest.skip(f"needs the dsb2018 images in {folder}")
    return folder
