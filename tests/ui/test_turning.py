from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_touchup.ui.turning import Turning


def test_side_by_side_where_there_is_room(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    turning = Turning(QLabel("left " * 20), QLabel("right " * 20), width=800)
    QVBoxLayout(parent).addWidget(turning)
    parent.show()
    for width, wide in ((1000, True), (700, False), (1000, True)):
        parent.resize(width, 200)
        qtbot.waitUntil(lambda wide=wide: turning.wide == wide)
        assert parent.width() == width  # it gives way, however long the row is
