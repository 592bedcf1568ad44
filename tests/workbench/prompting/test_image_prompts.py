"""Prompts written by rules and by models, kept before any pixel; and made better after a verdict."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PIL import Image

from workbench.catalog import open_catalog
from workbench.catalog._derived import derive_schema
from workbench.errors import RubricError
from workbench.models import Completion, Decoding, load_text
from workbench.prompting import (
    Attempt,
    Brief,
    Finding,
    ModelImprover,
    ModelPromptWriter,
    RuleImprover,
    RulePromptWriter,
    RuleSimplifier,
    findings_of,
    fits,
    improve,
    improved_key,
    prompt_key,
    read_prompt,
    read_rendered,
    simplify,
    write_prompts,
)
from workbench.records import CriterionScore, Item, Verdict
from workbench.rubric import load_rubric
from workbench.schema import Attribute, Category, Schema

SDXL = "hf:stabilityai/sdxl"
CHAIR = Category(
    id="chair", name="Chairs", path=("Home", "Chairs"),
    attributes=(
        Attribute(name="Color", values=("Pink", "Blue"), visible="yes"),
        Attribute(name="Pattern", values=("Striped",), visible="yes", synonyms={"stripes": "Striped"}),
        Attribute(name="Back Style", values=("Slat Back",), visible="yes"),
        Attribute(name="Size", values=("80 cm",), visible="no"),
    ),
)  # fmt: skip
SCHEMA = Schema(name="s", version="1", categories={"chair": CHAIR})
BRIEF = Brief(
    category="chair", name="Chairs", titles=("pink stripes seat", "blue chair"),
    aspects={"back style": ("slat back",), "Size": ("80 cm",), "Color": ("Blue",)},
)  # fmt: skip
RUBRIC = load_rubric("category-image")


def written(brief=BRIEF, writer=None, model=SDXL):
    (found,) = write_prompts([brief], writer or RulePromptWriter(), image_model=model, run="r")
    return found


class Says:
    """A text model that was told what to answer: for what is done with answers, not for what models say."""

    name, revision, sees = "says:this", "1", True

    def __init__(self, **answer):
        self.answer, self.prompts = answer, []

    def complete(self, prompts, decoding, *, progress=None):
        import jsonschema

        self.prompts += prompts
        jsonschema.validate(self.answer, decoding.schema)
        return [Completion(text=json.dumps(self.answer)) for _ in prompts]


ANSWER = {
    "subject": "pink striped chair", "style": "soft light, Soft Light", "background": "white background",
    "composition": "centered", "negative": ["people", "flowers"],
}  # fmt: skip


def test_a_rule_written_prompt_says_what_is_known_in_the_schemas_words():
    prompt = read_prompt(written(writer=RulePromptWriter(schema=SCHEMA)))
    assert (
        prompt.subject == "Pink Striped Chairs with Slat Back"
    )  # the title counts before the aspects
    assert read_prompt(written()).subject == "pink stripes seat Chairs"
    assert read_prompt(written(Brief(category="x", name="Mugs"))).subject == "Mugs"


LINEN = "Blue linen long-sleeve shirt with mandarin collar"


def shirts(*more):
    """Items of a shop that brings no schema."""
    titles = (LINEN, "Red wool shirt", *more)
    return [
        Item(id=str(k), category="Shirts", title=title, aspects={"Color": (title.split()[0],)})
        for k, title in enumerate(titles)
    ]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param(shirts(), id="too few items for any value"),
        pytest.param(shirts("Blue shirt", "Red shirt", "Red silk shirt"), id="colours are known"),
        pytest.param([replace(i, aspects={}) for i in shirts()], id="no columns"),
    ],
)
def test_a_plain_tables_titles_keep_what_its_schema_has_no_words_for(items):
    schema = derive_schema("shop", items)
    writer = RulePromptWriter(schema=schema)

    def subject(item):
        titles = (item.title,) if item.title else ()
        return read_prompt(
            written(Brief(category="Shirts", name="Shirts", titles=titles, aspects=item.aspects), writer)
        ).subject  # fmt: skip

    assert [subject(item) for item in items[:2]] == [LINEN, "Red wool shirt"]
    red = replace(items[0], title="Wool shirt", aspects={"Color": ("Red",)})
    assert subject(red) == ("Red Wool shirt" if items[0].aspects else "Wool shirt")
    nameless = replace(items[0], title="")
    assert subject(nameless) == ("Blue Shirts" if nameless.aspects else "Shirts")


def test_a_title_without_the_kind_of_product_among_its_first_words_gets_it():
    long = "one two three four five six seven eight nine ten eleven twelve shirt"
    brief = Brief(category="x", name="T-Shirts", titles=(long,))
    assert read_prompt(written(brief)).subject.split()[-2:] == ["eleven", "T-Shirts"]
    short = Brief(category="x", name="T-Shirts", titles=("blue t-shirt",))
    assert read_prompt(written(short)).subject == "blue t-shirt"


def test_drawn_items_are_asked_for_in_the_words_that_the_starter_model_learned():
    catalog = open_catalog("drawn:seed=7,items=40")
    names = {c.id: c.name for c in catalog.schema.categories.values()}
    items = list(catalog.items())
    titles = [g.text for g in simplify(items, RuleSimplifier(), categories=names)]
    said = {
        title: write_prompts(
            [
                Brief(
                    category=i.category, name=names[i.category], titles=(title,), aspects=i.aspects
                )
            ],
            RulePromptWriter(schema=catalog.schema),
            image_model="starter:image",
        )[0].text
        for i, title in zip(items, titles, strict=True)
    }
    subjects = {
        "rust striepd Slat Back Chair": "orange striped plastic chair with slat back",
        "VINTAGE plum polka dot water bottle": "purple dotted plastic bottle with slim neck, cork",
        "vtg Womens cobalt Fleece hooyd": "blue checked fleece hoodie with pullover",
        "Mens Teal checked headwear": "teal checked straw hat with sun hat",
        "new Navy chevron ROUND HANDLE tea mug": "navy zigzag glass mug with round handle",
        "WOMENS CHERRY CHECKED SLIP-ON TENNIS SHOES 10": "red checked canvas sneakers with low-top, slip-on",
        "Trousers": "black solid trousers with straight leg",
        "grey floral Pumps HY1543-GR": "grey floral pumps with flat",
    }
    around = "plain white background, professional product photography, sharp focus, soft light, centered"
    assert {t: said[t] for t in subjects} == {
        title: f"product photo of {subject}, {around}" for title, subject in subjects.items()
    }


def test_a_prompt_is_kept_before_any_pixel():
    made = written()
    assert made.kind == "prompt" and made.category == "chair" and made.run == "r"
    assert made.key == prompt_key(BRIEF, RulePromptWriter(), SDXL) != prompt_key(BRIEF, RulePromptWriter(), "starter:image")  # fmt: skip
    said = read_rendered(made)
    assert said.prompt == made.text and said.negative_prompt == made.details["negative_prompt"]
    assert made.details["titles"] == list(BRIEF.titles)
    json.dumps(dict(made.details))  # JSON types, as the store wants them
    with pytest.raises(ValueError, match="kind 'prompt'"):
        read_prompt(written(Brief(category="x", name="Mugs")).__class__(
            key="k", kind="image", category="x", model="m", revision="r", prompt="p"))  # fmt: skip


def test_a_models_prompt_is_taken_where_it_is_about_the_product():
    model = Says(**ANSWER)
    made = written(writer=ModelPromptWriter(model))
    prompt = read_prompt(made)
    assert prompt.subject == "pink striped chair" and prompt.style == "soft light"
    assert made.model == "says:this" and made.details["by"] == "says:this" and made.prompt in f"{model.prompts[0].system}\n\n{model.prompts[0].text}"  # fmt: skip
    other = written(writer=ModelPromptWriter(Says(**{**ANSWER, "subject": "red sports car"})))
    assert (
        other.details["by"] == "rules"
        and "'red sports car' is about something else" in other.details["note"]
    )
    assert read_prompt(other) == read_prompt(written())


def test_noise_falls_back_and_says_so():
    """Random weights, through the real engine and its grammar."""
    writer = ModelPromptWriter(load_text("tiny:text"), decoding=Decoding(max_tokens=16))
    made = written(writer=writer)
    assert made.details["by"] == "rules" and made.details["note"].startswith(
        "tiny:text gave no usable answer"
    )
    assert made.text == written().text and made.cost.completion_tokens > 0


def verdict(*modes, **failed):
    scores = tuple(
        CriterionScore(
            criterion=c.id, score=1.0, passed=c.id not in failed, reason=failed.get(c.id)
        )
        for c in RUBRIC.criteria
    )
    return Verdict(
        key="v", generation="g", judge="j", revision="1", rubric=RUBRIC.label, scores=scores,
        failure_modes=modes, approved=False,
    )  # fmt: skip


def test_findings_are_modes_first_then_criteria_without_one():
    found = findings_of(
        verdict("dark_background", "gone_mode", background="dark", style="a harsh angle"), RUBRIC
    )
    assert [(f.id, f.kind, f.reason) for f in found] == [
        ("dark_background", "failure mode", "dark"), ("style", "criterion", "a harsh angle"),
    ]  # fmt: skip
    assert found[1].wanted.startswith("One product in even light")


def better(first, *findings, rounds=1, model=SDXL):
    for _ in range(rounds):
        (first,) = improve(
            [Attempt(prompt=first, findings=findings)], RuleImprover(), image_model=model
        )
    return first


def mode(name):
    return next(
        Finding(id=m.id, kind="failure mode", words=m.description)
        for m in RUBRIC.failure_modes
        if m.id == name
    )


@pytest.mark.parametrize("name", [m.id for m in RUBRIC.failure_modes if m.id != "no_output"])
def test_every_failure_mode_of_the_rubric_has_words(name):
    first = written()
    after = better(first, mode(name))
    assert after.details["changed"] and after.parent == first.key and after.attempt == 2
    assert after.details["findings"] == [name]


@pytest.mark.parametrize("model", [SDXL, "hf:black-forest-labs/FLUX.1-dev", "starter:image"])
def test_rounds_never_repeat_a_phrase_nor_outgrow_the_model(model):
    made, everything = (
        written(model=model),
        [mode(m.id) for m in RUBRIC.failure_modes if m.id != "no_output"],
    )
    for _ in range(8):
        made = better(made, *everything, model=model)
        prompt = read_prompt(made)
        said = [p.casefold() for part in (prompt.style, prompt.background, prompt.composition) for p in part.split(", ") if p]  # fmt: skip
        assert len(said) == len(set(said)) and fits(prompt, model)
        assert len({n.casefold() for n in prompt.negative}) == len(prompt.negative)
        assert (
            "background" in prompt.background and prompt.subject == read_prompt(written()).subject
        )


def test_words_that_are_used_up_change_nothing_and_say_so():
    made = better(written(), mode("wrong_color"), rounds=5)
    assert made.details["changed"] is False and made.details["note"] == "no words are left to try"
    assert made.key != written().key


def test_the_colour_of_the_subject_is_asked_for_by_name():
    prompt = read_prompt(better(written(), mode("wrong_color")))
    assert prompt.style.startswith("pink color, exact color")


def test_an_unknown_mode_is_worded_from_the_rubric():
    snow = Finding(
        id="snow", kind="failure mode", words="There is snow on the product, as in winter."
    )
    assert "snow on the product" in read_prompt(better(written(), snow)).negative
    wanted = Finding(
        id="calm", kind="criterion", words="Is it calm?", wanted="A calm picture in pale tones."
    )
    assert read_prompt(better(written(), wanted)).style.startswith("calm picture in pale tones")


def test_a_file_of_words_that_is_wrong(tmp_path):
    path = tmp_path / "words.yaml"
    path.write_text("dark_background:\n  colour: [x]\n")
    with pytest.raises(RubricError, match=r"words.yaml:2: want lists of phrases"):
        RuleImprover(remedies=path).improve(
            [Attempt(prompt=written(), findings=(mode("unsafe"),))], image_model=SDXL
        )


def test_a_model_that_sees_writes_the_better_prompt():
    model = Says(wrong=["dark"], **ANSWER)
    first = written(Brief(category="chair", name="Chairs", titles=("pink striped chair",)))
    attempt = Attempt(
        prompt=first, findings=(mode("dark_background"),), picture=Image.new("RGB", (8, 8)), picture_key="sha256:ab",
    )  # fmt: skip
    (made,) = improve([attempt], ModelImprover(model), image_model=SDXL)
    assert model.prompts[0].images == (attempt.picture,)
    assert "dark background: The background is dark or shadowy." in model.prompts[0].text
    prompt = read_prompt(made)
    assert prompt.background == "white background" and made.details["by"] == "says:this"
    assert {"flowers", "people", "text"} <= set(prompt.negative)  # what was forbidden stays so
    assert (
        made.parent == first.key
        and made.inputs == ("sha256:ab",)
        and "wrong" in made.details["answer"]
    )
    assert made.key == improved_key(attempt, ModelImprover(model), SDXL)
    again = Attempt(prompt=made, findings=attempt.findings)
    (same,) = improve([again], ModelImprover(model), image_model=SDXL)
    assert same.details["by"] == "rules" and "the same prompt again" in same.details["note"] and same.details["changed"]  # fmt: skip


def test_a_tiny_model_that_sees_falls_back():
    attempt = Attempt(
        prompt=written(), findings=(mode("dark_background"),), picture=Image.new("RGB", (64, 64))
    )
    (made,) = improve([attempt], ModelImprover(load_text("tiny:vlm")), image_model=SDXL)
    assert (
        made.details["by"] == "rules"
        and made.text == better(written(), mode("dark_background")).text
    )
