"""What a page showed is held against the store, for every kind of page; how it was laid out is not."""

import pytest

from annotation.label_studio._shown import as_made
from annotation.label_studio.interfaces import build_interface, task_data
from workbench.errors import LabelStudioError
from workbench.records import Generation, Listing
from workbench.rubric import load_rubric


def made(key, kind, title="Blue mug"):
    return Generation(
        key=key, kind=kind, category="mugs", model="m", revision="1", prompt="a blue mug", image="sha256:1",
        listing=Listing(title=title, aspects={"Color": ("Blue", "White"), "Size": ("L",)}, price=9.5),
    )  # fmt: skip


PAGES = [
    ("image", "category-image", {"topic", "prompt"}),
    ("listing", "listing", {"title", "price", "aspect_1", "aspect_1_name", "aspect_2"}),
    ("correction", "category-image", {"prompt", "output"}),
    ("correction", "listing", {"title", "price", "aspects", "output"}),
    ("pair", "category-image", {"asked"}),
    ("pair", "listing", {"side_a", "side_b"}),
]


@pytest.mark.parametrize(("kind", "rubric", "names"), PAGES)
def test_another_text_than_the_model_wrote_is_refused(kind, rubric, names):
    page = build_interface(kind, load_rubric(rubric))
    judges = page.rubric.judges
    known = {"g1": made("g1", judges), "g2": made("g2", judges, title="Red mug")}
    against = known["g2"] if kind == "pair" else None
    data = task_data(page, known["g1"], None, pictures={"sha256:1": "/p"}, against=against)
    assert as_made(page, data, known) == data
    for name in names:
        with pytest.raises(LabelStudioError, match=f"as '{name}', and generation g1 in the"):
            as_made(page, {**data, name: f"{data[name]} other words"}, known)
        spaced = {**data, name: data[name].replace(" ", "  \n")}
        assert as_made(page, spaced, known) == data, "the store's text, not the task's"


def test_a_question_that_was_taken_off_the_page_is_still_asked():
    page = build_interface("listing", load_rubric("listing"))
    known = {"g1": made("g1", "listing")}
    data = task_data(page, known["g1"], None, pictures={})
    assert as_made(page, {**data, "slots": data["slots"][:1]}, known)["slots"] == data["slots"]
