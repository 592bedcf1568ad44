"""What the environment says."""

from __future__ import annotations

import pytest

from workbench.errors import SettingsError
from workbench.settings import Settings, read_settings


def test_nothing_set_gives_the_defaults():
    assert read_settings({}) == Settings(store="workspace", images=None, api_key=None)


def test_variables_are_read():
    environ = {
        "WORKBENCH_STORE": "postgresql://me@host/name",
        "WORKBENCH_IMAGES": " s3://bucket/photos ",
        "WORKBENCH_API_KEY": "secret",
    }
    settings = read_settings(environ)
    assert settings.store == "postgresql://me@host/name"
    assert settings.images == "s3://bucket/photos"
    assert settings.api_key == "secret"
    assert "secret" not in repr(settings)


def test_this_process_is_asked_by_default(monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE", "elsewhere")
    assert read_settings().store == "elsewhere"


def test_an_empty_variable_is_a_mistake():
    with pytest.raises(SettingsError, match="WORKBENCH_STORE is set but empty"):
        read_settings({"WORKBENCH_STORE": "  "})
