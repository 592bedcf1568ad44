"""Text and vision-language models in this process, on transformers."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.models.batching import Batches
from workbench.models.chat import Chat
from workbench.models.devices import peak_memory, reset_peak_memory
from workbench.models.inputs import check_length, to_model
from workbench.models.protocols import (
    Answer,
    Completion,
    Decoding,
    Progress,
    Prompt,
    Question,
    decoding_of_each,
    schemas_among,
)
from workbench.models.sampling import Draw, prompt_seed
from workbench.models.scoring import SharedPrefill
from workbench.models.structured import Grammars
from workbench.records import Cost

if TYPE_CHECKING:
    import torch


class TransformersModel:
    """A loaded model and its processor: both `TextModel` and `Scorer`.

    Prompts are batched by the number of their photos and by length, padded on the left. Calls from
    several threads wait for one another: the model is one.

    The most probable answer (`temperature=0`) and a drawn one belong to the prompt and the seed and not
    to the batch, as far as arithmetic allows: the same batch gives the same answers, and in another one
    logits can differ in the last bits (more in bfloat16), which can turn a near tie.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        *,
        name: str,
        revision: str,
        batch_size: int = 16,
        shared_prefill: bool = True,
    ) -> None:
        """Take a model and its processor (a tokenizer, for a model of text alone).

        Args:
            model: On its device and in its precision; put in evaluation mode here.
            processor: With the chat template, where the model has one.
            name: The string that loaded it.
            revision: Digest or commit of the weights.
            batch_size: Prompts that go through at once; halved where memory runs out.
            shared_prefill: False: score every question with a prompt of its own.
        """
        from transformers import GenerationConfig

        self._model = model.eval()
        self._name = name
        self._revision = revision
        self._chat = Chat(processor)
        self._batches = Batches(batch_size, self.device)
        self._lock = threading.Lock()
        self._stops = _stop_tokens(model, self._chat.tokenizer)
        # A checkpoint's own habits (temperature, repetition penalty) are not what `Decoding` says.
        model.generation_config = GenerationConfig(
            eos_token_id=self._stops, pad_token_id=self._chat.tokenizer.pad_token_id
        )
        text_config = model.config.get_text_config()
        self._longest: int | None = getattr(text_config, "max_position_embeddings", None)
        self._vocabulary: int = text_config.vocab_size
        self._grammars: Grammars | None = None
        self._scoring = SharedPrefill(model, self._chat, self._longest, share=shared_prefill)

    @property
    def name(self) -> str:
        """The string that loaded it."""
        return self._name

    @property
    def revision(self) -> str:
        """Digest or commit of the weights."""
        return self._revision

    @property
    def sees(self) -> bool:
        """True for a vision-language model."""
        return self._chat.sees

    @property
    def device(self) -> torch.device:
        """Where the model's inputs go."""
        device: torch.device = self._model.device
        return device

    def complete(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding | Sequence[Decoding],
        *,
        progress: Progress | None = None,
    ) -> list[Completion]:
        """Answer each prompt; a prompt that cannot be served comes back with `error` set.

        Raises:
            ModelError: A decoding cannot be used with any prompt, such as a schema without a grammar, or there are
                several, but not one per prompt.
        """
        several = decoding_of_each(prompts, decoding)
        for one in several:
            if one.max_tokens < 1 or one.temperature < 0 or not 0 < one.top_p <= 1:
                raise ModelError(
                    "want max_tokens of 1 or more, temperature of 0 or more, top_p over 0 and up to 1; "
                    f"got {one.max_tokens}, {one.temperature}, {one.top_p}"
                )
        with self._lock:
            for schema in schemas_among(several):
                self._follow([schema])
            return self._batches.run(
                kinds=[
                    (
                        len(prompt.images),
                        one.schema is None,
                        replace(one, schema=None, seed=0, stop=tuple(one.stop)),
                    )
                    for prompt, one in zip(prompts, several, strict=True)
                ],
                lengths=[self._chat.length(prompt) for prompt in prompts],
                work=lambda places: self._complete_batch(
                    [prompts[p] for p in places], [several[p] for p in places]
                ),
                failed=lambda reason: Completion(text="", error=reason),
                progress=progress,
            )

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        *,
        progress: Progress | None = None,
    ) -> list[list[Answer]]:
        """Answer `questions[i]` about `contexts[i]`; one prefill per context serves all its questions.

        Raises:
            ModelError: The two differ in length, or a question has fewer than two different answers.
        """
        with self._lock:
            return self._scoring.score(contexts, questions, self._batches, progress=progress)

    def _complete_batch(self, prompts: list[Prompt], several: list[Decoding]) -> list[Completion]:
        """Answers to prompts whose decodings are alike but for seeds and schemas."""
        import torch

        decoding = several[0]
        schemas = [one.schema for one in several if one.schema is not None]

        started = time.perf_counter()
        reset_peak_memory(self.device)
        inputs = to_model(self._chat.encode(prompts), self._model)
        lengths: list[int] = inputs["attention_mask"].sum(-1).tolist()
        check_length(max(lengths) + decoding.max_tokens, self._longest)
        steps = [self._follow(schemas)] if schemas else []
        if decoding.temperature > 0:
            seeds = [prompt_seed(p, one.seed) for p, one in zip(prompts, several, strict=True)]
            steps.append(
                Draw(
                    seeds,
                    temperature=decoding.temperature,
                    top_p=decoding.top_p,
                    device=self.device,
                )
            )
        ends = (
            {"stop_strings": list(decoding.stop), "tokenizer": self._chat.tokenizer}
            if decoding.stop
            else {}
        )
        with torch.inference_mode():
            tokens = self._model.generate(
                **inputs,
                max_new_tokens=decoding.max_tokens,
                do_sample=False,
                logits_processor=steps,
                **ends,
            )[:, inputs["input_ids"].shape[1] :]
        share = (time.perf_counter() - started) / len(prompts)
        memory = peak_memory(self.device)
        return [
            self._completion(row, decoding, prompt_tokens=length, seconds=share, memory=memory)
            for row, length in zip(tokens.tolist(), lengths, strict=True)
        ]

    def _completion(
        self, row: list[int], decoding: Decoding, *, prompt_tokens: int, seconds: float, memory: int
    ) -> Completion:
        """Read one row of new tokens: up to its stop token, and up to its stop text."""
        end = next((place for place, token in enumerate(row) if token in self._stops), None)
        text = self._chat.tokenizer.decode(row[:end], skip_special_tokens=True)
        cuts = [text.find(stop) for stop in decoding.stop if stop in text]
        if cuts:
            text = text[: min(cuts)]
            pad = self._chat.tokenizer.pad_token_id
            row = [token for token in row if token != pad]
        return Completion(
            text=text.strip(),
            truncated=end is None and not cuts,
            cost=Cost(
                seconds=seconds,
                prompt_tokens=prompt_tokens,
                completion_tokens=len(row) if end is None else end + 1,
                device_memory_bytes=memory,
            ),
        )

    def _follow(self, schemas: Sequence[Mapping[str, object]]) -> Any:
        """A logits processor that holds each row's answer to its schema."""
        if self._grammars is None:
            self._grammars = Grammars(
                self._chat.tokenizer, vocabulary=self._vocabulary, stops=self._stops
            )
        return self._grammars.processor(schemas)


def _stop_tokens(model: Any, tokenizer: Any) -> list[int]:
    """All tokens that end an answer, as the checkpoint and its tokenizer name them."""
    named = model.generation_config.eos_token_id if model.generation_config is not None else None
    stops = set(named if isinstance(named, list) else [named]) | {tokenizer.eos_token_id}
    return sorted(stop for stop in stops if stop is not None)
