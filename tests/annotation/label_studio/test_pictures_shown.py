"""What people see of pictures: what each is to show, and no small one blown up; in Label Studio's own page."""

from dataclasses import replace

import pytest
from page_browser import answers, send

from annotation.label_studio import Question, push
from annotation.label_studio._shown import as_made
from annotation.label_studio.interfaces import _image, build_interface, fitted, task_data
from workbench.errors import LabelStudioError
from workbench.records import content_key

NAMES = ("Women/Dresses & <b>skirts", "theme:red-lamps", "כובע צמר $prompt")


def test_a_small_picture_is_shown_at_three_times_its_size_under_what_it_is_to_show(
    pictures, client, media, people, server
):
    made = pictures(8, 4)
    named = [
        replace(one, key=content_key(one.key, name), category=name)
        for one, name in zip(made.spare, NAMES, strict=False)
    ]
    made.store.add(named)
    page_of = build_interface("image", made.rubric)
    pushed = push(
        client, made.store, [Question(generation=one.key) for one in named],
        name="sizes", interface=page_of, media=media,
    )  # fmt: skip
    (one,) = pushed.projects
    try:
        page = people.new_page()
        page.set_default_timeout(90_000)  # a busy machine draws the page slowly
        page.goto(f"{server.url}/projects/{one.project.id}/data?labeling=1")
        page.wait_for_selector("text=Labeling Instructions")
        page.wait_for_timeout(500)
        page.keyboard.press("Escape")
        seen = set()
        for _ in named:
            page.wait_for_function(
                "(seen) => { const now = document.querySelector('.wb-topic h2'); return now && !seen.includes(now.innerText); }",
                arg=sorted(seen),
            )
            picture = page.locator(".wb-shown img").first
            page.wait_for_function(
                "document.querySelector('.wb-shown img')?.getBoundingClientRect().width > 96"
            )
            box = picture.bounding_box()
            assert box["width"] == pytest.approx(288, abs=1) and box["height"] == pytest.approx(
                288, abs=1
            )
            style = "(one) => getComputedStyle(one).imageRendering"
            assert picture.evaluate(style) == "pixelated"
            seen.add(page.locator(".wb-topic h2").inner_text().strip())
            for key in "y5tg":
                page.keyboard.press(key)
            send(page)
        assert seen == {"Women / Dresses & <b>skirts", "red lamps", "כובע צמר $prompt"}
        found, _ = answers(client, page_of, one.project.id, len(named))
        assert {said.approved for said in found.values()} == {True}
        page.close()
    finally:
        client.delete_project(one.project.id)


def test_a_large_picture_fills_its_half_of_the_page():
    from workbench.rubric import load_rubric

    config = build_interface("image", load_rubric("category-image")).config
    assert fitted(config, 1024) == config
    assert 'maxWidth="192px"' in fitted(config, 64) and 'className="wb wb-small"' in fitted(
        config, 64
    )


def test_a_task_whose_topic_was_changed_is_refused_and_an_older_one_without_it_is_read(pictures):
    made = pictures(6, 4)
    one = made.generations[0]
    page = build_interface("image", made.rubric)
    data = task_data(page, one, None, pictures={str(one.image): f"/x/{str(one.image)[7:]}.png"})
    known = {one.key: one}
    assert as_made(page, data, known)["topic"] == one.category
    older = {name: value for name, value in data.items() if name != "topic"}
    assert as_made(page, older, known)["prompt"] == data["prompt"]
    with pytest.raises(LabelStudioError, match="as 'topic'"):
        as_made(page, data | {"topic": "a boat"}, known)


def test_a_project_that_was_pushed_before_pages_showed_topics_goes_on(
    pictures, client, media, monkeypatch
):
    made = pictures(8, 4)
    build, data = _image.build, _image.data

    def before(rubric, *, slots):
        (page,) = build(rubric, slots=slots)
        shown = page.find("View[@className='wb-shown']")
        shown.remove(shown.find("View[@className='wb-topic']"))
        return [page]

    def without(*args, **options):
        return {name: value for name, value in data(*args, **options).items() if name != "topic"}

    def ask(generations):
        return push(
            client, made.store, [Question(generation=one.key) for one in generations], name="old",
            interface=build_interface("image", made.rubric), media=media,
        )  # fmt: skip

    monkeypatch.setattr(_image, "build", before)
    monkeypatch.setattr(_image, "data", without)
    (one,) = ask(made.generations).projects
    monkeypatch.undo()
    try:
        assert ask((*made.generations, made.spare[0])).created == 1
        shown = client.get(f"/api/projects/{one.project.id}", doing="read the project")
        assert "$topic" in shown["label_config"]
    finally:
        client.delete_project(one.project.id)
