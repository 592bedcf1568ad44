"""What is typed into a page, in a real browser: what a draft keeps of it, and what the page demands."""

from __future__ import annotations

from page_browser import answers, image, listing, refuse, send

from workbench.rubric import load_rubric


def test_a_correction_that_was_left_half_finished_takes_nothing_out(ask, client, labelling):
    """A draft holds what was chosen and added, not what was being typed."""
    number, interface = ask("listing", load_rubric("listing"), [listing(1)])
    page = labelling(number)
    for key in ("q", "e", "i", "o", "5", "y", "s"):  # all right but the first row
        page.keyboard.press(key)
    page.fill("input[name=note]", "Kept.")
    page.press("input[name=note]", "Enter")
    with page.expect_response(lambda r: "/drafts" in r.url and r.request.method != "GET"):
        page.fill("input[name=aspect_1_fix]", "Tan")
    task = client.get("/api/tasks", doing="list", params={"project": number})["tasks"][0]["id"]
    url = page.url.split("?")[0] + f"?task={task}"
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_selector("button:has-text('Submit'):enabled")
    page.wait_for_selector("[data-testid=htx-textbox-view]:has-text('Kept.')")
    wrong = page.locator(".wb-slot").nth(1).locator("input[name^=Wrong]")
    page.wait_for_function("document.querySelector('input[name=aspect_1_fix]')?.offsetParent")
    assert wrong.is_checked()
    assert page.input_value("input[name=aspect_1_fix]") == ""
    refuse(page, "Row 1 is wrong: write what is right")
    page.fill("input[name=aspect_1_fix]", "Tan")
    page.press("input[name=aspect_1_fix]", "Enter")
    page.keyboard.press("l")  # Enter gave the keys back: the colour is not right
    assert page.locator(".wb-criterion").nth(1).locator("input[name=No]").is_checked()
    send(page)
    (said,) = answers(client, interface, number, 1)[0].values()
    assert said.corrections == (("aspects.Color", "Red", "Tan"),)
    assert (said.note, said.scores["color"]) == ("Kept.", 1.0)


def test_text_that_was_added_is_in_the_draft_and_the_button_adds_it_too(ask, labelling):
    number, _ = ask("listing", load_rubric("listing"), [listing(1)])
    page = labelling(number)
    page.keyboard.press("s")
    page.fill("input[name=aspect_1_fix]", "Tan")
    row = page.locator(".wb-slot").nth(1)
    saved = lambda r: "/drafts" in r.url and "Tan" in (r.request.post_data or "")  # noqa: E731
    with page.expect_response(saved):
        row.locator("[data-testid=textarea-add-button]").click()
    page.reload()
    page.wait_for_selector("[data-testid=htx-textbox-view]:has-text('Tan')")


def test_what_is_wrong_is_asked_in_sight_and_of_rejections_only(ask, client, labelling):
    number, interface = ask("image", load_rubric("category-image"), [image(1)])
    page = labelling(number)
    modes = page.locator(".wb-modes")
    assert modes.is_hidden()
    page.keyboard.press("n")
    modes.wait_for()
    bar = page.locator("button:has-text('Submit')").first.bounding_box()
    for one in (modes, page.locator("input[name=note]")):
        seen = one.bounding_box()
        assert seen["y"] >= 0
        assert seen["y"] + seen["height"] <= bar["y"]
    for key in ("2", "t", "g"):
        page.keyboard.press(key)
    refuse(page, "Rejected: name what is wrong with it.")
    page.locator("input[name='Something else']").check(force=True)
    page.locator("input[name='Something else']").blur()
    refuse(page, "Something else is wrong: say what.")
    page.fill("input[name=other_words]", "Two of them.")
    page.press("input[name=other_words]", "Enter")
    page.keyboard.press("y")
    modes.wait_for(state="hidden")
    page.keyboard.press("n")
    send(page)
    (said,) = answers(client, interface, number, 1)[0].values()
    assert (said.approved, said.failure_modes, said.note) == (False, (), "Two of them.")
    assert said.contradictions == ()
