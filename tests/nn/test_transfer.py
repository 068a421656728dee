import pytest
import torch
from torch import nn

from napari_touchup.nn.build import build
from napari_touchup.nn.transfer import Transferred, shared_out, transfer
from napari_touchup.options import ModelSpec

SPEC = ModelSpec(base=2, depth=1)


def network(spec: ModelSpec, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(spec)


def transferred(source: ModelSpec, target: ModelSpec) -> tuple[Transferred, nn.Module, nn.Module]:
    old, new = network(source), network(target, seed=1)
    return transfer(old.state_dict(), source, new, target), old, new


def test_another_number_of_classes_keeps_all_but_the_head() -> None:
    classes = SPEC.model_copy(update={"output": "softmax", "classes": 5})
    told, old, new = transferred(SPEC, classes)
    assert told.fresh == told.unused == ("head.weight", "head.bias")
    assert len(told.taken) == len(old.state_dict()) - 2
    assert all(torch.equal(old.state_dict()[name], new.state_dict()[name]) for name in told.taken)


def test_another_number_of_channels_shares_the_first_filters_out() -> None:
    channels = SPEC.model_copy(update={"in_channels": 3})
    told, old, new = transferred(SPEC, channels)
    assert told.fresh == told.unused == ()
    grey = torch.randn(1, 1, 8, 8)
    with torch.inference_mode():
        expected = old.eval()(grey)
        torch.testing.assert_close(new.eval()(grey.repeat(1, 3, 1, 1)), expected)


def test_a_deeper_network_takes_what_has_its_name_and_shape() -> None:
    told, old, new = transferred(SPEC, SPEC.model_copy(update={"depth": 2}))
    assert "down.0.0.weight" in told.taken
    assert {"down.1.0.weight", "bottom.0.weight", "up.0.weight"} <= set(told.fresh)
    assert torch.equal(old.state_dict()["down.0.0.weight"], new.state_dict()["down.0.0.weight"])


def test_the_coarse_fcn_is_where_the_finer_one_begins() -> None:
    coarse, fine = (ModelSpec(arch=name, base=1) for name in ("fcn32s", "fcn16s"))
    told, _, _ = transferred(coarse, fine)
    assert not [name for name in told.fresh if name.startswith(("stage", "fc"))]


def test_nothing_that_fits_is_an_error_and_changes_nothing() -> None:
    new = network(SPEC.model_copy(update={"base": 4}))
    before = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    with pytest.raises(ValueError, match="nothing of a unet of base 2 fits a unet of base 4"):
        transfer(network(SPEC).state_dict(), SPEC, new, new.spec)
    assert all(torch.equal(before[name], tensor) for name, tensor in new.state_dict().items())


@pytest.mark.parametrize(
    ("filters", "channels", "expected"),
    [
        ([3], 3, [1, 1, 1]),
        ([1, 2, 3], 1, [6]),
        ([1, 2, 3], 6, [0.5, 1, 1.5, 0.5, 1, 1.5]),
        ([1, 2], 2, [1, 2]),
        ([3, 6], 3, [7 / 3, 13 / 3, 7 / 3]),
    ],
)
def test_filters_of_other_channels(
    filters: list[float], channels: int, expected: list[float]
) -> None:
    weight = torch.tensor(filters).float().reshape(1, -1, 1, 1)
    assert shared_out(weight, channels).flatten().tolist() == pytest.approx(expected)


def test_long_lists_are_shortened() -> None:
    told = Transferred(("a",), tuple("bcdefg"), ())
    assert str(told) == "1 of 7 tensors taken over; fresh: b, c, d, e and 2 more"
