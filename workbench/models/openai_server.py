"""Any OpenAI-compatible server (vLLM, llama.cpp, `transformers serve`, hosted ones): text and scores.

Spoken with httpx; the `openai` package is not needed.
"""

from __future__ import annotations

import asyncio
import base64
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError, ServerError
from workbench.models.costs import shares
from workbench.models.http_calls import Endpoint, RequestError, Session
from workbench.models.json_answers import broken_rule, check_schema
from workbench.models.protocols import (
    Answer,
    Completion,
    Decoding,
    Progress,
    Prompt,
    Question,
    asked,
)
from workbench.models.served_model import ServedModel
from workbench.models.top_tokens import cannot_be_told_apart, read_answers
from workbench.records import Cost
from workbench.settings import read_settings

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.openai_images import OpenAIImageServer
    from workbench.models.registry import ModelSpec

LONGEST_SIDE = 2048
"""Pixels; larger photos are scaled down before they are sent."""
_LOSSLESS_SIDE = 512
"""Photos up to this side are sent as PNG, larger ones as JPEG of quality 92."""
_LISTED_TOKENS = 20
"""First tokens whose probabilities are asked for: as many as hosted servers and vLLM give unasked."""


def load_text(
    spec: ModelSpec, *, concurrency: int = 8, timeout: float = 120.0, retries: int = 5
) -> OpenAIServer:
    """Load `openai:<URL>[#model]`; the key is `WORKBENCH_API_KEY`. Options as for `OpenAIServer`."""
    return OpenAIServer(
        spec.address,
        spec.model,
        api_key=read_settings().api_key,
        concurrency=concurrency,
        timeout=timeout,
        retries=retries,
    )


load_scorer = load_text


def load_image(
    spec: ModelSpec,
    *,
    concurrency: int = 4,
    timeout: float = 300.0,
    retries: int = 5,
    images_per_request: int = 1,
) -> OpenAIImageServer:
    """Load `openai:<URL>[#model]` to make images. Options as for `OpenAIImageServer`."""
    from workbench.models.openai_images import OpenAIImageServer

    return OpenAIImageServer(
        spec.address,
        spec.model,
        api_key=read_settings().api_key,
        concurrency=concurrency,
        timeout=timeout,
        retries=retries,
        images_per_request=images_per_request,
    )


class OpenAIServer(ServedModel):
    """A text or vision-language model behind an address: a `TextModel` and a `Scorer`."""

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        concurrency: int = 8,
        timeout: float = 120.0,
        retries: int = 5,
    ) -> None:
        """Remember the address; nothing is sent before the first question.

        Args:
            url: Up to and including the version, such as `http://gpu-7:8000/v1`.
            model: The server's name of the model; None: the one model that it serves.
            api_key: Sent as a bearer token; it never appears in a message or a record.
            concurrency: Requests in flight at most.
            timeout: Seconds for one answer.
            retries: Repetitions after 408, 425, 429, 5xx, timeouts and broken connections, with
                exponential backoff and full jitter, and no sooner than `Retry-After` says.

        Raises:
            ModelError: An argument is out of range, or the URL carries a password.
        """
        super().__init__(
            url,
            model,
            Endpoint(
                url, api_key=api_key, concurrency=concurrency, timeout=timeout, retries=retries
            ),
        )

    @cached_property
    def sees(self) -> bool:
        """True where a picture makes the server read more tokens; found out with two short requests.

        Raises:
            ServerError: The server is not there.
        """
        from PIL import Image

        gray = Image.new("RGB", (64, 64), (128, 128, 128))
        both = (Prompt(text="Hi"), Prompt(text="Hi", images=(gray,)))

        async def read(session: Session, prompt: Prompt) -> int | None:
            body = {**self._body(prompt), "max_tokens": 1}
            try:
                reply = await session.post("/chat/completions", body)
            except RequestError:
                return None
            return int((reply.get("usage") or {}).get("prompt_tokens") or 0)

        without, with_one = self._endpoint.run(both, read)
        if without is None:
            raise ServerError(f"{self.name} does not answer even 'Hi'")
        return with_one is not None and with_one > without

    def complete(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, progress: Progress | None = None
    ) -> list[Completion]:
        """Answer each prompt.

        A prompt that still fails after all retries comes back with `error`. An answer that breaks
        `decoding.schema` is an error too: a server that knows no `response_format` ignores it without
        a word.

        Raises:
            ModelError: `decoding.schema` is no JSON schema.
            ServerError: The server is not there, went away, or refuses everybody (401, 403, 404).
        """
        return [one for (one,) in self.samples(prompts, decoding, n=1, progress=progress)]

    def samples(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding,
        *,
        n: int,
        progress: Progress | None = None,
    ) -> list[list[Completion]]:
        """`n` answers to each prompt in one request each, so that the prompt is read once.

        Raises and reports errors as `complete` does; a server that gives fewer than `n` answers gets
        an error in the place of each one that is missing.
        """
        if decoding.schema is not None:
            check_schema(decoding.schema)
        if n < 1:
            raise ModelError(f"want at least 1 sample per prompt, got {n!r}")
        wanted = {**_parameters(decoding), **({"n": n} if n > 1 else {}), "model": self.model}

        async def answer(session: Session, prompt: Prompt) -> list[Completion]:
            began = time.perf_counter()
            try:
                body = await asyncio.to_thread(self._body, prompt)
                reply = await session.post("/chat/completions", {**body, **wanted})
            except RequestError as error:
                return [Completion(text="", error=str(error))] * n
            return _completions(reply, decoding, n, time.perf_counter() - began)

        started = time.perf_counter()
        answers = self._endpoint.run(prompts, answer, progress)
        share = shares(started, [one.cost for several in answers for one in several])
        return [[replace(one, cost=share(one.cost)) for one in several] for several in answers]

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        *,
        progress: Progress | None = None,
    ) -> list[list[Answer]]:
        """Answer `questions[i]` about `contexts[i]`, one request per question.

        Photos and context come first and the question last, and a context's first question is
        answered before the others are asked: a server with a prefix cache reads the context once.

        Read are the 20 most probable first tokens; `top_tokens.read_answers` says how they become an
        answer, and what becomes of answers that are not among them. A server that gives no log
        probabilities (`transformers serve`) answers with errors.

        Raises:
            ModelError: There is not one list of questions per context.
            ServerError: As for `complete`.
        """
        if len(contexts) != len(questions):
            raise ModelError(
                f"want one list of questions per context, got {len(contexts)} contexts "
                f"and {len(questions)} lists"
            )
        wanted = {
            "model": self.model,
            "max_tokens": 1,
            "temperature": 0.0,
            "logprobs": True,
            "top_logprobs": _LISTED_TOKENS,
        }

        async def ask(session: Session, context: Prompt, question: Question) -> Answer:
            began = time.perf_counter()
            try:
                if unclear := cannot_be_told_apart(question):
                    raise RequestError(unclear)
                body = await asyncio.to_thread(self._body, asked(context, question))
                reply = await session.post("/chat/completions", {**body, **wanted})
                answer = read_answers(_top_tokens(reply), question.answers)
            except RequestError as error:
                return Answer(distribution=(), coverage=0.0, error=str(error))
            return replace(answer, cost=_cost(reply, time.perf_counter() - began))

        async def answer(session: Session, pair: tuple[Prompt, Sequence[Question]]) -> list[Answer]:
            context, several = pair
            first = [await ask(session, context, question) for question in several[:1]]
            others = [ask(session, context, question) for question in several[1:]]
            return [*first, *await asyncio.gather(*others)]

        started = time.perf_counter()
        scored = self._endpoint.run(list(zip(contexts, questions, strict=True)), answer, progress)
        share = shares(started, [one.cost for several in scored for one in several])
        return [[replace(one, cost=share(one.cost)) for one in several] for several in scored]

    def _body(self, prompt: Prompt) -> dict[str, object]:
        """Model and messages: system, then photos, then text."""
        content: str | list[dict[str, object]] = prompt.text
        if prompt.images:
            content = [
                {"type": "image_url", "image_url": {"url": data_url(image)}}
                for image in prompt.images
            ]
            content.append({"type": "text", "text": prompt.text})
        messages: list[dict[str, object]] = [{"role": "user", "content": content}]
        if prompt.system:
            messages.insert(0, {"role": "system", "content": prompt.system})
        return {"model": self.model, "messages": messages}


def data_url(image: Image) -> str:
    """A photo as a data URL: scaled down to `LONGEST_SIDE`, small ones without loss."""
    shown = image.convert("RGB")
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    kind = "PNG" if max(shown.size) <= _LOSSLESS_SIDE else "JPEG"
    data = io.BytesIO()
    shown.save(data, kind, **({"quality": 92} if kind == "JPEG" else {}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data.getvalue()).decode()}"


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


def _completions(
    reply: Mapping[str, Any], decoding: Decoding, n: int, seconds: float
) -> list[Completion]:
    """One completion per sample; what the whole request cost is the first one's cost."""
    choices = list(reply.get("choices") or [])[:n]
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


def _top_tokens(reply: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Text and log probability of the listed first tokens.

    Raises:
        RequestError: The server gave none.
    """
    try:
        first = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        top = [(str(token["token"]), float(token["logprob"])) for token in first]
    except (KeyError, IndexError, TypeError, ValueError):
        top = []
    if not top:
        raise RequestError(
            "the server gives no log probabilities, which scoring reads: use one that does (vLLM, "
            "llama.cpp), or a model in this process (`hf:`, `dir:`, `gguf:`)"
        )
    return top


def _cost(reply: Mapping[str, Any], seconds: float) -> Cost:
    """Tokens as the server counts them, those from its prefix cache not counted."""
    usage = reply.get("usage") or {}
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Cost(
        seconds=seconds,
        prompt_tokens=max(0, int(usage.get("prompt_tokens") or 0) - int(cached)),
        completion_tokens=int(usage.get("completion_tokens") or 0),
    )
