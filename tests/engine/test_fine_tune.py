from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_touchup.core.normalize import limits
from napari_touchup.core.scores import best_iou
from napari_touchup.core.synth import make
from napari_touchup.engine import fine_tune as module
from napari_touchup.engine.checks import masks_around
from napari_touchup.engine.events import DivergedError
from napari_touchup.engine.fine_tune import fine_tune, sample_of
from napari_touchup.engine.lessons import (
    Candidate,
    Checked,
    FineTuneRequest,
    Learned,
    Lesson,
    Placed,
    Preview,
    Told,
    View,
    cut,
    cut_check,
)
from napari_touchup.engine.samples import SampleSet
from napari_touchup.engine.segment import segment
from napari_touchup.engine.teachable import why_not
from napari_touchup.nn.build import ARCHITECTURES, ENCODED, build, spec_of
from napari_touchup.nn.checkpoint import load, save
from napari_touchup.nn.header import Header, content_hash, read_header
from napari_touchup.options import InstanceOptions, ModelSpec, SegmentOptions, TrainOptions

CPU = SegmentOptions(device="cpu", precision="float32")
QUICK = TrainOptions(
    steps=3, batch=2, crop=32, rate=1e-2, ema=0.5, device="cpu", precision="float32"
)
EASY = {"density": 0.15, "diameter": 20, "noise": 0.02, "contrast": 8, "blur": 1, "clustering": 0}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of tiny networks on a busy machine only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A tiny network that knows nothing."""
    torch.manual_seed(0)
    spec, path = ModelSpec(base=4, depth=2), tmp_path / "base.safetensors"
    save(path, build(spec), Header(name="base", spec=spec, diameter_px=20))
    return path


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Image (1, Y, X) and truth (Y, X)."""
    made = make("nuclei", (160, 160), np.random.default_rng(3), **EASY)
    return made.image[None], made.truth


def inner(truth: np.ndarray) -> list[int]:
    """Labels that lie away from the border, the largest first."""
    sizes = np.bincount(truth.ravel())
    sizes[np.unique(np.concatenate([truth[0], truth[-1], truth[:, 0], truth[:, -1]]))] = 0
    return [int(label) for label in np.argsort(sizes)[::-1] if sizes[label]]


@pytest.fixture
def request_of(base: Path, tmp_path: Path) -> FineTuneRequest:
    """One cell teaches, another is held out."""
    image, truth = scene()
    teaches, kept = inner(truth)[:2]
    how = limits(image)
    own = np.where(truth == teaches, truth, 0)
    rows, columns = (np.flatnonzero((own > 0).any(axis)) for axis in (1, 0))
    annotated = np.zeros(truth.shape, bool)
    annotated[rows[0] - 3 : rows[-1] + 4, columns[0] - 3 : columns[-1] + 4] = True
    annotated &= (truth == 0) | (truth == teaches)
    return FineTuneRequest(
        base,
        base,
        tmp_path / "out.safetensors",
        "mine",
        (cut(image, own, annotated, how),),
        (cut_check(image, truth == kept, how),),
        QUICK,
        segment=CPU,
        skill_crops=0,
    )


def last(events: Iterator[Any]) -> Candidate:
    *_, event = events
    assert isinstance(event, Candidate)
    return event


def test_the_events_of_a_run(request_of: FineTuneRequest) -> None:
    image, _ = scene()
    asked = replace(request_of, frame=View(image), preview=View(image), preview_every=0)
    found = list(fine_tune(asked))
    assert [type(event) for event in found] == [
        Placed, Learned, Preview, Learned, Preview, Learned, Preview, Checked, Candidate
    ]  # fmt: skip
    assert [e.step for e in found if isinstance(e, Learned)] == [1, 2, 3]
    assert found[5].progress == 1
    assert found[5].seconds_left == 0
    for event in (found[2], found[-1]):
        assert (event.maps.shape, event.maps.dtype) == ((3, 160, 160), np.float16)
        assert event.masks.shape == (160, 160)


def test_without_wishes_there_are_no_masks(request_of: FineTuneRequest) -> None:
    found = list(fine_tune(request_of))
    assert not any(isinstance(event, Preview) for event in found)
    assert (found[-1].maps, found[-1].masks) == (None, None)


def test_one_cell_teaches_to_find_another(request_of: FineTuneRequest) -> None:
    options = QUICK.model_copy(update={"steps": 80, "batch": 4, "crop": 48, "ema": 0.9})
    done = last(fine_tune(replace(request_of, options=options)))
    (pair,) = done.scores.corrected
    assert pair.before < 0.5
    assert pair.after > 0.7


def test_the_same_seed_gives_the_same_weights(request_of: FineTuneRequest) -> None:
    one = last(fine_tune(request_of)).path.read_bytes()
    again = load(last(fine_tune(replace(request_of, preview=request_of.frame))).path)
    first = load_bytes(one, request_of.out)
    assert first.keys() == again.module.state_dict().keys()
    for name, tensor in again.module.state_dict().items():
        assert torch.equal(tensor, first[name]), name
    other = QUICK.model_copy(update={"seed": 1})
    differs = load(last(fine_tune(replace(request_of, options=other))).path)
    assert not torch.equal(differs.module.state_dict()["head.weight"], first["head.weight"])


def load_bytes(content: bytes, beside: Path) -> dict[str, torch.Tensor]:
    path = beside.with_name("copy.safetensors")
    path.write_bytes(content)
    return load(path).module.state_dict()


def test_what_the_file_says(request_of: FineTuneRequest) -> None:
    done = last(fine_tune(request_of))
    assert done.path == request_of.out
    header = read_header(done.path)
    assert (header.name, header.diameter_px) == ("mine", 20)
    assert header.lineage["parent"] == content_hash(request_of.base)
    assert header.lineage["scores"] == done.scores.as_json()
    assert header.training["objects"] == 1
    assert header.training["held_out"] == 1
    assert header.training["steps_done"] == 3
    assert header.training["rate"] == 0.01
    assert "/" not in header.model_dump_json()
    assert header.channels == ()


@pytest.mark.parametrize(("given", "written"), [(None, ("GFP",)), (("DAPI",), ("DAPI",)), ((), ())])
def test_channel_names(request_of: FineTuneRequest, given: Any, written: Any) -> None:
    base = load(request_of.base)
    save(request_of.base, base.module, base.header.model_copy(update={"channels": ("GFP",)}))
    done = last(fine_tune(replace(request_of, channels=given)))
    assert read_header(done.path).channels == written


@pytest.mark.parametrize("stop_after", [0, 1, 3, 4, 5])
def test_a_stopped_run_leaves_no_file(request_of: FineTuneRequest, stop_after: int) -> None:
    with closing(fine_tune(request_of)) as events:
        for _ in range(stop_after):
            next(events)
    assert [path.name for path in request_of.out.parent.iterdir()] == ["base.safetensors"]


def test_a_diverged_run_is_told(
    request_of: FineTuneRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Iterator[object]:
        yield from ()
        raise DivergedError("the loss is not a number", {})

    monkeypatch.setattr(module, "fit", broken)
    with pytest.raises(DivergedError, match="not a number"):
        list(fine_tune(request_of))
    assert not request_of.out.exists()


def test_no_lesson(request_of: FineTuneRequest) -> None:
    with pytest.raises(ValueError, match="expected at least one sample"):
        list(fine_tune(replace(request_of, lessons=())))


def test_old_skill_is_measured_once_per_model(
    request_of: FineTuneRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OLD_SKILL", {})
    asked = replace(request_of, checks=(), skill_crops=10)
    first, second = list(fine_tune(asked)), list(fine_tune(asked))
    checked = [[e for e in run if isinstance(e, Checked)] for run in (first, second)]
    assert [(e.done, e.total) for e in checked[0]] == [(8, 10), (10, 10)] * 2
    assert [(e.done, e.total) for e in checked[1]] == [(8, 10), (10, 10)]
    assert first[-1].scores.old_skill == second[-1].scores.old_skill
    assert first[-1].scores.old_skill is not None


def test_replay_is_mixed_in_where_the_bank_fits(
    request_of: FineTuneRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    run = module.fit

    def watched(*args: Any, replay: Any, **others: Any) -> Any:
        seen.extend(replay)
        return run(*args, replay=replay, **others)

    monkeypatch.setattr(module, "fit", watched)
    options = QUICK.model_copy(update={"replay": 0.5})
    list(fine_tune(replace(request_of, options=options)))
    assert [len(one.samples) for one in seen] == [320]
    assert not seen[0].balance


def test_a_model_that_the_bank_does_not_fit(request_of: FineTuneRequest) -> None:
    spec = ModelSpec(base=2, depth=1, in_channels=2)
    save(request_of.base, build(spec), Header(name="two", spec=spec, diameter_px=20))
    (lesson,) = request_of.lessons
    two = replace(lesson, image=lesson.image.repeat(2, 0), limits=lesson.limits.repeat(2, 0))
    options = QUICK.model_copy(update={"replay": 0.5, "replay_end": 0.1})
    asked = replace(request_of, lessons=(two,), checks=(), options=options, skill_crops=9)
    first, *_, done = fine_tune(asked)
    assert isinstance(first, Told)
    assert first.text.startswith("No replay")
    assert done.scores.old_skill is None


def test_a_lesson_smaller_than_the_crop_is_mirrored() -> None:
    image = np.random.default_rng(0).integers(0, 99, (1, 40, 40), np.uint8)
    truth = np.zeros((40, 40), np.int32)
    truth[5:35, 5:35] = 1
    lesson = Lesson(image, truth, np.ones((40, 40), bool), np.array([[0.0, 100.0]]))
    samples = SampleSet([sample_of(lesson, 20, None)], balance=False)
    crops = samples.draw(np.random.default_rng(0), 2, 128, 276, 0.5)
    assert crops.image.shape == (2, 1, 276, 276)
    assert crops.image.max() == pytest.approx(image.max() / 100)  # by the frame's limits
    assert 0.5 < (crops.truth > 0).mean() < 0.62
    assert crops.weights.min() > 0


def test_a_diameter_rescales_lessons() -> None:
    image = np.zeros((1, 90, 120), np.uint16)
    truth = np.zeros((90, 120), np.int32)
    image[0, 30:60, 30:60], truth[30:60, 30:60] = 500, 4
    annotated = truth > 0
    lesson = Lesson(image, truth, annotated, np.array([[0.0, 1000.0]]))
    sample = sample_of(lesson, trained=20, diameter=60)
    assert sample.image.shape == (1, 30, 40)
    assert sample.image[0, 15, 15] == pytest.approx(0.5, abs=0.01)
    assert np.array_equal(np.unique(sample.truth), [0, 4])
    assert np.array_equal(sample.truth > 0, sample.annotated)
    assert np.count_nonzero(sample.truth) == 100
    assert sample.limits.tolist() == [[0, 1]]
    assert sample_of(lesson, trained=20, diameter=10).truth.shape == (180, 240)


def test_frames_with_more_objects_are_drawn_more_often() -> None:
    truth = np.zeros((8, 8), np.int32)
    truth[0, :5] = [1, 2, 3, 0, 4]
    marks = np.ones((8, 8), bool)
    marks[0, 4] = False
    image, how = np.zeros((1, 8, 8)), np.array([[0.0, 1.0]])
    assert sample_of(Lesson(image, truth, marks, how), 20, None).chance == 3
    assert sample_of(Lesson(image, truth, truth == 9, how), 20, None).chance == 1


@pytest.mark.parametrize(
    ("arch", "encoder"),
    [
        *((arch, None) for arch in ARCHITECTURES if not why_not(spec_of(arch))),
        *((arch, "resnet18") for arch in ENCODED),
    ],
)
def test_networks_can_be_fine_tuned(
    request_of: FineTuneRequest, arch: str, encoder: str | None
) -> None:
    spec = spec_of(arch, base=4, **({"encoder": encoder} if encoder else {}))
    torch.manual_seed(0)
    save(request_of.base, build(spec), Header(name="other", spec=spec, diameter_px=20))
    image, _ = scene()
    options = QUICK.model_copy(update={"steps": 1, "freeze_norm": True})
    done = last(fine_tune(replace(request_of, options=options, frame=View(image))))
    assert done.masks.shape == (160, 160)
    assert done.maps.shape == (spec.classes, 160, 160)
    assert np.isfinite(done.maps).all()
    before, after = load(request_of.base), load(done.path)
    assert after.header.spec == spec
    pairs = zip(before.module.parameters(), after.module.parameters(), strict=True)
    assert not all(torch.equal(old, new) for old, new in pairs)


def test_a_model_that_detects_objects_is_refused_before_anything_runs(
    request_of: FineTuneRequest, detecting: ModelSpec
) -> None:
    header = Header(name="other", spec=detecting, diameter_px=20)
    save(request_of.base, build(detecting), header)
    with pytest.raises(ValueError, match="models that detect objects is not there yet"):
        next(fine_tune(request_of))
    assert not request_of.out.exists()


def pruned_request(request: FineTuneRequest, spec: ModelSpec, level: int) -> FineTuneRequest:
    torch.manual_seed(0)
    save(request.base, build(spec), Header(name="deep", spec=spec, diameter_px=20))
    how = request.segment.model_copy(update={"prune": level})
    return replace(request, segment=how, instances=InstanceOptions(threshold=0.4, h=0.05))


def test_all_of_a_pruned_network_learns(request_of: FineTuneRequest, layered: ModelSpec) -> None:
    done = last(fine_tune(pruned_request(request_of, layered, 1)))
    before, after = load(request_of.base), load(done.path)
    assert after.header.spec == layered
    learned = zip(before.module.parameters(), after.module.parameters(), strict=True)
    assert not any(torch.equal(old, new) for old, new in learned)


def test_scores_and_masks_are_those_of_the_level(
    request_of: FineTuneRequest, layered: ModelSpec
) -> None:
    image, _ = scene()
    asked = replace(
        pruned_request(request_of, layered, 1),
        frame=View(image), preview=View(image), preview_every=0,
    )  # fmt: skip
    *_, preview, _, done = fine_tune(asked)
    (check,) = asked.checks
    for model, score in (
        (load(asked.current, prune=1), done.scores.corrected[0].before),
        (load(done.path, prune=1), done.scores.corrected[0].after),
    ):
        masks = masks_around(model, check, CPU, asked.instances)
        assert score == best_iou(check.mask, masks)
    expected = masks_of(done.path, image, asked.instances, 1)
    assert np.array_equal(done.masks, expected)
    assert not np.array_equal(expected, masks_of(done.path, image, asked.instances, None))
    assert np.array_equal(preview.masks, expected)  # no step came after it


def masks_of(path: Path, image: np.ndarray, how: InstanceOptions, prune: int | None) -> np.ndarray:
    *_, event = segment(load(path, prune=prune), image, CPU, how)
    return event.masks


def test_a_level_that_is_not_there_is_told_before_the_training(
    request_of: FineTuneRequest, layered: ModelSpec
) -> None:
    with pytest.raises(ValueError, match=r"a level of \[1, 2, 3\], got 4"):
        next(fine_tune(pruned_request(request_of, layered, 4)))
