"""One prefill for all questions gives what one prompt per question gives, in every family."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from workbench.errors import ModelError
from workbench.models import Prompt, Question, load_scorer
from workbench.models.protocols import asked

FAMILIES = ["llama", "idefics3", "llava", "llava-next", "qwen2.5-vl"]
QUESTIONS = (
    Question(text="Does the title name the product?", answers=("1", "2", "3", "4", "5")),
    Question(text="Is the photo in focus?", answers=("yes", "no")),
    # Answers of several tokens, one of which begins another.
    Question(text="Stars, please:", answers=("1", "10", "not at all", "not")),
)


def contexts_for(model, photos):
    """Contexts of different lengths, so that a batch of them is padded."""
    return [
        Prompt(
            text="The rubric asks what the title says. " * (1 + place % 3) + f"Item {place}.",
            images=(photo,) if model.sees else (),
            system="You are a strict judge.",
        )
        for place, photo in enumerate(photos)
    ]


def largest_difference(one, other):
    return max(
        abs(a - b)
        for first, second in zip(one, other, strict=True)
        for p, q in zip(first, second, strict=True)
        for a, b in zip((*p.distribution, p.coverage), (*q.distribution, q.coverage), strict=True)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_shared_prefill_equals_one_prompt_per_question(family, model_folder, photos):
    shared = load_scorer(f"dir:{model_folder(family)}")
    apart = load_scorer(f"dir:{model_folder(family)}", shared_prefill=False)
    contexts = contexts_for(shared, photos)
    questions = [QUESTIONS] * len(contexts)

    answers = shared.score(contexts, questions)
    reference = apart.score(contexts, questions)

    assert shared._scoring.share is True  # it did not fall back
    assert largest_difference(answers, reference) < 1e-5
    # Nor would anything else have given these numbers: they differ by photo, text and question.
    scores = np.array(
        [[a for answer in several for a in answer.distribution] for several in answers]
    )
    assert np.ptp(scores, axis=0).max() > 0.02
    for several in answers:
        for answer in several:
            assert answer.error is None
            assert math.isclose(sum(answer.distribution), 1)
            assert 0 < answer.coverage <= 1


@pytest.mark.parametrize("family", ["idefics3", "qwen2.5-vl"])
def test_a_photo_changes_the_scores(family, model_folder, photos):
    model = load_scorer(f"dir:{model_folder(family)}")
    one, other = (Prompt(text="Rubric.", images=(photo,)) for photo in photos[:2])
    first, second = model.score([one, other], [QUESTIONS, QUESTIONS])
    assert largest_difference([first], [second]) > 0.01


@pytest.mark.parametrize("family", FAMILIES)
def test_prefix_and_suffix_are_the_whole_prompts_tokens(family, model_folder, photos):
    """What is read in two parts is, token by token, what the processor makes of the whole prompt."""
    import torch

    model = load_scorer(f"dir:{model_folder(family)}")
    model.score(contexts_for(model, photos), [QUESTIONS] * len(photos))  # settles how it scores
    seen = []

    def record(_module, _arguments, given):
        seen.append({key: given[key] for key in ("input_ids", "attention_mask")})

    hook = model._model.register_forward_pre_hook(record, with_kwargs=True)
    contexts = contexts_for(model, photos)[:2]
    digits = (QUESTIONS[0], Question(text="Is the photo in focus?", answers=("1", "2", "3")))
    model.score(contexts, [digits] * 2)
    hook.remove()

    assert len(seen) == 2  # one prefill, then all questions at once
    prefixes = [
        ids[mask.bool()].tolist()
        for ids, mask in zip(seen[0]["input_ids"], seen[0]["attention_mask"], strict=True)
    ]
    mask = seen[1]["attention_mask"][:, seen[0]["input_ids"].shape[1] :]
    suffixes = [
        ids[keep.bool()].tolist() for ids, keep in zip(seen[1]["input_ids"], mask, strict=True)
    ]
    in_parts = sorted([*prefixes[row // 2], *suffix] for row, suffix in enumerate(suffixes))
    whole = sorted(
        model._chat.encode([asked(context, question)])["input_ids"][0].tolist()
        for context in contexts
        for question in digits
    )
    assert in_parts == whole
    assert min(len(prefix) for prefix in prefixes) > 2 * max(len(suffix) for suffix in suffixes)
    assert isinstance(seen[0]["input_ids"], torch.Tensor)


def test_answers_of_several_tokens_are_scored_as_sequences(model_folder):
    """Against a hand-made forward pass: P(10) is P(1) · P(0 | 1), and P(1) leaves out what goes on."""
    import torch

    model = load_scorer(f"dir:{model_folder('llama')}")
    context, question = Prompt(text="How many?"), Question(text="Say:", answers=("1", "10"))
    tokens = model._chat.encode([asked(context, question)])["input_ids"]
    number = model._chat.tokenizer.convert_tokens_to_ids

    def chances(ids):
        with torch.inference_mode():
            return model._model(input_ids=ids).logits[0, -1].double().softmax(-1)

    expected = {"1": 0.0, "10": 0.0}
    for first in ("1", "Ġ1"):  # with and without the space before it
        one = float(chances(tokens)[number(first)])
        after = torch.cat([tokens, torch.tensor([[number(first)]])], -1)
        ten = one * float(chances(after)[number("0")])
        expected["1"] += one - ten
        expected["10"] += ten
    assert model._chat.tokenizer.tokenize("10") == ["1", "0"]
    assert model._chat.tokenizer.tokenize(" 10") == ["Ġ1", "0"]

    [[answer]] = model.score([context], [[question]])
    total = sum(expected.values())
    assert answer.coverage == pytest.approx(total, rel=1e-5)
    assert answer.distribution == pytest.approx([e / total for e in expected.values()], rel=1e-5)


def test_tokens_read_are_counted_once(model_folder, photos):
    model = load_scorer(f"dir:{model_folder('idefics3')}")
    context = contexts_for(model, photos)[0]
    model.score([context], [QUESTIONS])
    [shared] = model.score([context], [QUESTIONS[:2]])
    apart = [model._chat.encode([asked(context, q)])["input_ids"].shape[1] for q in QUESTIONS[:2]]
    first, second = (answer.cost.prompt_tokens for answer in shared)
    assert first == apart[0]
    assert 0 < second < apart[1] / 3


def test_contexts_may_have_different_questions_or_none(model_folder, photos):
    model = load_scorer(f"dir:{model_folder('idefics3')}")
    contexts = contexts_for(model, photos)[:3]
    counted = []
    answers = model.score(contexts, [QUESTIONS[:1], (), QUESTIONS], progress=counted.append)
    assert [len(several) for several in answers] == [1, 0, 3]
    assert sum(counted) == 3
    alone = model.score(contexts[2:], [QUESTIONS])
    assert largest_difference([answers[2]], alone) < 1e-5


def test_a_context_that_is_too_long_is_an_error_of_its_own(model_folder, photos):
    model = load_scorer(f"dir:{model_folder('idefics3')}")
    contexts = contexts_for(model, photos)[:3]
    contexts[1] = Prompt(text="much " * 5000, images=(photos[0],))
    good, bad, also_good = model.score(contexts, [QUESTIONS] * 3)
    assert [answer.error for answer in good + also_good] == [None] * 6
    assert all("more than the 4096" in answer.error for answer in bad)
    assert all(answer.distribution == () for answer in bad)


def test_a_model_whose_cache_cannot_be_copied_is_asked_one_by_one(model_folder, photos, caplog):
    """T5 and other models keep caches of their own kind; here the cache refuses to be copied."""
    reference = load_scorer(f"dir:{model_folder('llama')}", shared_prefill=False)
    model = load_scorer(f"dir:{model_folder('llama')}")
    forward = model._model.forward

    def without_cache(*args, **kwargs):
        output = forward(*args, **kwargs)
        if isinstance(kwargs.get("logits_to_keep"), int):  # the prefill
            output.past_key_values = tuple(output.past_key_values)
        return output

    model._model.forward = without_cache
    contexts = contexts_for(model, photos)
    with caplog.at_level(logging.WARNING):
        answers = model.score(contexts, [QUESTIONS] * len(contexts))
    assert "cannot share one prefill" in caplog.text
    assert (
        largest_difference(answers, reference.score(contexts, [QUESTIONS] * len(contexts))) < 1e-5
    )


def test_a_model_for_which_sharing_is_wrong_is_found_out(model_folder, photos, caplog):
    """A model that counts positions in its own way would score nonsense, and not fail."""
    reference = load_scorer(f"dir:{model_folder('llama')}", shared_prefill=False)
    model = load_scorer(f"dir:{model_folder('llama')}")
    forward = model._model.forward

    def shifted(*args, **kwargs):
        if kwargs.get("past_key_values") is not None:
            kwargs["position_ids"] = kwargs["position_ids"] + 1
        return forward(*args, **kwargs)

    model._model.forward = shifted
    contexts = contexts_for(model, photos)
    with caplog.at_level(logging.WARNING):
        answers = model.score(contexts, [QUESTIONS] * len(contexts))
    assert "probabilities differ" in caplog.text
    assert (
        largest_difference(answers, reference.score(contexts, [QUESTIONS] * len(contexts))) < 1e-5
    )


@pytest.mark.parametrize(
    ("answers", "said"),
    [(("yes",), "two or more different"), (("yes", "yes"), "two or more different")],
)
def test_a_question_without_a_choice_is_refused(answers, said):
    with pytest.raises(ModelError, match=said):
        load_scorer("tiny:text").score(
            [Prompt(text="x")], [[Question(text="Well?", answers=answers)]]
        )


def test_contexts_without_questions_of_their_own_are_refused():
    with pytest.raises(ModelError, match="one list of questions per context"):
        load_scorer("tiny:text").score([Prompt(text="x")], [])


@pytest.mark.gpu
@pytest.mark.parametrize("family", FAMILIES)
def test_on_a_gpu_in_bfloat16_sharing_stays_within_rounding(family, model_folder, photos):
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("no CUDA device")
    shared = load_scorer(f"dir:{model_folder(family)}", device="cuda")
    apart = load_scorer(f"dir:{model_folder(family)}", device="cuda", shared_prefill=False)
    contexts = contexts_for(shared, photos)
    questions = [QUESTIONS] * len(contexts)
    answers = shared.score(contexts, questions)
    assert shared._scoring.share is True
    assert largest_difference(answers, apart.score(contexts, questions)) < 0.1
    assert answers[0][0].cost.device_memory_bytes > 0
