import numpy as np
import pytest

from napari_touchup.nn.header import Header
from napari_touchup.options import ModelSpec
from napari_touchup.session.images import Image
from napari_touchup.session.pairing import Hints, doubt, fit_channels, question
from napari_touchup.session.session import Session
from napari_touchup.session.wanted import ModelChoice

TWO = Image("two", np.zeros((2, 3, 4)), "CYX")
NAMED = Image("named", np.zeros((2, 3, 4)), "CYX", names=("GFP", "DAPI"))
TWINS = Image("twins", np.zeros((3, 3, 4)), "CYX", names=("DAPI", "GFP", "GFP"))
PLANE = Image("plane", np.zeros((3, 4)), "YX")
RGB = Image("rgb", np.zeros((3, 4, 3), np.uint8), "YXC", True)
LEARNED = Hints(("DAPI", "GFP"))


def labels(channels):
    return [channel and channel.label for channel in channels]


@pytest.mark.parametrize(
    ("image", "wanted", "hints", "chosen"),
    [
        (PLANE, 1, Hints(), ["1"]),
        (TWO, 1, Hints(), ["1"]),
        (RGB, 1, Hints(), ["gray"]),
        (RGB, 3, Hints(), ["R", "G", "B"]),
        (TWO, 2, Hints(), ["1", "2"]),
        (TWO, 3, Hints(), [None, None, None]),  # too few: to be asked for
        (RGB, 2, Hints(), [None, None]),  # too many: to be asked for, never cut
        (None, 2, Hints(), [None, None]),
        (NAMED, 2, LEARNED, ["2: DAPI", "1: GFP"]),
        (NAMED, 1, Hints(("dapi",)), ["2: DAPI"]),
        (NAMED, 2, Hints(("DAPI", "RFP")), ["1: GFP", "2: DAPI"]),
        (TWO, 2, LEARNED, ["1", "2"]),  # not named
        (TWINS, 2, LEARNED, [None, None]),  # which GFP?
        (NAMED, 2, Hints(("DAPI", "GFP"), answer=("GFP", "DAPI")), ["1: GFP", "2: DAPI"]),
        (TWO, 2, Hints(recorded=(1, 0)), ["2", "1"]),
        (TWO, 1, Hints(recorded=(1,)), ["2"]),
        (NAMED, 2, Hints(("DAPI", "GFP"), recorded=(0, 1)), ["2: DAPI", "1: GFP"]),
        (PLANE, 2, Hints(recorded=(1,), beside=TWO.channels[:1]), [None, None]),
    ],
)
def test_fit_channels(image, wanted, hints, chosen):
    assert labels(fit_channels(image, wanted, (None,), hints)) == chosen


def test_a_choice_stays_while_the_image_stays():
    second = TWO.channels[1:]
    assert fit_channels(TWO, 1, second) == second
    assert fit_channels(PLANE, 1, second) == PLANE.channels
    assert fit_channels(TWO, 2, TWO.channels[::-1]) == TWO.channels[::-1]


def test_the_choice_for_one_channel_stays_whatever_was_learned():
    first = NAMED.channels[:1]
    assert fit_channels(NAMED, 1, first, Hints(("DAPI",))) == first


def test_layers_beside_are_found_by_their_names():
    dapi = Image("DAPI", np.zeros((3, 4)), "YX", names=("DAPI",))
    gfp = Image("GFP", np.zeros((3, 4)), "YX", names=("GFP",))
    hints = Hints(("DAPI", "GFP"), beside=dapi.channels)
    assert fit_channels(gfp, 2, (None,), hints) == (*dapi.channels, *gfp.channels)
    half = (*dapi.channels, None)
    assert fit_channels(gfp, 2, half, Hints(beside=dapi.channels)) == half


@pytest.fixture
def session(fake_network, tmp_path):
    session = Session(network=fake_network)
    yield session
    session.close()


def use(session, *names, wanted=None):
    spec = ModelSpec(in_channels=wanted or len(names))
    header = Header(name="m", spec=spec, diameter_px=20, channels=names)
    session.model = ModelChoice("m.safetensors", header)


@pytest.mark.parametrize(
    ("names", "numbers", "told"),
    [
        (("DAPI", "GFP"), (0, 1), "This model learned DAPI, GFP; here it is given GFP, DAPI."),
        (("DAPI", "GFP"), (1, 0), None),
        (("DAPI", "RFP"), (1, 0), "This model learned DAPI, RFP; here it is given DAPI, GFP."),
        (("dapi",), (1,), None),
        (("DAPI",), (0,), "This model learned DAPI; here it is given GFP."),
    ],
)
def test_question(session, names, numbers, told):
    session.image = NAMED
    use(session, *names)
    session.channels = NAMED.numbered(numbers)
    assert question(session, lambda: None).text == (told or "")


@pytest.mark.parametrize("image", [TWO, PLANE, RGB])
def test_without_names_there_is_no_doubt(session, image):
    session.image = image
    use(session, "DAPI")
    assert doubt(session) is None
    session.image = NAMED
    use(session, wanted=2)
    assert doubt(session) is None


def test_names_are_matched(session):
    session.image = NAMED
    use(session, "DAPI", "GFP")
    session.channels = NAMED.channels
    ((text, match), _) = question(session, lambda: None).choices
    assert text == "Match the names"
    match()
    assert labels(session.channels) == ["2: DAPI", "1: GFP"]
    assert doubt(session) is None


def test_it_is_asked_once_for_an_image_and_a_pairing(session):
    told = []
    session.image = NAMED
    use(session, "DAPI", "RFP")
    ((text, keep),) = question(session, lambda: told.append(doubt(session))).choices
    assert text == "Keep as it is"
    keep()
    assert told == [None]
    use(session, "DAPI", "Cy5")
    assert doubt(session) is not None
    use(session, "DAPI", "RFP")
    assert doubt(session) is None
    other = Image("other", np.ones((2, 3, 4)), "CYX", names=NAMED.names)
    session.image = other
    assert doubt(session) is not None
    # the answer is known in the next session too, where the order was kept
    session.image = Image("again", np.zeros((2, 3, 4)), "CYX", names=NAMED.names)
    assert labels(session.channels) == ["1: GFP", "2: DAPI"]
    assert doubt(session) is None


def test_one_channel_is_told_in_a_word(session):
    session.image = NAMED
    session.channels = NAMED.channels[:1]
    use(session, "DAPI")
    assert [text for text, _ in question(session, lambda: None).choices] == [
        "Use DAPI", "Keep as it is",
    ]  # fmt: skip
