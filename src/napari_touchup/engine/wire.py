"""What a worker process and its parent say to each other: pickles with their length in front.

Both are this package, and the parent starts the worker itself, so that a pickle is as safe as a
function call. No torch is loaded here.
"""

import pickle
import struct
from dataclasses import dataclass
from typing import IO, Any

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Run:
    """To the worker: run the task of this name."""

    number: int  # of the run; what is said of it carries it
    task: str
    request: Any


@dataclass(frozen=True, slots=True)
class Stop:
    """To the worker: end this run after its next event."""

    number: int


@dataclass(frozen=True, slots=True)
class Sent:
    """From the worker: an event of a run."""

    number: int
    event: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """From the worker: a run is over, or stopped."""

    number: int


@dataclass(frozen=True, slots=True)
class Failed:
    """From the worker: a run raised an exception.

    Attributes
    ----------
    kind : name of its type
    text : what it says
    trace : the whole traceback
    """

    number: int
    kind: str
    text: str
    trace: str


def send(stream: IO[bytes], message: object) -> None:
    content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Wait for the next message.

    Raises
    ------
    EOFError
        If the other side is gone, also where that was in the middle of a message.
    """
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    return pickle.loads(_read(stream, length))


def _read(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError("the other process is gone")
    return content
