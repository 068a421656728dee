import pickle
import zipfile

import numpy as np
import pytest
import torch
import yaml

from napari_touchup.io import bioimage
from napari_touchup.io.bioimage import PackageError, write_package
from napari_touchup.io.bioimage_card import CITATIONS, About
from napari_touchup.io.bioimage_in import read_package
from napari_touchup.nn.build import ARCHITECTURES, build, spec_of
from napari_touchup.nn.checkpoint import Model
from napari_touchup.nn.header import Header

ABOUT = About(authors=("Ada Lovelace",), license="CC0-1.0", description="Finds nuclei.")
NETWORKS = {
    "unet": {"base": 4, "depth": 2, "in_channels": 2},
    "unet-paper": {"base": 4, "depth": 2},  # valid, and gives classes
    "deeplabv3plus": {"base": 8, "encoder": "resnet18"},  # looks at the whole image
}


def make_model(arch, channels=(), **fields):
    torch.manual_seed(0)
    spec = spec_of(arch, **fields)
    header = Header(name="worms!", spec=spec, diameter_px=31, channels=channels)
    return Model(build(spec).eval(), header)


@pytest.fixture(scope="module", params=NETWORKS)
def written(request, tmp_path_factory):
    """A model and the package that was made of it."""
    fields = NETWORKS[request.param]
    channels = ("DAPI", "405 nm") if fields.get("in_channels") == 2 else ()
    model = make_model(request.param, channels, **fields)
    path = tmp_path_factory.mktemp(bioimage.PREFIX) / "worms.zip"
    write_package(model, path, ABOUT)
    return model, path


def test_bioimageio_finds_nothing_wrong(written):
    from bioimageio.spec import load_description
    from bioimageio.spec.model.v0_5 import ModelDescr

    _, path = written
    found = load_description(path)
    assert isinstance(found, ModelDescr), found.validation_summary.format()
    assert found.name == "napari-touchup worms-"
    assert str(found.license) == "CC0-1.0"
    assert [author.name for author in found.authors] == ["Ada Lovelace"]
    assert found.weights.onnx is not None


def test_the_model_comes_back(written):
    model, path = written
    back = read_package(path)
    assert back.header == model.header
    assert not back.module.training
    weights = model.module.state_dict()
    assert weights.keys() == back.module.state_dict().keys()
    assert all(torch.equal(w, weights[name]) for name, w in back.module.state_dict().items())


def test_onnx_takes_other_sizes_and_several_images(written):
    from onnxruntime import InferenceSession

    model, path = written
    with zipfile.ZipFile(path) as package:
        session = InferenceSession(package.read("weights.onnx"))
    network = model.module
    edges = network.input_size(100), network.input_size(150)
    x = np.random.default_rng(0).random((2, model.header.spec.in_channels, *edges), np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(session.run(None, {"image": x})[0], expected, atol=1e-4)


def test_what_comes_out_otherwise_is_not_written(tmp_path, monkeypatch):
    model = make_model("unet", base=4, depth=1)
    image, maps = bioimage._tested(model)
    monkeypatch.setattr(bioimage, "_tested", lambda model: (image, maps + 0.01))
    with pytest.raises(PackageError, match=r"core does not run the pytorch_state_dict"):
        write_package(model, tmp_path / "a.zip", ABOUT)
    assert not (tmp_path / "a.zip").exists()


def test_objects_one_by_one_are_refused(tmp_path):
    model = make_model("mask-rcnn", base=8)
    with pytest.raises(PackageError, match="mask-rcnn gives objects one by one"):
        write_package(model, tmp_path / "a.zip", ABOUT)


def test_a_wrong_licence_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(bioimage, "save_onnx", lambda network, image, path: path.touch() or 20)
    about = ABOUT.model_copy(update={"license": "mine"})
    with pytest.raises(PackageError, match=r"bioimage.io refuses license 'mine': .{,130}$"):
        write_package(make_model("unet", base=4, depth=1), tmp_path / "a.zip", about)


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(bioimage, "find_spec", lambda name: None)
    with pytest.raises(PackageError, match=r"pip install 'napari-touchup\[bioimageio\]'"):
        write_package(make_model("unet", base=4, depth=1), tmp_path / "a.zip", ABOUT)


def test_every_network_has_its_paper():
    assert CITATIONS.keys() == ARCHITECTURES.keys() - {"mask-rcnn"}


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of a package was run')",)


HEADER = make_model("unet", base=4, depth=1).header.model_dump(mode="json")
WEIGHTS = {"pytorch_state_dict": {"source": "weights.pt"}}
OURS = {"config": {"napari_touchup": HEADER}, "weights": WEIGHTS}
# files of a package -> what is said of it
BROKEN = [
    ({}, "has no rdf.yaml"),
    ({"rdf.yaml": "a: ["}, "its rdf.yaml is not readable"),
    ({"rdf.yaml": "[]"}, "its rdf.yaml holds no description"),
    (
        {"rdf.yaml": yaml.dump({"name": "Cellpose", "config": {}})},
        "'Cellpose', whose network is",
    ),
    ({"rdf.yaml": yaml.dump({"config": {"napari_touchup": {}}})}, "damaged header: name"),
    ({"rdf.yaml": yaml.dump(OURS | {"weights": {}})}, "no weights for PyTorch"),
    ({"rdf.yaml": yaml.dump(OURS)}, "cannot be read: .*weights.pt"),
    ({"rdf.yaml": yaml.dump(OURS), "weights.pt": "text"}, "does not hold the weights"),
    (
        {"rdf.yaml": yaml.dump(OURS), "weights.pt": pickle.dumps(Trap(), 2)},
        "does not hold the weights",
    ),
]


@pytest.mark.parametrize(("files", "said"), BROKEN)
def test_other_packages_are_told_in_one_line(files, said, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as package:
        for name, text in files.items():
            package.writestr(name, text)
    with pytest.raises(PackageError, match=said):
        read_package(path)


def test_a_file_that_is_no_package(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"")
    with pytest.raises(PackageError, match=r"a.zip cannot be read"):
        read_package(path)
