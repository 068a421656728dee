import numpy as np
import pytest
import tifffile
from napari.layers import Image
from napari.layers._source import layer_source

from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec
from napari_touchup.session.wanted import ModelChoice
from napari_touchup.ui.image_panel import ImagePanel


@pytest.fixture
def panel(bound, qtbot):
    panel = ImagePanel(bound.session, bound.binding)
    qtbot.addWidget(panel)
    return panel


def use(bound, *names):
    header = Header(name="m", spec=ModelSpec(in_channels=2), diameter_px=20, channels=names)
    bound.session.model = ModelChoice("m.safetensors", header)


def chosen(panel):
    return [combo.currentText() for combo in panel.channels]


def names(panel):
    return [panel._form.labelForField(combo).text() for combo in panel.channels]


def test_layers_are_matched_by_their_names(bound, panel, spots):
    use(bound, "DAPI", "GFP")
    bound.viewer.add_image(spots(90), name="gfp")
    assert chosen(panel) == ["choose…", "choose…"]
    bound.viewer.add_image(spots(60), name="DAPI")
    assert names(panel) == ["DAPI", "GFP"]
    assert chosen(panel) == ["DAPI", "gfp"]
    assert panel.doubt.isHidden()
    bound.segment()
    assert bound.network.frame[:, 10, 6].tolist() == [60, 90]


def test_a_swapped_choice_is_asked_about_until_it_is_answered(bound, panel, spots):
    use(bound, "DAPI", "GFP")
    for name, value in (("GFP", 90), ("DAPI", 60)):
        bound.viewer.add_image(spots(value), name=name)
    for number, name in enumerate(["GFP", "DAPI"]):
        combo = panel.channels[number]
        row = combo.findText(name)
        combo.setCurrentIndex(row)
        combo.activated.emit(row)
    assert not panel.doubt.isHidden()
    assert panel.doubt.text.text() == "This model learned DAPI, GFP; here it is given GFP, DAPI."
    keep = panel.doubt.buttons[1]
    keep.click()
    assert panel.doubt.isHidden()
    assert chosen(panel) == ["GFP", "DAPI"]
    use(bound, "GFP", "DAPI")
    assert names(panel) == ["GFP", "DAPI"]
    use(bound, "DAPI", "GFP")
    assert panel.doubt.isHidden()
    assert chosen(panel) == ["GFP", "DAPI"]


def test_the_names_can_be_matched(bound, panel, spots):
    use(bound)
    for name, value in (("GFP", 90), ("DAPI", 60)):
        bound.viewer.add_image(spots(value), name=name)
    bound.session.channels = (*bound.session.beside[0][1:], bound.session.image.channels[0])
    assert (chosen(panel), panel.doubt.isHidden()) == (["GFP", "DAPI"], True)
    bound.viewer.layers["GFP"].name = "RFP"
    use(bound, "DAPI", "GFP")
    assert panel.doubt.text.text() == "This model learned DAPI, GFP; here it is given RFP, DAPI."
    (keep,) = panel.doubt.buttons
    assert keep.text() == "Keep as it is"
    bound.viewer.layers["RFP"].name = "GFP"
    assert chosen(panel) == ["DAPI", "GFP"]


@pytest.mark.parametrize(
    ("name", "path", "found"),
    [
        ("DAPI", None, "DAPI"),
        ("DAPI [1]", None, "DAPI"),
        ("DAPI", "cells.tif", "DAPI"),
        ("cells", "cells.tif", ""),
        ("cells [2]", "cells.ome.tif", ""),
        ("cells.ome", "cells.ome.tif", ""),
        ("Image [3]", None, ""),
        ("Channel 2", None, ""),
    ],
)
def test_which_layers_name_their_channel(bound, spots, name, path, found):
    with layer_source(path=path):
        bound.viewer.add_layer(Image(spots(90), name=name))
    assert bound.session.image.channels[0].name == found


def test_samples_are_not_named_after_a_channel(bound, spots):
    with layer_source(sample=("napari-touchup", "nuclei")):
        bound.viewer.add_layer(Image(spots(90), name="nuclei"))
    assert bound.session.image.channels[0].name == ""


def test_a_file_names_its_channels(bound, tmp_path):
    path, data = tmp_path / "a.ome.tif", np.zeros((2, 8, 9), np.uint8)
    about = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(path, data, ome=True, metadata=about)
    with layer_source(path=str(path)):
        layer = Image(data, name="a")
    bound.viewer.add_layer(layer)
    assert [c.label for c in bound.session.image.channels] == ["1: DAPI", "2: GFP"]
    bound.binding.choose(layer, "TYX")
    assert [c.name for c in bound.session.image.channels] == [""]
