"""What the starter models that see learn from: the right words about the right photos, in the right form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from workbench.catalog.drawn import DrawnCatalog, clean_listing, seen_aspects
from workbench.metrics import aspect_pairs
from workbench.models.starter import vlm
from workbench.models.starter.data import (
    HELD_OUT_SEED,
    TRAIN_SEED,
    draw_photos,
    drawn_items,
    listing_examples,
    naming_examples,
    scaled,
    texts,
    write_listing,
)
from workbench.models.starter.seeing import told
from workbench.models.structured import Grammars


@pytest.fixture(scope="module")
def catalog():
    return DrawnCatalog(seed=TRAIN_SEED, items=60)


@pytest.fixture(scope="module")
def tokenizer(catalog):
    return vlm.build_tokenizer(texts(listing_examples(catalog, "aligned")), vocabulary=700)


def test_every_photo_is_shown_once_and_the_question_names_the_category(catalog):
    examples = listing_examples(catalog, "raw")
    shown = [photo for example in examples for photo in example.photos]
    assert shown == list(range(sum(len(entry.styles) for entry in catalog.entries)))
    for example, entry in zip(examples, catalog.entries, strict=True):
        path = catalog.schema.category(entry.product.kind).path
        assert f"category {' > '.join(path)}." in example.question


def test_raw_answers_are_the_sellers_and_aligned_ones_what_photos_show(catalog):
    raw = [json.loads(e.answer) for e in listing_examples(catalog, "raw")]
    aligned = [json.loads(e.answer) for e in listing_examples(catalog, "aligned")]
    for said, clean, item, entry in zip(
        raw, aligned, drawn_items(catalog), catalog.entries, strict=True
    ):
        assert said["title"] == item.title
        lists = {k: tuple([v] if isinstance(v, str) else v) for k, v in said["aspects"].items()}
        assert lists == dict(item.aspects)
        truth = clean_listing(entry.product)
        assert clean["title"] == truth.title
        ours = {name: (value,) for name, value in clean["aspects"].items()}
        assert aspect_pairs(ours) == aspect_pairs(truth)
    hidden = ("Brand", "Size", "Model", "Condition")
    assert any(set(hidden) & set(said["aspects"]) for said in raw)
    assert not any(set(hidden) & set(clean["aspects"]) for clean in aligned)


def test_aligned_answers_are_written_as_constrained_decoding_writes_them(catalog, tokenizer):
    """One space more or less, and a model trained on the one form fails in the other."""
    import torch

    grammars = Grammars(tokenizer, vocabulary=len(tokenizer), stops=[tokenizer.eos_token_id])
    for example, entry in zip(
        listing_examples(catalog, "aligned"), catalog.entries[:20], strict=False
    ):
        category = catalog.schema.category(entry.product.kind)
        follow = grammars.processor([category.json_schema(visible_only=True)])
        tokens = tokenizer(example.answer + tokenizer.eos_token)["input_ids"]
        for place, token in enumerate(tokens):
            said = torch.tensor([[0, *tokens[:place]]])
            allowed = follow(said, torch.zeros(1, len(tokenizer)))[0] == 0
            assert allowed[token], (tokenizer.decode(tokens[:place]), tokenizer.decode([token]))


def test_eyes_learn_what_sellers_say_in_the_schemas_words(catalog):
    """Each label is one of the attribute's values; sellers are silent, wrong and right at known rates."""
    raw, aligned = told(catalog, "raw"), told(catalog, "aligned")
    assert raw.labels.shape == aligned.labels.shape == (
        sum(len(entry.styles) for entry in catalog.entries), len(raw.values),
    )  # fmt: skip
    assert not {"Brand", "Size", "Model", "Condition", "Department"} & set(raw.values)
    names = list(raw.values)
    place = 0
    for entry in catalog.entries:
        for _ in entry.styles:
            row = aligned.labels[place]
            said = {n: raw.values[n][v] for n, v in zip(names, row, strict=True) if v >= 0}
            assert said == {"category": entry.product.kind, **seen_aspects(entry.product)}
            place += 1
    color = names.index("Color")
    stated = raw.labels[:, color] >= 0
    right = raw.labels[stated, color] == aligned.labels[stated, color]
    assert 0.4 < stated.mean() < 0.8 and 0.8 < right.mean() < 1
    assert (raw.labels[:, names.index("category")] == aligned.labels[:, 0]).all()


def test_named_aspects_are_those_that_were_asked_for(catalog):
    for targets in ("raw", "aligned"):
        examples = naming_examples(catalog, targets)
        assert 0.9 * len(catalog.entries) < len(examples) <= len(catalog.entries)
        for example in examples:
            asked = example.question.split(": ")[1].split(". Answer")[0]
            assert asked.split(", ") == list(json.loads(example.answer))
    shown = {example.photos for example in listing_examples(catalog, "raw")}
    assert {example.photos for example in examples} <= shown


def test_one_value_is_text_and_several_are_a_list():
    written = write_listing("A", {"Color": ("Red",), "Features": ("Hood", "Zip")})
    assert written == '{"title": "A", "aspects": {"Color": "Red", "Features": ["Hood", "Zip"]}}'


def test_a_value_shares_no_token_with_the_next_key(tokenizer):
    pieces = tokenizer.tokenize(
        '{"title": "Red Mug", "aspects": {"Color": "Red", "Pattern": "Solid"}}'
    )
    assert not [
        piece for piece in pieces if '"' in piece and any(c.isalpha() and c != "Ġ" for c in piece)
    ]


def test_a_chat_is_written_as_it_is_learnt(tokenizer):
    """The prompt is a prefix of the whole, and what follows is the answer and the token that ends it."""
    asked = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}
    ]
    prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert prompt == (
        "<|im_start|>user\n<image>What is it?<end_of_utterance>\n<|im_start|>assistant\n"
    )
    said = [{"role": "assistant", "content": [{"type": "text", "text": '{"title": "Mug"}'}]}]
    whole = tokenizer.apply_chat_template(asked + said, tokenize=False)
    assert whole == prompt + '{"title": "Mug"}<end_of_utterance>'


def test_photos_are_drawn_as_the_processor_scales_them(catalog, tokenizer):
    few = DrawnCatalog(seed=TRAIN_SEED, items=3, size=128)
    drawn = draw_photos(few, 32)
    pictures = [few.picture(e, k) for e in few.entries for k in range(len(e.styles))]
    assert drawn.shape == (len(pictures), 32, 32, 3)
    size = vlm.Size(
        pixels=32, patch=8, vision_width=32, vision_depth=1, width=48, depth=1, vocabulary=700
    )
    processor = vlm.build_processor(tokenizer, size)
    seen = processor.image_processor([[p] for p in pictures], return_tensors="np")["pixel_values"]
    for ours, picture, theirs in zip(drawn, pictures, seen[:, 0], strict=True):
        assert np.array_equal(ours, scaled(picture, 32))
        assert np.abs(ours / 127.5 - 1 - theirs.transpose(1, 2, 0)).max() < 1.01 / 127.5


def test_what_is_held_out_was_never_learnt():
    learnt = DrawnCatalog(seed=TRAIN_SEED, items=2000).entries
    kept = DrawnCatalog(seed=HELD_OUT_SEED, items=400).entries
    assert not {e.product.look for e in learnt} & {e.product.look for e in kept}
