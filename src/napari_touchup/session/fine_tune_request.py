"""What a training is asked for: the same from the window and from the command line."""

from dataclasses import dataclass, field
from pathlib import Path

from napari_touchup.core.channel_names import agreed
from napari_touchup.engine.lessons import FineTuneRequest, margin_px
from napari_touchup.engine.teachable import check_teachable
from napari_touchup.nn.header import read_header
from napari_touchup.options import InstanceOptions, SegmentOptions, TrainOptions
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.lesson_book import gather
from napari_touchup.session.sources import Source


@dataclass(frozen=True)
class Models:
    """Files that a training needs, and where its result goes.

    Attributes
    ----------
    name : of the model that training begins with
    base : its file
    current : the model in use, which the candidate is compared with
    out : the candidate's file
    """

    name: str
    base: Path
    current: Path
    out: Path


@dataclass(frozen=True)
class How:
    train: TrainOptions = field(default_factory=TrainOptions.fine_tuning)
    segment: SegmentOptions = field(default_factory=SegmentOptions)
    instances: InstanceOptions = field(default_factory=InstanceOptions)


def make_request(
    ledger: Ledger, found: tuple[Source, ...], models: Models, how: How
) -> FineTuneRequest:
    """Read all that a project teaches; may run in a thread, as it asks the ledger alone.

    Raises
    ------
    ValueError
        If the model cannot be fine-tuned, or nothing teaches; the message says what to do.
    """
    header = read_header(models.base)
    check_teachable(header.spec)
    margin = margin_px(header.diameter_px, how.segment.diameter)
    book = gather(ledger, found, header.normalize, margin)
    return FineTuneRequest(
        models.base, models.current, models.out, f"{models.name}, fine-tuned",
        book.lessons, book.checks, how.train, segment=how.segment, instances=how.instances,
        channels=_channel_names(found),
    )  # fmt: skip


def _channel_names(found: tuple[Source, ...]) -> tuple[str, ...] | None:
    """Give the names that the images share; None where none is named."""
    named = [source.feed.names for source in found if source.feed.names]
    return agreed(named) if named else None
