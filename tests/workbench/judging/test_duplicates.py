"""Near duplicates: what a hash forgives, and that the search misses no pair and invents none."""

from __future__ import annotations

import io
import itertools
import time

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from workbench.catalog.drawn import draw, sample_product
from workbench.judging.duplicates import (
    NearDuplicate,
    distance,
    near_duplicates,
    near_hashes,
    perceptual_hash,
)


@pytest.fixture(scope="module")
def photos():
    return [draw(sample_product(number), size=128, seed=number) for number in range(40)]


def jpeg(image, quality):
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


def test_the_same_photo_in_another_file_is_near(photos):
    for photo in photos:
        whole = perceptual_hash(photo)
        for other in (
            photo.resize((300, 300), Image.Resampling.BICUBIC),
            jpeg(photo, 40),
            ImageEnhance.Brightness(photo).enhance(0.85),
        ):
            assert distance(whole, perceptual_hash(other)) <= 6


def test_other_products_are_far(photos):
    hashes = [perceptual_hash(photo) for photo in photos]
    distances = [distance(a, b) for a, b in itertools.combinations(hashes, 2)]
    assert np.median(distances) > 16
    assert np.mean(np.array(distances) <= 6) < 0.01


def test_pairs_are_found_with_their_distance(photos):
    pictures = [photos[0], photos[1], jpeg(photos[0], 60), photos[2]]
    found = [pair for pair in near_duplicates(pictures) if {pair.first, pair.second} == {0, 2}]
    assert len(found) == 1
    assert found[0].distance == distance(perceptual_hash(pictures[0]), perceptual_hash(pictures[2]))


@pytest.mark.parametrize("within", [0, 1, 3, 6, 12, 31])
def test_no_pair_is_missed_and_none_invented(within):
    rng = np.random.default_rng(within)
    hashes = rng.integers(0, 2**64, size=120, dtype=np.uint64)
    for place in range(60, 120):  # near ones, from equal to 20 bits away
        bits = rng.choice(64, size=place % 21, replace=False)
        flipped = np.bitwise_or.reduce(np.uint64(1) << bits.astype(np.uint64), initial=0)
        hashes[place] = hashes[place - 60] ^ np.uint64(flipped)
    expected = [
        NearDuplicate(first=i, second=j, distance=bits)
        for i, j in itertools.combinations(range(120), 2)
        if (bits := distance(int(hashes[i]), int(hashes[j]))) <= within
    ]
    assert near_hashes(hashes, within=within) == expected


def test_many_are_searched_without_comparing_all():
    """Four times as many pictures would take sixteen times as long if all were compared."""
    rng = np.random.default_rng(0)

    def seconds(n):
        hashes = rng.integers(0, 2**64, size=n, dtype=np.uint64)
        started = time.process_time()
        near_hashes(hashes, within=3)
        return time.process_time() - started

    seconds(1000)
    small, large = min(seconds(4000) for _ in range(3)), min(seconds(16000) for _ in range(3))
    assert large / small < 9


def test_edges():
    assert near_hashes(np.array([], dtype=np.uint64)) == []
    assert near_hashes(np.array([7], dtype=np.uint64)) == []
    assert near_duplicates([Image.new("RGB", (9, 9)), Image.new("RGB", (20, 20))])[0].distance == 0
    with pytest.raises(ValueError, match="shape"):
        near_hashes(np.zeros((2, 2), dtype=np.uint64))
    with pytest.raises(ValueError, match="from 0 to 31 bits, got 40"):
        near_hashes(np.zeros(2, dtype=np.uint64), within=40)
