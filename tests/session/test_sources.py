import numpy as np
import pytest

from napari_touchup.core.delta import compare
from napari_touchup.io.images import write_image
from napari_touchup.session.gallery import Gallery
from napari_touchup.session.images import Feed, Image
from napari_touchup.session.ledger import Ledger
from napari_touchup.session.memory_store import MemoryStore
from napari_touchup.session.project import Project
from napari_touchup.session.sources import find_sources
from napari_touchup.session.tools import Tools


@pytest.fixture
def project():
    project = Project(Ledger(MemoryStore()))
    yield project
    project.close()


def note(project, image, frames=((),), gallery=None):
    """Paint something in frames of an image."""
    project.ledger.put_image((gallery or Gallery()).record(image))
    tools = Tools(project, image.key, image.plane_shape)
    for index in frames:
        before = tools.state(index).labels
        after = before.copy()
        after[2:5, 2:5] = 1
        tools.stroke("brush", {index: compare(before, after)})


def in_file(path, data, axes="YX"):
    write_image(path, data, axes)
    return Image(path.stem, data, axes, path=path)


def test_files_are_read_and_what_is_away_is_told(project, tmp_path, spots):
    here = in_file(tmp_path / "here.tif", spots(90))
    gone = in_file(tmp_path / "gone.tif", spots(80))
    other = in_file(tmp_path / "other.tif", spots(70))
    loose = Image("loose", spots(60), "YX")
    for image in (here, gone, other, loose):
        note(project, image)
    gone.path.unlink()
    write_image(other.path, spots(10), "YX")  # other pixels under the same name
    sources = find_sources(project, Gallery(), 1)
    (found,) = sources.found
    assert (found.key, found.frames, found.shape) == (here.key, ((),), (32, 64))
    np.testing.assert_array_equal(found.feed.read(), here.data[None])
    assert {record.name for record in sources.away} == {"gone", "other", "loose"}


def test_channels_keep_their_order(project, tmp_path, spots):
    image = in_file(tmp_path / "two.tif", np.stack([spots(90), spots(60)]), "CYX")
    gallery = Gallery()
    gallery.note_feed(image, Feed(image.channels[::-1]))
    note(project, image, gallery=gallery)
    (found,) = find_sources(project, Gallery(), 2).found
    assert [channel.label for channel in found.feed.channels] == ["2", "1"]


def test_names_of_channels_are_kept_for_other_programs(project, tmp_path, spots):
    image = in_file(tmp_path / "a.tif", spots(90))
    image.rename("DAPI", ("DAPI",))
    note(project, image)
    (found,) = find_sources(project, Gallery(), 1).found
    assert found.feed.names == ("DAPI",)


def test_images_that_are_open_need_no_file(project, spots):
    movie = Image("movie", np.stack([spots(90)] * 3), "TYX")
    note(project, movie, ((0,), (2,)))
    gallery = Gallery()
    gallery.note(movie)
    (found,) = find_sources(project, gallery, 1).found
    assert found.frames == ((0,), (2,))


def test_a_file_may_lie_beside_the_project(project, tmp_path, spots):
    image = in_file(tmp_path / "a.tif", spots(90))
    note(project, image)
    (tmp_path / "new").mkdir()
    image.path.rename(tmp_path / "new" / "a.tif")
    assert find_sources(project, Gallery(), 1).found == ()
    assert len(find_sources(project, Gallery(beside=tmp_path / "new"), 1).found) == 1


def test_what_only_was_segmented_is_no_source(project, spots):
    image = Image("a", spots(90), "YX")
    project.ledger.put_image(Gallery().record(image))
    Tools(project, image.key, image.plane_shape).state(())
    project.predict(image.key, (), image.plane_shape, np.ones((32, 64), np.int32))
    sources = find_sources(project, Gallery(), 1)
    assert (sources.found, sources.away) == ((), ())
