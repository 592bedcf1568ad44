"""A folder's revision follows what is in it, and nothing else."""

from __future__ import annotations

import shutil

import pytest

from workbench.errors import ModelError
from workbench.models import load_text
from workbench.models.revisions import folder_revision


def test_equal_folders_have_equal_revisions_wherever_they_lie(model_folder, tmp_path):
    folder = model_folder("llama")
    shutil.copytree(folder, tmp_path / "elsewhere")
    for card in ("README.md", "card.json", "training.json"):
        (tmp_path / "elsewhere" / card).write_text('{"seconds": 3.1}')
    assert folder_revision(folder) == folder_revision(tmp_path / "elsewhere")
    assert load_text(f"dir:{folder}").revision == folder_revision(folder)
    assert len(folder_revision(folder)) == 16


@pytest.mark.parametrize("name", ["model.safetensors", "chat_template.jinja", "config.json"])
def test_a_changed_file_is_another_model(model_folder, tmp_path, name):
    folder = tmp_path / "model"
    shutil.copytree(model_folder("llama"), folder)
    before = folder_revision(folder)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    assert folder_revision(folder) != before


def test_large_weights_are_sampled_from_end_to_end(tmp_path):
    folder = tmp_path / "large"
    folder.mkdir()
    weights = folder / "model.safetensors"
    size = 65 * 2**20

    def revision_with(place):
        with weights.open("wb") as file:
            file.truncate(size)
            if place is not None:
                file.seek(place)
                file.write(b"\x01" * 2**23)  # training changes more than eight megabytes of it
        return folder_revision(folder)

    places = [None, 0, size // 3, size // 2, size - 2**23]
    assert len({revision_with(place) for place in places}) == len(places)


def test_a_folder_without_weights_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="want a folder with weights"):
        folder_revision(tmp_path)
