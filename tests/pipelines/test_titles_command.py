"""`workbench titles`: one title, a catalogue, a measurement, weights of one's own."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pipelines.cli_titles import titles_app
from workbench.errors import CatalogError
from workbench.records import Generation
from workbench.store import Store

CATALOG = "drawn:seed=7,items=24"


def titles(*words):
    return CliRunner().invoke(titles_app, [*map(str, words)], catch_exceptions=True)


def test_one_title_is_told_with_what_was_removed():
    said = titles("simplify", "Norrland Blue Mug JO6689-BL 350 ml FREE SHIPPING", "--by", "rules")
    assert said.exit_code == 0, said.output
    assert said.stdout.splitlines() == [
        "Norrland Blue Mug JO6689-BL 350 ml FREE SHIPPING",
        "→ Norrland Blue Mug",
        "  model      JO6689-BL",
        "  size       350 ml",
        "  promotion  FREE SHIPPING",
    ]
    told = json.loads(titles("simplify", "Mug 350 ml", "--json").stdout)
    assert told["titles"][0]["removed"] == [{"text": "350 ml", "kind": "size", "start": 4}]


def test_a_catalogue_goes_into_a_store_once(tmp_path):
    first = titles("simplify", "--catalog", CATALOG, "--store", tmp_path / "s", "--json")
    assert first.exit_code == 0, (first.output, first.exception)
    told = json.loads(first.stdout)
    assert told["made"] == told["titles"] > 0 and told["brands"] > 0
    assert told["removed"]["brand"] > 0
    again = titles("simplify", "--catalog", CATALOG, "--store", tmp_path / "s", "-q")
    assert (
        again.exit_code == 0 and f"{told['titles']} titles by tagger, 0 of them now" in again.stdout
    )
    assert "→ " in again.stdout
    with Store.open(tmp_path / "s") as store:
        kept = list(store.records(Generation))
    assert len(kept) == told["titles"] and {g.kind for g in kept} == {"title"}


def test_titles_or_a_catalogue():
    assert titles("simplify").exit_code == 2
    assert titles("simplify", "Mug", "--catalog", CATALOG).exit_code == 2


ROWS = """title,category,brand,size,model
"Norrland Elva Boot, Black, 8 M US",Shoes,Norrland,8 M US,Elva
"Acme Ground Coffee, 12 Ounce",Coffee,Acme,12 Ounce,
"Pikko Green Tea, 20 Count (Pack of 6)",Tea,Pikko,20 Count|Pack of 6,
"""


def test_measure_shows_every_number_with_its_interval(tmp_path):
    path = tmp_path / "marked.csv"
    path.write_text(ROWS)
    said = titles("measure", path, "--brands-from", path, "--by", "rules")
    assert said.exit_code == 0, (said.output, said.exception)
    assert "3 marked titles" in said.stdout and "size    1.00 (1.00–1.00)" in said.stdout
    told = json.loads(titles("measure", path, "--by", "rules", "--by", "tagger", "--json").stdout)
    assert [r["by"] for r in told["results"]] == ["rules", "tagger"]
    assert {s["kind"] for s in told["results"][0]["scores"]} == {"brand", "size", "model"}


def test_weights_of_ones_own(tmp_path):
    names, kinds = ("Elva", "Radler", "Jayna", "Corvo"), ("Boot", "Loafer", "Sandal")
    rows = [
        {
            "title": f"{brand} Women's {name} {kind}, Black, {size} M US", "category": "Shoes",
            "brand": brand, "model": name, "size": f"{size} M US",
        }
        for brand in ("Norrland", "Pikko", "Hexley") for name in names for kind in kinds for size in (5, 8)
    ]  # fmt: skip
    path, out = tmp_path / "ours.jsonl", tmp_path / "ours.npz"
    path.write_text("\n".join(map(json.dumps, rows)))
    said = titles("fit", path, "--out", out)
    assert said.exit_code == 0 and "Learned from" in said.stdout and out.is_file()
    told = json.loads(titles("measure", path, "--by", f"tagger:{out}", "--json").stdout)
    assert all(s["f1"]["value"] > 0.95 for s in told["results"][0]["scores"])


def test_a_file_that_is_none_is_told():
    said = titles("measure", "none.csv")
    assert isinstance(said.exception, CatalogError) and "none.csv" in str(said.exception)


@pytest.mark.slow
def test_the_figures_on_real_titles(real_data):
    """What DECISIONS and BENCHMARKS say of the weights that ship, a little below the lower ends."""
    from pipelines.titles import measure_titles

    folder = real_data / "titles"
    found = measure_titles(
        folder / "test.jsonl", ["rules", "tagger"], brands_from=folder / "train.jsonl"
    )
    rules, tagger = ({s.kind: s.f1.value for s in r.scores} for r in found.results)
    assert tagger["brand"] >= 0.88 and tagger["size"] >= 0.93 and tagger["model"] >= 0.78
    assert rules["brand"] >= 0.72 and rules["size"] >= 0.90
