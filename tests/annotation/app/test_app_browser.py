"""The app in a real browser: tabs by their addresses, correcting by keys, two people at one item."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from annotation.app._html import coded
from workbench.calibration.audited import calibrate_audit, find_audit
from workbench.records import Annotation, Correction, Generation

ANNA, BEN, RITA = "anna@shop.example", "ben@shop.example", "rita@shop.example"


def drawn(server, place):
    """The item that the audit drew at `place`: each test has its own."""
    with server.store() as store:
        return find_audit(store).drawn[place].generation


def said(server, name, key):
    with server.store() as store:
        found = store.annotations(generation=key, annotator=name)["id"]
        return next(iter(store.records(Annotation, list(dict.fromkeys(found)))), None)


def corrected(server, key):
    with server.store() as store:
        return {
            one.about: (one.before, one.after)
            for one in store.records(Correction)
            if one.generation == key and not one.withdrawn
        }


def test_every_tab_opens_by_its_address(served, visit):
    seen = visit(served)
    for path, heading in (
        ("/", "Try it"),
        ("/failures", "Failures"),
        ("/calibration", "approvals"),
        ("/rubric", "Listing rubric"),
    ):
        seen.open(path)
        seen.page.wait_for_function(
            "(words) => document.querySelector('#view h1')?.textContent.includes(words)",
            arg=heading,
        )
    seen.open("/runs", wait="#view .empty")
    assert "workbench run listings" in seen.text("#view")
    seen.open("/correct", wait="#said .empty")
    assert "Only somebody who signed in as a writer can answer" in seen.text("#said")


def test_the_calibration_says_what_page_and_notebook_say(served, visit, tmp_path):
    """One question, one number, on three faces over one store."""
    from annotation.notebook import show
    from reports.calibration import write_calibration_page

    with served.store() as store:
        audited = calibrate_audit(store, find_audit(store))
        page = write_calibration_page(tmp_path / "page.html", audited).read_text()
        worth = show(store, name="same").curve is not None and show(store, name="same")._table(0, 0)
    answer = re.search(r'<p class="answer">(.*?)</p>', page)[1]
    seen = visit(served)
    seen.open("/calibration", wait="#view h1.answer")
    assert seen.text("#view h1.answer") == answer
    told = worth[0]["worth"]
    for name in ("precision", "recall"):
        e = told[name]
        number = f"{e['low']:.2f} to {e['high']:.2f}, n\u00a0=\u00a0{e['n']}"
        row = seen.page.locator(
            ".rates tr", has_text=re.compile(name, re.IGNORECASE)
        ).first.inner_text()
        assert f"{e['value']:.2f}" in row and number in row
        assert number in page


def test_filters_and_items_have_addresses(served, visit):
    seen = visit(served)
    seen.open("/failures?judge=approved")
    approved = seen.page.locator(".grid > li").count()
    assert approved and seen.page.locator(".grid .chip.bad", has_text="rejected").count() == 0
    seen.page.select_option("select[name=judge]", "rejected")
    seen.page.wait_for_url("**/failures?judge=rejected")
    seen.page.wait_for_function(
        "!document.querySelector('#view').innerText.includes('judge\\napproved')"
    )
    seen.page.reload()
    seen.page.wait_for_selector(".grid > li")
    assert seen.page.input_value("select[name=judge]") == "rejected"
    seen.page.locator(".grid > li a").first.click()
    seen.page.wait_for_url("**item=*")
    seen.page.wait_for_selector("#view article.one")
    title = seen.text("#view h1")
    seen.page.reload()
    seen.page.wait_for_selector("#view article.one")
    assert seen.text("#view h1") == title
    seen.page.go_back()
    seen.page.wait_for_selector(".grid > li")


def test_markup_of_sellers_and_annotators_stays_text(served, visit):
    seen = visit(served)
    seen.open("/failures?q=onerror")
    seen.page.wait_for_function("document.querySelectorAll('.grid > li').length === 1")
    assert "<img src=x" in seen.text(".grid .title")
    with served.store() as store:
        noted = next(a for a in store.records(Annotation) if a.note)
    seen.open(f"/failures?item={noted.generation}", wait="#view article.one")
    notes = seen.page.locator("#view q").all_inner_texts()
    assert "<b>not bold</b><script>document.title='owned'</script>" in notes
    seen.open("/failures?item=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E", wait="#view .note")
    seen.open(
        "/failures?q=%24%7Bdocument.title%3D%27owned%27%7D%7B%7Bthis%7D%7D", wait="#view .empty"
    )
    assert seen.page.input_value("#view input[name=q]") == "${document.title='owned'}{{this}}"
    assert seen.page.title() != "owned"


def test_an_item_is_corrected_by_keys_and_is_there_after_a_reload(served, visit):
    key = drawn(served, 1)
    seen = visit(served, ANNA)
    seen.open(f"/correct?item={key}", wait="#item")
    seen.page.wait_for_selector("#modes label")
    before = seen.page.input_value("#field-title textarea")
    seen.page.keyboard.press("t")
    seen.page.keyboard.type("A better title ")
    seen.page.keyboard.press("Escape")
    seen.page.keyboard.press("a")
    seen.page.keyboard.press("Control+End")
    seen.page.keyboard.type("\nFit: loose")
    seen.page.keyboard.press("Escape")
    seen.page.keyboard.press("3")
    seen.page.keyboard.press("n")
    seen.page.wait_for_selector("#said .note.good")
    assert "Kept: not suitable, 2 fields corrected" in seen.text("#said")
    assert key not in seen.page.url, "the next item comes at once"
    mine = said(served, ANNA, key)
    assert mine.approved is False and mine.blind and mine.seconds is not None
    assert mine.failure_modes == ("wrong_color",) and mine.audit
    assert corrected(served, key) == {
        "title": (before, "A better title"),
        "aspects.Fit": (None, "loose"),
    }
    seen.open(f"/correct?item={key}", wait="#item .chip.bad")
    assert seen.page.input_value("#field-title textarea") == "A better title"
    assert "Fit: loose" in seen.page.input_value("#field-aspects textarea")
    seen.page.wait_for_selector("#modes input:checked")
    # Taken back: nothing of it stands.
    seen.page.keyboard.press("z")
    seen.page.wait_for_function("document.querySelector('#said').innerText.includes('Taken back')")
    assert corrected(served, key) == {} and said(served, ANNA, key).state == "deleted"


def test_two_people_at_one_item_are_both_kept_and_the_second_is_told(served, visit):
    key = drawn(served, 2)
    anna, ben = visit(served, ANNA), visit(served, BEN)
    for one in (anna, ben):
        one.open(f"/correct?item={key}", wait="#item")
        one.page.wait_for_selector("#modes label")
    anna.page.keyboard.press("y")
    anna.page.wait_for_selector("#said .note.good")
    ben.page.click("#key-n")
    ben.page.wait_for_selector("#said .told-other")
    told = ben.page.locator("#said .told-other", has_text=ANNA).inner_text()
    assert "suitable" in told and "Both answers are kept" in told
    assert said(served, ANNA, key).approved is True
    assert said(served, BEN, key).approved is False


def test_what_cannot_be_read_is_said_and_nothing_is_stored(served, visit):
    key = drawn(served, 4)
    seen = visit(served, ANNA)
    seen.open(f"/correct?item={key}", wait="#item")
    seen.page.wait_for_selector("#modes label")
    seen.page.fill("#field-price textarea, #field-price input", "twelve")
    seen.page.click("#key-n")
    seen.page.wait_for_selector("#said .note.bad")
    assert "A price is a number such as 12.50, got 'twelve'" in seen.text("#said")
    assert said(served, ANNA, key) is None
    assert seen.page.input_value("#field-price textarea, #field-price input") == "twelve"


def test_whoever_saw_the_judge_answers_unblinded(served, visit):
    key = drawn(served, 5)
    seen = visit(served, BEN)
    seen.open(f"/failures?item={key}", wait="#view article.one")
    seen.page.click("a.do")
    seen.page.wait_for_selector("#modes label")
    seen.page.keyboard.press("y")
    seen.page.wait_for_selector("#said .note.good")
    assert "does not count in what approvals are worth" in seen.text("#said")
    assert said(served, BEN, key).blind is False
    # Nor is it a way round to look before signing in.
    other = drawn(served, 6)
    stranger = visit(served)
    stranger.open(f"/failures?item={other}", wait="#view article.one")
    stranger.open("/login?next=/correct%3Fitem%3D" + other, wait="input[name=name]")
    stranger.page.fill("input[name=name]", BEN)
    stranger.page.fill("input[name=password]", "a long enough password")
    stranger.page.click("button")
    stranger.page.wait_for_selector("#modes label")
    stranger.page.keyboard.press("y")
    stranger.page.wait_for_selector("#said .note.good")
    assert said(served, BEN, other).blind is False


def test_a_proposal_is_decided_with_a_reason(served, visit):
    from workbench.evolution import Edit
    from workbench.records import RubricEvent, RubricProposal
    from workbench.rubric import load_rubric

    edit = Edit(
        criterion=replace(load_rubric("listing").criterion("color"), threshold=1.7)
    ).to_dict()
    with served.store() as store:
        proposal = RubricProposal(
            key="f" * 64, rubric="listing@1", audit="", kind="changed threshold", about="color",
            edit=edit, sentence="<b>Ask</b> for more certainty about colours.",
        )  # fmt: skip
        store.add([proposal])
    reader = visit(served, RITA)
    reader.open(f"/rubric?proposal={'f' * 64}")
    assert "<b>Ask</b> for more" in reader.text("#view") and not reader.page.is_visible("#accept")
    seen = visit(served, ANNA)
    seen.open(f"/rubric?proposal={'f' * 64}")
    seen.page.wait_for_selector("#refuse")
    seen.page.click("#refuse")
    seen.page.wait_for_selector("#said .note.bad")
    assert "Say why" in seen.text("#said")
    seen.page.fill("#why textarea", "Too strict for us.")
    seen.page.click("#refuse")
    seen.page.wait_for_selector("#said .note.good")
    with served.store() as store:
        event = next(store.records(RubricEvent))
    assert (event.kind, event.by, event.why) == ("refused", ANNA, "Too strict for us.")
    seen.open("/rubric")
    assert "Too strict for us." in seen.text("#view")


@pytest.mark.slow
def test_a_category_is_tried_and_changes_nothing(served, visit):
    """Attempts come one by one; they have an address, and the store's numbers stay as they are."""
    with served.store() as store:
        before = dict(store.counts())
    seen = visit(served, RITA)
    seen.open("/", wait="#draw")
    seen.page.set_default_timeout(480_000)
    seen.page.click("#draw")
    seen.page.wait_for_selector("#trial .attempts li img, #trial .note.bad")
    assert seen.page.locator("#trial .note.bad").all_inner_texts() == []
    seen.page.wait_for_selector(
        "#trial .chip:has-text('gave up'), #trial .chip:has-text('approved')"
    )
    seen.page.wait_for_function("document.querySelector('#trial').innerText.includes('last word')")
    attempts = seen.page.locator("#trial .attempts > li").count()
    assert attempts >= 1 and "?trial=" in seen.page.url
    seen.page.reload()
    seen.page.wait_for_selector("#trial .attempts li img")
    assert seen.page.locator("#trial .attempts > li").count() == attempts
    with served.store() as store:
        assert dict(store.counts()) == before


def test_long_words_stay_in_their_column_and_every_tab_fits_a_phone(served, visit):
    with served.store() as store:
        made = next(one for one in store.records(Generation) if one.listing)
        listing = replace(made.listing, title="\u202e" + "titlewithoutaspace" * 12)
        store.add([replace(made, key="e" * 64, listing=listing)])
    for width in (1280, 390):
        seen = visit(served, ANNA, width=width)
        seen.page.goto(f"{served.address}/correct?item={'e' * 64}")
        seen.page.wait_for_selector("#item .about, #said .note, #said .empty")
        assert seen.page.evaluate(
            "(() => { const one = document.querySelector('#item .about');"
            " return one.scrollWidth <= one.clientWidth; })()"
        )
        assert seen.page.evaluate(
            "(() => { const tabs = document.querySelector('.wb-head nav');"
            " return tabs.scrollWidth <= tabs.clientWidth; })()"
        ), f"{width} px"


def test_commands_in_sentences_are_set_as_code():
    assert coded("<b>: `workbench audit` draws one.") == (
        "&lt;b&gt;: <code>workbench audit</code> draws one."
    )
    assert coded("`<i>`") == "<code>&lt;i&gt;</code>"
    assert coded("one ` of <i>") == "one ` of &lt;i&gt;"
