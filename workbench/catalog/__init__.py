"""Where items come from: tables, folders, shops, and a catalogue drawn by us."""

from __future__ import annotations

from workbench.catalog.ingest import Ingested, ingest
from workbench.catalog.open import open_catalog, whole_address
from workbench.catalog.protocol import Catalog

__all__ = ["Catalog", "Ingested", "ingest", "open_catalog", "whole_address"]
