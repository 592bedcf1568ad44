"""The pages in a real server, answered in a real browser: what people see, press and send."""

from __future__ import annotations

from dataclasses import replace

import pytest
from page_browser import NASTY, answers, image, listing, refuse, send
from page_samples import KINDS

from annotation.label_studio.interfaces import build_interface, prediction, read_result, task_data
from workbench.errors import LabelStudioError
from workbench.records import CriterionScore, Listing, Verdict
from workbench.rubric import load_rubric
from workbench.schema import Schema

# ---- the server ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_the_server_takes_the_page_its_instructions_and_its_tasks(ask, client, kind, name):
    rubric = load_rubric(name)
    nasty = replace(
        rubric,
        instructions=NASTY,
        criteria=tuple(
            replace(c, question=f'{NASTY} name="verdict"', points=(NASTY,) * len(c.scale))
            for c in rubric.criteria
        ),
    )
    number, _ = ask(kind, nasty, [image() if rubric.judges == "image" else listing()])
    found = client.get(f"/api/projects/{number}", doing="read it")
    assert found["task_number"] == 1
    assert "<script" not in found["expert_instruction"]
    assert "<style>" in found["expert_instruction"]


def test_a_task_without_a_key_of_the_config_rejects_its_whole_batch(client, project, page_pictures):
    interface = build_interface("image", load_rubric("category-image"))
    number = project(interface.config)
    whole = task_data(interface, image(), None, pictures=page_pictures)
    lacking = {name: value for name, value in whole.items() if name != "prompt"}
    with pytest.raises(LabelStudioError) as caught:
        client.request(
            "POST", f"/api/projects/{number}/import", doing="import",
            json=[{"data": whole}, {"data": lacking}],
        )  # fmt: skip
    assert caught.value.status == 400
    assert client.get(f"/api/projects/{number}", doing="read it")["task_number"] == 0


def test_the_server_takes_nonsense_that_we_refuse(ask, client):
    number, interface = ask("image", load_rubric("category-image"), [image()])
    found = client.get("/api/tasks", doing="list tasks", params={"project": number})
    task = found["tasks"][0]
    said = [
        {"from_name": "mood", "to_name": "image", "type": "choices", "value": {"choices": ["sad"]}},
        {
            "from_name": "verdict",
            "to_name": "image",
            "type": "choices",
            "value": {"choices": ["7.5"]},
        },
    ]
    for one in said:
        kept = client.request(
            "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer", json={"result": [one]}
        )
        with pytest.raises(LabelStudioError, match=r"has no question 'mood'|want one of approved"):
            read_result(interface, kept["result"], task["data"])


# ---- the browser ---------------------------------------------------------------------------------


def test_a_picture_is_answered_in_five_keys_and_rejected_in_a_few_more(ask, client, labelling):
    rubric = load_rubric("category-image")
    number, interface = ask("image", rubric, [image(1), image(2)])
    page = labelling(number)
    refuse(page, "Choose: Approve or Reject.")
    for key in ("y", "5", "t", "g"):
        page.keyboard.press(key)
    send(page)
    page.wait_for_selector("input[name=Approve]:not(:checked)", state="attached")
    page.wait_for_function("!document.querySelector('.wb input:checked')")
    for key in ("n", "2", "t", "g"):
        page.keyboard.press(key)
    page.locator("input[name^='Wrong color']").check(force=True)
    page.fill("textarea[name=prompt_fix]", "A blue mug")
    page.fill("input[name=note]", "It is red.")
    page.press("input[name=note]", "Enter")
    send(page)
    found, raw = answers(client, interface, number, 2)
    by_approval = {one.approved: one for one in found.values()}
    assert dict(by_approval[True].scores) == {"fidelity": 5, "clarity": 5, "style": 5}
    # The prefilled field of a rejection is not sent with an approval: its view does not show.
    assert by_approval[True].corrections == ()
    approved = next(result for result, _ in raw.values() if len(result) == 4)
    assert {one["from_name"] for one in approved} == {
        "verdict",
        "score_fidelity",
        "score_clarity",
        "score_style",
    }
    rejected = by_approval[False]
    assert rejected.scores["fidelity"] == 2
    assert rejected.failure_modes == ("wrong_color",)
    assert rejected.note == "It is red."
    assert rejected.corrections == (("prompt", image(1).prompt, "A blue mug"),)
    assert rejected.contradictions == ()


def test_a_listing_is_answered_aspect_by_aspect_and_its_text_stays_text(ask, client, labelling):
    from playwright.sync_api import expect

    rubric = load_rubric("listing")
    number, interface = ask("listing", rubric, [listing(1)])
    page = labelling(number)
    shown = page.inner_text(".wb")
    assert NASTY in shown
    assert "$price" in shown
    assert page.title() != "owned"
    expect(page.locator(".wb-slot:visible")).to_have_count(4)  # title, two aspects, price
    assert page.locator(".wb-gate").is_hidden()
    page.wait_for_function(
        "[...document.querySelectorAll('.wb-photos img')].map(i => i.naturalWidth).join() == '200,200'"
    )
    for key in ("k", "l", "1"):  # product no, colour no, one of five aspects
        page.keyboard.press(key)
    page.keyboard.press("n")
    page.locator("input[name^='Wrong color']").check(force=True)
    page.locator("input[name^='Wrong color']").blur()
    page.keyboard.press("a")  # the title is wrong
    assert page.input_value("input[name=title_fix]") == NASTY
    page.fill("input[name=title_fix]", "Red mug")
    page.press("input[name=title_fix]", "Enter")
    page.keyboard.press("s")  # the first aspect is wrong
    page.fill("input[name=aspect_1_fix]", "Blue")
    page.press("input[name=aspect_1_fix]", "Enter")
    page.fill("input[name=missing]", "Handle: Round")
    page.press("input[name=missing]", "Enter")
    page.fill("input[name=missing]", "Size: 3")  # sent although Enter was not pressed
    page.locator("input[name=missing]").blur()
    # The second aspect is open; those that are not shown are not, and the price need not be said.
    refuse(page, "Row 2 is not answered yet: is it right?")
    page.keyboard.press("d")  # it is wrong, so what is right is wanted
    refuse(page, "Row 2 is wrong: write what is right")
    page.keyboard.press("c")  # it cannot be seen
    send(page)
    (said,) = answers(client, interface, number, 1)[0].values()
    assert said.corrections == (
        ("title", NASTY, "Red mug"),
        ("aspects.Color", "Red", "Blue"),
        ("aspects.Lid", "$price", None),
        ("aspects.Handle", None, "Round"),
        ("aspects.Size", None, "3"),
    )
    assert dict(said.scores) == {"product": 1, "color": 1, "aspects": 1}
    assert (said.approved, said.failure_modes) == (False, ("wrong_color",))
    assert said.contradictions == ()


def test_no_key_takes_a_row_of_a_listing_away(ask, labelling):
    """Label Studio gives hidden choices the keys that are free, unless they name one."""
    few = Schema(name="s", version="1", categories={})  # few aspects leave many keys free
    number, _ = ask("listing", load_rubric("listing"), [listing(1)], schema=few)
    page = labelling(number)
    rows = "[...document.querySelectorAll('.wb-slot h4')].filter(e => e.offsetParent).map(e => e.innerText).join()"
    page.wait_for_function(f"{rows} === 'Title,1. Color,2. Lid,Price (optional)'")
    for layer in ("", "Shift+", "Alt+Shift+"):
        for key in "abcdefghijklmnopqrstuvwxyz1234567890":
            pressed = f"{layer}{key.upper() if layer else key}"
            page.keyboard.press(pressed)
            page.evaluate("document.activeElement?.blur()")  # out of fields that a press opened
            assert page.evaluate(rows).split(",")[1:] == [
                "1. Color",
                "2. Lid",
                "Price (optional)",
            ], pressed


@pytest.mark.slow
def test_a_prediction_fills_the_form_and_opens_the_aspects(ask, client, labelling):
    from playwright.sync_api import expect

    rubric = load_rubric("listing")
    generation = listing(1, listing=Listing(title="Red mug", aspects={"Color": ("Red",)}))
    scores = tuple(CriterionScore(criterion=c.id, score=1.0, passed=False) for c in rubric.criteria)
    verdict = Verdict(
        key="v", generation=generation.key, judge="j", revision="r", rubric=rubric.label,
        scores=scores, failure_modes=("bad_title",), approved=False, confidence=0.9,
    )  # fmt: skip
    found = prediction(build_interface("listing", rubric), verdict, generation, model_version="j")
    number, interface = ask("listing", rubric, [generation], [found])
    page = labelling(number)
    page.wait_for_selector(".wb-verdict input:checked", state="attached")
    expect(page.locator(".wb-slot:visible")).to_have_count(2)
    assert page.locator("input[name='Bad title']").is_checked()
    for key in ("q", "w"):
        page.keyboard.press(key)
    send(page)
    (said,) = answers(client, interface, number, 1)[0].values()
    assert said.approved is False
    assert said.failure_modes == ("bad_title",)
    assert said.corrections == ()


@pytest.mark.slow
def test_a_preference_and_a_correction_are_sent_by_keys(ask, client, labelling):
    number, interface = ask("pair", load_rubric("category-image"), [image(1)])
    page = labelling(number)
    page.keyboard.press("2")
    send(page)
    ((said,), raw) = (list(part.values()) for part in answers(client, interface, number, 1))
    first = raw[0][1]["order"].startswith("generation")
    assert said.preferred == ("against" if first else "generation")

    number, interface = ask("correction", load_rubric("listing"), [listing(1)])
    page = labelling(number)
    page.keyboard.press("n")
    assert page.input_value("textarea[name=aspects_fix]") == "Color: Red\nLid: $price"
    page.fill("textarea[name=aspects_fix]", "Color: Blue\nLid: $price")
    page.locator("textarea[name=aspects_fix]").blur()
    send(page)
    (said,) = answers(client, interface, number, 1)[0].values()
    assert said.corrections == (("aspects.Color", "Red", "Blue"),)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_verdict_of_a_long_listing_is_in_sight_and_covers_nothing(
    ask, labelling, width, height
):
    aspects = {f"Aspect {number}": ("a value",) for number in range(15)} | {"Bare": ("",)}
    long = listing(1, listing=Listing(title="word " * 40, aspects=aspects))
    number, _ = ask("listing", load_rubric("listing"), [long])
    page = labelling(number, width=width, height=height)
    verdict = page.locator(".wb-verdict")
    bar = page.locator("button:has-text('Submit')").first.bounding_box()
    for _ in range(2):
        seen = verdict.bounding_box()
        assert seen["y"] >= 0
        assert seen["y"] + seen["height"] <= bar["y"] + 1
        # At the other end of the page too; and what is focused is scrolled clear of it.
        page.locator(".wb-measured").scroll_into_view_if_needed()
    page.keyboard.press("y")
    assert page.locator("input[name=Approve]").is_checked()
    assert page.locator(".lsf-sidepanels__wrapper").first.is_hidden()
    told = "[...document.querySelectorAll('.wb-said .lsf-richtext__line:empty')].filter(e => e.offsetParent)"
    told += ".map(e => getComputedStyle(e, '::before').content)"
    assert page.evaluate(told) == ['"(empty)"'], "an aspect without a value"


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_a_phone_shows_the_whole_width_of_a_page_and_its_button(ask, labelling, kind, name):
    rubric = load_rubric(name)
    long = Listing(title="word " * 1000, aspects={"A" * 80: ("x" * 500,)})
    generation = image(prompt="x" * 5000) if rubric.judges == "image" else listing(listing=long)
    number, _ = ask(kind, rubric, [generation])
    page = labelling(number, width=390)
    wide = page.evaluate(
        "[...document.querySelectorAll('.wb, .wb *')].filter(e => e.offsetParent && "
        "!e.closest('.wb-photos') && e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.className)"
    )
    assert wide == []
    button = page.locator("button:has-text('Submit')").first.bounding_box()
    assert button["x"] >= 0
    assert button["x"] + button["width"] <= 390
