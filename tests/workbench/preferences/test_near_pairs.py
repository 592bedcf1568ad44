"""Near-duplicates are found exactly: as comparing each pair with every other would find them."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.preferences import Origin, Pair, PhotoPrint
from workbench.preferences._duplicates import near_pairs
from workbench.preferences._shingles import shingles

WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=0, max_size=9).map(" ".join)
ROWS = st.lists(st.tuples(WORDS, WORDS, st.integers(0, 2)), min_size=0, max_size=25)
PRINTS = {
    "sha256:0": PhotoPrint(width=9, height=9, layout=0b1111, colours=bytes([100] * 48)),
    "sha256:1": PhotoPrint(width=8, height=8, layout=0b0111, colours=bytes([103] * 48)),
    "sha256:2": PhotoPrint(width=8, height=8, layout=0b0111, colours=bytes([180] * 48)),
}


def grams(text):
    said = re.findall(r"\w+", text)
    return {*said, *pairwise(said)}


def similarity(one, other):
    first, second = (
        {(0, g) for g in grams(p.chosen)} | {(1, g) for g in grams(p.rejected)}
        for p in (one, other)
    )
    return len(first & second) / len(first | second) if first | second else 1.0


def near(one, other, least):
    photos = PRINTS[one.photos[0]].near(PRINTS[other.photos[0]], bits=2, levels=5)
    return photos and similarity(one, other) >= least


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, least=st.sampled_from((0.3, 0.5, 0.75, 0.9, 1.0)))
def test_the_same_pairs_as_by_comparing_all(rows, least):
    pairs = [
        Pair(
            prompt="q", chosen=a, rejected=b, source="correction", photos=(f"sha256:{photo}",),
            origin=Origin(rejected="g", model="m", revision="r"),
        )
        for a, b, photo in rows
    ]  # fmt: skip
    n = len(pairs)
    both = shingles([*(p.chosen for p in pairs), *(p.rejected for p in pairs)])
    found = near_pairs(
        pairs,
        both.part(0, n),
        both.part(n, 2 * n),
        similarity=least,
        prints=PRINTS,
        bits=2,
        levels=5,
    )
    gone = {one.place for one in found}
    kept = [i for i in range(n) if i not in gone]
    assert not [(i, j) for i in kept for j in kept if i < j and near(pairs[i], pairs[j], least)]
    for one in found:
        assert one.of < one.place and near(pairs[one.of], pairs[one.place], least)
        assert abs(one.similarity - similarity(pairs[one.of], pairs[one.place])) < 1e-12


def test_a_red_and_a_blue_mug_of_one_form_are_two_photos():
    one, _, other = PRINTS.values()
    assert not one.near(other, bits=6, levels=6)
