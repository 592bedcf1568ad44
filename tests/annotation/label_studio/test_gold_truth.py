"""Gold items of a fresh store: what the truth of a drawn catalogue says is right, and who is scored by it."""

from __future__ import annotations

import pytest

from annotation.label_studio import _tasks, connect
from annotation.label_studio.interfaces import Answer, write_result
from pipelines.annotate import Connected, PushJob, interface_of, pull_answers, push_audit
from pipelines.annotate_gold import gold_of_truth, truth_about
from pipelines.annotate_status import annotation_status
from pipelines.intake import keep_schema
from workbench.calibration.audited import draw_from, find_audit
from workbench.calibration.audits.population import select_decisions, selection_of
from workbench.catalog import ingest, open_catalog
from workbench.catalog.truth import ANNOTATOR
from workbench.errors import LabelStudioError
from workbench.records import Annotation, Generation, Item, Listing, Verdict, content_key
from workbench.rubric import dump_rubric, load_rubric
from workbench.store import Store, group_of


@pytest.fixture
def shop(tmp_path):
    """A drawn catalogue with a listing of each item, every second one wrong; all held-out ones are in an audit."""
    rubric, catalog = load_rubric("listing"), open_catalog("drawn:seed=2,items=12,size=48")
    with Store.open(tmp_path / "shop") as store:
        store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
        items = list(store.records(Item, sorted(ingest(store, catalog).ids)))
        keep_schema(store, catalog, items)
        store.assign_split(sorted({group_of(item) for item in items}), eval_share=0.5, seed=0)
        listings = [
            Generation(
                key=content_key("listing", item.id), kind="listing", category=item.category, model="m",
                revision="1", prompt="p", item=item.id, inputs=item.photos, listing=Listing(
                    title="A thing for sale", category=item.category,
                    aspects={name: (value if i % 2 else "wrong",) for name, value in list(item.truth.items())[:5]},
                ),
            )
            for i, item in enumerate(items)
        ]  # fmt: skip
        verdicts = [
            Verdict(
                key=f"v{i}", generation=one.key, judge="j", revision="1", rubric=rubric.label,
                approved=i % 3 == 0, confidence=0.5, scores=(),
            )
            for i, one in enumerate(listings)
        ]  # fmt: skip
        store.add([*listings, *verdicts])
        held_out = select_decisions(store, selection_of(verdicts, listings, part="eval"))
        store.add([draw_from(store, held_out[1], size=len(held_out[0]), seed=0)])
        yield store


def test_a_drawn_catalogue_gives_gold_items_and_status_says_so(shop, client, media, server):
    studio = Connected(client=client, media=media, store="shop")
    audit = find_audit(shop)
    drawn = {item.generation for item in audit.drawn}
    told = push_audit(shop, studio, PushJob(gold=3))
    (pushed,) = told.pushed.projects
    assert pushed.left == {}
    planted = set(pushed.made) - drawn
    assert told.gold == len(planted) == 3
    assert push_audit(shop, studio, PushJob(gold=3)).pushed.created == 0, "the same ones"

    truth = truth_about(shop, audit, planted)
    assert set(truth) == planted and all(one.annotator == ANNOTATOR for one in truth.values())
    page = interface_of(shop, audit)
    with connect(server.second_credentials) as bo:
        for task in _tasks.list_tasks(client, pushed.project.id):
            key = task["data"]["generation"]
            if key not in planted:
                continue
            scores = {c.id: float(len(c.scale)) for c in page.rubric.criteria}
            answer = Answer(approved=truth[key].approved, scores=scores)
            bo.request(
                "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer",
                json={"result": write_result(page, answer, task["data"]), "lead_time": 3.0},
            )  # fmt: skip
    assert pull_answers(shop, studio).pulled.stored == 3
    status = annotation_status(shop, named="shop")
    (score,) = status.gold
    assert (score.answered, score.right.value) == (3, 1.0)
    assert "right answers: 3 from the truth of the drawn catalogue" in str(status)
    # The truth is a yardstick here, and no answer: nothing of it is stored, and nothing counts for the judge.
    assert not planted & {a.generation for a in shop.records(Annotation) if a.simulated}
    with pytest.raises(LabelStudioError, match=r"knows the right answer about \d+ of the outputs"):
        push_audit(shop, studio, PushJob(gold=999))
    client.delete_project(pushed.project.id)


def test_what_a_seller_says_is_no_truth(shop):
    """Nobody is scored by aspects that may be wrong."""
    from dataclasses import replace

    audit = find_audit(shop)
    assert gold_of_truth(shop, audit, count=3, seed=0)
    shop.add([replace(item, truth={}) for item in list(shop.records(Item))])
    assert gold_of_truth(shop, audit, count=3, seed=0) == {}
    assert truth_about(shop, audit, {g.key for g in shop.records(Generation)}) == {}
