import csv

import numpy as np
import pytest
import tifffile
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

from napari_touchup.core.synth import make_image
from napari_touchup.io.images import open_image, write_image
from napari_touchup.io.tiff import PixelSize
from napari_touchup.nn.header import DEFAULT_MODEL
from napari_touchup.options import SegmentOptions
from napari_touchup.session.folder_report import Finding, FolderReport
from napari_touchup.session.image_queue import ImageQueue
from napari_touchup.session.session import Session
from napari_touchup.session.status import Status
from napari_touchup.ui.apply import Apply
from napari_touchup.ui.apply_panel import ApplyPanel
from napari_touchup.ui.binding import Binding
from napari_touchup.ui.dispatch import QueuedDispatch
from napari_touchup.ui.queue_list import counted


class Window:
    def __init__(self, viewer, session):
        self.viewer = viewer
        self.session = session
        self.binding = Binding(viewer, session)
        self.apply = Apply(viewer, self.binding)
        self.panel = ApplyPanel(self.apply)
        self.queue = self.apply.queue

    @property
    def names(self):
        return [layer.name for layer in self.viewer.layers]

    def close(self):
        self.apply.close()
        self.binding.close()


@pytest.fixture
def window(make_napari_viewer, fake_network, model_choice):
    session = Session(network=fake_network, dispatch=QueuedDispatch(), model=model_choice())
    window = Window(make_napari_viewer(), session)
    window.viewer.window.add_dock_widget(window.panel, name="Apply")
    yield window
    fake_network.gate.set()
    window.close()


@pytest.fixture
def plate(tmp_path, spots):
    """Three images of 1, 2 and 3 spots, 0.5 micrometres a pixel."""
    folder = tmp_path / "plate"
    folder.mkdir()
    for number, values in enumerate([(90,), (90, 60), (90, 60, 90)]):
        write_image(folder / f"{number}.tif", spots(*values), "YX", PixelSize(0.5, 0.5))
    return folder


@pytest.fixture
def movie(window, spots):
    frames = np.stack([spots(90), spots(90, 60), spots(90, 60, 90)])
    layer = window.viewer.add_image(frames, name="movie", axis_labels=("t", "y", "x"))
    window.viewer.dims.set_current_step(0, 1)
    return layer


def shown(widget):
    return not widget.isHidden()


def press(viewer, key):
    binding = next(known for known in viewer.keymap if str(known) == key)
    viewer.keymap[binding](viewer)


def choose_folder(monkeypatch, folder):
    name = str(folder) if folder else ""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: name)


def choose_in(combo, text):
    row = next(n for n in range(combo.count()) if text in combo.itemText(n))
    combo.setCurrentIndex(row)
    combo.activated.emit(row)


def rows(widget):
    return [widget.item(n).text() for n in range(widget.count())]


def opened(window, name):
    return lambda: window.session.image is not None and window.session.image.name == name


def test_a_folder_is_gone_through(window, plate, monkeypatch, qtbot):
    queue = window.panel.queue
    assert queue.place.text().startswith("To go through many")
    assert not shown(queue.list)
    assert not shown(queue._row)
    choose_folder(monkeypatch, plate)
    choose_in(queue.source, "Choose folder")
    qtbot.waitUntil(opened(window, "0"))
    assert queue.source.currentText() == "plate"
    assert rows(queue.list) == ["○  0.tif", "○  1.tif", "○  2.tif"]
    assert queue.place.text() == "1 of 3   ○ 3 to do"
    assert not queue.previous.isEnabled()
    queue.next.click()
    qtbot.waitUntil(opened(window, "1"))
    assert window.names == ["1"]
    queue.list.itemClicked.emit(queue.list.item(2))
    qtbot.waitUntil(opened(window, "2"))
    assert (queue.place.text(), queue.next.isEnabled()) == ("3 of 3   ○ 3 to do", False)
    queue.previous.click()
    qtbot.waitUntil(opened(window, "1"))
    assert queue.list.currentRow() == 1


def test_an_image_is_opened_as_its_file_says(window, plate, spots, qtbot):
    stack = np.stack([np.stack([spots(90), spots(60)])] * 3)  # T, C
    write_image(plate / "3.tif", stack, "TCYX", PixelSize(0.5, 0.25))
    tifffile.imwrite(plate / "4.tif", np.stack([spots(90)] * 3, -1), photometric="rgb")
    window.queue.open_folder(plate)
    window.queue.go(3)
    qtbot.waitUntil(opened(window, "3"))
    layer = window.viewer.layers["3"]
    assert window.session.image.axes == "TCYX"
    assert layer.scale.tolist() == [1, 1, 0.5, 0.25]
    assert [str(unit) for unit in layer.units] == ["pixel", "pixel", "micrometer", "micrometer"]
    window.queue.go(4)
    qtbot.waitUntil(opened(window, "4"))
    assert (window.session.image.axes, window.session.image.rgb) == ("YXC", True)


def test_keys(window, plate, qtbot):
    window.queue.open_folder(plate)
    window.queue.go(0)
    press(window.viewer, "D")
    press(window.viewer, "D")  # before the first is open
    qtbot.waitUntil(opened(window, "2"))
    press(window.viewer, "A")
    qtbot.waitUntil(opened(window, "1"))
    qtbot.waitUntil(lambda: window.names == ["1"])


def test_the_next_image_takes_the_place_of_the_last_and_its_results(window, plate, movie, qtbot):
    window.queue.open_folder(plate)
    window.queue.go(1)
    qtbot.waitUntil(opened(window, "1"))
    window.session.segment()
    qtbot.waitUntil(lambda: not window.session.running)
    window.binding.current.show_map("probability")
    assert window.names == ["movie", "1", "1 probability", "1 masks"]
    window.queue.next()
    qtbot.waitUntil(opened(window, "2"))
    assert window.names == ["movie", "2"]
    assert window.viewer.layers.selection.active is window.viewer.layers["2"]


def paint(window, place):
    masks = window.binding.current.masks
    with masks.block_history():
        masks.paint(place, 9)


def test_corrections_come_back_with_their_image(window, plate, qtbot):
    window.queue.open_folder(plate)
    window.queue.go(0)
    qtbot.waitUntil(opened(window, "0"))
    window.session.segment()
    qtbot.waitUntil(lambda: not window.session.running)
    paint(window, (28, 60))
    assert rows(window.panel.queue.list) == ["◐  0.tif", "○  1.tif", "○  2.tif"]
    masks = window.binding.current.masks.data.copy()
    window.queue.next()
    qtbot.waitUntil(opened(window, "1"))
    assert window.names == ["1"]
    assert window.session.status.kind != "ask"  # the masks were not noted as deleted
    assert window.panel.queue.place.text() == "2 of 3   ○ 2 to do   ◐ 1 corrected"
    window.queue.previous()
    qtbot.waitUntil(opened(window, "0"))
    assert window.names == ["0", "0 masks"]
    np.testing.assert_array_equal(window.binding.current.masks.data, masks)
    assert window.viewer.layers.selection.active is window.binding.current.masks
    window.session.tools(window.session.image).finish((), True)
    assert rows(window.panel.queue.list)[0] == "●  0.tif"
    assert window.session.image.path == plate / "0.tif"


def test_moving_on_ends_a_run_over_the_image(window, plate, qtbot, fake_network):
    window.queue.open_folder(plate)
    window.queue.go(0)
    qtbot.waitUntil(opened(window, "0"))
    fake_network.gate.clear()
    window.session.segment()
    window.queue.next()
    qtbot.waitUntil(opened(window, "1"))
    qtbot.waitUntil(lambda: window.names == ["1"])
    fake_network.gate.set()
    qtbot.waitUntil(lambda: not window.session.running)
    assert window.names == ["1"]


def test_a_file_that_cannot_be_read(window, plate, qtbot):
    (plate / "1.tif").write_bytes(b"II*\0 and nothing more")
    window.queue.open_folder(plate)
    window.queue.go(0)
    qtbot.waitUntil(opened(window, "0"))
    window.queue.next()
    qtbot.waitUntil(lambda: window.queue.status.kind == "failed")
    assert window.panel.queue.status.text.text() == "1.tif was not opened."
    assert "cannot be read" in window.panel.queue.status.failure.text.text()
    assert window.names == ["0"]
    window.queue.next()
    qtbot.waitUntil(opened(window, "2"))
    assert window.names == ["2"]
    assert not shown(window.panel.queue.status)


def test_an_image_that_was_deleted_by_hand_is_opened_again(window, plate, qtbot):
    window.queue.open_folder(plate)
    window.queue.go(0)
    qtbot.waitUntil(opened(window, "0"))
    window.viewer.layers.clear()
    window.queue.next()
    qtbot.waitUntil(opened(window, "1"))
    window.queue.previous()
    qtbot.waitUntil(opened(window, "0"))
    assert window.names == ["0"]


def test_a_folder_without_images(window, tmp_path, monkeypatch):
    choose_folder(monkeypatch, tmp_path)
    choose_in(window.panel.queue.source, "Choose folder")
    assert window.panel.queue.status.text.text().startswith("No images in ")
    assert window.panel.queue.source.currentText() == "no folder"


def test_frames_of_a_stack_both_ways(window, movie):
    queue = window.panel.queue
    assert queue.source.currentText() == "frames of movie"
    assert rows(queue.list) == ["○  T 1", "○  T 2", "○  T 3"]
    assert queue.list.currentRow() == 1
    queue.next.click()
    assert window.viewer.dims.current_step[0] == 2
    assert window.session.frame == (2,)
    window.viewer.dims.set_current_step(0, 0)
    assert queue.list.currentRow() == 0
    press(window.viewer, "D")
    assert window.session.frame == (1,)


def test_frames_of_t_and_z_beside_a_layer_of_fewer_axes(window, spots):
    window.viewer.add_image(
        np.stack([np.stack([spots(90)] * 3)] * 2), name="stack", scale=(1, 2, 0.5, 0.5),
        axis_labels=("t", "z", "y", "x"),
    )  # fmt: skip
    window.viewer.add_image(np.zeros((2, 2, 3, 32, 64)))
    window.binding.choose(window.viewer.layers["stack"])
    window.queue.go(4)
    assert window.queue.current.name == "T 2, Z 2"
    assert window.session.frame == (1, 1)
    assert window.queue.position == 4


def test_frames_follow_the_chosen_image(window, movie, spots):
    window.viewer.dims.set_current_step(0, 2)
    window.viewer.add_image(np.stack([spots(90)] * 4), name="other", axis_labels=("t", "y", "x"))
    assert window.viewer.dims.current_step[0] == 2
    assert (len(window.queue.items), window.queue.position) == (4, 2)
    window.viewer.add_image(spots(90), name="single")
    assert window.queue.items == ()


def test_frames_that_were_painted_in_are_marked(window, movie, qtbot):
    window.session.segment()
    qtbot.waitUntil(lambda: not window.session.running)
    paint(window, (1, 28, 60))
    assert rows(window.panel.queue.list) == ["○  T 1", "◐  T 2", "○  T 3"]


@pytest.fixture
def real(window):
    """The window with the default model."""
    window.session.open_model(DEFAULT_MODEL)
    window.session.options = SegmentOptions(device="cpu")
    return window


def write_nuclei(folder, *seeds):
    folder.mkdir()
    for seed in seeds:
        sample = make_image("nuclei", (128, 128), seed=seed)
        write_image(folder / f"{seed}.tif", sample.image, "YX", PixelSize(0.5, 0.5))
    return folder


def test_segment_folder_with_the_default_model(real, tmp_path, monkeypatch, qtbot):
    folder = write_nuclei(tmp_path / "nuclei", 0, 1)
    write_image(folder / "empty.tif", np.zeros((128, 128), np.uint8), "YX")
    (folder / "bad.tif").write_bytes(b"II*\0 and nothing more")
    panel = real.panel.folder
    choose_folder(monkeypatch, folder)
    panel.segment.click()
    assert panel.status.text.text().startswith("4 images of nuclei; masks go to nuclei_masks.")
    panel.status.buttons[0].click()
    assert shown(panel.stop)
    assert not shown(panel.segment)
    assert shown(panel.status.progress)
    qtbot.waitUntil(lambda: not real.apply.run.running, timeout=120_000)
    assert shown(panel.segment)
    assert panel.status.text.text().startswith("3 images segmented, ")
    table = panel.report
    assert rows(table)[0].startswith("bad.tif\nfailed: cannot be read")
    assert rows(table)[1] == "empty.tif\nno cells found"
    assert tifffile.imread(tmp_path / "nuclei_masks" / "1.tif").max() > 3
    # again: nothing is left but what failed
    panel.segment.click()
    assert "3 of them have masks there and are skipped." in panel.status.text.text()


def test_a_click_in_the_report_opens_the_image_with_its_masks(window, plate, spots, qtbot):
    masks = plate.with_name("masks") / "1.tif"
    masks.parent.mkdir()
    write_image(masks, (spots(1, 2)).astype(np.uint16), "YX")
    window.queue.open_folder(plate)
    finding = Finding("unusual", plate / "1.tif", "2 cells; most images have about 90", masks)
    window.apply.run.report = FolderReport(3, 100, (finding,))
    table = window.panel.folder.report
    assert shown(table)
    table.itemClicked.emit(table.item(0))
    qtbot.waitUntil(opened(window, "1"))
    assert window.names == ["1", "1 masks in the file"]
    layer = window.viewer.layers[1]
    assert layer.data.max() == 2
    assert not layer.editable
    assert layer.scale.tolist() == [0.5, 0.5]
    assert window.queue.position == 1
    assert window.session.image.name == "1"
    table.itemClicked.emit(table.item(0))  # again: once is enough
    qtbot.waitUntil(lambda: window.queue.status.kind == "idle")
    assert window.names == ["1", "1 masks in the file"]
    window.queue.next()
    qtbot.waitUntil(opened(window, "2"))
    assert window.names == ["2"]


def test_masks_elsewhere(window, plate, tmp_path, monkeypatch):
    panel = window.panel.folder
    window.queue.open_folder(plate)
    panel.segment.click()
    choose_folder(monkeypatch, tmp_path / "elsewhere")
    panel.status.buttons[1].click()
    assert "masks go to elsewhere." in panel.status.text.text()
    choose_folder(monkeypatch, plate)
    panel.status.buttons[1].click()
    assert "would be written over the images" in panel.status.text.text()
    assert [button.text() for button in panel.status.buttons] == ["Masks elsewhere…"]


def test_settings_are_those_of_the_moment(window, plate, movie):
    window.binding.choose(movie, "CYX")
    window.session.channels = (window.session.image.channels[1],)
    window.queue.open_folder(plate)
    window.panel.folder.segment.click()
    text = window.panel.folder.status.text.text()
    assert "Used: model m, channel 2, axes CYX, threshold 0.5" in text


def test_without_a_model_it_asks(window, plate):
    window.session.model = None
    window.queue.open_folder(plate)
    window.panel.folder.segment.click()
    assert window.panel.folder.status.text.text() == "Choose a model first, above."


def test_session_to_view_while_a_folder_runs(window):
    panel, run = window.panel.folder, window.apply.run
    run.running = True
    run.status = Status("busy", "Image 3 of 500, 4 min left\na.tif", 2400, 500_000)
    assert panel.status.text.text() == "Image 3 of 500, 4 min left\na.tif"
    assert (panel.status.progress.value(), panel.status.progress.maximum()) == (2400, 500_000)
    assert shown(panel.stop)
    run.running = False
    assert not shown(panel.stop)


def test_stop_from_the_view(real, tmp_path, qtbot):
    folder = write_nuclei(tmp_path / "nuclei", 0, 1, 2)
    panel = real.panel.folder
    real.queue.open_folder(folder)
    panel.segment.click()
    panel.status.buttons[0].click()
    panel.stop.click()
    qtbot.waitUntil(lambda: not real.apply.run.running, timeout=120_000)
    assert not list((tmp_path).glob("nuclei_masks/.*"))


@pytest.mark.parametrize(
    ("labels", "shape", "place", "axes", "pixel"),
    [
        ("tzyx", (2, 3, 32, 64), {"scale": (1, 2, 0.5, 0.25), "units": ("s", "um", "um", "um")},
         "TZYX", PixelSize(0.5, 0.25, 2.0)),
        ("zyx", (3, 32, 64), {"scale": (300, 100, 100), "units": ("nm",) * 3},
         "ZYX", PixelSize(0.1, 0.1, 0.3)),
        ("tcyx", (2, 3, 32, 64), {}, "TYX", None),
        ("yx", (32, 64), {"scale": (0.5, 0.5)}, "YX", None),  # a scale of no unit says nothing
    ],
)  # fmt: skip
def test_export(window, tmp_path, labels, shape, place, axes, pixel, qtbot):
    data = np.zeros(shape, np.uint8)
    data[..., 8:16, 4:12] = 90
    window.viewer.add_image(data, name="stack", axis_labels=tuple(labels), **place)
    window.session.segment(
        list(np.ndindex(*[n for n, a in zip(shape, labels, strict=True) if a in "tz"]))
    )
    qtbot.waitUntil(lambda: not window.session.running)
    window.panel.export_to(tmp_path / "out")
    qtbot.waitUntil(lambda: window.apply.export.status.kind == "done")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        note = file.imagej_metadata
        assert file.is_imagej
        assert file.series[0].axes == axes
        sizes = dict(zip(axes, file.series[0].shape, strict=True))
        assert (note.get("frames", 1), note.get("slices", 1)) == (
            sizes.get("T", 1),
            sizes.get("Z", 1),
        )
    with open_image(tmp_path / "out.tif") as image:
        np.testing.assert_array_equal(image.data, window.binding.current.masks.data.squeeze())
        assert image.pixel == (pixel and PixelSize(pixel.y, pixel.x, pixel.z))
    assert window.panel.exported.text.text().startswith("Wrote out.tif: ")


def test_export_takes_the_pixel_size_of_the_file_that_napari_opened(window, plate, tmp_path, qtbot):
    window.viewer.open(plate / "1.tif", plugin="napari")
    window.session.segment()
    qtbot.waitUntil(lambda: not window.session.running)
    assert window.apply.export_request(tmp_path / "a.tif").pixel == PixelSize(0.5, 0.5)


def test_export_without_masks_says_so(window, movie):
    window.panel.export.click()
    assert (
        window.panel.exported.text.text() == "There are no masks yet. Press Segment, or paint some."
    )


def test_export_asks_where(window, movie, tmp_path, monkeypatch, qtbot):
    window.session.segment()
    qtbot.waitUntil(lambda: not window.session.running)
    asked = []

    def ask(_parent, _title, proposed, _files):
        asked.append(proposed)
        return str(tmp_path / "a.tiff"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    window.panel.export.click()
    qtbot.waitUntil(lambda: window.apply.export.status.kind == "done")
    assert asked == ["movie_masks.tif"]
    assert tifffile.imread(tmp_path / "a.tiff").shape == (3, 32, 64)


@pytest.mark.parametrize(
    ("typed", "chosen", "written"),
    [
        ("b", "", "b.tif"),
        ("b.geojson", "", "b.geojson"),
        ("b.zip", "Label images (*.tif *.tiff)", "b.zip"),
        ("b", "ROIs for ImageJ (*.zip)", "b.zip"),
        ("movie_masks.tif", "Measurements (*.csv)", "movie_masks.csv"),
    ],
)
def test_export_as_the_ending_or_the_filter_says(
    window, movie, tmp_path, monkeypatch, qtbot, typed, chosen, written
):
    window.session.segment()
    qtbot.waitUntil(lambda: not window.session.running)
    answer = str(tmp_path / typed), chosen
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: answer)
    window.panel.export.click()
    qtbot.waitUntil(lambda: window.apply.export.status.kind == "done")
    assert [path.name for path in tmp_path.glob("*.*")] == [written]


def test_a_table_holds_intensities_and_what_was_confirmed(window, movie, tmp_path, qtbot):
    window.session.segment()
    qtbot.waitUntil(lambda: not window.session.running)
    image = window.session.image
    window.session.tools(image).confirm((1,), [2])
    window.panel.export_to(tmp_path / "a.csv")
    qtbot.waitUntil(lambda: window.apply.export.status.kind == "done")
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    read = ("frame", "area_px", "intensity_mean_c1", "state")
    assert [tuple(row[name] for name in read) for row in rows] == [
        ("1", "64", "90.0", "model"), ("1", "64", "60.0", "confirmed"),
    ]  # fmt: skip


def test_an_export_that_fails_says_so(window, movie, tmp_path, qtbot):
    window.session.segment()
    qtbot.waitUntil(lambda: not window.session.running)
    window.panel.export_to(tmp_path / "absent" / "a.tif")
    qtbot.waitUntil(lambda: window.apply.export.status.kind == "failed")
    assert window.panel.exported.text.text() == "The masks were not exported."


def copied(window, name):
    action = next(a for a in window.panel.copy.menu().actions() if a.text() == name)
    action.trigger()
    return QGuiApplication.clipboard().text()


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("command line", "touchup segment "),
        ("Python", "from pathlib import Path"),
        ("methods text", "Objects in 0 frames of 1.tif were segmented with napari-touchup "),
    ],
)
def test_what_was_chosen_is_copied(window, plate, model_file, name, starts, qtbot):
    window.session.open_model(model_file("mine.safetensors"))
    window.apply.images.open(plate / "1.tif")
    qtbot.waitUntil(lambda: window.session.image is not None)
    text = copied(window, name)
    assert text.startswith(starts)
    assert "1.tif" in text
    assert window.apply.export.status == Status("done", f"Copied: {name}")
    assert window.panel.exported.text.text() == f"Copied: {name}"


def test_an_image_without_a_file_cannot_be_told_of(window, movie):
    QGuiApplication.clipboard().setText("mine")
    assert copied(window, "command line") == "mine"
    status = window.apply.export.status
    assert status.kind == "ask"
    assert "no file of its own" in status.text


def test_every_control_has_a_tooltip(window, movie):
    panel = window.panel
    controls = [
        panel.queue.source, panel.queue.list, panel.queue.previous, panel.queue.next,
        panel.folder.segment, panel.folder.stop, panel.folder.report, panel.export,
    ]  # fmt: skip
    assert [control for control in controls if not control.toolTip()] == []


def test_it_fits_a_narrow_dock(window, plate, qtbot):
    window.queue.open_folder(plate)
    finding = Finding("unusual", plate / "1.tif", "2 cells; most images have about 90")
    window.apply.run.report = FolderReport(3, 100, (finding,) * 30)
    window.apply.run.propose(window.panel.folder._request(None), lambda: None)
    assert window.panel.minimumSizeHint().width() <= 250


def test_closed(window, plate):
    before = window.viewer.bind_key("A", None)
    window.apply.close()
    assert before is not None
    assert not window.viewer.keymap
    window.queue.open_folder(plate)
    window.queue.go(1)
    assert window.names == []


def test_an_empty_queue_says_nothing():
    assert counted(ImageQueue()) == ""


def test_a_dock_from_the_menu_gives_an_image_one_masks_layer(
    make_napari_viewer, fake_network, spots, qtbot
):
    """The menu hands docks a proxy of the viewer; its layers are not those of the viewer."""
    viewer = make_napari_viewer()
    dock = viewer.window.add_plugin_dock_widget("napari-touchup", "Touch-Up")[1]
    viewer.add_image(spots(90), name="a")
    dock.session._run._network = fake_network
    dock.session.segment()
    qtbot.waitUntil(lambda: not dock.session.running)
    assert [layer.name for layer in viewer.layers] == ["a", "a masks"]
    assert {str(key) for key in viewer.keymap} >= {"A", "D"}
    with qtbot.waitSignal(dock.destroyed):
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
    assert not viewer.keymap
