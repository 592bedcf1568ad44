"""Items that suggest a change never prove it, whoever asks and under whatever name they come."""

from __future__ import annotations

import dataclasses
import io

import pytest

from workbench.catalog.drawn import DrawnCatalog
from workbench.errors import LeakageError, RubricError
from workbench.evolution import (
    add_proposal,
    deal_sides,
    decide,
    make_current,
    next_version,
    proposal_key,
    prove,
    read_evidence,
    require_apart,
)
from workbench.records import (
    Generation,
    Item,
    ProofSplit,
    RubricEvent,
    content_key,
)


def test_by_hand_a_proposing_item_cannot_prove(tried):
    shop, audit, proposal, made = tried
    with pytest.raises(
        LeakageError, match=rf"must not test a rubric.*'shop/{proposal.read[0][1:]}'"
    ):
        prove(shop.store, made.label, audit, shop.judge, by="x", generations=proposal.read[:3])
    proving = prove(shop.store, made.label, audit, shop.judge, by="x").keys
    forged = dataclasses.replace(proposal, read=proving[:1])
    forged = dataclasses.replace(forged, key=proposal_key(forged))
    with pytest.raises(
        LeakageError, match=rf"must not suggest a change.*'shop/{proving[0][1:]}' \(prove\)"
    ):
        add_proposal(shop.store, forged)
    # Past the front door, too: it is found when the version is to be tested or used.
    shop.store.add([forged])
    decide(shop.store, proposal.key, "refused", by="x", why="Mine is better.")
    decide(shop.store, forged.key, "accepted", by="x", why="I looked at all answers.")
    again = next_version(shop.store, "mugs@1", by="x")
    assert again == made, "the same words are the same version, and whoever suggested them counts"
    with pytest.raises(LeakageError, match=rf"'shop/{proving[0][1:]}'"):
        prove(shop.store, made.label, audit, shop.judge, by="x")
    with pytest.raises(LeakageError, match=rf"'shop/{proving[0][1:]}'"):
        make_current(shop.store, made.label, by="x", why="It was proved before.")


def test_an_item_under_two_generations_is_one_item(tried):
    shop, audit, proposal, made = tried
    first = shop.store.find(Generation, proposal.read[0])
    again = dataclasses.replace(first, key="again", prompt="Describe it better.", attempt=2)
    shop.store.add([again])
    with pytest.raises(LeakageError, match=rf"'{first.item}' \(propose\)"):
        prove(shop.store, made.label, audit, shop.judge, by="x", generations=["again"])


def test_an_item_that_moves_to_another_group_takes_its_side_along(tried):
    shop, audit, proposal, _ = tried
    item = shop.store.find(Item, f"shop/{proposal.read[0][1:]}")
    shop.store.add([dataclasses.replace(item, group="new group")])
    newcomer = Item(id="shop/new", category="mugs", group="new group", simulated=True)
    shop.store.add([newcomer])
    rows = read_evidence(shop.store, audit)
    row = next(one for one in rows if one.unit == item.id)
    moved = dataclasses.replace(row, item=newcomer, unit=newcomer.id, group="new group")
    sides = deal_sides(shop.store, audit, [*rows, moved])
    assert sides[item.id] == "propose"
    # Its old group is on the proposing side, and so is whoever comes into the old group.
    inside = dataclasses.replace(moved, unit="shop/other", group=row.unit)
    assert deal_sides(shop.store, audit, [inside])["shop/other"] == "propose"


def picture(number, *, quality=95, seed=3):
    from PIL import Image

    catalog = DrawnCatalog(seed=seed, items=8, size=96)
    address = [p for item in catalog.items() for p in item.photos][number]
    out = io.BytesIO()
    Image.open(io.BytesIO(catalog.photo(address))).convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def test_nearly_the_same_photo_is_on_the_same_side_and_an_error_by_hand(tried):
    shop, audit, proposal, _ = tried
    store = shop.store
    rows = {one.key: one for one in read_evidence(store, audit)}
    row = rows[proposal.read[0]]
    twins = [
        dataclasses.replace(
            row,
            unit=f"shop/twin{i}",
            group=f"shop/twin{i}",
            item=Item(id=f"shop/twin{i}", category="mugs", photos=(store.images.put(data),)),
        )
        for i, data in enumerate([picture(0), picture(0, quality=40), picture(4)])
    ]
    sides = deal_sides(store, audit, twins[:1]) | deal_sides(store, audit, twins)
    assert sides["shop/twin0"] == sides["shop/twin1"]
    # Dealt by hand to both sides, it is found by its picture.
    forced = dataclasses.replace(twins[1], unit="shop/copy", group="shop/copy")
    other = dataclasses.replace(twins[0], unit="shop/used", group="shop/used")
    hashes = store.find(ProofSplit, "shop/twin0").pictures
    store.add(
        [
            ProofSplit(item="shop/copy", group="shop/copy", side="prove", audit=audit.id),
            ProofSplit(item="shop/used", group="shop/used", side="propose", audit=audit.id, pictures=hashes),
        ]
    )  # fmt: skip
    with pytest.raises(LeakageError, match=r"'shop/copy' \(nearly the picture of 'shop/"):
        require_apart(store, [other.unit], [forced])


def test_a_picture_that_joins_both_sides_is_on_neither(shop):
    audit = shop.fill(20)
    row = read_evidence(shop.store, audit)[0]
    data = shop.store.images.put(picture(1))
    hashes = deal_sides_of(shop, audit, row, data)
    shop.store.add(
        [
            ProofSplit(item="a", group="a", side="propose", audit=audit.id, pictures=hashes),
            ProofSplit(item="b", group="b", side="prove", audit=audit.id, pictures=hashes),
        ]
    )
    both = dataclasses.replace(
        row, unit="c", group="c", item=Item(id="c", category="mugs", photos=(data,))
    )
    assert deal_sides(shop.store, audit, [both]) == {"c": "aside"}


def deal_sides_of(shop, audit, row, data):
    from workbench.evolution.sides import pictures_of

    item = Item(id="x", category="mugs", photos=(data,))
    return pictures_of(shop.store, dataclasses.replace(row, unit="x", item=item))


def test_another_audit_moves_no_item(shop):
    first = shop.fill(60)
    sides = deal_sides(shop.store, first, read_evidence(shop.store, first))
    assert {"propose", "prove"} == set(sides.values())
    later = dataclasses.replace(first, id=content_key("later"), drawn=first.drawn)
    shop.store.add([later])
    shop.answer(later)
    assert deal_sides(shop.store, later, read_evidence(shop.store, later)) == sides


def test_a_forged_test_does_not_make_a_version_current(tried):
    shop, audit, proposal, made = tried
    proof = prove(shop.store, made.label, audit, shop.judge, by="x")
    forged = dataclasses.replace(proof, keys=proposal.read[:5], proved=True, missing=())
    shop.store.add(
        [
            RubricEvent(
                id="forged", rubric="mugs", kind="tested", about=made.label, by="x", details=forged.to_dict()
            )
        ]
    )  # fmt: skip
    with pytest.raises(LeakageError, match=rf"'shop/{proposal.read[0][1:]}' \(propose\)"):
        make_current(shop.store, made.label, by="x", why="Look, a proof.")


def test_a_version_of_nowhere_is_not_tested_or_used(shop):
    audit = shop.fill(20)
    for label in ("mugs@7", "mugs", "cups@1"):
        with pytest.raises(RubricError, match="want a version"):
            make_current(shop.store, label, by="x", why="Because.")
        with pytest.raises(RubricError, match="want a version that accepted proposals made"):
            prove(shop.store, label, audit, shop.judge, by="x")
    with pytest.raises(RubricError, match="accepted proposals made"):
        make_current(shop.store, "mugs@1", by="x", why="It ships.")
