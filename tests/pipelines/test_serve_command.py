"""`workbench serve`: what it starts, what it refuses, and that what it prints can be used at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from pipelines.cli_serve import describe_server
from workbench.errors import ModelError, ServerError
from workbench.models import Decoding, Prompt, Question, load_scorer, load_text
from workbench.models.listings import photo_question
from workbench.models.serving import ServerPlan, plan_server, serving
from workbench.models.starter import shipped_folder
from workbench.models.starter.measuring import held_out


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("openai:http://host/v1", "is behind a server"),
        ("tiny:vlm", "is for tests"),
        ("starter:image", "makes images"),
        ("starter:cook", "no starter model is called 'cook'"),
        ("dir:/nowhere", "config.json"),
        ("gguf:/nowhere.gguf", "no such file"),
        ("judge", "want a model as one of"),
    ],
)
def test_what_no_server_serves_is_refused(model, message):
    with pytest.raises(ModelError, match=message):
        plan_server(model)


def test_vllm_serves_where_there_is_one(tmp_path):
    plan = plan_server("starter:judge", port=8001, python=sys.executable, more=["--seed", "1"])
    words = list(plan.command)
    assert (plan.engine, plan.name) == ("vLLM", "openai:http://127.0.0.1:8001/v1")
    assert words[words.index("--model") + 1] == str(shipped_folder("judge"))
    assert words[words.index("--served-model-name") + 1] == "starter:judge"
    assert words[words.index("--dtype") + 1] == "float32" and words[-2:] == ["--seed", "1"]
    hub = plan_server("hf:some/model@v2", python=sys.executable)
    assert "--dtype" not in hub.command and "HF_HUB_OFFLINE" not in hub.environment
    assert hub.command[hub.command.index("--revision") + 1] == "v2"
    with pytest.raises(ModelError, match="no such program"):
        plan_server("starter:judge", python=str(tmp_path / "python"))


def test_a_server_that_does_not_start_says_why():
    words = "print('out of memory'); raise SystemExit(3)"
    plan = ServerPlan(
        model="starter:judge", engine="vLLM", command=(sys.executable, "-c", words),
        address="http://127.0.0.1:9/v1", served_as=None,
    )  # fmt: skip
    with (
        pytest.raises(
            ServerError, match=r"vLLM's server of 'starter:judge' ended.*\nout of memory"
        ),
        serving(plan),
    ):
        pass


def test_what_a_person_reads_says_whether_it_can_judge():
    def words(**given):
        return describe_server("openai:http://h/v1", "vLLM", "starter:judge", True, **given)

    assert "can judge" in words(host="127.0.0.1", scores=True)
    without = words(host="0.0.0.0", scores=False)
    assert "refuses to judge" in without and "--judge starter:judge" in without
    assert "Everybody who reaches 0.0.0.0" in without


@pytest.mark.slow
def test_the_shipped_writer_is_used_by_what_is_printed_at_once():
    with served("starter:listing") as (process, told):
        assert told["sees"] and not told["gives_probabilities"]
        catalog = held_out(3)
        questions = [
            Prompt(
                text=photo_question(catalog.schema.category(entry.product.kind)),
                images=(catalog.picture(entry),),
            )
            for entry in catalog.entries
        ]
        decoding = Decoding(max_tokens=60)
        theirs = load_text(told["model"]).complete(questions, decoding)
        ours = load_text("starter:listing", device="cpu").complete(questions, decoding)
        assert [one.text for one in theirs] == [one.text for one in ours]
        question = Question(text="Is it red?", answers=("yes", "no"))
        with pytest.raises(ServerError, match="no log probabilities, which judging reads"):
            load_scorer(told["model"]).score(questions[:1], [[question]])
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, "Ctrl-C is how it ends"


class served:  # noqa: N801 - read as a function
    """`workbench serve` in a process of its own, and what it says in JSON."""

    def __init__(self, model):
        program = [sys.executable, "-m", "pipelines.cli", "serve", model, "--port", "0", "--json"]
        self.process = subprocess.Popen(
            program, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    def __enter__(self):
        return self.process, json.loads(self.process.stdout.readline())

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        self.process.stdout.close()
