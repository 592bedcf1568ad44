"""What a store holds to train on: examples of four kinds, and pairs; nothing of an item that is held out.

Kinds of examples: `raw`, the catalogue's own listing of each item; `alignment`, that listing cut down to what its
photos show (MACE); `dialogue`, a talk about it (LACU); `correction`, a listing as people put it right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from workbench.alignment import examine, fingerprint
from workbench.errors import LearningError
from workbench.preferences import build_pairs
from workbench.records import Generation, Item, Listing, PreferencePair
from workbench.schema import Schema
from workbench.store import catalog_of, group_of, schemas_of
from workbench.training import Example, Pair, Turn, listing_example, training_pair

if TYPE_CHECKING:
    from workbench.store import Store

Kind = Literal["raw", "alignment", "dialogue", "correction"]
Row = TypeVar("Row", Example, Pair)
_SHOWN = 20
"""Lines of an export that an error names."""
KINDS: tuple[Kind, ...] = ("raw", "alignment", "dialogue", "correction")


def examples_of(store: Store, kinds: Iterable[Kind]) -> dict[Kind, list[Example]]:
    """Examples of each of `kinds`, about items of the training part alone, in the order of their keys.

    Raises:
        LearningError: A kind is unknown, or the store has none of one that was asked for.
        LeakageError: An item of the training part is held out by another split (a mistake of ours).
    """
    asked = list(dict.fromkeys(kinds))
    if unknown := [kind for kind in asked if kind not in KINDS]:
        raise LearningError(f"want kinds of examples among {', '.join(KINDS)}; got {unknown[0]!r}")
    items = _training_items(store)
    schemas = _schemas(store, items.values())
    makers = {
        "raw": lambda: _raw(items, schemas),
        "alignment": lambda: _aligned(store, items, schemas),
        "dialogue": lambda: _dialogues(store, items, schemas),
        "correction": lambda: _corrected(store, items),
    }
    found = {kind: list(makers[kind]()) for kind in asked}
    if missing := [kind for kind, rows in found.items() if not rows]:
        how = {
            "raw": "take a catalogue in with `workbench run listings`",
            "alignment": "`workbench run mace` makes them",
            "dialogue": "`workbench run lacu` makes them",
            "correction": "people make them in Label Studio: `workbench annotate`",
        }
        raise LearningError(
            f"the store has no examples of the kind {missing[0]} about items that may train: {how[missing[0]]}"
        )
    told = [row.item for rows in found.values() for row in rows if row.item is not None]
    store.require_train(sorted(set(told)))
    return found


def stored_pairs(store: Store) -> list[Pair]:
    """The preference pairs of texts that the store keeps, about items that may train.

    Raises:
        LearningError: It keeps none.
        LeakageError: One is about an item that is held out.
    """
    records = [one for one in store.records(PreferencePair) if not one.chosen.startswith("sha256:")]
    if not records:
        raise LearningError(
            "the store keeps no pair of texts: `workbench pairs` makes them of what people corrected"
        )
    store.require_train(sorted({one.item for one in records if one.item is not None}))
    return [training_pair(one) for one in sorted(records, key=lambda one: one.key)]


def exported_pairs(store: Store, folder: Path) -> tuple[list[Pair], dict[str, Path]]:
    """The pairs that `workbench pairs --format trl` wrote to `folder`, and where their photos are.

    What the store knows of a pair, such as its item and whether it is simulated, is taken from there.

    Raises:
        LearningError: It is no such export, or rows of it cannot be read (all are named).
        LeakageError: A pair is about an item that is held out.
    """
    file = folder / "metadata.jsonl"
    if not file.is_file():
        raise LearningError(
            f"want a folder that `workbench pairs --format trl` wrote, got {str(folder)!r}: it has no metadata.jsonl"
        )
    pairs, files, faults = list[Pair](), dict[str, Path](), list[str]()
    for number, line in enumerate(file.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            pair = _exported(json.loads(line), where=f"line {number} of {file.name}")
        except (ValueError, KeyError, IndexError, TypeError) as error:
            faults.append(
                f"  line {number}: {type(error).__name__}: {error}; it ends as {line[-30:]!r}"
            )
            continue
        files.update({name: folder / name for name in pair.photos})
        pairs.append(pair)
    if faults:
        shown = faults[:_SHOWN] + [f"  and {len(faults) - _SHOWN:,} more"] * (len(faults) > _SHOWN)
        raise LearningError(
            f"{len(faults):,} {'line' if len(faults) == 1 else 'lines'} of {str(file)!r} cannot be read as pairs that "
            "`workbench pairs --format trl` wrote: write "
            "the export again, or leave them out\n" + "\n".join(shown)
        )
    known = {
        one.key: one for one in store.records(PreferencePair, [one.lineage[0] for one in pairs])
    }
    store.require_train(sorted({one.item for one in known.values() if one.item is not None}))
    return [_as_stored(one, known.get(one.lineage[0])) for one in pairs], files


def _exported(row: Mapping[str, Any], *, where: str) -> Pair:
    """A line of an export; an error of Python where it is none."""
    sides = {name: row[name][0]["content"] for name in ("prompt", "chosen", "rejected")}
    photos, key = tuple(row.get("images_file_names", ())), row["pair"]
    if wrong := [one for one in (*sides.values(), *photos, key) if not isinstance(one, str)]:
        raise TypeError(f"want texts, got {wrong[0]!r}")
    return Pair(**sides, photos=photos, source="export", lineage=(key,), where=where)


def _as_stored(pair: Pair, stored: PreferencePair | None) -> Pair:
    """An exported pair with what the store knows of it; its texts and photos stay those of the export."""
    if stored is None:
        return pair
    known = training_pair(stored)
    return replace(
        pair, item=known.item, source=known.source, lineage=known.lineage, simulated=known.simulated
    )


def apart(rows: Sequence[Row], *, share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows to learn from, and rows about other items that choose the weights: (learnt, held out).

    Both are of the training part: items of the evaluation part measure finished models and choose nothing.

    Args:
        rows: Any number.
        share: Of items that are held out, 0 to under 1.
        seed: Of the draw.
    """
    names = sorted({_about(row) for row in rows})
    count = round(share * len(names))
    drawn = np.random.default_rng(seed).permutation(len(names))[:count]
    aside = {names[i] for i in drawn}
    learnt = [row for row in rows if _about(row) not in aside]
    return learnt, [row for row in rows if _about(row) in aside]


def _about(row: Example | Pair) -> str:
    """What a row is about: its item; where none is known, its photos; where there are none, itself."""
    return row.item or " ".join(row.photos) or row.key


def _training_items(store: Store) -> dict[str, Item]:
    parts = store.splits(part="train")
    groups = set(parts["group"]) if len(parts) else set()
    found = {one.id: one for one in store.records(Item) if group_of(one) in groups and one.photos}
    if not found:
        raise LearningError(
            "no item with a photo is in the training part: `workbench run listings` takes a catalogue in and deals it"
        )
    return dict(sorted(found.items()))


def _schemas(store: Store, items: Iterable[Item]) -> dict[str, Schema]:
    names = {catalog_of(item.id) for item in items}
    found = schemas_of(store, names)
    if missing := sorted(names - found.keys()):
        raise LearningError(f"the store has no schema of the catalogue {missing[0]!r}")
    return found


def _raw(items: Mapping[str, Item], schemas: Mapping[str, Schema]) -> Iterator[Example]:
    for item in items.values():
        if item.title:
            category = schemas[catalog_of(item.id)].category(item.category)
            yield listing_example(
                Listing(title=item.title, aspects=item.aspects), category, item.photos,
                item=item.id, source="raw", lineage=(item.id,), simulated=item.simulated,
            )  # fmt: skip


def _aligned(
    store: Store, items: Mapping[str, Item], schemas: Mapping[str, Schema]
) -> Iterator[Example]:
    for made in _generations(store, "alignment", items):
        item = items[str(made.item)]
        if made.listing is not None and made.listing.title:
            category = schemas[catalog_of(item.id)].category(item.category)
            yield listing_example(
                made.listing, category, item.photos, item=item.id, source="alignment",
                lineage=(made.key,), simulated=made.simulated,
            )  # fmt: skip


def _dialogues(
    store: Store, items: Mapping[str, Item], schemas: Mapping[str, Schema]
) -> Iterator[Example]:
    """What is fit of each dialogue: rounds that its aligned listing bears out, and no dialogue twice."""
    seen: set[bytes] = set()
    made = _generations(store, "dialogue", items)
    parents = {
        one.key: one
        for one in store.records(Generation, sorted({one.parent for one in made if one.parent}))
    }
    for one in made:
        aligned = parents.get(one.parent or "")
        if aligned is None or aligned.listing is None or not one.text:
            continue
        item = items[str(one.item)]
        schema = schemas[catalog_of(item.id)]
        fit = examine(one.text, aligned.listing, schema.category(item.category), schema).dialogue
        if fit is None or (mark := fingerprint(fit)) in seen:
            continue
        seen.add(mark)
        turns: list[Turn] = []
        for said in fit.rounds:
            turns.append(Turn(role="user", text=said.buyer))
            turns.append(Turn(role="assistant", text=said.seller))
        yield Example(
            turns=tuple(turns), photos=item.photos, item=item.id, source="dialogue",
            lineage=(one.key, aligned.key), simulated=one.simulated,
        )  # fmt: skip


def _corrected(store: Store, items: Mapping[str, Item]) -> Iterator[Example]:
    """Listings as people put them right: the chosen side of pairs that come from corrections."""
    for pair in build_pairs(store).pairs:
        if pair.source == "correction" and pair.kind == "text" and pair.item in items:
            yield replace(training_pair(pair).chosen_example(), source="correction")


def _generations(
    store: Store, kind: Literal["alignment", "dialogue"], items: Mapping[str, Item]
) -> list[Generation]:
    """The newest of each item, in the order of items."""
    newest: dict[str, Generation] = {}
    for one in store.records(Generation):
        if one.kind != kind or one.item is None or one.item not in items:
            continue
        known = newest.get(one.item)
        if known is None or (one.created_at, one.key) > (known.created_at, known.key):
            newest[one.item] = one
    return [newest[item] for item in items if item in newest]
