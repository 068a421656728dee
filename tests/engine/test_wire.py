import io
import subprocess
import sys

import numpy as np
import pytest

from napari_touchup.engine.wire import Ended, Failed, Run, Sent, Stop, receive, send

MESSAGES = [Run(1, "fine_tune", ("a", 2)), Stop(1), Sent(1, None), Ended(1), Failed(1, "E", "", "")]


def test_messages_come_as_they_went() -> None:
    stream = io.BytesIO()
    for message in MESSAGES:
        send(stream, message)
    stream.seek(0)
    assert [receive(stream) for _ in MESSAGES] == MESSAGES
    with pytest.raises(EOFError):
        receive(stream)


def test_arrays_travel() -> None:
    stream = io.BytesIO()
    send(stream, np.arange(6).reshape(2, 3))
    stream.seek(0)
    assert receive(stream).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("kept", [3, 8, 20])
def test_cut_short(kept: int) -> None:
    stream = io.BytesIO()
    send(stream, MESSAGES[0])
    short = io.BytesIO(stream.getvalue()[:kept])
    with pytest.raises(EOFError, match="the other process is gone"):
        receive(short)


def test_no_torch() -> None:
    code = "import sys, napari_touchup.engine.wire; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
