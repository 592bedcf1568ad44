"""`workbench train` on a small drawn catalogue: from the store's words to a model that `dir:` loads."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pipelines.cli_training import train_app
from pipelines.training_data import apart, examples_of, exported_pairs, stored_pairs
from workbench.catalog.drawn import DrawnCatalog, clean_listing
from workbench.catalog.ingest import ingest
from workbench.errors import LeakageError, LearningError
from workbench.models import tiny
from workbench.models.listings import photo_question
from workbench.models.starter.data import write_listing
from workbench.preferences import Origin, Pair, export_pairs
from workbench.records import Generation, Item, PreferencePair
from workbench.schema import dump_schema
from workbench.store import Store, group_of
from workbench.training import Pair as TrainingPair
from workbench.training import read_trained

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
ITEMS = 24
PLAN = """
sft: {learning_rate: 1.0e-3, steps: 6, batch: 4, attention: eager}
dpo: {learning_rate: 1.0e-3, steps: 6, batch: 4, attention: eager}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A store with items, what MACE made of them, and pairs; a tiny model; a plan."""
    place = tmp_path_factory.mktemp("shop")
    tiny.save("vlm", place / "model")
    (place / "plan.yaml").write_text(PLAN)
    catalog = DrawnCatalog(seed=11, items=ITEMS, size=64)
    with Store.open(place / "store") as store:
        ingest(store, catalog)
        store.add_schema(catalog.name, dump_schema(catalog.schema))
        items = {item.id: item for item in store.records(Item)}
        parts = store.assign_split(
            {group_of(one) for one in items.values()}, eval_share=0.25, seed=1
        )
        pairs = []
        for item, entry in zip(items.values(), catalog.entries, strict=True):
            listing = clean_listing(entry.product)
            made = Generation(
                key=f"aligned-{item.id}", kind="alignment", category=item.category, model="truth",
                revision="1", prompt="", item=item.id, inputs=item.photos, listing=listing,
                simulated=True,
            )  # fmt: skip
            pair = Pair(
                prompt=photo_question(catalog.schema.category(item.category)),
                chosen=write_listing(listing.title, listing.aspects),
                rejected=write_listing("Thing", {}), source="five-class", photos=item.photos,
                item=item.id, simulated=True,
                origin=Origin(rejected=f"bad-{item.id}", model="starter:listing", revision="1"),
            )  # fmt: skip
            store.add([made])
            if parts[group_of(item)] == "train":
                pairs.append(pair)
        store.add([pair.record() for pair in pairs])
        export_pairs(place / "exported", pairs, store, format="trl")
        trained = sum(part == "train" for part in map(parts.get, map(group_of, items.values())))
    return place, trained


def command(shop, *words):
    place, _ = shop
    done = CliRunner().invoke(
        train_app,
        [*words, "--store", str(place / "store"), "--plan", str(place / "plan.yaml"),
         "--held-out", "0.2", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def lines_of(run):
    return [json.loads(one) for one in (run / "lineage.jsonl").read_text().splitlines()]


def test_listings_then_preferences(shop, tmp_path):
    place, trained = shop
    told = command(
        shop, "sft", "--model", f"dir:{place / 'model'}", "--out", str(tmp_path / "sft"),
        "--kinds", "raw,alignment=2", "--cache", str(tmp_path / "photos"),
    )  # fmt: skip
    assert told["steps"] == 6 and told["simulated"] == told["rows"]
    assert told["rows"] + told["held_out"] < 3 * trained
    assert told["figures"]["held-out loss, after less before"]["value"] < 0
    sources = {row["source"] for row in lines_of(tmp_path / "sft")}
    assert sources == {"raw", "alignment"}
    told = command(
        shop, "dpo", "--model", told["model"], "--out", str(tmp_path / "dpo"),
        "--cache", str(tmp_path / "photos"),
    )  # fmt: skip
    assert told["rows"] + told["held_out"] == trained
    # The tower stayed as it was, so both runs read the same encoded photos.
    assert len(list((tmp_path / "photos").glob("features-*"))) == 1
    with Store.open(place / "store") as store:
        keys = {one.key for one in store.records(PreferencePair)}
        runs = list(store.runs(command=["train sft", "train dpo"])["command"])
    rows = lines_of(tmp_path / "dpo")
    assert {row["made_from"][0] for row in rows} == keys
    assert sorted(runs) == ["train dpo", "train sft"]
    done = read_trained(tmp_path / "dpo")
    assert done.figures["margin of rewards"].value > 0 and "DPO from dir:" in str(done)


def test_an_exported_folder_is_read_as_it_is(shop):
    place, trained = shop
    with Store.open(place / "store") as store:
        pairs, files = exported_pairs(store, place / "exported")
        kept = stored_pairs(store)
    assert len(pairs) == trained == len(kept)
    assert {(one.prompt, one.chosen) for one in pairs} == {(one.prompt, one.chosen) for one in kept}
    assert all(files[photo].is_file() for one in pairs for photo in one.photos)
    # What the store knows of a pair holds for its export: nothing of it is called a person's, or learnt where it may not be.
    assert {(one.key, one.item, one.lineage) for one in kept} == {
        (replace(one, photos=known[one.lineage[0]].photos).key, one.item, one.lineage)
        for known in [{two.lineage[0]: two for two in kept}]
        for one in pairs
    }
    assert all(one.simulated for one in pairs)


def test_an_export_that_is_broken_is_told_line_by_line(shop, tmp_path):
    place, _ = shop
    folder = tmp_path / "broken"
    folder.mkdir()
    lines = (place / "exported" / "metadata.jsonl").read_bytes().splitlines()
    lines[1] = lines[1][:-40]
    lines[2] = b"\xff\xfe"
    lines[3] = lines[3].replace(b'"chosen"', b'"choose"')
    lines[4] = b""
    lines[5] = b'{"prompt": [], "pair": 3}'
    (folder / "metadata.jsonl").write_bytes(b"\n".join(lines))
    with Store.open(place / "store") as store:
        with pytest.raises(LearningError, match=r"^4 lines of .*metadata.jsonl") as caught:
            exported_pairs(store, folder)
        told = str(caught.value).splitlines()
        assert [one.split(":")[0] for one in told[1:]] == [
            "  line 2",
            "  line 3",
            "  line 4",
            "  line 6",
        ]
        with pytest.raises(LearningError, match="want a folder that `workbench pairs"):
            exported_pairs(store, place)


def test_bad_rows_of_an_export_are_named_by_their_lines_held_out_ones_too(shop, tmp_path):
    place, trained = shop
    folder = tmp_path / "empty"
    folder.mkdir()
    rows = [
        json.loads(one) for one in (place / "exported" / "metadata.jsonl").read_text().splitlines()
    ]
    for row in rows:
        row["chosen"][0]["content"] = " "
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = CliRunner().invoke(
        train_app,
        ["dpo", "--store", str(place / "store"), "--plan", str(place / "plan.yaml"), "--held-out", "0.2",
         "--model", f"dir:{place / 'model'}", "--pairs", str(folder), "--out", str(tmp_path / "out")],
    )  # fmt: skip
    said = str(done.exception)
    named = {int(one) for one in re.findall(r"line (\d+) of metadata.jsonl\): .*empty", said)}
    assert named == set(range(1, trained + 1)) and "held-out rows cannot be trained on" in said


def test_pairs_about_one_photo_stay_on_one_side():
    rows = [
        TrainingPair(prompt="q", chosen=f"a{n}", rejected="b", photos=(f"images/{n // 3}.png",))
        for n in range(30)
    ]
    learnt, aside = apart(rows, share=0.3, seed=0)
    assert learnt and aside
    assert not {one.photos for one in learnt} & {one.photos for one in aside}


def test_what_is_held_out_for_evaluation_never_trains(shop, tmp_path):
    place, trained = shop
    with Store.open(place / "store") as store:
        found = examples_of(store, ["raw", "alignment"])
        assert len(found["alignment"]) == trained < ITEMS
        held_out = set(store.splits(part="eval")["group"])
        assert not held_out & {group_of(store.find(Item, one.item)) for one in found["raw"]}
        with pytest.raises(LearningError, match=r"no examples of the kind dialogue .* run lacu"):
            examples_of(store, ["dialogue"])
    with Store.open(tmp_path / "other") as store:
        item = Item(id="shop/1", category="mugs", photos=("sha256:" + "0" * 64,), group="g")
        store.add([item])
        store.assign_split(["g"], eval_share=1.0, seed=0)
        pair = PreferencePair(
            key="p",
            item=item.id,
            generation="g",
            prompt="Write",
            images=(),
            chosen="a",
            rejected="b",
        )
        store.add([pair])
        with pytest.raises(LeakageError, match="shop/1"):
            stored_pairs(store)
        store.add([replace(pair, key="q", item=None)])


@pytest.mark.parametrize("kinds", ["drawn", "raw=0", "raw=x", ""])
def test_kinds_that_are_not_there_are_told(kinds, tmp_path):
    done = CliRunner().invoke(
        train_app,
        ["sft", "--model", "starter:listing", "--out", str(tmp_path / "o"), "--kinds", kinds],
    )
    assert done.exit_code == 2
    assert "raw, alignment, dialogue, correction" in " ".join(done.output.replace("│", " ").split())
