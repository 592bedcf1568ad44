"""Picture instruments against flaws of known kind and strength, on drawn products and on real photos."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from workbench.catalog.drawn import draw, sample_product
from workbench.judging import Subject, degrade
from workbench.judging.instruments import INSTRUMENTS
from workbench.judging.instruments._pictures import (
    background,
    clutter,
    exposure,
    sharpness,
    strokes,
)
from workbench.judging.instruments._safety import model_file
from workbench.judging.instruments._sharpness import edge_width
from workbench.judging.instruments._view import View, oklab, view
from workbench.judging.instruments._writing import can_read
from workbench.records import Generation

MEASURES = {
    "sharpness": sharpness,
    "background": background,
    "clutter": clutter,
    "exposure": exposure,
    "text": strokes,
}


def auc(good, bad):
    """Probability that a good picture is rated above a bad one."""
    better = np.subtract.outer(good, bad)
    return float((better > 0).mean() + (better == 0).mean() / 2)


def qualities(name, pictures):
    return np.array([MEASURES[name](View(picture)).quality for picture in pictures])


def edge(*, sigma: float, low: int = 40, high: int = 220) -> Image.Image:
    """A disc with an edge of known softness."""
    big = Image.new("L", (960, 960), low)
    ImageDraw.Draw(big).ellipse((240, 240, 720, 720), fill=high)
    small = big.resize((240, 240), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(sigma)).convert("RGB")


# ---- what is measured ----------------------------------------------------------------------------


def test_oklab_agrees_with_its_publication():
    white, black, red = oklab(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], dtype=np.uint8))
    assert white == pytest.approx([1, 0, 0], abs=1e-3)
    assert black == pytest.approx([0, 0, 0], abs=1e-3)
    assert red == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 2.5])
def test_edge_width_is_the_softness_of_the_edge(sigma):
    """The steepest slope of an edge of contrast c is c / (s √(2π)).

    A pixel (a box of width 1) and the central difference (one of width 2) soften it further: they add
    1/12 and 4/12 to the variance.
    """
    expected = math.sqrt(2 * math.pi * (sigma**2 + 5 / 12))
    assert edge_width(View(edge(sigma=sigma))) == pytest.approx(expected, rel=0.1)


def test_edge_width_does_not_depend_on_contrast():
    strong = edge_width(View(edge(sigma=1.5)))
    weak = edge_width(View(edge(sigma=1.5, low=150, high=220)))
    assert weak == pytest.approx(strong, rel=0.05)


def test_a_picture_without_an_edge_is_out_of_focus():
    reading = sharpness(View(Image.new("RGB", (90, 90), "white")))
    assert (reading.quality, reading.measure) == (0.0, None)
    assert reading.reason == "nothing in the picture has an edge"


@pytest.mark.parametrize("falloff", [0, 70])
def test_the_product_is_told_from_the_ground_in_even_and_uneven_light(falloff):
    light = np.tile(np.linspace(240, 240 - falloff, 256), (256, 1))
    picture = Image.fromarray(np.repeat(light[..., None], 3, axis=2).astype(np.uint8))
    shape = Image.new("1", (256, 256))
    for drawing, fill in ((ImageDraw.Draw(picture), (170, 40, 40)), (ImageDraw.Draw(shape), 1)):
        drawing.ellipse((70, 60, 190, 200), fill=fill)
    found = View(picture).main
    truth = np.asarray(shape.resize((128, 128)))
    assert (found & truth).sum() / (found | truth).sum() > 0.95


def test_the_view_of_one_picture_is_made_once():
    one, other = Image.new("RGB", (20, 20)), Image.new("RGB", (20, 20))
    assert view(one) is view(one)
    assert view(one) is not view(other)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 2), (16, 16)])
@pytest.mark.parametrize("color", ["white", "black"])
def test_any_size_is_measured(size, color):
    for name, measure in MEASURES.items():
        quality = measure(View(Image.new("RGB", size, color))).quality
        assert 0 <= quality <= 1, name


# ---- how well flaws are told ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def products():
    return [draw(sample_product(number), size=128, seed=number) for number in range(40)]


def test_clean_drawings_pass(products):
    for name in ("sharpness", "background", "exposure", "clutter"):
        assert (qualities(name, products) > 0.5).mean() >= 0.85, name


@pytest.mark.parametrize(
    ("name", "flaw", "least"),
    [
        ("sharpness", lambda p, _: degrade.blur(p, sigma=1.5), 0.98),
        ("background", lambda p, rng: degrade.shadow(p, rng, strength=0.6), 0.98),
        ("exposure", lambda p, _: degrade.expose(p, stops=-2), 0.98),
        ("clutter", lambda p, rng: degrade.clutter(p, rng, count=3, size=0.15), 0.9),
    ],
)
def test_flaws_put_into_drawings_are_told(products, name, flaw, least):
    rng = np.random.default_rng(1)
    bad = [flaw(picture, rng) for picture in products]
    assert auc(qualities(name, products), qualities(name, bad)) >= least


def test_drawn_dark_backgrounds_are_told(products):
    bad = [draw(sample_product(n), size=128, seed=n, flaws=("dark_background",)) for n in range(20)]
    assert auc(qualities("background", products), qualities("background", bad)) == 1.0
    assert max(qualities("background", bad)) < 0.5


def test_sharpness_is_not_fooled_by_other_flaws(products):
    for flaw in ("wrong_color", "unexpected_element", "text_overlay"):
        others = [draw(sample_product(n), size=128, seed=n, flaws=(flaw,)) for n in range(12)]
        assert (qualities("sharpness", others) > 0.5).all()


@pytest.fixture(scope="module")
def studio(real_data):
    """Studio photos on white, close-ups left out."""
    files = sorted((real_data / "luma" / "catalog" / "product").rglob("*.jpg"))
    pictures = []
    for file in files[:: max(1, len(files) // 60)]:
        picture = Image.open(file).convert("RGB")
        picture.thumbnail((256, 256))
        seen = View(picture)
        if (seen.lab[seen.ring][:, 0] > 0.97).mean() >= 0.6:
            pictures.append(picture)
    return pictures[:40]


@pytest.mark.parametrize(
    ("name", "flaw", "least"),
    [
        ("sharpness", lambda p, _: degrade.blur(p, sigma=1.5), 0.98),
        ("background", lambda p, rng: degrade.shadow(p, rng, strength=0.5), 0.98),
        ("exposure", lambda p, _: degrade.expose(p, stops=-2), 0.98),
        ("clutter", lambda p, rng: degrade.clutter(p, rng, count=3, size=0.15), 0.9),
        ("text", lambda p, rng: degrade.overlay_text(p, rng, height=0.05), 0.85),
    ],
)
def test_flaws_put_into_real_photos_are_told(studio, name, flaw, least):
    rng = np.random.default_rng(2)
    assert len(studio) >= 25
    bad = [flaw(picture, rng) for picture in studio]
    assert auc(qualities(name, studio), qualities(name, bad)) >= least


def test_all_instruments_together_are_fast(products):
    """Processor time, so that other work on the machine does not count."""
    pictures = [picture.resize((256, 256)) for picture in products[:20]]

    def seconds():
        started = time.process_time()
        for picture in pictures:
            seen = View(picture)
            for measure in MEASURES.values():
                measure(seen)
        return time.process_time() - started

    assert len(pictures) / min(seconds() for _ in range(3)) >= 30


# ---- as instruments ------------------------------------------------------------------------------


def made(image):
    generation = Generation(
        key="k" * 64,
        kind="image",
        category="",
        model="m",
        revision="1",
        prompt="p",
        image="sha256:0",
    )
    return Subject(generation=generation, image=image)


PICTURE_INSTRUMENTS = [name for name, one in INSTRUMENTS.items() if one.judges == "image"]


def test_the_rubrics_names_are_there():
    assert set(PICTURE_INSTRUMENTS) == {*MEASURES, "safety"}


@pytest.mark.parametrize("name", PICTURE_INSTRUMENTS)
def test_without_a_picture_an_instrument_abstains(name):
    reading = INSTRUMENTS[name].read(made(None))
    assert (reading.quality, reading.reason) == (None, "there is no picture")


@pytest.mark.parametrize("name", ["sharpness", "background", "clutter", "exposure"])
def test_a_reason_is_given_where_it_fails_and_only_there(name, products):
    for picture in (*products[:10], degrade.expose(degrade.blur(products[0], sigma=5), stops=-4)):
        reading = INSTRUMENTS[name].read(made(picture))
        assert (reading.reason is not None) == (reading.quality < 0.5)
        assert reading.kind == "probability"


def test_nobody_claims_safety_without_having_looked(products):
    reading = INSTRUMENTS["safety"].read(made(products[0]))
    if model_file() is None:
        assert reading.quality is None
        assert reading.reason.startswith("nobody looked: install")
    else:
        assert reading.by == "opennsfw"
        assert reading.quality > 0.5


def test_text_says_who_answered(products):
    rng = np.random.default_rng(0)
    written = degrade.overlay_text(products[0].resize((400, 400)), rng, height=0.08)
    reading = INSTRUMENTS["text"].read(made(written))
    assert reading.by == ("rapidocr" if can_read() else "strokes")


# ---- the flaws themselves ------------------------------------------------------------------------


def test_flaws_keep_size_and_original(products):
    rng = np.random.default_rng(0)
    picture = products[0]
    before = picture.tobytes()
    for changed in (
        degrade.blur(picture, sigma=2),
        degrade.expose(picture, stops=-1),
        degrade.change_ground(picture, products[1]),
        degrade.shadow(picture, rng, strength=0.5),
        degrade.overlay_text(picture, rng, height=0.06),
        degrade.clutter(picture, rng, count=2, size=0.2),
        degrade.clutter(picture, rng, count=2, size=0.2, others=products),
    ):
        assert (changed.size, changed.mode) == (picture.size, "RGB")
        assert changed.tobytes() != before
    assert picture.tobytes() == before


def test_one_stop_halves_the_light():
    grey = Image.new("RGB", (2, 2), (188, 188, 188))  # half of the light of white
    assert degrade.expose(grey, stops=1).getpixel((0, 0)) == pytest.approx((255,) * 3, abs=1)
    assert (
        degrade.expose(Image.new("RGB", (2, 2), "white"), stops=-1).getpixel((0, 0)) == (188,) * 3
    )


def test_equal_seeds_give_equal_flaws(products):
    def again(flaw):
        return flaw(np.random.default_rng(3)).tobytes() == flaw(np.random.default_rng(3)).tobytes()

    assert again(lambda rng: degrade.shadow(products[0], rng, strength=0.4))
    assert again(lambda rng: degrade.overlay_text(products[0], rng, height=0.05))
    assert again(lambda rng: degrade.clutter(products[0], rng, count=2, size=0.1))
