"""The shipped listing model behind a real OpenAI-compatible server, `transformers serve`."""

from __future__ import annotations

import pytest

from workbench.models import Decoding, Prompt, load_text
from workbench.models.listings import photo_question
from workbench.models.openai_server import OpenAIServer
from workbench.models.starter.measuring import held_out


@pytest.mark.slow
def test_a_server_answers_as_decoding_in_this_process_does(starter_server):
    address, folder = starter_server
    catalog = held_out(6)
    asked = [
        Prompt(
            text=photo_question(catalog.schema.category(entry.product.kind)),
            images=(catalog.picture(entry),),
        )
        for entry in catalog.entries
    ]
    decoding = Decoding(max_tokens=120)
    ours = load_text("starter:listing", device="cpu", batch_size=1).complete(asked, decoding)
    server = OpenAIServer(address, folder, concurrency=1)
    theirs = server.complete(asked, decoding)
    assert server.sees
    assert [one.error for one in theirs] == [None] * 6
    assert [one.text for one in theirs] == [one.text for one in ours]
