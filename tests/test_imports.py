"""The arrows between the folders: ui, cli -> session -> engine -> nn, core -> options."""

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import napari_touchup

ROOT = Path(napari_touchup.__file__).parent
BASE = {"core", "options"}
MAY_IMPORT = {
    "options": set(),
    "core": BASE,
    "nn": BASE | {"nn"},
    "engine": BASE | {"nn", "engine"},
    "io": BASE | {"nn", "engine", "io"},
    "session": BASE | {"nn", "engine", "io", "session"},
    "cli": BASE | {"nn", "engine", "io", "session", "cli", "ui"},
    "ui": BASE | {"nn", "engine", "io", "session", "ui"},
}
WINDOW = {"napari", "qtpy", "superqt", "vispy", "magicgui", "PyQt6"}
LOADS_NOT = {
    "napari_touchup": WINDOW | {"torch", "numpy", "pydantic"},
    "napari_touchup.options": WINDOW | {"torch", "numpy"},
    "napari_touchup.core": WINDOW | {"torch", "typer"},
    "napari_touchup.nn": WINDOW | {"typer", "napari_touchup.engine"},
    "napari_touchup.engine": WINDOW | {"typer", "napari_touchup.session", "napari_touchup.io"},
    "napari_touchup.session": WINDOW | {"torch", "typer", "napari_touchup.ui"},
    "napari_touchup.io": WINDOW | {"typer", "napari_touchup.session"},
    "napari_touchup.cli": WINDOW,
    # what each command loads before it knows what is asked for
    "napari_touchup.cli.app": WINDOW | {"torch", "numpy.fft", "skimage", "tifffile"},
}
# imports each module of a package, then says what is loaded
SCRIPT = """
import sys
from importlib import import_module
from pkgutil import walk_packages

package = import_module(sys.argv[1])
if sys.argv[1] != "napari_touchup":
    for module in walk_packages(getattr(package, "__path__", ()), package.__name__ + "."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
print(*sys.modules)
"""


@pytest.mark.parametrize("package", LOADS_NOT)
def test_a_package_loads_what_it_may_know(package):
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, package], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) & LOADS_NOT[package] == set()


@pytest.mark.parametrize(
    "module", ["nn.header", "io.images", "io.outputs", "io.samples", "io.exporting", "io.importing"]
)
def test_what_the_window_needs_at_its_start_loads_no_torch(module):
    code = f"import sys, napari_touchup.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            # `from napari_touchup import options` names the folder second
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_go_down_only():
    wrong = []
    for path in ROOT.rglob("*.py"):
        folder = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for name in _imported(path) if folder != "__init__" else ():
            root, *inner = name.split(".")
            if root == "napari_touchup" and inner and inner[0] not in MAY_IMPORT[folder]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_only_the_window_knows_napari():
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if {name.split(".")[0] for name in _imported(path)} & WINDOW
    }
    assert {name for name in knowing if not name.startswith("ui/")} == {"cli/window.py"}


def test_every_public_name_is_there():
    places = napari_touchup._PLACES
    assert sorted([*places, "load_model"]) == napari_touchup.__all__
    assert dir(napari_touchup) == napari_touchup.__all__
    for name in napari_touchup.__all__:
        assert callable(getattr(napari_touchup, name)), name


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: (node.module.removeprefix("napari_touchup."), alias.name)
        for node in block.body
        for alias in node.names
    }
    assert seen == napari_touchup._PLACES
    assert all(find_spec(f"napari_touchup.{module}") for module, _ in seen.values())


def test_unknown_names_are_errors():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = napari_touchup.nothing
