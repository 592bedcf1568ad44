"""One listing: its title and each of its aspects, what it leaves out, and the verdict.

Listings differ in their aspects while a project has one page, so the page has slots, and a hidden
question whose choices come with the task opens as many as the listing has. `<Repeater>` would do the
same, but the SDK then knows no question by its name and refuses predictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element

from annotation.label_studio.interfaces._keys import Keys, unreachable
from annotation.label_studio.interfaces._records import Answer, Correction, Interface, TaskData
from annotation.label_studio.interfaces._regions import Fields, missing, place
from annotation.label_studio.interfaces._review import (
    Option,
    choices,
    classes,
    control_of,
    criteria_views,
    heading,
    modes_view,
    note_view,
    read_review,
    review_fields,
    text_area,
    verdict_view,
)
from annotation.label_studio.interfaces._show import aspects_of, listing_of, price_of, strip
from annotation.label_studio.interfaces._xml import beside_photos, clean, shown_when, tag
from workbench.errors import LabelStudioError
from workbench.records import Generation, Item, Listing
from workbench.rubric import Rubric
from workbench.schema import Schema

RIGHT, WRONG, UNSEEN = "right", "wrong", "unseen"
SLOTS = "slots"

_OBJECT, _MISSING = "photos", "missing"
_USUAL = 6


def slots_for(schema: Schema | None) -> int:
    """Aspects that the page has room for: all of the largest category, and a few that no category has."""
    if schema is None:
        return 16
    return 4 + max((len(c.attributes) for c in schema.categories.values()), default=4)


def build(rubric: Rubric, *, slots: int) -> list[Element]:
    """The page's parts."""
    keys = Keys()
    open_title = "The title is not answered yet: is it right?"
    stated = [
        _slot("title", "Title", keys, row="The title", required=open_title, prefilled=True),
        *(_aspect(number, keys) for number in range(1, slots + 1)[:_USUAL]),
    ]
    # These get their keys before aspects that few listings have.
    criteria = list(criteria_views(rubric, _OBJECT, keys))
    modes = list(modes_view(rubric, _OBJECT, keys))
    # Photos show no price: whoever knows better can say so, and nobody has to, so it needs no keys.
    price = shown_when(
        SLOTS, "price", _slot("price", "Price (optional)", keys, row="The price", optional=True)
    )
    stated += [_aspect(number, keys) for number in range(1, slots + 1)[_USUAL:]]
    stated.append(price)
    more = tag(
        "View",
        heading("Does it leave out what the photos show?"),
        tag("View", tag("Text", name="unstated", value="$unstated"), className="wb-hint"),
        text_area(_MISSING, _OBJECT, placeholder="Pattern: Striped, then Enter", several=True),
        className="wb-missing",
    )
    return beside_photos(
        _OBJECT,
        SLOTS,
        *stated,
        more,
        *criteria,
        verdict_view(_OBJECT, *modes, note_view(_OBJECT)),
    )


def data(
    interface: Interface,
    generation: Generation,
    item: Item | None,
    *,
    pictures: Mapping[str, str],
    against: Generation | None,
) -> dict[str, Any]:
    """What the page shows.

    Raises:
        LabelStudioError: There is no listing, or it has more aspects than the page has room for.
    """
    del against
    listing = listing_of(generation)
    stated = aspects_of(listing)
    if len(stated) > interface.slots:
        raise LabelStudioError(
            f"listing {generation.key[:12]} states {len(stated)} aspects, and the interface has room "
            f"for {interface.slots}: leave it out, or build it with a schema of categories as large"
        )
    filled: dict[str, Any] = {}
    for number in range(1, interface.slots + 1):
        filled |= {f"aspect_{number}_name": "", f"aspect_{number}": ""}
    for number, (name, value) in enumerate(stated.items(), start=1):
        filled |= {f"aspect_{number}_name": name, f"aspect_{number}": value}
    return {
        "photos": strip(generation.inputs or (item.photos if item else ()), pictures),
        "title": clean(listing.title),
        "price": price_of(listing),
        "unstated": _unstated(interface.schema, generation, stated),
        SLOTS: [
            {"value": name, "selected": True, "hotkey": unreachable(number)}
            for number, name in enumerate(gate(listing)[SLOTS])
        ],
        **filled,
    }


def read(interface: Interface, fields: Fields, data: TaskData) -> Answer:
    """What the person said.

    Raises:
        LabelStudioError: A statement of the listing other than its price was not answered.
    """
    answer = read_review(interface, fields)
    corrections: list[Correction] = []
    contradictions = list(answer.contradictions)
    for name, about in _asked(data):
        said = fields.get(f"{name}_is")
        if said is None and name == "price":
            continue
        if said is None:
            raise missing(place(data), f"{name}_is")
        written = fields.get(f"{name}_fix")
        before, after = data[name], "\n".join(written or ()) or None
        if said[0] == RIGHT:
            continue
        if after is not None and after == before.strip():
            contradictions.append(f"{about!r} is {said[0]}, but its text is left as it was")
        elif after is None and (name == "title" or (said[0] == WRONG and written is not None)):
            # Nothing is taken out that nobody said to take out.
            contradictions.append(f"{about!r} is {said[0]}, but what it should say is left open")
        else:
            corrections.append((about, before, after))
    contradictions += _apart(interface, fields, data)
    added, unread = _added(fields.get(_MISSING, ()), {about for _, about in _asked(data)})
    contradictions += [
        f"{line!r} was to be added, but is no `Name: value`, or stated already" for line in unread
    ]
    notes = [answer.note] if answer.note else []
    return replace(
        answer,
        corrections=(*corrections, *added),
        contradictions=tuple(contradictions),
        note="\n".join([*notes, *unread]) or None,
    )


def _apart(interface: Interface, fields: Fields, data: TaskData) -> Iterator[str]:
    """Where a row and the question of the same name, such as `color`, say different things."""
    criteria = {one.id: one for one in interface.rubric.criteria}
    for name, about in _asked(data):
        row = about.removeprefix("aspects.")
        criterion = criteria.get(row.casefold().replace("colour", "color").replace(" ", "_"))
        point = fields.get(control_of(criterion)) if criterion and name != "title" else None
        said = fields.get(f"{name}_is")
        if criterion is None or point is None or said is None or said[0] == UNSEEN:
            continue
        if (said[0] == RIGHT) != (float(point[0]) >= criterion.threshold):
            word = criterion.scale[int(point[0]) - 1]
            yield f"{row!r} is {said[0]} in its row, but {criterion.id!r} is answered {word!r}"


def fields(interface: Interface, answer: Answer, data: TaskData) -> Fields:
    """What `read` reads as `answer`."""
    corrected = {about: after for about, _, after in answer.corrections}
    found = review_fields(interface, answer)
    found[SLOTS] = tuple(slot["value"] for slot in data[SLOTS])
    for name, about in _asked(data):
        if name != "price" or name in corrected:
            said = WRONG if name == "title" or corrected.get(about) else UNSEEN
            found[f"{name}_is"] = (said if about in corrected else RIGHT,)
        if after := corrected.pop(about, None):
            found[f"{name}_fix"] = (after,)
    found[_MISSING] = tuple(
        f"{about.removeprefix('aspects.')}: {after}" for about, after in corrected.items()
    )
    return found


def without_gate(result: object) -> object:
    """`result` without the hidden question: what is asked of a listing stands in the task's data."""
    if not isinstance(result, list):
        return result
    return [one for one in result if not (isinstance(one, dict) and one.get("from_name") == SLOTS)]


def gate(listing: Listing) -> Fields:
    """The hidden question, as every answer about `listing` holds it."""
    numbers = range(1, len(aspects_of(listing)) + 1)
    priced = ("price",) if listing.price is not None else ()
    return {SLOTS: (*(f"aspect_{number}" for number in numbers), *priced)}


def _asked(data: TaskData) -> Iterator[tuple[str, str]]:
    """Text of the page and what a correction of it is about, for each statement of this listing."""
    yield "title", "title"
    for slot in data[SLOTS]:
        name = slot["value"]
        yield name, name if name == "price" else f"aspects.{data[f'{name}_name']}"


def _added(lines: tuple[str, ...], stated: set[str]) -> tuple[list[Correction], list[str]]:
    """Aspects to add, and lines that are none."""
    added: dict[str, Correction] = {}
    unread = []
    for line in (one for entry in lines for one in entry.splitlines() if one.strip()):
        name, _, value = (part.strip() for part in line.partition(":"))
        about = f"aspects.{name}"
        if not name or not value or about in stated or about in added:
            unread.append(line.strip())
        else:
            added[about] = (about, None, value)
    return list(added.values()), unread


def _aspect(number: int, keys: Keys) -> Element:
    # The row has its number because a message cannot say what the task names the aspect.
    name, unanswered = f"aspect_{number}", f"Row {number} is not answered yet: is it right?"
    return shown_when(
        SLOTS,
        name,
        _slot(name, f"{number}. ${name}_name", keys, row=f"Row {number}", required=unanswered),
    )


def _slot(
    name: str,
    words: str,
    keys: Keys,
    *,
    row: str,
    required: str | None = None,
    prefilled: bool = False,
    optional: bool = False,
) -> Element:
    out = "Cannot be seen" if prefilled else "Not seen: take out"
    pressed = keys.none(3) if optional else keys.column(3)
    answers = zip((RIGHT, WRONG, UNSEEN), ("Right", "Wrong", out), pressed, strict=True)
    question = choices(
        f"{name}_is",
        name,
        [Option(value=value, label=label, key=key) for value, label, key in answers],
        required=required,
    )
    wanted = text_area(
        f"{name}_fix",
        name,
        value=f"${name}" if prefilled else None,
        placeholder="What it should say, then Enter"
        if prefilled
        else "The right value, then Enter",
        required=f"{row} is wrong: write what is right"
        + ("." if prefilled else ", or choose: Not seen: take out."),
    )
    return tag(
        "View",
        tag("Header", value=words, size="5"),
        tag("View", tag("Text", name=name, value=f"${name}"), className="wb-said"),
        question,
        shown_when(
            f"{name}_is", f"{WRONG},{UNSEEN}" if prefilled else WRONG, wanted, name="wb-fix"
        ),
        className=classes("wb-slot wb-long" if prefilled else "wb-slot", pressed),
    )


def _unstated(schema: Schema | None, generation: Generation, stated: Mapping[str, str]) -> str:
    category = schema.categories.get(generation.category) if schema else None
    names = [
        attribute.name
        for attribute in (category.attributes if category else ())
        if attribute.visible != "no" and attribute.name not in stated
    ]
    return clean(f"Not stated: {', '.join(names)}") if names else ""
