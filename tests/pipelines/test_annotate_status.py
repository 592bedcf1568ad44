"""`annotate status` and `calibrate` count the same answers, and tell people's from simulated ones."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from annotation.label_studio.adjudicate import asked_to_settle
from annotation.label_studio.gold import gold_answer
from pipelines.annotate import Connected, adjudicate_audit
from pipelines.annotate_audits import asked_audit
from pipelines.annotate_status import annotation_status
from reports.listings import write_page
from workbench.calibration.audited import calibrate_audit, draw_from, find_audit, unanswered
from workbench.calibration.audits.population import selection_of
from workbench.errors import LabelStudioError
from workbench.records import Annotation, Generation, Listing, Verdict
from workbench.rubric import load_rubric
from workbench.store import Advance, Store

LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


def audit_of(store, number):
    """All of `number` judged outputs are drawn, and one more was judged later: a place for a gold item."""
    made = [
        Generation(
            key=f"g{i}", kind="listing", category="mugs", model="m", revision="1", prompt="p",
            listing=Listing(title="x"), seed=i,
        )
        for i in range(number + 1)
    ]  # fmt: skip
    verdicts = [
        Verdict(
            key=f"v{i}", generation=f"g{i}", judge="j", revision="1", rubric="listing@1", scores=(),
            approved=i % 2 == 0,
        )
        for i in range(number)
    ]  # fmt: skip
    store.add([*made, *verdicts])
    audit = draw_from(store, selection_of(verdicts, made[:-1], part=None), size=number, seed=0)
    store.add([audit])
    return audit


def said(audit, number, by, *, approved, **rest):
    return Annotation(
        id=f"{by}/{number}/{sorted(rest)}", generation=f"g{number}", annotator=by, rubric="listing@1",
        approved=approved, audit=audit.id, **rest,
    )  # fmt: skip


def test_both_commands_count_twelve_items_as_a_hand_does(store):
    audit = audit_of(store, 12)
    catalogue = [
        said(audit, i, "catalogue-truth", approved=True, simulated=True) for i in range(12)
    ]
    people = [
        said(audit, 0, "ada", approved=True),
        said(audit, 1, "ada", approved=False),
        said(audit, 1, "bo", approved=False),
        said(audit, 2, "ada", approved=None, state="skipped"),
        said(audit, 3, "ada", approved=None, state="deleted"),
        said(audit, 4, "ada", approved=True, blind=False),
        said(audit, 5, "ada", approved=True),
        said(audit, 5, "ada", approved=False, updated_at=LATER),
        replace(said(audit, 6, "ada", approved=True), rubric="listing@2"),
        said(audit, 7, "ada", approved=True),
        said(audit, 7, "bo", approved=False),
        said(audit, 7, "eve", approved=False, adjudicates=True),
        said(audit, 8, "bo", approved=True),
        said(audit, 12, "ada", approved=True, note="gold"),
    ]
    store.add([*catalogue, *people])
    # By hand: 0, 1, 5, 7 and 8 are answered; 2, 3, 4, 6, 9, 10 and 11 are not.
    assert {item.generation for item in unanswered(store, audit)} == {
        f"g{i}" for i in (2, 3, 4, 6, 9, 10, 11)
    }
    status = annotation_status(store, audit=audit.id, named="shop")
    assert (status.unanswered, status.by_people, status.simulated_items) == (7, 5, 12)
    assert {one.name: (one.answered, one.skipped) for one in status.people.annotators} == {
        "ada": (4, 1),
        "bo": (3, 0),
    }
    assert status.people.not_blind == 1
    calibrated = calibrate_audit(store, audit)
    answers = {j.generation.key: j.answer for j in calibrated.population if j.answer is not None}
    assert answers == {"g0": True, "g1": False, "g5": False, "g7": False, "g8": True}
    counts = calibrated.calibration.counts
    assert counts.answered_approvals + counts.answered_rejections == status.by_people
    assert any(
        "7 drawn items have no answer that counts yet" in note
        for note in calibrated.calibration.notes
    )


def test_asking_people_never_turns_the_catalogue_into_a_colleague(store, tmp_path):
    audit = audit_of(store, 12)
    store.add(
        [said(audit, i, "catalogue-truth", approved=i < 6, simulated=True) for i in range(12)]
    )
    before = annotation_status(store, audit=audit.id, named="shop")
    words = str(before)
    assert "answered by people: 0 of 12 items" in words
    assert "Some answers are simulated: no person gave them.\n  12 of 12 items, by cat" in words
    assert "catalogue-truth: measured below until a person answers" in words
    assert before.as_dict()["simulated"] is True
    assert calibrate_audit(store, audit).calibration.simulated
    store.add([said(audit, i, who, approved=False) for who in ("ada", "bo") for i in range(4)])
    after = annotation_status(store, audit=audit.id, named="shop")
    words = str(after)
    assert (
        "answered by people: 4 of 12 items" in words and "truth: left out, because people" in words
    )
    assert after.people.settlement.disputes == (), "the catalogue says yes to all four"
    assert [one.name for one in after.people.annotators] == ["ada", "bo"]
    found = calibrate_audit(store, audit)
    assert not found.calibration.simulated
    assert set(found.calibration.people.annotators) == {"ada", "bo"}
    assert {a.annotator for j in found.population for a in j.annotations} == {"ada", "bo"}
    (note,) = (n for n in found.calibration.notes if "no person gave" in n)
    assert note.startswith("People answered 4 of 12 drawn items: about 8 others there are only")
    page = write_page(store, tmp_path / "report.html", audit=audit.id).read_text(encoding="utf-8")
    assert "answers that no person gave. The two are never mixed" in page, "a page warns of it too"
    assert sum(j.answer is not None for j in found.population) == 4


def test_disputes_that_wait_in_their_project_are_followed_by_a_pull(store):
    audit = audit_of(store, 4)
    split = [said(audit, i, who, approved=who == "ada") for who in ("ada", "bo") for i in range(3)]
    store.add(split)
    words = str(annotation_status(store, audit=audit.id, named="shop"))
    assert "3 items in dispute, 0 settled:  workbench annotate adjudicate --store shop" in words
    assert "annotate pull" not in words
    name = f"label_studio/adjudication/{audit.id}"
    store.add([], advance=Advance(name=name, before=None, after="g0 g1 g2"))
    assert asked_to_settle(store, audit) == {"g0", "g1", "g2"}
    store.add([said(audit, 0, "eve", approved=True, adjudicates=True)])
    status = annotation_status(store, audit=audit.id, named="shop")
    assert status.as_dict()["waiting_for_adjudication"] == 2
    words = str(status)
    assert "3 items in dispute, 1 settled\n" in words and "annotate adjudicate" not in words
    assert "2 in the adjudication project; when answered there:  workbench annotate pull" in words
    store.add([said(audit, 0, "fay", approved=False, adjudicates=True)])
    assert "1 settled both ways" in str(annotation_status(store, audit=audit.id, named="shop"))
    (note,) = (n for n in calibrate_audit(store, audit).calibration.notes if "as many say" in n)
    assert note.startswith("On 3 of the items without an answer that counts as many say yes as no")


def test_people_who_only_skipped_are_told_too(store):
    audit = audit_of(store, 4)
    words = str(annotation_status(store, audit=audit.id, named="shop"))
    assert "no project asks for them:  workbench annotate push --store shop" in words
    store.add([said(audit, 0, "ada", approved=None, state="skipped")])
    words = str(annotation_status(store, audit=audit.id, named="shop"))
    assert "answered by people: 0 of 4 items" in words


def test_simulated_answerers_get_no_gold_line_beside_people(store):
    audit = audit_of(store, 4)
    rubric = load_rubric("listing")
    store.add([replace(gold_answer("g4", rubric=rubric, approved=True), rubric="listing@1")])
    simulated = said(audit, 4, "simulated:x", approved=True, simulated=True)
    store.add([simulated, said(audit, 0, "simulated:x", approved=True, simulated=True)])
    (line,) = annotation_status(store, named="shop").gold
    assert line.annotator == "simulated:x"
    store.add([said(audit, 0, "ada", approved=True)])
    assert annotation_status(store, named="shop").gold == ()
    store.add([said(audit, 4, "ada", approved=False)])
    (line,) = annotation_status(store, named="shop").gold
    assert (line.annotator, line.right.value) == ("ada", 0.0)


def test_without_a_name_every_command_means_the_latest_audit(store):
    audit = audit_of(store, 4)
    store.add([said(audit, 0, "ada", approved=True)])
    assert asked_audit(store) == annotation_status(store, named="shop").audit == audit
    newer = replace(audit, id="f" * 64, created_at=LATER)
    store.add([newer])
    status = annotation_status(store, named="shop")
    assert asked_audit(store) == status.audit == newer
    assert f"workbench annotate status --store shop --audit {audit.id[:12]}" in str(status)
    assert status.as_dict()["answered_instead"] == audit.id
    assert find_audit(store) == audit, "a calibration goes by answers"
    studio = Connected(client=None, media=None, store="shop")  # nothing is asked of a server
    with pytest.raises(LabelStudioError, match=f"latest audit, ffff.* --audit {audit.id[:12]}"):
        adjudicate_audit(store, studio)
    named = annotation_status(store, audit=audit.id[:8], named="shop")
    assert (named.audit, named.answered_instead) == (audit, None)
