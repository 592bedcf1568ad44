"""What every source of items can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from workbench.records import Item, Problem
from workbench.schema import Schema


class Catalog(Protocol):
    """A source of items: a shop's export, a table, a folder of photos, or products drawn by us.

    Items come in the source's own order, the same on every reading. Reading again is allowed.
    """

    @property
    def name(self) -> str:
        """Short name; every item's id starts with `<name>/`."""
        ...

    @property
    def simulated(self) -> bool:
        """True where nobody sells these items: drawn by us."""
        ...

    @property
    def schema(self) -> Schema:
        """Categories of the items, with the attributes that they ask for."""
        ...

    def items(self) -> Iterator[Item | Problem]:
        """Yield every item, and a `Problem` for each row or file that could not be used whole.

        A `Problem` says whether its row was left out, or loaded without the part that is wrong.
        `Item.photos` hold addresses for `photo`.

        Raises:
            CatalogError: The source as a whole cannot be read.
        """
        ...

    def photo(self, address: str) -> bytes:
        """Bytes of one photo as the source holds them, not yet known to be a picture.

        Raises:
            CatalogError: There is nothing at `address`, or it cannot be read.
        """
        ...
