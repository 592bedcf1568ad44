"""A catalogue is a string: `magento:/shop/export`, `table:/shop/items.csv`, `folder:…`, `drawn:…`."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl

from workbench.catalog.protocol import Catalog
from workbench.errors import CatalogError

_KINDS = {
    "magento": "magento:/shop/export?include=configurable",
    "table": "table:/shop/items.csv?title=name&price=cost&photo=image_url",
    "folder": "folder:/shop/photos",
    "drawn": "drawn:seed=7,items=120",
}
"""Kind of catalogue to an example."""


def open_catalog(address: str) -> Catalog:
    """Open the catalogue at `address`; its items are read later, by `Catalog.items`.

    Args:
        address: One of

            - `magento:<folder>?include=configurable|gear|all&photos=main|all&currency=USD`
            - `table:<file>?<field>=<column>&…`: CSV, Parquet or JSON lines by the file's ending; see
              `workbench.catalog.tables.TableCatalog`
            - `folder:<folder>`: every photo is an item
            - `drawn:seed=<int>,items=<int>`: products drawn by us, marked as simulated

            Each but the last takes `name=` too: the first part of its items' ids, where the name of
            its file or folder is taken by another catalogue.

    Raises:
        CatalogError: The address has another form, or there is nothing at it.
    """
    kind, colon, rest = address.partition(":")
    if not colon or kind not in _KINDS or not rest:
        forms = ", ".join(_KINDS.values())
        raise CatalogError(f"want a catalogue's address such as {forms}; got {address!r}")
    path, _, query = rest.partition("?")
    options = _options(query.split("&"), address)
    name = _name(options.pop("name", None), address) if kind != "drawn" else None
    if kind == "magento":
        from workbench.catalog.magento import Include, MagentoCatalog, Photos

        _only(options, ("include", "photos", "currency"), address)
        include = cast(Include, options.get("include", "configurable"))  # the catalogue checks both
        photos = cast(Photos, options.get("photos", "main"))
        return MagentoCatalog(
            path, include=include, photos=photos, currency=options.get("currency"), name=name
        )
    if kind == "table":
        from workbench.catalog.tables import TableCatalog

        return TableCatalog(path, options, name=name)
    if kind == "folder":
        from workbench.catalog.folder import FolderCatalog

        _only(options, (), address)
        return FolderCatalog(path, name=name)
    from workbench.catalog.drawn import open_drawn

    return open_drawn(_options(rest.split(","), address))


def whole_address(address: str) -> str:
    """`address` with its path made absolute, so that it means the same from any folder."""
    kind, _, rest = address.partition(":")
    if kind not in _KINDS or kind == "drawn":
        return address
    path, mark, query = rest.partition("?")
    return f"{kind}:{Path(path).absolute()}{mark}{query}"


def _name(name: str | None, address: str) -> str | None:
    if name is not None and (not name.strip() or "/" in name):
        raise CatalogError(f"want a name without '/' and not empty, got {name!r} in {address!r}")
    return name


def _only(options: dict[str, str], known: tuple[str, ...], address: str) -> None:
    for name in options:
        if name not in known:
            takes = ", ".join(known) or "no options"
            raise CatalogError(f"unknown option {name!r} in {address!r}; it takes {takes}")


def _options(parts: list[str], address: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts:
        if not part:
            continue
        pairs = parse_qsl(part, keep_blank_values=True)
        if len(pairs) != 1 or "=" not in part:
            raise CatalogError(f"want name=value, got {part!r} in {address!r}")
        name, value = pairs[0]
        if name in found:
            raise CatalogError(f"{name!r} is given twice in {address!r}")
        found[name] = value
    return found
