"""Any OpenAI-compatible servers (vLLM, llama.cpp, `transformers serve`, hosted ones): text and scores.

Spoken with httpx; the `openai` package is not needed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError, ServerError
from workbench.models.costs import SharedSeconds, shares
from workbench.models.http_calls import Endpoint
from workbench.models.json_answers import broken_rule, check_schemas
from workbench.models.openai_messages import as_content, as_messages, pictures_of, side_by_side
from workbench.models.protocols import (
    Answer,
    Completion,
    Decoding,
    Progress,
    Prompt,
    Question,
    asked,
    decoding_of_each,
)
from workbench.models.served_model import ServedModel
from workbench.models.server_calls import Home, Reply, Session
from workbench.models.server_replies import RequestError
from workbench.models.top_tokens import cannot_be_told_apart, read_answers
from workbench.records import Cost
from workbench.settings import read_settings

if TYPE_CHECKING:
    from workbench.models.openai_images import OpenAIImageServer
    from workbench.models.registry import ModelSpec

_LISTED_TOKENS = 20
"""First tokens whose probabilities are asked for: as many as hosted servers and vLLM give unasked."""


def load_text(
    spec: ModelSpec,
    *,
    concurrency: int = 64,
    timeout: float = 120.0,
    retries: int = 5,
    patience: float = 900.0,
) -> OpenAIServer:
    """Load `openai:<URL>[,<URL>…][#model]`; the key is `WORKBENCH_API_KEY`. Options as for `OpenAIServer`."""
    return OpenAIServer(
        spec.address,
        spec.model,
        api_key=read_settings().api_key,
        concurrency=concurrency,
        timeout=timeout,
        retries=retries,
        patience=patience,
    )


load_scorer = load_text


def load_image(
    spec: ModelSpec,
    *,
    concurrency: int = 4,
    timeout: float = 300.0,
    retries: int = 5,
    patience: float = 900.0,
    images_per_request: int = 1,
) -> OpenAIImageServer:
    """Load `openai:<URL>[,<URL>…][#model]` to make images. Options as for `OpenAIImageServer`."""
    from workbench.models.openai_images import OpenAIImageServer

    return OpenAIImageServer(
        spec.address,
        spec.model,
        api_key=read_settings().api_key,
        concurrency=concurrency,
        timeout=timeout,
        retries=retries,
        patience=patience,
        images_per_request=images_per_request,
    )


class OpenAIServer(ServedModel):
    """A text or vision-language model behind one or several addresses, a `TextModel` and a `Scorer`; threads may share it."""

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        concurrency: int = 64,
        timeout: float = 120.0,
        retries: int = 5,
        patience: float = 900.0,
    ) -> None:
        """Remember the address; nothing is sent before the first question.

        Args:
            url: Up to and including the version, such as `http://gpu-7:8000/v1`; several servers of
                one model with commas between them.
            model: The servers' name of the model; None: the one model that they serve.
            api_key: Sent as a bearer token; it never appears in a message or a record.
            concurrency: Requests in flight at each server at most. Fewer are sent at first, and
                after every refusal for want of room.
            timeout: Seconds for one answer.
            retries: Repetitions after 408, 425, 5xx, timeouts and broken connections, at another
                server or with exponential backoff and full jitter.
            patience: Seconds for which servers that went away, or have no room (429, 503), are
                waited for, counted from the last answer of any; no sooner than `Retry-After` says.

        Raises:
            ModelError: An argument is out of range, or a URL carries a password or comes twice.
        """
        endpoint = Endpoint(
            url,
            api_key=api_key,
            concurrency=concurrency,
            timeout=timeout,
            retries=retries,
            patience=patience,
        )
        super().__init__(url, model, endpoint)
        self._gives_probabilities = False
        self._clock = SharedSeconds()

    @cached_property
    def sees(self) -> bool:
        """True where a picture makes the server read more tokens; found out with two short requests.

        Raises:
            ServerError: No server is there, or none has room.
        """
        from PIL import Image

        gray = Image.new("RGB", (64, 64), (128, 128, 128))
        both = [self._body(one) for one in (Prompt(text="Hi"), Prompt(text="Hi", images=(gray,)))]

        async def read(session: Session, body: dict[str, object]) -> int | None:
            try:
                reply = (await session.post("/chat/completions", {**body, "max_tokens": 1})).body
            except RequestError as error:
                if error.passing:
                    raise
                return None
            return int((reply.get("usage") or {}).get("prompt_tokens") or 0)

        without, with_one = self._endpoint.run(both, read)
        if without is None:
            raise ServerError(f"{self.name} does not answer even 'Hi'")
        return with_one is not None and with_one > without

    def complete(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding | Sequence[Decoding],
        *,
        progress: Progress | None = None,
    ) -> list[Completion]:
        """Answer each prompt.

        Prompts about the same pictures go to one server, one after the other, so that its prefix cache
        serves them. With several servers, the slowest requests are sent twice (`Session.post`).

        A prompt that still fails after all retries comes back with `error`. An answer that breaks
        its schema is an error too: a server that knows no `response_format` ignores it without a word.

        Raises:
            ModelError: A schema is no JSON schema, or there are several decodings, but not one per prompt.
            ServerError: No server is there, all went away, or one refuses everybody (401, 403, 404).
        """
        return [one for (one,) in self.samples(prompts, decoding, n=1, progress=progress)]

    def samples(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding | Sequence[Decoding],
        *,
        n: int,
        progress: Progress | None = None,
    ) -> list[list[Completion]]:
        """`n` answers to each prompt in one request each, so that the prompt is read once.

        Raises and reports errors as `complete` does; a server that gives fewer than `n` answers gets
        an error in the place of each one that is missing.
        """
        several = decoding_of_each(prompts, decoding)
        check_schemas(several)
        if n < 1:
            raise ModelError(f"want at least 1 sample per prompt, got {n!r}")
        wanted = {**({"n": n} if n > 1 else {}), "model": self.model}

        homes = {pictures_of(prompt): Home() for prompt in prompts if prompt.images}
        ordered = side_by_side(prompts)

        async def answer(session: Session, place: int) -> list[Completion]:
            began = time.perf_counter()
            prompt = prompts[place]
            try:
                async with session.in_order():
                    body = await asyncio.to_thread(self._body, prompt)
                reply = await session.post(
                    "/chat/completions",
                    {**body, **_parameters(several[place]), **wanted},
                    home=homes.get(pictures_of(prompt)),
                    hedged=True,
                )
            except RequestError as error:
                return [Completion(text="", error=str(error))] * n
            return _completions(reply, several[place], n, time.perf_counter() - began)

        with self._clock.share() as seconds:
            replies = self._endpoint.run(ordered, answer, progress)
            share = shares(seconds(), [one.cost for row in replies for one in row])
        answers = dict(zip(ordered, replies, strict=True))
        return [
            [replace(one, cost=share(one.cost)) for one in answers[place]]
            for place in range(len(prompts))
        ]

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        *,
        progress: Progress | None = None,
    ) -> list[list[Answer]]:
        """Answer `questions[i]` about `contexts[i]`, one request per question.

        Photos and context come first and the question last; a context's first question is answered
        before the others are asked, of the same server: one with a prefix cache reads the context
        once. With several servers, the slowest requests are sent twice (`Session.post`).

        Read are the 20 most probable first tokens; `top_tokens.read_answers` says how they become an
        answer, and what becomes of answers that are not among them.

        A question that the servers refuse, or that fails again and again while they answer others,
        comes back with `error`. Where they answer nobody, nothing comes back: a judge would keep for
        good that it could not tell.

        Raises:
            ModelError: There is not one list of questions per context.
            ServerError: As for `complete`; the servers answer nobody any more; or they give no log
                probabilities (`transformers serve`).
        """
        if len(contexts) != len(questions):
            raise ModelError(
                f"want one list of questions per context, got {len(contexts)} contexts "
                f"and {len(questions)} lists"
            )
        answers: dict[int, list[Answer]] = {}
        with closing(self.score_each(zip(contexts, questions, strict=True))) as scored:
            for place, several in scored:
                answers[place] = several
                if progress is not None:
                    progress(1)
        return [answers[place] for place in range(len(contexts))]

    def score_each(
        self, asked_of: Iterable[tuple[Prompt, Sequence[Question]]]
    ) -> Generator[tuple[int, list[Answer]]]:
        """Place and answers of each context with its questions, as they come; other contexts are asked meanwhile.

        Contexts are taken from `asked_of` a few ahead, in another thread. Everything else as for `score`; closing
        it calls off what is being asked.
        """
        wanted = {
            "model": self.model,
            "max_tokens": 1,
            "temperature": 0.0,
            "logprobs": True,
            "top_logprobs": _LISTED_TOKENS,
        }

        async def ask(
            session: Session, messages: list[dict[str, object]], question: Question, home: Home
        ) -> Answer:
            try:
                if unclear := cannot_be_told_apart(question):
                    raise RequestError(unclear)
                with self._clock.share() as seconds:
                    reply = await session.post(
                        "/chat/completions",
                        {"messages": messages, **wanted},
                        home=home,
                        hedged=True,
                    )
                    cost = _cost(reply, seconds())
                answer = read_answers(self._top_tokens(reply.body), question.answers)
            except RequestError as error:
                if error.passing:
                    raise
                return Answer(distribution=(), coverage=0.0, error=str(error))
            return replace(answer, cost=cost)

        async def answer(session: Session, pair: tuple[Prompt, Sequence[Question]]) -> list[Answer]:
            context, several = pair
            pictures = await asyncio.to_thread(as_content, context)
            home = Home()

            def put(question: Question) -> Awaitable[Answer]:
                return ask(session, as_messages(asked(context, question), pictures), question, home)

            first = [await put(question) for question in several[:1]]
            return [*first, *await asyncio.gather(*map(put, several[1:]))]

        return self._endpoint.stream(asked_of, answer)

    def _body(self, prompt: Prompt) -> dict[str, object]:
        """Model and messages."""
        return {"model": self.model, "messages": as_messages(prompt, as_content(prompt))}

    def _top_tokens(self, reply: Mapping[str, Any]) -> list[tuple[str, float]]:
        """Text and log probability of the listed first tokens.

        Raises:
            RequestError: The server gave none now, but did before.
            ServerError: It has never given any.
        """
        try:
            first = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            top = [(str(token["token"]), float(token["logprob"])) for token in first]
        except (KeyError, IndexError, TypeError, ValueError):
            top = []
        if top:
            self._gives_probabilities = True
            return top
        if self._gives_probabilities:
            raise RequestError("the server gave no log probabilities for this question")
        raise ServerError(
            f"{self._endpoint.url} gives no log probabilities, which judging reads: use a server that "
            "does (vLLM, llama.cpp), or the model in this process (`starter:`, `hf:`, `dir:`, `gguf:`)"
        )


def _parameters(decoding: Decoding) -> dict[str, object]:
    wanted: dict[str, object] = {
        "max_tokens": decoding.max_tokens,
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "seed": decoding.seed,
    }
    if decoding.stop:
        wanted["stop"] = list(decoding.stop)
    if decoding.schema is not None:
        form = {"name": "answer", "schema": decoding.schema}
        wanted["response_format"] = {"type": "json_schema", "json_schema": form}
    return wanted


def _completions(reply: Reply, decoding: Decoding, n: int, seconds: float) -> list[Completion]:
    """One completion per sample; what the whole request cost is the first one's cost."""
    choices = list(reply.body.get("choices") or [])[:n]
    completions = [_completion(choice, decoding) for choice in choices]
    missing = f"the server gave {len(choices)} of {n} answers"
    completions += [Completion(text="", error=missing)] * (n - len(choices))
    return [replace(completions[0], cost=_cost(reply, seconds)), *completions[1:]]


def _completion(choice: Any, decoding: Decoding) -> Completion:
    message = choice.get("message") or {}
    reason = choice.get("finish_reason")
    text = message.get("content")
    if not isinstance(text, str):
        why = message.get("refusal") or f"finish_reason {reason!r}"
        return Completion(text="", error=f"the server gave no text: {why}")
    truncated = reason == "length"
    if decoding.schema is not None and not truncated:
        wrong = broken_rule(text, decoding.schema)
        if wrong is not None:
            return Completion(text="", error=wrong)
    return Completion(text=text, truncated=truncated)


def _cost(reply: Reply, seconds: float) -> Cost:
    """Tokens as the server counts them, those from its prefix cache not counted.

    A request that was sent besides and whose answer was not used counts as a whole one: what the server
    did of it before it was called off is not known, and that is the most.
    """
    usage = reply.body.get("usage") or {}
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    read, written = (int(usage.get(f"{part}_tokens") or 0) for part in ("prompt", "completion"))
    return Cost(
        seconds=seconds,
        prompt_tokens=max(0, read - int(cached)) + reply.unused * read,
        completion_tokens=(1 + reply.unused) * written,
    )
