"""*Try it*: a category or a photo in; attempts, verdicts and better prompts as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.app._desk import Desk
from annotation.app._html import render
from annotation.app._live import Trial
from annotation.app._page import asking, heading
from annotation.app._people import Person
from annotation.notebook._item import changes
from workbench.errors import PhotoError, WorkbenchError

if TYPE_CHECKING:
    import gradio as gr

PIXELS = 24_000_000
"""Width times height of a photo that is tried, at most."""
_SIDE = 1024
"""Longer side in pixels to which it is brought before anything looks at it."""


def build(blocks: gr.Blocks, desk: Desk) -> None:
    """The tab."""
    import gradio as gr

    heading(blocks, desk, "/")
    gr.HTML(render("try_intro", there=desk.live.demos is not None), elem_id="view", padding=False)
    demos = desk.live.demos
    with gr.Row(elem_id="form", elem_classes="fields", visible=False) as form:
        with gr.Column(min_width=260):
            # Read again when the page opens; an API call without a page is held to these.
            known = [] if demos is None else _offered(desk)
            category = gr.Dropdown(known, value=None, label="Category", elem_id="category")
            with gr.Row(elem_id="verdict"):
                draw = gr.Button("Make its picture", elem_id="draw", elem_classes="main")
                photo = gr.UploadButton(
                    "Describe a photo …", elem_id="photo", file_types=["image"], type="filepath"
                )
        with gr.Column(min_width=260), gr.Accordion("Models", open=False):
            image_model = gr.Textbox(
                desk.live.image_model, label="Makes pictures", elem_id="image-model"
            )
            writer = gr.Textbox(desk.live.writer, label="Writes listings", elem_id="writer")
            judge = gr.Textbox(desk.live.judge, label="Judges", elem_id="judge")
    out = gr.HTML(render("waiting"), elem_id="trial", padding=False)

    def drawing(category: str, image_model: str, judge: str, request: gr.Request) -> Iterator[str]:
        def work() -> Iterator[Trial]:
            assert demos is not None
            checked = [_model(desk, one, request) for one in (image_model, judge)]
            return demos.category(str(category), image_model=checked[0], judge=checked[1])

        yield from _shown(desk.person(request), work)

    def describing(
        file: str | None, category: str, writer: str, judge: str, request: gr.Request
    ) -> Iterator[str]:
        def work() -> Iterator[Trial]:
            assert demos is not None
            data = taken(file)
            checked = [_model(desk, one, request) for one in (writer, judge)]
            return demos.photo(data, str(category), model=checked[0], judge=checked[1])

        yield from _shown(desk.person(request), work)

    def opened(request: gr.Request) -> list[Any]:
        """What can be tried now, and the trial or the category that the address names."""
        if demos is None:
            return [gr.skip(), gr.skip(), ""]
        query = dict(request.query_params)
        offered = _offered(desk)
        ids = [one for _, one in offered]
        asked = str(query.get("category", ""))
        chosen = asked if asked in ids else next(iter(ids), None)
        place = gr.update(choices=offered, value=chosen)
        return [
            gr.update(visible=bool(ids)),
            place,
            _earlier(desk, str(query.get("trial", "")), ids),
        ]

    live: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 1, "concurrency_id": "trials",
    }  # fmt: skip
    blocks.load(
        asking(opened),
        None,
        [form, category, out],
        show_progress="hidden",
        api_visibility="private",
    )
    draw.click(asking(drawing), [category, image_model, judge], out, **live)
    photo.upload(asking(describing), [photo, category, writer, judge], out, **live)


def _offered(desk: Desk) -> list[tuple[str, str]]:
    """Categories that can be tried, read again when the store has other items."""
    assert desk.live.demos is not None
    return desk.kept("categories", desk.live.demos.categories)


def _earlier(desk: Desk, name: str, categories: Sequence[str]) -> str:
    """The trial that an address names; without one, what will be here."""
    assert desk.live.demos is not None
    if not name:
        return render("trial_none", empty=not categories, store=desk.name)
    trial = desk.live.demos.find(name[:64])
    if trial is None:
        return render(
            "wrong", said="There is no such trial any more: trials are not kept for good."
        )
    return trial_html(trial)


def taken(file: object) -> bytes:
    """A photo that was sent, drawn anew as a plain picture; the file that was sent is gone then.

    Raises:
        PhotoError: It is no picture that can be shown, or too large.
    """
    import io

    from gradio.utils import get_upload_folder
    from PIL import Image

    from workbench.photos import FORMATS, open_photo

    path = Path(str(file)).resolve()
    inside = Path(get_upload_folder()).resolve()
    if inside not in path.parents or not path.is_file():
        raise PhotoError("Nothing was sent: choose a photo from this computer.")
    data = path.read_bytes()
    path.unlink(missing_ok=True)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as found:
            pixels = found.width * found.height
    except Image.DecompressionBombError:  # it says more than anybody wants to read
        raise PhotoError(
            f"want at most {PIXELS:,} pixels, got far more: scale the photo down"
        ) from None
    except Exception:  # noqa: BLE001 - whatever broken bytes lead a decoder to; `open_photo` says what it is
        pixels = 0
    if pixels > PIXELS:
        raise PhotoError(f"want at most {PIXELS:,} pixels, got {pixels:,}: scale the photo down")
    out = io.BytesIO()
    open_photo(data, where="the photo", max_side=_SIDE).save(out, "JPEG", quality=92)
    return out.getvalue()


def trial_html(trial: Trial) -> str:
    """A trial as far as it has come."""
    steps, before = [], ""
    for step in trial.steps:
        listing = step.made.listing
        steps.append(
            {
                "made": step.made,
                "verdict": step.verdict,
                "image": step.made.image or (step.made.inputs[0] if step.made.inputs else None),
                "listing": listing,
                "diff": changes(before, step.made.prompt)
                if before
                else [["same", step.made.prompt]],
            }
        )
        before = step.made.prompt
    return render("trial", trial=trial, steps=steps)


def _shown(person: Person, work: Any) -> Iterator[str]:  # noqa: ANN401 - a function that begins a trial
    if person.role == "nobody":
        yield render("wrong", said="Sign in first.")
        return
    yield render("trial_waiting")
    try:
        for trial in work():
            yield trial_html(trial)
    except WorkbenchError as error:
        yield render("wrong", said=str(error))


def _model(desk: Desk, name: object, request: gr.Request) -> str:
    """A model's string; others than the app was started with are a writer's to choose.

    Raises:
        WorkbenchError: Somebody who may only look asks for another model.
    """
    wanted = str(name or "").strip()
    own = (desk.live.image_model, desk.live.writer, desk.live.judge)
    if wanted not in own and not desk.person(request).writes:
        raise WorkbenchError(f"Only a writer may try another model than {', '.join(own)}: sign in.")
    return wanted
