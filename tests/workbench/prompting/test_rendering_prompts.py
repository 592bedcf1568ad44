"""A structured prompt in the words of each kind of image model, within what that model reads."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.prompting import ImagePrompt, family_of, fits, render, token_estimate

MUG = ImagePrompt(
    subject="Blue striped ceramic mug",
    style="professional product photography, sharp focus, soft light",
    background="plain white background",
    composition="centered, the whole product in the picture",
    negative=("people", "text", "People"),
)
MODELS = (
    "hf:stabilityai/stable-diffusion-xl-base-1.0",
    "hf:black-forest-labs/FLUX.1-dev",
    "starter:image",
)


def test_families_by_name():
    assert [family_of(m) for m in MODELS] == ["phrases", "sentence", "captions"]
    assert family_of("dir:/models/mine") == "phrases"
    assert family_of("openai:http://gpu:8000/v1#stable-diffusion-3.5-large") == "sentence"


def test_each_family_is_asked_in_its_own_words():
    phrases, sentence, captions = (render(MUG, m) for m in MODELS)
    assert phrases.prompt.startswith(
        "Blue striped ceramic mug, plain white background, professional"
    )
    assert phrases.negative_prompt == "people, text"
    assert sentence.prompt == (
        "A product photo of a blue striped ceramic mug against a plain white background. Professional product "
        "photography, sharp focus, soft light, centered, the whole product in the picture."
    )
    assert sentence.negative_prompt is None
    assert captions.prompt == (
        "product photo of blue striped ceramic mug, plain white background, professional product photography, "
        "sharp focus, soft light, centered"
    )
    assert captions.negative_prompt == "with a person, with text"


def test_words_for_the_starter_are_those_of_its_captions():
    from workbench.models.starter.captions import FLAW_WORDS

    known = {w for words in FLAW_WORDS.values() for w in words}
    odd = dataclasses.replace(
        MUG, style="gilded baroque splendour, sharp focus", negative=("dragons", "watermark")
    )
    said = render(odd, "starter:image")
    assert "baroque" not in said.prompt and "sharp focus" in said.prompt
    assert set(said.negative_prompt.split(", ")) <= known


part = st.lists(
    st.sampled_from(["soft light", "sharp focus", "no people", "extraordinarily", "a b c d e f g", "centered", "  ", "Sharp Focus"]), max_size=30,
).map(", ".join)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    st.builds(
        ImagePrompt,
        subject=st.sampled_from(["mug", "blue mug with handle", "word " * 90]),
        style=part, background=part, composition=part,
        negative=st.lists(st.sampled_from(["people", "text", "low quality picture"] + [f"n{k}" for k in range(60)]), max_size=60).map(tuple),
    ),
    st.sampled_from(MODELS),
)  # fmt: skip
def test_never_longer_than_the_model_reads_and_no_phrase_twice(prompt, model):
    said = render(prompt, model)
    limit = {"phrases": 75, "sentence": 240, "captions": 54}[family_of(model)]
    assert token_estimate(said.prompt) <= limit
    assert token_estimate(said.negative_prompt or "") <= limit
    assert prompt.subject.split()[0].lower() in said.prompt.lower()
    if family_of(model) == "phrases":
        phrases = [p.lower() for p in said.prompt.split(", ")[1:]]
        assert len(phrases) == len(set(phrases))


def test_what_fits_is_said_whole():
    assert fits(MUG, MODELS[0]) and not fits(dataclasses.replace(MUG, style="unusually long phrase, " * 3 + ", ".join(f"phrase {k}" for k in range(40))), MODELS[0])  # fmt: skip


def test_a_prompt_without_subject_is_refused():
    with pytest.raises(ValueError, match="want a prompt with a subject"):
        render(ImagePrompt(subject=" "), "starter:image")


def test_the_estimate_is_never_under_a_real_tokenizer_of_words():
    assert token_estimate("blue mug, 350 ml") == 7
    assert token_estimate("photography") == 2
