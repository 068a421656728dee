import sys

import pytest
import torch

from napari_touchup.io.one_file import _read, one_file
from napari_touchup.nn.build import ARCHITECTURES, build, spec_of

NETWORKS = [(arch, {}) for arch in ARCHITECTURES if arch != "mask-rcnn"]  # it gives no maps
NETWORKS += [("unet", {"encoder": "resnet18"})]


@pytest.mark.parametrize(("arch", "more"), NETWORKS)
def test_a_network_is_the_same_without_this_package(arch, more, monkeypatch):
    network = build(spec_of(arch, base=4, **more)).eval()
    source = one_file(type(network).__module__, type(network).__name__)
    for name in [name for name in sys.modules if name.split(".")[0] == "napari_touchup"]:
        monkeypatch.setitem(sys.modules, name, None)  # whoever imports it gets an error
    there = {"__name__": "network"}
    exec(compile(source, "network.py", "exec"), there)
    spec = there["ModelSpec"](**network.spec.model_dump(mode="json"))
    alone = there[type(network).__name__](spec).eval()

    alone.load_state_dict(network.state_dict())
    edge = network.input_size(64)
    x = torch.rand(1, 1, edge, edge)
    with torch.inference_mode():
        assert torch.equal(alone(x), network(x))


PACKAGE = {
    "first": """
from math import pi

from package.second import Base

LIMIT = 3  # of turns


def unused():
    return 1


# made of what the other file has
class Turn(Base):
    def angle(self):
        from package.third import half

        return half(pi) * LIMIT
""",
    "second": "class Base:\n    pass\n",
    "third": "import math\n\n\ndef half(x):\n    return x / 2\n",
    "twice": "from package.second import Base\n\n\nclass Turn(Base):\n    base = Base\n",
}
EXPECTED = """from math import pi


# --- package/second.py

class Base:
    pass


# --- package/first.py

LIMIT = 3  # of turns


# made of what the other file has
class Turn(Base):
    def angle(self):

        return half(pi) * LIMIT


# --- package/third.py

def half(x):
    return x / 2
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Folder of a small package."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, text in PACKAGE.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "package", raising=False)
    yield folder
    _read.cache_clear()


def test_only_what_is_needed_in_an_order_that_runs(package):
    assert one_file("package.first", "Turn") == EXPECTED


def test_names_that_two_files_define_are_refused(package):
    (package / "second.py").write_text("LIMIT = 1\n\n\nclass Base:\n    limit = LIMIT\n")
    with pytest.raises(ValueError, match=r"got \['LIMIT'\] twice"):
        one_file("package.first", "Turn")
