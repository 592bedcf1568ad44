"""From a model's string to an engine, and in one sentence why not."""

from __future__ import annotations

import subprocess
import sys

import pytest

import workbench.models
from workbench.errors import ModelError
from workbench.models import load_image, load_scorer, load_text, parse_spec


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("hf:Qwen/Qwen2.5-VL-7B-Instruct", ("hf", "Qwen/Qwen2.5-VL-7B-Instruct", None, None)),
        ("hf:org/name@abc123", ("hf", "org/name", "abc123", None)),
        ("dir:/models/mine@home", ("dir", "/models/mine@home", None, None)),
        (
            "openai:http://gpu-7:8000/v1#InternVL3-78B",
            ("openai", "http://gpu-7:8000/v1", None, "InternVL3-78B"),
        ),
        ("openai:https://gpu-7/v1", ("openai", "https://gpu-7/v1", None, None)),
        ("gguf:smollm2", ("gguf", "smollm2", None, None)),
        (" tiny:vlm ", ("tiny", "vlm", None, None)),
    ],
)
def test_a_string_is_taken_apart(name, parts):
    spec = parse_spec(name)
    assert (spec.scheme, spec.address, spec.revision, spec.model) == parts
    assert spec.name == name.strip()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Qwen/Qwen2.5-VL-7B-Instruct",
        "ollama:llama3",
        "hf:",
        "hf:@main",
        "hf:org/name@",
        "openai:gpu-7:8000/v1",
        "openai:http://gpu-7/v1#",
    ],
)
def test_a_string_that_names_no_model_is_refused_with_one_that_does(name):
    with pytest.raises(ModelError) as error:
        parse_spec(name)
    assert repr(name) in str(error.value)
    assert "hf:Qwen/" in str(error.value) or "http://gpu-7:8000" in str(error.value)


def test_an_unknown_scheme_lists_those_there_are():
    with pytest.raises(ModelError) as error:
        load_text("ollama:llama3")
    for scheme in ("hf:", "dir:", "openai:", "gguf:", "starter:", "tiny:"):
        assert scheme in str(error.value)


def test_an_option_that_no_engine_has_is_refused_by_name():
    with pytest.raises(ModelError, match=r"takes the options seed, batch_size; got temperature"):
        load_text("tiny:text", temperature=1.0)


def test_an_engine_that_makes_no_images_says_who_does():
    with pytest.raises(ModelError, match=r"gguf: serves no image model, .* want one of hf:"):
        load_image("gguf:smollm2")


@pytest.mark.parametrize("name", ["tiny:huge", "tiny:image"])
def test_a_tiny_model_that_does_not_exist_is_refused(name):
    with pytest.raises(ModelError, match="want tiny:text or tiny:vlm"):
        load_text(name)


def test_a_folder_that_is_not_there_or_holds_another_kind(tmp_path, model_folder):
    with pytest.raises(ModelError, match="it is not there"):
        load_text(f"dir:{tmp_path / 'nowhere'}")
    with pytest.raises(ModelError, match=r"neither config\.json nor model_index\.json"):
        load_scorer(f"dir:{tmp_path}")
    with pytest.raises(ModelError, match=r"want an image pipeline .* it holds config\.json"):
        load_image(f"dir:{model_folder('llama')}")


def test_broken_weights_are_one_sentence(tmp_path, model_folder):
    for file in model_folder("llama").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError) as error:
        load_text(f"dir:{tmp_path}")
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_heavy_is_imported_before_a_model_is_loaded():
    code = (
        "import sys, workbench.models as m; m.parse_spec('hf:a/b');"
        "heavy = {'torch', 'transformers', 'diffusers', 'xgrammar', 'PIL', 'httpx'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_all_listed():
    public = {name for name in vars(workbench.models) if not name.startswith("_")}
    modules = {name for name in public if f"workbench.models.{name}" in sys.modules}
    assert set(workbench.models.__all__) == public - modules
