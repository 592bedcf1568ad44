"""Fits the picture instruments on real photos with known flaws, and says how well they tell.

    WORKBENCH_REAL_DATA=<folder> python benchmarks/instruments.py

Studio photos (`luma/`) and sellers' photos (`garments/`), each once at 512, 256 or 128 pixels. Half of the
products and sellers fit, the other half measure. Printed: the area under the ROC curve per instrument and
flaw, the constants of `workbench/judging/instruments/_pictures.py`, and images per second on one core.
"""

from __future__ import annotations

import csv
import math
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from workbench.judging import degrade
from workbench.judging.instruments import _pictures as fits
from workbench.judging.instruments._ground import clutter_features, ground_features, lightest
from workbench.judging.instruments._sharpness import edge_width
from workbench.judging.instruments._text import text_rows
from workbench.judging.instruments._view import View

SEED = 7
SIDES = (512, 256, 128)
PHOTOS = 150
LEAST_RATE = 30
GOOD_SHARE = 0.8
"""Share of pictures taken to be free of a flaw: probabilities are about such a mixture."""
Picture = Image.Image
Flaw = Callable[[Picture], Picture]


def load(root: Path, rng: np.random.Generator) -> dict[str, dict[bool, list[Picture]]]:
    """Photos by source and by whether they fit (True) or measure (False)."""
    media = root / "luma" / "catalog" / "product"
    luma = [(re.match(r"[a-z]+\d+", path.name), path) for path in sorted(media.rglob("*.jpg"))]
    studio = [(found.group() if found else path.name, path) for found, path in luma]
    with (root / "garments" / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    folder = root / "garments" / "images"
    sellers = [
        (row["sender_id"], path)
        for row in rows
        if (path := folder / f"{row['image']}.jpg").exists()
    ]
    photos: dict[str, dict[bool, list[Picture]]] = {}
    for source, found in (("studio", studio), ("seller", sellers)):
        groups = sorted({group for group, _ in found})
        fitting = set(rng.permutation(groups)[: len(groups) // 2])
        photos[source] = {True: [], False: []}
        for index in rng.permutation(len(found)):
            group, path = found[index]
            mine = photos[source][group in fitting]
            if len(mine) >= PHOTOS:
                continue
            picture = Image.open(path).convert("RGB")
            side = SIDES[len(mine) % len(SIDES)]
            picture.thumbnail((side, side), Image.Resampling.LANCZOS)
            if source == "seller" or plain(picture):
                mine.append(picture)
    return photos


def plain(picture: Picture) -> bool:
    """A studio photo with its white ground to be seen, not a close-up that fills the frame."""
    seen = View(picture)
    return bool((seen.lab[seen.ring][:, 0] > 0.97).mean() >= 0.6)


def sets(
    rng: np.random.Generator, others: Sequence[Picture], seller: Sequence[Picture]
) -> dict[str, dict[str, Flaw | None]]:
    """Per instrument, what is done to photos: names that start with `+` stay good. None: as they are."""

    def tone(low: int, high: int) -> Flaw:
        def put(picture: Picture) -> Picture:
            grey = int(rng.integers(low, high))
            tint = tuple(int(np.clip(grey - rng.integers(0, 14), 0, 255)) for _ in range(3))
            return degrade.change_ground(picture, Image.new("RGB", picture.size, tint))

        return put

    def scene(picture: Picture) -> Picture:
        return degrade.change_ground(picture, seller[rng.integers(len(seller))])

    def text(height: float) -> Flaw:
        def put(picture: Picture) -> Picture:
            share = max(height, 8 / max(picture.size))
            opacity = float(rng.choice([1.0, 0.7, 0.4]))
            return degrade.overlay_text(picture, rng, height=share, opacity=opacity)

        return put

    return {
        "sharpness": {
            "+as it is": None,
            **{
                f"blur {s} px": (lambda p, s=s: degrade.blur(p, sigma=s)) for s in (1, 1.5, 2, 3, 5)
            },
        },
        "background": {
            "+as it is": None,
            "+light tints": tone(215, 256),
            "dark": tone(14, 100),
            "mid grey": tone(110, 150),
            **{
                f"shadow {s}": (lambda p, s=s: degrade.shadow(p, rng, strength=s))
                for s in (0.35, 0.5, 0.7)
            },
        },
        "clutter": {
            "+as it is": None,
            "+light tints": tone(215, 256),
            "+dark": tone(14, 100),
            "+shadow 0.35": lambda p: degrade.shadow(p, rng, strength=0.35),
            "1 leaf": lambda p: degrade.clutter(p, rng, count=1, size=0.15),
            "3 leaves": lambda p: degrade.clutter(p, rng, count=3, size=0.15),
            "2 things": lambda p: degrade.clutter(p, rng, count=2, size=0.2, others=others),
            "a seller's scene": scene,
        },
        "exposure": {
            "+as it is": None,
            **{
                f"{abs(s)} stops {'darker' if s < 0 else 'lighter'}": (
                    lambda p, s=s: degrade.expose(p, stops=s)
                )
                for s in (-3, -2, -1, 2)
            },
        },
        "text": {
            "+as it is": None,
            **{f"letters {h:.0%}": text(h) for h in (0.03, 0.05, 0.08)},
        },
    }


SOURCES = {
    "sharpness": ("studio", "seller"),
    "background": ("studio",),
    "clutter": ("studio",),
    "exposure": ("studio", "seller"),
    "text": ("studio", "seller"),
}
UNFITTED = {"blur 1 px", "1 stops darker", "2 stops lighter", "shadow 0.35"}
"""Flaws so weak that people would differ: measured, not fitted."""


def features(instrument: str, picture: Picture) -> np.ndarray:
    """What the instrument's logistic regression reads."""
    seen = View(picture)
    if instrument == "sharpness":
        width = edge_width(seen)
        return np.array([math.log(width or 20.0)])
    if instrument == "text":
        return np.array([fits.writing_score(seen)])
    if instrument == "exposure":
        return np.array([lightest(seen)])
    return {"background": ground_features, "clutter": clutter_features}[instrument](seen)


def fit(x: np.ndarray, good: np.ndarray) -> fits.Logistic:
    """Both kinds weighed to `GOOD_SHARE`; features are scaled to fit and the scale multiplied back in."""
    scale = x.std(0) + 1e-9
    good = np.asarray(good, dtype=bool)
    weigh = {True: GOOD_SHARE / good.mean(), False: (1 - GOOD_SHARE) / (1 - good.mean())}
    model = LogisticRegression(class_weight=weigh, max_iter=2000).fit(x / scale, good)
    weights = tuple(float(f"{w:.4g}") for w in model.coef_[0] / scale)
    return fits.Logistic(weights=weights, bias=float(f"{model.intercept_[0]:.4g}"))


def fit_writing(
    photos: dict[str, dict[bool, list[Picture]]], rng: np.random.Generator
) -> fits.Logistic:
    """Rows of writing against other rows, on photos with text put in."""
    x, y = [], []
    for source in ("studio", "seller"):
        for picture in photos[source][True]:
            share = max(float(rng.choice([0.03, 0.05, 0.08])), 8 / max(picture.size))
            opacity = float(rng.choice([1.0, 0.7, 0.4]))
            written = degrade.overlay_text(picture, rng, height=share, opacity=opacity)
            changed = np.abs(np.asarray(written, int) - np.asarray(picture, int)).max(-1) > 8
            rows = text_rows(View(written))
            for row, (top, bottom, left, right) in zip(
                rows.features, rows.boxes.astype(int), strict=True
            ):
                x.append(row)
                y.append(changed[top:bottom, left:right].mean() > 0.12)
    return fit(np.array(x), np.array(y))


def main() -> None:
    """Fit, measure, print; status 1 where the instruments are too slow."""
    if "WORKBENCH_REAL_DATA" not in os.environ:
        print("instruments: skipped, because WORKBENCH_REAL_DATA names no folder of photos")
        return
    rng = np.random.default_rng(SEED)
    photos = load(Path(os.environ["WORKBENCH_REAL_DATA"]), rng)
    for source, halves in photos.items():
        print(f"{source}: {len(halves[True])} photos fit, {len(halves[False])} measure")
    fits.WRITING_FIT = fit_writing(photos, rng)
    print("\nWRITING_FIT =", fits.WRITING_FIT)
    flaws = {
        half: sets(rng, photos["studio"][half], photos["seller"][half]) for half in (True, False)
    }
    for instrument, sources in SOURCES.items():
        x: dict[tuple[bool, str, str], np.ndarray] = {}
        for half in (True, False):
            for source in sources:
                for name, flaw in flaws[half][instrument].items():
                    pictures = photos[source][half]
                    done = [p if flaw is None else flaw(p) for p in pictures]
                    x[half, source, name] = np.array([features(instrument, p) for p in done])
        fitting = {k: v for k, v in x.items() if k[0] and k[2] not in UNFITTED}
        good = np.concatenate([np.full(len(v), k[2].startswith("+")) for k, v in fitting.items()])
        logistic = fit(np.concatenate(list(fitting.values())), good)
        print(f"\n{instrument}: {logistic}")
        for source in sources:
            report(source, photos[source][False], x, logistic)
    rate = speed(photos["studio"][False] + photos["seller"][False])
    print(f"\nall five at 256 pixels: {rate:.0f} images/s of one core's time, want {LEAST_RATE}")
    sys.exit(rate < LEAST_RATE)


def report(
    source: str,
    pictures: Sequence[Picture],
    x: dict[tuple[bool, str, str], np.ndarray],
    logistic: fits.Logistic,
) -> None:
    """How well the measuring half of one source is told, as a whole and at the largest size."""
    mine = {
        name: logistic.logit(v) for (half, of, name), v in x.items() if of == source and not half
    }
    large = np.array([max(p.size) == max(SIDES) for p in pictures])
    good = [score for name, score in mine.items() if name.startswith("+")]
    passed = np.mean(np.concatenate(good) > 0)
    print(f"  {source}: good ones that pass {passed:.0%}")
    for name, score in mine.items():
        if name.startswith("+"):
            continue
        aucs = []
        for some in (np.ones_like(large), large):
            base = np.concatenate([g[some] for g in good])
            truth = np.r_[np.ones(len(base)), np.zeros(some.sum())]
            aucs.append(roc_auc_score(truth, np.r_[base, score[some]]))
        print(
            f"    {name:18} AUC {aucs[0]:.3f}, at {max(SIDES)} px {aucs[1]:.3f}; "
            f"refused {np.mean(score < 0):.0%}"
        )


def speed(pictures: Sequence[Picture]) -> float:
    """Pictures of 256 pixels per second of processor time, through all picture instruments in turn."""
    small = [p.resize((192, 256)) for p in pictures]
    measures = (fits.sharpness, fits.background, fits.clutter, fits.exposure, fits.strokes)
    started = time.process_time()
    for picture in small:
        seen = View(picture)
        for measure in measures:
            measure(seen)
    return len(small) / (time.process_time() - started)


if __name__ == "__main__":
    main()
