"""Shipped models behind a real OpenAI-compatible server, `transformers serve`, answer as in this process."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from workbench.judging import Asked, Subject, prompts
from workbench.models import Decoding, Prompt, load_text
from workbench.models.listings import photo_question
from workbench.models.openai_server import OpenAIServer
from workbench.models.protocols import asked
from workbench.models.starter.measuring import held_out
from workbench.records import Generation, Listing
from workbench.rubric import load_rubric

pytestmark = pytest.mark.slow


def assert_the_same(name: str, served: tuple[str, str], questions: Sequence[Prompt], tokens: int):
    address, folder = served
    decoding = Decoding(max_tokens=tokens)
    ours = load_text(f"starter:{name}", device="cpu", batch_size=1).complete(questions, decoding)
    server = OpenAIServer(address, folder, concurrency=1)
    theirs = server.complete(questions, decoding)
    assert server.sees
    assert [one.error for one in theirs] == [None] * len(questions)
    assert [one.text for one in theirs] == [one.text for one in ours]
    return [one.text for one in ours]


@pytest.mark.parametrize("starter_server", ["listing"], indirect=True)
def test_listings(starter_server):
    catalog = held_out(6)
    questions = [
        Prompt(
            text=photo_question(catalog.schema.category(entry.product.kind)),
            images=(catalog.picture(entry),),
        )
        for entry in catalog.entries
    ]
    assert_the_same("listing", starter_server, questions, 120)


@pytest.mark.parametrize("starter_server", ["judge"], indirect=True)
def test_answers_of_the_judge(starter_server):
    """A server of this kind gives no probabilities, so the likeliest point is compared."""
    catalog, rubric = held_out(4), load_rubric("listing")
    criteria = Asked(rubric=rubric, criteria=rubric.criteria)
    questions = []
    for entry in catalog.entries:
        listing = Listing(title=f"Red {entry.product.kind}", aspects={"Color": ("Red",)})
        subject = Subject(
            generation=Generation(
                key="", kind="listing", category=entry.product.kind, model="", revision="",
                prompt="", listing=listing,
            ),
            photos=(catalog.picture(entry),),
        )  # fmt: skip
        context = prompts.context(subject, rubric)
        questions += [asked(context, prompts.question(c, criteria)) for c in rubric.criteria]
    said = assert_the_same("judge", starter_server, questions, 1)
    points = {point for c in rubric.criteria for point in c.scale}
    assert {one.strip() for one in said} <= points and len({*said}) > 1
