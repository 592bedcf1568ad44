"""A store on each database: the same tests run against both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store can be made."""
    if request.param == "sqlite":
        return str(tmp_path / "store")
    return request.getfixturevalue("postgres_database")


@pytest.fixture
def store(address: str, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(address, images=tmp_path / "images") as opened:
        yield opened
