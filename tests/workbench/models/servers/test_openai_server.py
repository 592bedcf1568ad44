"""Against real servers: llama.cpp's own with SmolLM2-135M, and `transformers serve`."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from workbench.errors import ModelError, ServerError
from workbench.models import Decoding, Prompt, Question, load_scorer
from workbench.models.openai_messages import data_url
from workbench.models.openai_server import OpenAIServer

KEY = "key-that-nobody-may-see"
SCHEMA = {
    "type": "object",
    "properties": {"color": {"enum": ["red", "teal"]}, "word": {"type": "string", "maxLength": 12}},
    "required": ["color", "word"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def served(llama_server):
    return OpenAIServer(llama_server, api_key=KEY, concurrency=2)


def test_the_one_model_that_is_served_needs_no_name(served):
    assert served.model.endswith("SmolLM2-135M-Instruct.Q4_1.gguf")
    assert len(served.revision) == 16 and not served.sees


def test_answers_are_text_within_their_limits(served):
    cut, stopped = (
        served.complete([Prompt(text="Count: 1 2 3", system="Tell a long story.")], decoding)[0]
        for decoding in (Decoding(max_tokens=4), Decoding(max_tokens=40, stop=("4",)))
    )
    assert cut.truncated and cut.cost.completion_tokens == 4 and cut.cost.prompt_tokens > 0
    assert cut.text and stopped.text and "4" not in stopped.text


def test_answers_follow_a_schema(served):
    prompts = [Prompt(text=f"Describe a {thing}.") for thing in ("hat", "bag")]
    for one in served.complete(prompts, Decoding(max_tokens=60, schema=SCHEMA)):
        value = json.loads(one.text)
        assert value["color"] in ("red", "teal") and len(value["word"]) <= 12


def test_each_prompt_may_have_a_decoding_of_its_own(served):
    prompts = [Prompt(text=f"Describe a {thing}.") for thing in ("hat", "bag", "mug")]
    colors = ("red", "teal")
    pinned = [
        {**SCHEMA, "properties": SCHEMA["properties"] | {"color": {"const": c}}} for c in colors
    ]
    several = [Decoding(max_tokens=60, schema=one) for one in pinned] + [Decoding(max_tokens=2)]
    *held, free = served.complete(prompts, several)
    assert [json.loads(one.text)["color"] for one in held] == ["red", "teal"]
    assert free.truncated and free.cost.completion_tokens == 2
    with pytest.raises(ModelError, match="wrong at"):
        served.complete(prompts, [*several[:2], Decoding(schema={"type": "wat"})])


def test_several_samples_of_one_prompt_come_from_one_request(served):
    ((one, two, three),) = served.samples(
        [Prompt(text="Name a color.")], Decoding(max_tokens=12, temperature=1.5, seed=5), n=3
    )
    assert [one.error, two.error, three.error] == [None] * 3
    assert len({one.text, two.text, three.text}) > 1
    assert one.cost.completion_tokens > 0 and two.cost.completion_tokens == 0


def test_scores_equal_those_of_the_same_weights_in_this_process(served):
    """The server's flash attention and slots round otherwise; the model is the same."""
    here = load_scorer("gguf:smollm2", threads=1, chat=True)
    contexts = [
        Prompt(text=text, system="Answer with one word, yes or no.")
        for text in ("A green coat.", "A blue bag, made of nylon.")
    ]
    questions = [
        Question(text=text, answers=("yes", "no")) for text in ("Is this a coat?", "Is it blue?")
    ]
    for there, ours in zip(
        served.score(contexts, [questions] * 2), here.score(contexts, [questions] * 2), strict=True
    ):
        for one, other in zip(there, ours, strict=True):
            assert one.error is None and sum(one.distribution) == pytest.approx(1)
            assert one.distribution == pytest.approx(other.distribution, abs=0.1)
            assert one.coverage == pytest.approx(other.coverage, abs=0.1)


def test_a_prompt_that_is_too_long_fails_by_itself(served):
    long, short = served.complete(
        [Prompt(text="word " * 6000), Prompt(text="Hi")], Decoding(max_tokens=3)
    )
    assert "400" in long.error and "context" in long.error and short.text


def test_a_wrong_key_is_refused(llama_server):
    with pytest.raises(ServerError, match="401") as raised:
        OpenAIServer(llama_server, "m", api_key="wrong-key").complete(
            [Prompt(text="Hi")], Decoding()
        )
    assert "wrong-key" not in str(raised.value)


def test_transformers_serve_answers(transformers_server):
    address, model = transformers_server
    served = OpenAIServer(address, model)
    answers = served.complete(
        [Prompt(text="Hello"), Prompt(text="What is it?", system="Be brief.")],
        Decoding(max_tokens=6),
    )
    assert [one.error for one in answers] == [None, None]
    assert all(one.cost.prompt_tokens > 0 and one.cost.completion_tokens > 0 for one in answers)
    assert not served.sees


def test_what_transformers_serve_ignores_is_no_free_text_and_no_score(transformers_server):
    address, model = transformers_server
    served = OpenAIServer(address, model)
    (answer,) = served.complete([Prompt(text="Hello")], Decoding(max_tokens=6, schema=SCHEMA))
    assert answer.truncated or "schema" in answer.error or "no JSON" in answer.error
    with pytest.raises(
        ServerError, match="no log probabilities, which judging reads: use a server"
    ):
        served.score([Prompt(text="Hi")], [[Question(text="?", answers=("yes", "no"))]])
    ((one, two),) = served.samples([Prompt(text="Hello")], Decoding(max_tokens=3), n=2)
    assert one.error is None and two.error == "the server gave 1 of 2 answers"


def test_a_model_must_be_named_where_the_server_lists_none(transformers_server):
    with pytest.raises(ServerError, match="name the one you want"):
        OpenAIServer(transformers_server[0]).complete([Prompt(text="Hi")], Decoding())


def test_small_photos_are_sent_without_loss_and_large_ones_are_scaled_down():
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    kind, small = opened(data_url(Image.fromarray(noise)))
    assert kind == "PNG" and np.array_equal(np.asarray(small), noise)
    kind, large = opened(data_url(Image.new("RGBA", (5000, 2500), (200, 30, 30, 255))))
    assert kind == "JPEG" and large.size == (2048, 1024)


def opened(url):
    header, _, data = url.partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert header == f"data:image/{image.format.lower()};base64"
    return image.format, image
