from threading import Thread, current_thread

from qtpy.QtWidgets import QApplication

from napari_touchup.ui.dispatch import QueuedDispatch


def test_calls_come_in_order_and_in_the_gui_thread(qtbot):
    dispatch = QueuedDispatch()
    log = []
    thread = Thread(target=lambda: [dispatch(lambda n=n: log.append(n)) for n in range(5)])
    dispatch(lambda: log.append(current_thread().name))
    thread.start()
    thread.join()
    assert log == []
    qtbot.waitUntil(lambda: len(log) == 6)
    assert log == ["MainThread", 0, 1, 2, 3, 4]


def test_a_call_that_processes_events_is_not_entered_twice(qtbot):
    dispatch = QueuedDispatch()
    log = []

    def first():
        log.append("begin")
        QApplication.processEvents()
        log.append("end")

    dispatch(first)
    dispatch(lambda: log.append("second"))
    qtbot.waitUntil(lambda: "second" in log)
    assert log == ["begin", "end", "second"]


def test_calls_go_on_after_one_that_raised(qtbot):
    dispatch = QueuedDispatch()
    log = []

    def fails():
        raise RuntimeError("here")

    with qtbot.captureExceptions() as caught:
        dispatch(fails)
        dispatch(lambda: log.append("next"))
        qtbot.waitUntil(lambda: log == ["next"])
    assert [str(error) for _, error, _ in caught] == ["here"]
