"""Pages that are built again from what a store holds: the rubric that asks, and the catalogue's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotation.label_studio.interfaces import Interface, Kind, build_interface
from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    from workbench.store import Store


def stored_page(
    store: Store, rubric: str, *, kind: Kind | None = None, catalog: str | None = None
) -> Interface:
    """The page that asks `rubric`.

    Args:
        store: Holds rubric and schema.
        rubric: `<name>@<version>`.
        kind: What is asked; None: a review of what the rubric judges.
        catalog: Whose schema the page follows; None: no item's.

    Raises:
        LabelStudioError: The rubric is not in the store, or cannot be read by this version.
    """
    from workbench.calibration.audited import rubric_of
    from workbench.store import schemas_of

    asked = rubric_of(store, rubric)
    if asked is None:
        raise LabelStudioError(
            f"want rubric {rubric}, whose text is not in the store {store.url}, or was written by a newer "
            "workbench: use the store in which it was judged and from which it was pushed"
        )
    schema = None if catalog is None else schemas_of(store, [catalog]).get(catalog)
    return build_interface(kind or asked.judges, asked, schema=schema)
