"""Which channels a model is given, and whether they are those that it learned."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from napari_touchup.core.channel_names import agree, by_name, difference
from napari_touchup.core.entries import ImageRecord
from napari_touchup.session.images import Channel, Image
from napari_touchup.session.project import Project
from napari_touchup.session.status import Status
from napari_touchup.session.wanted import ModelChoice

Chosen = tuple[Channel | None, ...]  # one for each input of the model
Names = tuple[str, ...]  # of channels


class Choice(Protocol):
    """What is needed of a session."""

    image: Image | None
    channels: Chosen
    beside: tuple[tuple[str, Channel], ...]
    model: ModelChoice | None
    project: Project


@dataclass(frozen=True)
class Hints:
    """What helps to choose channels.

    Attributes
    ----------
    learned : names of the model's channels; (): it has none
    answer : names that a person accepted in their place
    recorded : places along C that a network was given of the image before
    beside : channels of other images on the same pixels
    """

    learned: Names = ()
    answer: Names = ()
    recorded: tuple[int, ...] = ()
    beside: tuple[Channel, ...] = ()


@dataclass(frozen=True, eq=False)
class Doubt:
    """A model is given other channels than it learned, and nobody said yet that this is right.

    Attributes
    ----------
    learned, given : names
    better : channels with the names that it learned, where there is one for each; else ()
    """

    learned: Names
    given: Names
    better: tuple[Channel, ...]


def fit_channels(
    image: Image | None, wanted: int, current: Chosen, hints: Hints | None = None
) -> Chosen:
    """Choose the channels that are beyond doubt; the others stay None, to be asked for."""
    if image is None:
        return (None,) * wanted
    hints = hints or Hints()
    offered = (*image.channels, *hints.beside)
    chosen: list[Chosen] = [current, image.numbered(hints.recorded)]
    kept = [c for c in chosen if any(c) and set(c) <= {None, *offered}]
    settled = [c for c in kept if None not in c and (wanted == 1 or _is_settled(c, hints))]
    named = [_named(offered, names) for names in (hints.answer, hints.learned)]
    plain = tuple(channel for channel in image.channels if not channel.grey)
    usual = image.channels[:1] if wanted == 1 else plain
    found = [c for c in (*settled, *named, *kept, usual) if len(c) == wanted]
    return found[0] if found else (None,) * wanted


def hints_for(session: Choice, record: ImageRecord | None) -> Hints:
    """Look up what helps to choose channels of a session's image.

    Parameters
    ----------
    record : what the project knows of the image
    """
    learned = session.model.header.channels if session.model else ()
    beside = tuple(channel for _, channel in session.beside)
    return Hints(learned, _answer(session), record.channels if record else (), beside)


def doubt(session: Choice) -> Doubt | None:
    """Tell whether a person should look at the channels that were chosen."""
    learned = session.model.header.channels if session.model else ()
    given = tuple("" if channel is None else channel.name for channel in session.channels)
    if session.image is None or None in session.channels or agree(learned, given):
        return None
    if given == _answer(session):
        return None
    offered = (*session.image.channels, *(channel for _, channel in session.beside))
    return Doubt(learned, given, _named(offered, learned))


def question(session: Choice, answered: Callable[[], None]) -> Status:
    """Ask a person about channels in doubt; without doubt it says nothing.

    Parameters
    ----------
    answered : is called when the answer is noted
    """
    asked = doubt(session)
    if asked is None:
        return Status()

    def match() -> None:
        session.channels = asked.better

    def keep() -> None:
        accept(session, asked)
        answered()

    one = len(asked.learned) == 1
    better = (f"Use {asked.learned[0]}" if one else "Match the names", match)
    choices = (*([better] if asked.better else []), ("Keep as it is", keep))
    return Status("ask", difference(asked.learned, asked.given), choices=choices)


def accept(session: Choice, asked: Doubt) -> None:
    """Note in the project that an image's channels are right for a model that learned others."""
    if session.image is not None:
        answers = _answers(session, session.image) | {asked.learned: asked.given}
        text = json.dumps([[list(learned), list(given)] for learned, given in answers.items()])
        session.project.ledger.put_setting(_setting(session.image), text)


def _is_settled(channels: Chosen, hints: Hints) -> bool:
    names = tuple("" if channel is None else channel.name for channel in channels)
    return agree(hints.learned, names) or names == hints.answer


def _named(offered: tuple[Channel, ...], names: Names) -> tuple[Channel, ...]:
    return tuple(offered[n] for n in by_name(names, [channel.name for channel in offered]))


def _answer(session: Choice) -> Names:
    if session.image is None or session.model is None or not session.model.header.channels:
        return ()
    return _answers(session, session.image).get(session.model.header.channels, ())


def _answers(session: Choice, image: Image) -> dict[Names, Names]:
    """Give the names that a person accepted, by those that a model learned."""
    text = session.project.ledger.setting(_setting(image))
    return {tuple(learned): tuple(given) for learned, given in json.loads(text or "[]")}


def _setting(image: Image) -> str:
    return f"channels of {image.key}"
