"""Text and vision-language models in this process."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import jsonschema
import pytest

from workbench.errors import MissingExtraError, ModelError
from workbench.models import Decoding, Prompt, load_text, tiny

GREEDY = Decoding(max_tokens=12)
DRAWN = Decoding(max_tokens=12, temperature=1.0, seed=3)
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "pattern": "^[A-Za-z ]{1,12}$"},
        "color": {"enum": ["Red", "Blue"]},
        "price": {"type": ["number", "null"]},
    },
    "required": ["title", "color", "price"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def model():
    return load_text("tiny:vlm")


@pytest.fixture
def prompts(photos):
    """Of different lengths, with and without photos, not sorted."""
    return [
        Prompt(text="Name it.", images=(photos[0],)),
        Prompt(text="Describe the product for a shop. " * 9, system="You write listings."),
        Prompt(text="Short."),
        Prompt(text="Compare the two photos.", images=(photos[1], photos[2])),
        Prompt(text="Name it, and say what it is made of.", images=(photos[3],)),
    ]


@pytest.mark.parametrize("family", ["llama", "idefics3", "llava", "llava-next", "qwen2.5-vl"])
def test_a_batch_gives_what_each_prompt_gives_alone(family, model_folder, photos):
    model = load_text(f"dir:{model_folder(family)}")
    prompts = [
        Prompt(text="What is it? " * (1 + 3 * place), images=(photo,) if model.sees else ())
        for place, photo in enumerate(photos)
    ]
    for decoding in (GREEDY, DRAWN):
        together = [answer.text for answer in model.complete(prompts, decoding)]
        alone = [model.complete([prompt], decoding)[0].text for prompt in prompts]
        assert together == alone
        assert len(set(together)) > 1  # answers depend on the prompt


def test_prompts_of_all_kinds_are_answered_in_order(model, prompts):
    counted = []
    answers = model.complete(prompts, GREEDY, progress=counted.append)
    assert [answer.error for answer in answers] == [None] * len(prompts)
    assert sum(counted) == len(prompts)
    assert answers[3] == replace(model.complete(prompts[3:4], GREEDY)[0], cost=answers[3].cost)


def test_a_photo_changes_the_answer(model, photos):
    answers = model.complete([Prompt(text="Name it.", images=(p,)) for p in photos], GREEDY)
    assert len({answer.text for answer in answers}) > 1


def test_costs_are_counted(model, prompts):
    answers = model.complete(prompts, GREEDY)
    for prompt, answer in zip(prompts, answers, strict=True):
        assert answer.cost.prompt_tokens == model._chat.encode([prompt])["input_ids"].shape[1]
        assert answer.cost.completion_tokens == 12
        assert answer.truncated
        assert answer.cost.seconds > 0


def test_seeds_draw_different_answers_and_the_same_again(model, prompts):
    first, again, other = (
        [answer.text for answer in model.complete(prompts, replace(DRAWN, seed=seed))]
        for seed in (3, 3, 4)
    )
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_draws_follow_the_models_probabilities():
    """The first token of 3,000 seeds against the softmax: G-test, seeded, far from its 0.1% line."""
    import numpy as np
    import torch

    from workbench.models.sampling import Draw

    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0, 1.5, -30.0]])
    count = 3000
    for temperature, top_p in ((1.0, 1.0), (0.5, 1.0), (1.0, 0.8)):
        draw = Draw(range(count), temperature=temperature, top_p=top_p, device=torch.device("cpu"))
        drawn = draw(None, logits.repeat(count, 1)).argmax(-1)
        seen = np.bincount(drawn.numpy(), minlength=6)
        expected = (logits[0] / temperature).softmax(-1).double().numpy()
        if top_p < 1:  # .46 and .28 do not reach .8 without the third, .17
            expected = np.where(np.arange(6) < 2, expected, 0) + np.where(
                np.arange(6) == 4, expected, 0
            )
            expected /= expected.sum()
        assert np.all(seen[expected == 0] == 0)
        kept = (expected > 0) & (seen > 0)
        g = 2 * np.sum(seen[kept] * np.log(seen[kept] / (expected[kept] * count)))
        assert g < 20.5  # chi-squared with 5 degrees of freedom, 0.1%


def test_answers_follow_the_schema_written_as_python_writes_json(model, prompts):
    for decoding in (GREEDY, DRAWN):
        answers = model.complete(prompts, replace(decoding, schema=SCHEMA, max_tokens=120))
        whole = [answer for answer in answers if not answer.truncated]
        assert len(whole) >= len(prompts) - 1  # a random model can go on with one number for long
        for answer in whole:
            value = json.loads(answer.text)
            jsonschema.validate(value, SCHEMA)
            if isinstance(value["price"], int | None):  # floats can be spelled in other ways
                assert json.dumps(value) == answer.text


def test_each_prompt_may_have_a_decoding_of_its_own_and_those_that_can_share_a_batch_do(model):
    prompts = [Prompt(text=f"Name color {number}.") for number in range(6)]
    pinned = [{"const": f"color {number}"} for number in range(4)]
    several = [replace(GREEDY, schema=schema, max_tokens=40) for schema in pinned]
    several += [replace(GREEDY, max_tokens=3), replace(DRAWN, seed=9, max_tokens=5)]
    told = []
    answers = model.complete(prompts, several, progress=told.append)
    assert [json.loads(one.text) for one in answers[:4]] == [one["const"] for one in pinned]
    for place in (4, 5):
        (alone,) = model.complete([prompts[place]], several[place])
        assert answers[place].text == alone.text
        assert answers[place].cost.completion_tokens <= several[place].max_tokens
    assert sorted(told) == [1, 1, 4]
    with pytest.raises(ModelError, match="one per prompt, got 5 for 6 prompts"):
        model.complete(prompts, several[:5])


def test_no_answer_holds_what_json_cannot(model):
    """xgrammar lets tabs and other control characters through where a string's length is bounded."""
    schema = {"type": "string", "minLength": 20, "maxLength": 60}
    prompts = [Prompt(text=f"Say {number}.") for number in range(12)]
    answers = model.complete(prompts, replace(DRAWN, schema=schema, max_tokens=70))
    for answer in answers:
        assert len(answer.text) > 20
        assert not any(ord(letter) < 0x20 for letter in answer.text)
        if not answer.truncated:
            json.loads(answer.text)


def test_a_leading_space_is_left_to_the_model():
    """A model trained on answers after a space writes one; refusing it would cost quality unseen."""
    import torch

    model = load_text("tiny:text")
    step = model._follow([SCHEMA])
    scores = step(torch.zeros((1, 1), dtype=torch.long), torch.zeros((1, model._vocabulary)))
    allowed = model._chat.tokenizer.convert_ids_to_tokens(
        (scores[0] > -torch.inf).nonzero().flatten().tolist()
    )
    assert {"Ġ", "{"} <= set(allowed)
    assert all(token.startswith(("Ġ", "{")) for token in allowed)
    assert not any(token.startswith("ĠĠ") for token in allowed)


def test_a_schema_that_no_grammar_can_follow_is_refused(model, prompts):
    with pytest.raises(ModelError, match="want a JSON schema"):
        model.complete(prompts, replace(GREEDY, schema={"type": "nonsense"}))


def test_stop_texts_end_an_answer_and_are_cut(model, prompts):
    whole = model.complete(prompts[:1], replace(DRAWN, max_tokens=40))[0].text
    stop = whole[5]
    cut = model.complete(prompts[:1], replace(DRAWN, max_tokens=40, stop=(stop,)))[0]
    assert cut.text == whole[: whole.index(stop)].strip()
    assert not cut.truncated
    assert cut.cost.completion_tokens < 40


def test_an_end_token_ends_an_answer(model_folder):
    """Bias the output layer until the end token is drawn: the answer is whole, and shorter."""
    import torch

    model = load_text(f"dir:{model_folder('llama')}")
    end = model._chat.tokenizer.eos_token_id

    def prefer_end(_module, _inputs, output):
        output[..., end] += torch.where(output.argmax(-1) % 3 == 0, 1e4, 0.0)
        return output

    model._model.lm_head.register_forward_hook(prefer_end)
    answers = model.complete(
        [Prompt(text=f"Say {n}.") for n in range(8)], replace(GREEDY, max_tokens=60)
    )
    assert any(not answer.truncated for answer in answers)
    for answer in answers:
        assert answer.truncated == (answer.cost.completion_tokens == 60)
        assert "end_of_utterance" not in answer.text


def test_a_prompt_that_cannot_be_served_does_not_stop_its_neighbours(model, prompts):
    prompts[1] = Prompt(text="too long " * 4000)
    answers = model.complete(prompts, GREEDY)
    assert "more than the 4096 that the model reads" in answers[1].error
    assert answers[1].text == ""
    assert [answer.error for answer in answers if answer is not answers[1]] == [None] * 4


def test_photos_for_a_model_that_reads_text_alone_are_an_error_of_that_prompt(photos):
    model = load_text("tiny:text")
    bad, good = model.complete([Prompt(text="x", images=(photos[0],)), Prompt(text="x")], GREEDY)
    assert "reads text only" in bad.error
    assert good.error is None


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_photos_of_any_mode_are_read(model, photos, mode):
    [answer] = model.complete([Prompt(text="x", images=(photos[0].convert(mode),))], GREEDY)
    assert answer.error is None


def test_decoding_out_of_range_is_refused(model):
    with pytest.raises(ModelError, match="want max_tokens of 1 or more"):
        model.complete([Prompt(text="x")], Decoding(max_tokens=0))
    assert model.complete([], GREEDY) == []


def test_the_checkpoints_own_habits_are_left_out(model_folder, tmp_path, prompts):
    """`Decoding` says how an answer is drawn, not a generation_config.json beside the weights."""
    for file in model_folder("llama").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((tmp_path / "generation_config.json").read_text())
    settings |= {"do_sample": True, "temperature": 5.0, "repetition_penalty": 9.0, "max_length": 3}
    (tmp_path / "generation_config.json").write_text(json.dumps(settings))
    changed, plain = load_text(f"dir:{tmp_path}"), load_text(f"dir:{model_folder('llama')}")
    texts = [Prompt(text=prompt.text) for prompt in prompts]
    assert [a.text for a in changed.complete(texts, GREEDY)] == [
        a.text for a in plain.complete(texts, GREEDY)
    ]


def test_weights_in_4_bits_want_a_gpu_and_a_library(model_folder):
    import torch

    name = f"dir:{model_folder('llama')}"
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="want a CUDA device"):
            load_text(name, four_bit=True)
    elif importlib.util.find_spec("bitsandbytes") is None:
        with pytest.raises(MissingExtraError, match=r"catalog-workbench\[4bit\]"):
            load_text(name, four_bit=True)
    else:
        assert load_text(name, four_bit=True).complete([Prompt(text="x")], GREEDY)[0].error is None


def test_tiny_models_are_the_same_each_time_and_say_what_they_are():
    one, other, third = (
        load_text("tiny:text"),
        load_text("tiny:text"),
        load_text("tiny:text", seed=1),
    )
    assert (one.name, one.revision) == ("tiny:text", "tiny-1-text-0")
    assert third.revision == "tiny-1-text-1"
    texts = [m.complete([Prompt(text="Hello")], GREEDY)[0].text for m in (one, other, third)]
    assert texts[0] == texts[1] != texts[2]


def test_building_a_tiny_model_leaves_torchs_random_state():
    import torch

    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    tiny.build_text(seed=5)
    assert torch.equal(before, torch.random.get_rng_state())
