"""A language model may word a proposal better; nonsense leaves the rules' words standing."""

from __future__ import annotations

import json

import pytest

from workbench.evolution import decide, propose
from workbench.evolution.wording import _read, reword
from workbench.models import load_text


@pytest.fixture
def proposals(shop):
    """Of more than one kind."""
    return propose(shop.store, shop.fill(150, marks=0.3, seed=2))


def test_without_a_model_or_with_a_random_one_the_rules_words_stand(proposals):
    assert {"new criterion", "changed threshold"} <= {one.kind for one in proposals}
    assert reword(proposals, None) == proposals
    new = next(one for one in proposals if one.kind == "new criterion")
    assert reword([new], load_text("tiny:text")) == (new,)


@pytest.mark.parametrize(
    "answer",
    ["", "no JSON", "[]", "{}", '{"text": 3}', '{"text": "Short."}', '{"text": "' + "x y " * 200 + '."}',
     '{"text": "no sentence ends here at all"}', '{"text": "§§ %% && ## @@ == ++ ~~ || ^^ !"}',
     '{"text": "A\\u0000 b c d e f g h."}'],
)  # fmt: skip
def test_what_is_no_sentence_is_not_taken(answer):
    assert _read(answer) is None


def test_a_sentence_is_taken_on_one_line():
    assert _read(json.dumps({"text": " Is there\n a watermark? "})) == "Is there a watermark?"


@pytest.mark.slow
def test_a_small_language_model_words_it(shop, proposals):
    """What it writes is at least a rubric that can be read, and numbers are never its own."""
    pytest.importorskip("llama_cpp", reason="extra `llamacpp` is not installed")
    worded = reword(proposals, load_text("gguf:smollm2"))
    assert len(worded) == len(proposals)
    for before, after in zip(proposals, worded, strict=True):
        assert (after.key == before.key) == (after.edit == before.edit)
        if before.kind == "changed threshold":
            assert after == before
        else:
            assert after.edit["criterion"]["threshold"] == before.edit["criterion"]["threshold"]
    shop.store.add(worded)
    decide(shop.store, worded[0].key, "accepted", by="ada", why="It reads well.")
