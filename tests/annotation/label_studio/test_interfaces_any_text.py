"""Property tests: any text of a rubric, a listing or a person goes through page, SDK and back unchanged."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.label_studio.interfaces import (
    Answer,
    build_interface,
    instructions,
    read_result,
    task_data,
    write_result,
)
from annotation.label_studio.interfaces._xml import clean
from workbench.records import Generation, Listing
from workbench.rubric import NO_OUTPUT, Criterion, Example, FailureMode, Rubric

NASTY = '<b>"it\'s" & $price $aspects[0].name ]]> <!-- { --> \x00\x1b\ud800 name="verdict" 🎁 \u202eمرحبا'


def shown(kind, rubric, *, prompt="p", made=None):
    interface = build_interface(kind, rubric)
    generation = Generation(
        key="1" * 64, kind=rubric.judges, category="mugs", model="m", revision="r", prompt=prompt,
        image="sha256:a" if made is None else None, listing=made,
    )  # fmt: skip
    against = replace(generation, key="f" * 64) if kind == "pair" else None
    pictures = {"sha256:a": "/a.png"}
    return interface, task_data(interface, generation, None, pictures=pictures, against=against)


TEXT = st.one_of(
    st.just(NASTY),
    st.text(max_size=30),
    st.text(alphabet="<>&\"'$:,\n\t ab\x00\x1f\ufffe", max_size=20),
)
IDS = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(lambda name: name != NO_OUTPUT)


@st.composite
def rubrics(draw, judges):
    ids = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
    criteria = []
    for name in ids:
        scale = tuple(draw(st.lists(TEXT.filter(str.strip), min_size=2, max_size=5, unique=True)))
        points = draw(st.sampled_from([(), tuple(draw(TEXT) for _ in scale)]))
        by = draw(st.sampled_from(["model", "instrument:x"]))
        criteria.append(
            Criterion(
                id=name, question=draw(TEXT), scale=scale, threshold=1.5, by=by, points=points
            )
        )
    modes = draw(st.lists(IDS, max_size=4, unique=True))
    return Rubric(
        name="any", version=1, judges=judges, instructions=draw(TEXT), criteria=tuple(criteria),
        failure_modes=tuple(
            FailureMode(id=m, description=draw(TEXT), blocks=draw(st.booleans())) for m in modes
        ),
        examples=(Example(output=draw(TEXT), criterion=ids[0], point="x", why=draw(TEXT)),),
    )  # fmt: skip


@st.composite
def reviews(draw, rubric):
    scores = {
        c.id: float(draw(st.integers(1, len(c.scale))))
        for c in rubric.criteria
        if c.by == "model" or draw(st.booleans())
    }
    modes = tuple(m.id for m in rubric.failure_modes if draw(st.booleans()))
    note = clean(draw(TEXT)).strip() or None
    return Answer(approved=draw(st.booleans()), scores=scores, failure_modes=modes, note=note)


def _comes_back(interface, answer, data):
    from label_studio_sdk.label_interface import LabelInterface

    label_interface = LabelInterface(interface.config)
    label_interface.validate()
    assert label_interface.validate_task({"data": data})
    result = write_result(interface, answer, data)
    assert label_interface.validate_prediction({"result": result}, return_errors=True) == []
    found = read_result(interface, result, data)
    assert replace(found, contradictions=()) == answer
    assert "\x00" not in interface.config + instructions(interface, pictures={})
    # A page fills in every `$name`: those of a rubric's text must stay what they are.
    assert set(re.findall(r"\$(\w+)", interface.config)) <= set(data)
    signs = re.findall(r'="([^"]*\$[\w\[\].{}][^"]*)"', interface.config)
    assert all(re.fullmatch(r"(\d+\. )?\$\w+", sign) for sign in signs)
    interface.config.encode()


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_any_rubric_and_any_prompt_make_a_page_whose_answers_come_back(data):
    rubric = data.draw(rubrics("image"))
    interface, shown_data = shown("image", rubric, prompt=data.draw(TEXT))
    answer = data.draw(reviews(rubric))
    better = clean(data.draw(TEXT)).strip()
    if not answer.approved and better and better != shown_data["prompt"].strip():
        answer = replace(answer, corrections=(("prompt", shown_data["prompt"], better),))
    _comes_back(interface, answer, shown_data)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_any_rubric_and_any_listing_make_a_page_whose_answers_come_back(data):
    rubric = data.draw(rubrics("listing"))
    words = TEXT.map(lambda text: re.sub("[\x00-\x1f\ufffe\ud800]", "", text))
    stated = data.draw(st.dictionaries(words, st.tuples(TEXT) | st.tuples(TEXT, TEXT), max_size=5))
    made = Listing(title=data.draw(TEXT), aspects=stated, price=data.draw(st.none() | st.just(3.5)))
    interface, shown_data = shown("listing", rubric, made=made)
    corrections = []
    asked = [("title", "title")]
    asked += [(f"aspect_{i}", f"aspects.{name}") for i, name in enumerate(stated, start=1)]
    asked += [("price", "price")] * (made.price is not None)
    for name, about in asked:
        after = clean(data.draw(TEXT)).strip() or None
        possible = after != shown_data[name].strip() and (after or name != "title")
        if possible and data.draw(st.booleans()):
            corrections.append((about, shown_data[name], after))
    if "New" not in stated and data.draw(st.booleans()):
        corrections.append(("aspects.New", None, "a: b"))
    answer = replace(data.draw(reviews(rubric)), corrections=tuple(corrections))
    _comes_back(interface, answer, shown_data)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_any_preference_comes_back_with_its_sides(data):
    rubric = data.draw(rubrics("listing"))
    made = Listing(title=data.draw(TEXT), aspects={data.draw(TEXT): (data.draw(TEXT),)})
    interface, shown_data = shown("pair", rubric, made=made)
    preferred = data.draw(st.sampled_from(["generation", "against", "tie", "neither"]))
    answer = Answer(preferred=preferred, note=clean(data.draw(TEXT)).strip() or None)
    _comes_back(interface, answer, shown_data)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_any_free_correction_comes_back(data):
    rubric = data.draw(rubrics("listing"))
    words = st.text(alphabet="ab:c $<&", min_size=1, max_size=8)
    words = words.map(lambda text: " ".join(text.split())).filter(bool)
    stated = data.draw(st.dictionaries(words, st.tuples(words), max_size=4))
    interface, shown_data = shown(
        "correction", rubric, made=Listing(title=data.draw(words), aspects=stated)
    )
    approved = data.draw(st.booleans())
    corrections = []
    if not approved:
        after = data.draw(words)
        if after != shown_data["title"]:
            corrections.append(("title", shown_data["title"], after))
        if data.draw(st.booleans()):
            corrections.append(("price", None, "5"))
        for name, (value,) in stated.items():
            after = data.draw(st.none() | words)
            if after != value:
                corrections.append((f"aspects.{name}", value, after))
    answer = Answer(approved=approved, corrections=tuple(corrections))
    found = read_result(interface, write_result(interface, answer, shown_data), shown_data)
    assert replace(found, contradictions=()) == answer
