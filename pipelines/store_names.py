"""How commands name their store to people: with no password, and not at all where the settings name it."""

from __future__ import annotations

import shlex

from workbench.errors import StoreError
from workbench.settings import read_settings


def shown_store(store: str) -> str:
    """The store's address as it may be printed: a folder as it is, a URL with its password hidden."""
    from workbench.store._engine import locate

    if "://" not in store:
        return store
    try:
        found = locate(store, None)
    except StoreError:  # a URL that cannot be read: nobody knows which part of it is the password
        return f"{store.partition('://')[0]}://..."
    return store if found.file is not None else found.shown


def store_option(store: str) -> str:
    """What a command to copy says of the store, such as ` --store shop`.

    Empty where WORKBENCH_STORE names it, or nothing has to.

    Args:
        store: Its address, the password hidden or not.
    """
    shown = shown_store(store)
    return "" if shown == shown_store(read_settings().store) else f" --store {shlex.quote(shown)}"
