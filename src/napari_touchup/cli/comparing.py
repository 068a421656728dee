"""A comparison of networks as `touchup compare` shows it and saves what comes of it."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from napari_touchup.cli.console import output, say, table
from napari_touchup.cli.course import Display, display
from napari_touchup.core.normalize import affine, limits
from napari_touchup.engine.compare import Began, Contestant, Event, Judged, compare
from napari_touchup.engine.evaluate import Scored
from napari_touchup.engine.events import Step
from napari_touchup.engine.rescale import normalized
from napari_touchup.engine.samples import SampleSet
from napari_touchup.engine.segment import Notice
from napari_touchup.io.comparison import (
    COLUMNS,
    FIGURE,
    TABLE,
    Shown,
    draw,
    model_name,
    rows,
    write_table,
)
from napari_touchup.io.training import TrainingData
from napari_touchup.nn.checkpoint import save
from napari_touchup.options import ModelSpec, TrainOptions

RECENT = 20  # steps whose average loss is shown


def run(
    specs: dict[str, ModelSpec],
    data: TrainingData,
    scored: TrainingData,
    options: TrainOptions,
    out: Path,
) -> None:
    """Train and score one network after the other; each is saved as soon as it is done."""
    contestants = [Contestant(name, spec) for name, spec in specs.items()]
    # without class weights p stays calibrated: masks end where the threshold says
    samples = SampleSet(data.samples, balance=False)
    say(f"{len(data.samples)} images to learn, {len(scored.samples)} to score")
    done: list[Judged] = []
    events = compare(contestants, samples, scored.samples, options, data.diameter_px)
    with closing(events), display(leads=True) as shown:
        told = _Told(shown)
        for event in events:
            told.note(event)
            if isinstance(event, Judged):
                done.append(event)
                save(out / model_name(event.result.name), event.model.module, event.model.header)
                write_table(out / TABLE, [one.result for one in done])
    _draw(out / FIGURE, scored, done)
    output().print(table(*COLUMNS, rows=rows([one.result for one in done])))
    say(f"scores are means over {len(scored.samples)} images; {out / TABLE}, {out / FIGURE}")


def _draw(path: Path, scored: TrainingData, done: Sequence[Judged]) -> None:
    images = []
    for number in done[0].masks:
        sample = scored.samples[number]
        grey = normalized(sample.image, *affine(limits(sample.image))).mean(axis=0)
        masks = {one.result.name: one.masks[number] for one in done}
        images.append(Shown(grey, sample.truth, masks))
    draw(path, images)


class _Told:
    """What was shown of a run so far."""

    def __init__(self, shown: Display) -> None:
        self._shown = shown
        self._losses: list[float] = []

    def note(self, event: Event) -> None:
        match event:
            case Began(name, number, total):
                self._losses.clear()
                self._shown.restart()
                self._shown.say(f"{name} ({number} of {total})")
            case Notice(text):
                self._shown.say(text)
            case Step():
                self._losses.append(event.loss)
                self._shown.step(event, self._losses[-RECENT:])
            case Scored(done, total):
                self._shown.show(f"scoring: {done} of {total}", done / total, 0.0)
            case Judged(result):
                ap50, ap75 = result.scores["ap50"], result.scores["ap75"]
                self._shown.say(
                    f"{result.name}: AP50 {ap50:.3f}, AP75 {ap75:.3f} after {result.steps} steps"
                )
