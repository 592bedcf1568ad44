"""Items that evaluate never train."""

from __future__ import annotations

import pytest

from workbench.errors import ConflictError, LeakageError, StoreError
from workbench.records import Split
from workbench.store import group_of

GROUPS = [f"parent-{number}" for number in range(400)]


def test_a_split_is_deterministic_and_about_as_large_as_asked(store):
    parts = store.assign_split(GROUPS, eval_share=0.25, seed=7)
    assert list(parts) == GROUPS
    held_out = [group for group, part in parts.items() if part == "eval"]
    assert 0.25 - 0.065 < len(held_out) / 400 < 0.25 + 0.065  # three standard errors
    assert len(store.splits(part="eval")) == len(held_out)
    assert parts["parent-0"] == "train", "the hash must not change between versions"
    assert parts["parent-1"] == "eval"


def test_groups_that_come_later_move_nothing(store):
    early = store.assign_split(GROUPS[200:], eval_share=0.3, seed=1)
    late = store.assign_split(GROUPS, eval_share=0.3, seed=1)
    assert {group: late[group] for group in early} == early
    assert len(store.splits()) == 400


def test_a_part_never_changes(store):
    first = store.assign_split(GROUPS[:50], eval_share=0.5, seed=1)
    assert store.assign_split(GROUPS[:50], eval_share=1.0, seed=2) == first
    assert set(first.values()) == {"train", "eval"}
    group = GROUPS[0]
    other = {"train": "eval", "eval": "train"}[first[group]]
    with pytest.raises(ConflictError, match="is stored already with another part"):
        store.add([Split(group=group, part=other, seed=1)])


def test_the_seed_decides(store):
    first = store.assign_split([f"a{n}" for n in range(50)], eval_share=0.5, seed=1)
    store_of_other_names = store.assign_split([f"b{n}" for n in range(50)], eval_share=0.5, seed=2)
    assert list(first.values()) != list(store_of_other_names.values())
    assert set(store.assign_split(["x", "y"], eval_share=0, seed=1).values()) == {"train"}
    assert set(store.assign_split(["v", "w"], eval_share=1, seed=1).values()) == {"eval"}


def test_held_out_items_may_not_train(store, make):
    store.add(
        [
            make.item(id="shop/1", group="parent-1"),
            make.item(id="shop/2", group="parent-1"),
            make.item(id="shop/3"),
        ]
    )
    store.assign_split(["parent-1"], eval_share=1, seed=1)
    store.assign_split(["shop/3"], eval_share=0, seed=1)
    store.require_train(["shop/3"])
    store.require_train([])
    with pytest.raises(LeakageError, match=r"2 of 3 items .*: 'shop/1', 'shop/2'; leave them out"):
        store.require_train(["shop/3", "shop/1", "shop/2"])


def test_an_item_that_was_held_out_stays_held_out(store, make):
    store.add([make.item(group="old")])
    store.add([make.item(group="new")])
    store.assign_split(["old"], eval_share=1, seed=1)
    store.assign_split(["new"], eval_share=0, seed=1)
    with pytest.raises(LeakageError, match="'shop/1'"):
        store.require_train(["shop/1"])


def test_nobody_vouches_for_unknown_items(store):
    with pytest.raises(LeakageError, match=r"1 of 1 items are not in the store.*'shop/9'"):
        store.require_train(["shop/9"])


def test_items_that_were_not_dealt_may_not_train(store, make):
    """They could be dealt to `eval` after they trained."""
    store.add([make.item()])
    with pytest.raises(LeakageError, match=r"1 of 1 items belong to no part yet.*'shop/1'"):
        store.require_train(["shop/1"])
    store.assign_split([group_of(make.item())], eval_share=0, seed=1)
    store.require_train(["shop/1"])


def test_frames_can_be_kept_to_one_part(store, make):
    store.add([make.item(), make.item(id="shop/2", group="parent-1")])
    store.add([make.generation(), make.generation(key="g2", item="shop/2")])
    store.add([make.verdict(), make.verdict(key="v2", generation="g2")])
    store.add([make.generation(key="g3", item=None)])
    store.assign_split([group_of(make.item())], eval_share=1, seed=1)
    store.assign_split(["parent-1"], eval_share=0, seed=1)
    assert store.items()["part"].tolist() == ["eval", "train"]
    assert store.items(part="train")["id"].tolist() == ["shop/2"]
    assert store.generations(part="train")["key"].tolist() == ["g2"]
    assert store.verdicts(part="eval")["key"].tolist() == ["v1"]


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_lies_between_0_and_1(store, share):
    with pytest.raises(StoreError, match="must lie between 0 and 1"):
        store.assign_split(["a"], eval_share=share, seed=1)


def test_groups_are_a_list_of_names(store):
    with pytest.raises(StoreError, match="got the one text 'shop/1'"):
        store.require_train("shop/1")
    with pytest.raises(StoreError, match="wants a list of keys, got the one text 'abc'"):
        store.assign_split("abc", eval_share=0.5, seed=1)
    with pytest.raises(StoreError, match=r"got '': use `group_of\(item\)`"):
        store.assign_split(["a", ""], eval_share=0.5, seed=1)
