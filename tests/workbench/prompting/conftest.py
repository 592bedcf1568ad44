"""Marked titles that follow a plan, so that it is known what can be learned from them."""

from __future__ import annotations

import json

import numpy as np
import pytest

BRANDS = (
    "Norrland",
    "Tarn & Fell",
    "Acmeo",
    "Pikko",
    "Maison Verel",
    "Hexley",
    "Lumora",
    "Zentara",
)
NAMES = (
    "Elva",
    "Milano II",
    "Radler",
    "Tempo 08",
    "Jayna",
    "Deino",
    "Natalie",
    "Corvo",
    "Bryn",
    "Adana",
)
KINDS = ("Sneaker", "Loafer", "Ankle Boot", "Sandal", "Oxford", "Clog")
COLORS = ("Black", "Dark Brown", "Red Patent", "Blue/White", "Taupe")
GOODS = ("Ground Coffee", "Green Tea", "Hair Conditioner", "Laundry Detergent", "Vitamin C Tablets")


def planned(count, seed):
    """Rows as people mark them: half shoes, with a model's name after whom they are for, half groceries."""
    rng = np.random.default_rng(seed)

    def one(words):
        return str(words[int(rng.integers(len(words)))])

    rows = []
    for k in range(count):
        brand = one(BRANDS)
        if k % 2:
            name, size = one(NAMES), f"{int(rng.integers(5, 13))} {one(('M', 'D', 'W'))} US"
            title = f"{brand} {one(('Men', 'Women'))}'s {name} {one(KINDS)}, {one(COLORS)}, {size}"
            marks = {"brand": brand, "model": name, "size": size}
        else:
            size = f"{int(rng.integers(2, 60))} {one(('Ounce', 'Count', 'Fl Oz'))}"
            title = f"{brand} {one(('Organic', 'Classic', 'Mild'))} {one(GOODS)}, {size}"
            marks = {"brand": brand, "size": [size]}
            if rng.random() < 0.4:
                title += " (Pack of 3)"
                marks["size"].append("Pack of 3")
        rows.append({"title": title, "category": "Shoes" if k % 2 else "Groceries", **marks})
    return rows


@pytest.fixture(scope="session")
def marked_files(tmp_path_factory):
    """Two files of marked titles: one to learn from, one to measure on."""
    folder = tmp_path_factory.mktemp("marked")
    paths = []
    for name, count, seed in (("train", 90, 1), ("test", 50, 2)):
        paths.append(folder / f"{name}.jsonl")
        paths[-1].write_text("\n".join(map(json.dumps, planned(count, seed))))
    return paths
