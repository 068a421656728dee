from threading import Event, current_thread

import pytest

from napari_touchup.session.job import Job


def heard(job):
    """Names and values of all signals, in order."""
    log = []
    job.progressed.connect(lambda event: log.append(("progressed", event)))
    job.failed.connect(lambda error: log.append(("failed", error)))
    job.ended.connect(lambda: log.append(("ended",)))
    return log


def finish(job):
    job.start()
    assert job.wait(10)


def test_events_then_ended():
    job = Job(event for event in "ab")
    log = heard(job)
    finish(job)
    assert log == [("progressed", "a"), ("progressed", "b"), ("ended",)]


@pytest.mark.parametrize("error", [RuntimeError("CUDA"), MemoryError(), ValueError("x")])
def test_whatever_is_raised_arrives_in_failed(error):
    def events():
        yield 1
        raise error

    job = Job(events())
    log = heard(job)
    finish(job)
    assert log == [("progressed", 1), ("failed", error), ("ended",)]


def test_stop_drops_what_comes_after_it_and_cleans_up_in_the_thread():
    arrived, go_on = Event(), Event()
    closed_in = []

    def events():
        try:
            arrived.set()
            assert go_on.wait(10)
            yield "too late"
        finally:
            closed_in.append(current_thread().name)

    job = Job(events())
    log = heard(job)
    job.start()
    assert arrived.wait(10)
    job.stop()
    go_on.set()
    assert job.wait(10)
    assert log == [("ended",)]
    assert closed_in == ["touchup-job"]


def test_all_signals_go_through_dispatch():
    queue = []

    def events():
        yield 1
        raise RuntimeError

    job = Job(events(), queue.append)
    log = heard(job)
    finish(job)
    assert log == []
    for call in queue:
        call()
    assert [name for name, *_ in log] == ["progressed", "failed", "ended"]


def test_wait_before_start():
    assert Job(event for event in "ab").wait(0)
