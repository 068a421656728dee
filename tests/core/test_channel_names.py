import pytest

from napari_touchup.core.channel_names import agree, agreed, by_name, real_name


@pytest.mark.parametrize(
    "text", ["", " ", "1", "12", "Channel 1", "channel_02", "Ch2", "C0", "0:1"]
)
def test_what_only_counts_is_no_name(text):
    assert real_name(text) == ""


@pytest.mark.parametrize("text", ["DAPI", "488", "Cy5", "C1-GFP", "H", "red", "Channel 1 DAPI"])
def test_names(text):
    assert real_name(f" {text} ") == text


@pytest.mark.parametrize(
    ("learned", "given", "same"),
    [
        (["DAPI"], [" dapi"], True),
        (["DAPI"], ["Hoechst"], False),
        (["DAPI"], [""], True),
        ([], ["DAPI"], True),
        (["DAPI", "GFP"], ["DAPI", "RFP"], False),
        (["DAPI", "GFP"], ["GFP", "DAPI"], False),
        (["DAPI", "GFP"], ["", "gfp"], True),
        (["DAPI"], ["GFP", "DAPI"], True),  # another number is another matter
    ],
)
def test_agree(learned, given, same):
    assert agree(learned, given) is same


@pytest.mark.parametrize(
    ("wanted", "offered", "places"),
    [
        (["DAPI", "GFP"], ["GFP", "DAPI"], (1, 0)),
        (["dapi"], ["GFP", " DAPI "], (1,)),
        (["DAPI", "GFP"], ["DAPI", "RFP"], ()),
        (["DAPI"], ["DAPI", "dapi"], ()),  # which of them?
        (["GFP", "GFP"], ["GFP", "DAPI"], ()),
        (["DAPI", ""], ["DAPI", ""], ()),
        ([], ["DAPI"], ()),
    ],
)
def test_by_name(wanted, offered, places):
    assert by_name(wanted, offered) == places


@pytest.mark.parametrize(
    ("many", "names"),
    [
        ([], ()),
        ([("DAPI", "GFP")], ("DAPI", "GFP")),
        ([("DAPI",), ("dapi ",)], ("DAPI",)),
        ([("DAPI",), ("GFP",)], ()),
        ([("DAPI",), ()], ()),
        ([("DAPI", "")], ()),
    ],
)
def test_agreed(many, names):
    assert agreed(many) == names
