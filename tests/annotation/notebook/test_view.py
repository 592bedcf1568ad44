"""The view from Python: what it shows, filters, marks, keeps, and what people answer through it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import annotation.notebook as package
from annotation.notebook import show
from annotation.notebook._item import changes
from annotation.notebook._labels import Labels, Word
from workbench.calibration import rates
from workbench.calibration.audited import calibrate_audit, find_audit
from workbench.errors import StoreError
from workbench.records import Annotation, Correction, Generation
from workbench.store import Store

ANNA = "anna@example.com"


def asked(view, kind, buffers=(), **content):
    """What the front end gets for a question, and the buffers beside it."""
    sent = []
    view.send = lambda answer, out=None: sent.append((answer, out))
    view._receive(view, {"id": 1, "kind": kind, **content}, list(buffers))
    del view.send
    return next((answer, out) for answer, out in sent if answer.get("id") == 1)


def drawn_row(view):
    return int(np.flatnonzero(view.frame["audit"] == "drawn")[0])


def test_the_built_files_are_of_these_sources():
    """`npm ci && npm run build` in annotation/notebook/front makes them anew."""
    front = Path(package.__file__).parent / "front"
    found = hashlib.sha256()
    sources = sorted(
        f"src/{path.name}" for path in (front / "src").iterdir() if path.suffix in (".js", ".css")
    )
    for path in ("package-lock.json", "build.mjs", *sources):
        found.update(path.encode() + b"\0" + (front / path).read_bytes() + b"\0")
    for built in ("view.js", "view.css"):
        first = (front.parent / "static" / built).read_text().partition("\n")[0]
        assert found.hexdigest() in first, f"{built} is older than its sources: build it"


def test_the_built_files_ask_no_server():
    for path in (Path(package.__file__).parent / "static").iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "@import" not in text


def test_a_store_is_shown_with_judge_people_and_attempts(filled):
    view = show(filled, name="shown")
    frame = view.frame
    assert len(frame) == 48 * 2 + 3
    assert set(frame["judge"].dropna()) == {"approved", "rejected"}
    found = calibrate_audit(filled, find_audit(filled)).calibration
    both = frame[(frame["judge"] == "approved") & (frame["people"] == "suitable")]
    assert len(both) == found.counts.suitable_approvals
    answer, _ = asked(view, "table")
    told = answer["answer"]
    assert told["worth"]["precision"]["value"] == found.rates.precision.value
    assert (
        told["worth"]["confusion"]["false_negatives"]["high"]
        == found.confusion.false_negatives.high
    )
    third = int(np.flatnonzero(frame["attempt"] == 3)[0])
    item, _ = asked(view, "item", rows=[third])
    attempts = item["answer"]["attempts"]
    assert [one["row"] for one in attempts] == [third - 2, third - 1, third]
    assert ["new", ", soft light"] in attempts[2]["diff"]


def test_a_picture_that_describes_no_item_is_about_its_category(tmp_path):
    def made(key, **rest):
        kept = {"model": "m", "revision": "1", "prompt": "p", "kind": "image", **rest}
        return Generation(key=key, image="sha256:" + "0" * 64, **kept)

    with Store.open(tmp_path / "store") as store:
        store.add(
            [
                made("a", category="Women/Dresses"),
                made("b", category="theme:red-lamps"),
                made("c", category="mug", item="shop/1"),
            ]
        )
        frame = show(store).frame.set_index("key")
    assert frame["item"].to_dict() == {"a": "Women/Dresses", "b": "theme:red-lamps", "c": "shop/1"}


def test_filters_and_selection_are_frames(filled):
    view = show(filled, name="filters")
    view.filter(judge="approved", people=["suitable", "not suitable"])
    assert set(view.shown["judge"]) == {"approved"}
    assert "not answered" not in set(view.shown["people"])
    view.filter(people=None, confidence=(0.6, 0.8))
    assert view.shown["confidence"].between(0.6, 0.8).all() and len(view.shown) > 3
    view.clear()
    view.filter("mug", model="hf:writer-1")
    assert view.shown["title"].str.lower().str.contains("mug").any()
    keys = list(view.shown["key"])[:2]
    view.select(keys)
    assert sorted(view.selected["key"]) == sorted(keys)
    assert "title" in view.selected.columns
    with pytest.raises(ValueError, match="no column to filter by; there are: 'judge'"):
        view.filter(colour="red")
    with pytest.raises(ValueError, match="'judge' holds 'approved', 'rejected', got 'great'"):
        view.filter(judge="great")
    with pytest.raises(ValueError, match="no row 'nobody'"):
        view.select(["nobody"])
    with pytest.raises(ValueError, match="confidence from 0 to 1, got 7"):
        view.threshold = 7


def test_the_curve_is_what_calibration_says(filled):
    audited = calibrate_audit(filled, find_audit(filled))
    view = show(filled, name="curve")
    points = view.curve["points"]
    scores = [judged.verdict.confidence for judged in audited.population]
    assert [point["threshold"] for point in points] == sorted(set(scores))
    # The judge approves from 0.5 on: there the curve has to say what the page says.
    own = next(point for point in points if point["threshold"] >= 0.5)
    for name in ("precision", "recall"):
        page = getattr(audited.calibration.rates, name)
        assert (own[name]["value"], own[name]["low"], own[name]["high"]) == (
            page.value,
            page.low,
            page.high,
        )
    unknown = [point for point in points if point["recall"]["value"] is None]
    assert all(point["recall"]["reason"] for point in unknown)


def test_a_frame_of_ones_own_needs_no_store():
    rng = np.random.default_rng(0)
    score = rng.random(200).round(2)
    answer = rng.random(200) < score
    frame = pd.DataFrame(
        {
            "item": [f"i{n}" for n in range(200)],
            "approved": score >= 0.5,
            "answer": answer,
            "confidence": score,
        }
    )
    view = show(frame)
    own = next(point for point in view.curve["points"] if point["threshold"] >= 0.5)
    page = rates(
        approved=list(score >= 0.5), inclusion_probability=[1.0] * 200, answer=list(answer)
    )
    assert own["precision"]["value"] == page.precision.value
    assert own["recall"]["low"] == page.recall.low
    with pytest.raises(ValueError, match="Answers are kept in a store"):
        view.label("i0", True)
    with pytest.raises(ValueError, match="holds 'a' twice"):
        show(pd.DataFrame({"item": ["a", "a"]}))


def test_nothing_one_thing_and_no_audit_are_shown(tmp_path):
    assert asked(show(pd.DataFrame({"key": []})), "table")[0]["answer"]["rows"] == 0
    one = show(pd.DataFrame({"key": ["a"], "confidence": [0.5]}))
    assert asked(one, "table")[0]["answer"]["rows"] == 1
    assert one.curve["points"] == [] and "Nobody has answered" in one.curve["reason"]
    with Store.open(tmp_path / "empty") as store:
        view = show(store)
        told = asked(view, "table")[0]["answer"]
        assert told["rows"] == 0 and told["notes"][0].startswith("No audit yet")
        with pytest.raises(StoreError, match="holds none of this name"):
            show(store, rubric="listing@7")


def test_pictures_come_by_content_and_once(filled):
    view = show(filled, name="pictures")
    rows = list(range(8))
    _, first = asked(view, "pictures", rows=rows)
    assert all(data.startswith(b"\xff\xd8") for data in first)
    made = view._pictures.made
    asked(view, "pictures", rows=rows)
    twin = int(np.flatnonzero(view.frame["image"] == view.frame["image"].iat[0])[-1])
    assert twin != 0, "two models' listings share a photo"
    asked(view, "pictures", rows=[twin])
    assert view._pictures.made == made
    assert "999" in asked(view, "pictures", rows=[999])[0]["error"]


def test_an_answer_is_stored_taken_back_and_nobody_elses(writable):
    view = show(writable, annotator=ANNA)
    answered = view.frame[view.frame["people"] != "not answered"]["key"].iat[0]
    theirs = writable.find(Annotation, f"ben/{answered}")
    saved = view.label(
        answered, False, failure_modes=["bad_title"], title="A better title", note="why"
    )
    assert saved.others == ("ben@example.com",)
    assert writable.find(Annotation, f"ben/{answered}") == theirs
    stored = writable.find(Annotation, saved.annotation.id)
    assert (stored.annotator, stored.approved, stored.failure_modes, stored.note) == (
        ANNA,
        False,
        ("bad_title",),
        "why",
    )
    assert stored.audit == find_audit(writable).id and not stored.simulated
    correction = writable.find(Correction, f"{stored.id}#title")
    assert (correction.about, correction.after, correction.withdrawn) == (
        "title",
        "A better title",
        False,
    )
    view.label(answered, True)
    assert writable.find(Correction, correction.id).withdrawn
    assert view.undo() == answered
    assert writable.find(Annotation, stored.id).approved is False
    assert not writable.find(Correction, correction.id).withdrawn
    assert view.undo() == answered and view.undo() is None
    assert writable.find(Annotation, stored.id).state == "deleted"
    assert writable.find(Correction, correction.id).withdrawn
    assert len(writable.annotations(annotator=ANNA, history=True)) == 4, "every word is kept"


def test_an_answer_that_contradicts_itself_is_refused(writable):
    view = show(writable, annotator=ANNA)
    key = view.frame["key"].iat[0]
    with pytest.raises(ValueError, match="suitable and 'no_output' contradict"):
        view.label(key, True, failure_modes=["no_output"])
    with pytest.raises(ValueError, match="no failure mode 'ugly'"):
        view.label(key, False, failure_modes=["ugly"])
    assert "is no answer" in asked(view, "label", rows=[0], approved="yes")[0]["error"]
    for name in ("", "simulated:anna", "catalogue-truth"):
        with pytest.raises(ValueError, match="a person's name"):
            show(writable, annotator=name)
    assert len(writable.annotations(annotator=ANNA)) == 0


def test_an_answer_is_blind_only_where_the_judge_was_never_seen(writable):
    view = show(writable, annotator=ANNA)
    asked(view, "seen", rows=[0])
    seen, _ = asked(view, "label", rows=[0], approved=True, blind=True)
    alone, _ = asked(view, "label", rows=[1], approved=True, blind=True)
    assert (seen["answer"]["blind"], alone["answer"]["blind"]) == (False, True)
    # Another kernel, another day: what was seen stays seen; what was answered alone and is answered again, seeing, does not count.
    later = show(writable)
    assert asked(later, "table")[0]["answer"]["seen"] == [0]
    again, _ = asked(later, "label", rows=[1], approved=False, blind=False)
    assert again["answer"]["blind"] is False


def test_answers_given_alone_count_after_a_refresh(writable):
    view = show(writable, annotator=ANNA)
    frame = view.frame
    row = int(np.flatnonzero((frame["audit"] == "drawn") & (frame["people"] == "not answered"))[0])
    before = calibrate_audit(writable, find_audit(writable)).calibration.counts
    asked(view, "label", rows=[row], approved=True, blind=True)
    view.refresh()
    assert view.frame["people"].iat[row] == "suitable"
    after = calibrate_audit(writable, find_audit(writable)).calibration.counts
    assert (
        after.answered_approvals + after.answered_rejections
        == before.answered_approvals + before.answered_rejections + 1
    )


def test_work_survives_the_kernel(writable):
    view = show(writable, annotator=ANNA)
    view.filter("a", judge="approved")
    view.threshold = 0.6
    view.panel = "threshold"
    keys = sorted(view.shown["key"])[:3]
    view.select(keys)
    view.label(keys[0], True)
    again = show(writable)
    assert (again.threshold, again.panel) == (0.6, "threshold")
    assert list(again.shown["key"]) == list(view.shown["key"])
    assert sorted(again.selected["key"]) == keys
    told = asked(again, "table")[0]["answer"]
    assert told["labels"]["annotator"] == ANNA and len(told["mine"]["answers"]) == 1
    other = show(writable, name="other")
    assert other.threshold is None and len(other.selected) == 0
    folder = Path(writable.url).parent / "views"
    (folder / "default.json").write_text("{")
    assert show(writable).threshold is None
    with pytest.raises(ValueError, match="without slashes"):
        show(writable, name="../out")


def test_a_filter_by_a_column_that_is_gone_is_dropped(writable):
    show(writable).filter(judge="approved")
    file = Path(writable.url).parent / "views" / "default.json"
    kept = json.loads(file.read_text())
    kept["state"]["filters"]["colour"] = ["red"]
    file.write_text(json.dumps(kept))
    assert set(show(writable).state["filters"]) == {"judge"}


def test_two_people_answer_the_same_and_both_are_kept(writable):
    audit = find_audit(writable)
    rubric = show(writable)._rows.rubric
    key = audit.drawn[0].generation
    for name, said in (("carl", True), ("dora", False)):
        saved = Labels(writable, annotator=name, rubric=rubric, audit=audit).save(
            key, Word(approved=said)
        )
    assert saved.others == ("carl",)
    both = writable.annotations(generation=key, annotator=["carl", "dora"])
    assert dict(zip(both["annotator"], both["approved"], strict=True)) == {
        "carl": True,
        "dora": False,
    }


def test_what_a_prompt_changed_is_told_in_pieces():
    before, after = "a red mug, on a table", "a blue mug, on a table, soft light"
    found = changes(before, after)
    assert "".join(text for kind, text in found if kind != "gone") == after
    assert "".join(text for kind, text in found if kind != "new") == before
    assert ["gone", "red"] in found and ["new", "blue"] in found
