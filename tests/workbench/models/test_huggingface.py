"""Models of the hub, from a cache that is laid out as the hub's own library lays it out."""

from __future__ import annotations

import shutil

import pytest

from workbench.models import load_image, load_text

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("load", "family"), [(load_text, "llama"), (load_image, "stable-diffusion")]
)
def test_a_hub_model_is_known_by_its_commit(load, family, model_folder, tmp_path, monkeypatch):
    from huggingface_hub import constants

    repository = tmp_path / f"models--somebody--{family}"
    (repository / "refs").mkdir(parents=True)
    for reference in ("main", "v1"):
        (repository / "refs" / reference).write_text(COMMIT)
    shutil.copytree(model_folder(family), repository / "snapshots" / COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))

    for name in (f"hf:somebody/{family}", f"hf:somebody/{family}@v1"):
        model = load(name)
        assert (model.name, model.revision) == (name, COMMIT)
