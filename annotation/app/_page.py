"""A tab whose every view has an address: what it shows follows from the query string alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from annotation.app._desk import Desk
from annotation.app._html import head, render
from annotation.app._people import Person
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    import gradio as gr

Query = Mapping[str, str]
Show = Callable[[Query, Person, "gr.Request"], str]
_LONGEST = 2000
_SOON = 2.0
"""Seconds after which somebody who waits for the store hears of it."""
_log = logging.getLogger(__name__)


def heading(blocks: gr.Blocks, desk: Desk, path: str) -> None:
    """What stands above a tab, filled in when the page is opened."""
    import gradio as gr

    gr.Navbar(visible=False)
    # The tabs are there at once; who asks is known when the page is opened.
    nobody = Person(name=None, role="nobody")
    bar = gr.HTML(head(active=path, store=desk.name, person=nobody), elem_id="head", padding=False)

    def fill(request: gr.Request) -> str:
        return head(active=path, store=desk.name, person=desk.person(request))

    blocks.load(asking(fill), None, bar, show_progress="hidden", api_visibility="private")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Two components of gradio's."""

    address: Any
    """Hidden; the page's script writes the query string into it when a link or filter is followed."""
    shown: Any


def view(blocks: gr.Blocks, show: Show, desk: Desk) -> View:
    """What `show` makes of the address, again whenever the address changes."""
    import gradio as gr

    address = gr.Textbox(elem_id="address", label="Address", elem_classes="away")
    shown = gr.HTML(render("waiting"), elem_id="view", padding=False)

    def opened(request: gr.Request) -> str:
        query = {name: str(value)[:_LONGEST] for name, value in dict(request.query_params).items()}
        return told(desk, lambda: show(query, desk.person(request), request))

    def moved(text: str, request: gr.Request) -> str:
        return told(desk, lambda: show(read_query(text), desk.person(request), request))

    for event, inputs, work in ((blocks.load, None, opened), (address.change, address, moved)):
        event(asking(work), inputs, shown, show_progress="hidden", api_visibility="private")
    return View(address=address, shown=shown)


def asking(work: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose last argument is the request: gradio, imported late, knows it by its annotation."""
    import gradio as gr

    work.__annotations__ = {"request": gr.Request}
    return work


def patiently(work: Callable[[], list[Any]], outputs: int) -> Iterator[list[Any]]:
    """What `work` returns for its components; before that, where it takes long, that the store is busy.

    The note goes to the first component, the others stay. A page that is closed meanwhile loses nothing:
    what was begun is ended.
    """
    import gradio as gr

    came: list[list[Any]] = []
    broke: list[BaseException] = []

    def working() -> None:
        try:
            came.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
            broke.append(error)

    worker = threading.Thread(target=working, daemon=True)
    worker.start()
    worker.join(_SOON)
    if worker.is_alive():
        yield [render("busy"), *([gr.skip()] * (outputs - 1))]
        worker.join()
    if broke:
        raise broke[0]
    yield came[0]


def read_query(text: object) -> Query:
    """A query string as the page's script writes it; the first of several values counts, its count does not."""
    pairs = parse_qsl(str(text)[:_LONGEST].lstrip("?"), max_num_fields=30)
    return {name: value for name, value in reversed(pairs) if name != "_"}


def told(desk: Desk, work: Callable[[], str]) -> str:
    """What `work` shows; where it cannot, why, in one sentence."""
    try:
        return work()
    except (WorkbenchError, ValueError) as error:
        return render("wrong", said=desk.sentence(error))
    except Exception:  # noqa: BLE001 - a reader sees a sentence, the terminal the rest
        _log.exception("a tab could not be shown")
        return render(
            "wrong", said="Something went wrong here; the terminal that runs the app says what."
        )
