"""Probabilities of given answers, read from a model's next-token probabilities.

All questions about one context share one prefill: photos and rubric are read once, and each question
goes on from a copy of their key-value cache. The arithmetic is that of one prompt per question
(differences below 1e-4 in float32). A model for which it is not is found out on its first context
and scored with one prompt per question from then on.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.models.devices import is_out_of_memory, peak_memory, reset_peak_memory
from workbench.models.inputs import check_length, padded_right, to_model, without_ends
from workbench.models.protocols import Answer, Prompt, Question, asked
from workbench.models.token_answers import Asked, Sayings, read_answers
from workbench.records import Cost

if TYPE_CHECKING:
    import torch

    from workbench.models.batching import Batches
    from workbench.models.chat import Chat
    from workbench.models.protocols import Progress
    from workbench.models.token_answers import Tokens

_log = logging.getLogger(__name__)
_EXACT = 1e-3
"""Largest difference of a probability that float32 arithmetic explains, with room to spare."""
_ROUGH = 0.1
"""The same for 16-bit arithmetic."""


class _CannotShareError(ValueError):
    """These prompts do not begin alike once their photos are put in."""


class SharedPrefill:
    """Scores questions with one model of this process."""

    def __init__(
        self,
        model: Any,
        chat: Chat,
        longest: int | None,
        *,
        share: bool = True,
    ) -> None:
        """Take a loaded model.

        Args:
            model: In evaluation mode, on its device.
            chat: Its prompts' template and tokenizer.
            longest: Tokens that it can read; None where it does not say.
            share: False: one prompt per question, always.
        """
        self._model = model
        self._chat = chat
        self._longest = longest
        self._takes = inspect.signature(model.forward).parameters
        self._body = getattr(model, "model", model)
        self._sayings = Sayings(chat)
        self.share: bool | None = None if share else False
        """None: not yet tried with this model."""

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        batches: Batches,
        *,
        progress: Progress | None = None,
    ) -> list[list[Answer]]:
        """Answer `questions[i]` about `contexts[i]`, in batches of contexts that are alike."""
        if len(contexts) != len(questions):
            raise ModelError(
                f"want one list of questions per context, got {len(contexts)} contexts "
                f"and {len(questions)} lists"
            )
        for question in {question for several in questions for question in several}:
            if len(question.answers) < 2 or len(set(question.answers)) < len(question.answers):
                raise ModelError(
                    f"want two or more different answers to {question.text!r}, "
                    f"got {question.answers!r}"
                )
        results: list[list[Answer] | str] = batches.run(
            kinds=[len(context.images) for context in contexts],
            lengths=[self._chat.length(context) for context in contexts],
            work=lambda places: self._batch(
                [contexts[p] for p in places], [questions[p] for p in places]
            ),
            failed=lambda reason: reason,
            rows_each=max((len(several) for several in questions), default=1),
            progress=progress,
        )
        return [
            [Answer(distribution=(), coverage=0.0, error=result) for _ in several]
            if isinstance(result, str)
            else result
            for result, several in zip(results, questions, strict=True)
        ]

    def _batch(
        self, contexts: list[Prompt], questions: list[Sequence[Question]]
    ) -> list[list[Answer] | str]:
        several = [
            Asked(
                context=place,
                rendered=rendered,
                ids=tuple(self._chat.ids(rendered)),
                ways=self._sayings.of(question),
            )
            for place, context in enumerate(contexts)
            for question in questions[place]
            for rendered in [self._chat.render(asked(context, question))]
        ]
        answers: list[Answer] = []
        images = [context.images for context in contexts]
        if several:
            if self.share is None:
                self._try([one for one in several if one.context == several[0].context], images)
            if self.share:
                try:
                    answers = self._together(several, images)
                except _CannotShareError as error:
                    _log.info("asking one by one: %s", error)
            answers = answers or self._apart(several, images)
        return [
            [answer for answer, one in zip(answers, several, strict=True) if one.context == place]
            for place in range(len(contexts))
        ]

    def _try(self, several: list[Asked], images: list[tuple[Any, ...]]) -> None:
        """Score one context both ways, and stay with one prompt per question if they differ."""
        import torch

        apart = self._apart(several, images)
        try:
            together = self._together(several, images)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            why = f"{type(error).__name__}: {error}"
        else:
            difference = max(
                (
                    abs(a - b)
                    for one, other in zip(apart, together, strict=True)
                    # Of different length where one of them is an error.
                    for a, b in zip(one.distribution, other.distribution, strict=False)
                ),
                default=0.0,
            )
            if difference <= (_EXACT if self._model.dtype == torch.float32 else _ROUGH):
                self.share = True
                return
            why = f"probabilities differ by {difference:.2g}"
        self.share = False
        _log.warning(
            "%s cannot share one prefill among questions (%s): each question is asked with "
            "a prompt of its own, which takes longer",
            type(self._model).__name__,
            why,
        )

    def _together(self, several: list[Asked], images: list[tuple[Any, ...]]) -> list[Answer]:
        """One prefill per context, then all questions at once from copies of its cache."""
        import torch

        started = time.perf_counter()
        reset_peak_memory(self._model.device)
        places = sorted({one.context for one in several})
        groups = [[one for one in several if one.context == place] for place in places]
        shared = {place: _common(group) for place, group in zip(places, groups, strict=True)}
        prefix = self._prefix([group[0] for group in groups], shared, images)
        lengths: list[int] = prefix["attention_mask"].sum(-1).tolist()

        rows = [(place, head) for place, one in enumerate(several) for head in one.heads]
        sources = [places.index(several[place].context) for place, _ in rows]
        suffixes = [one.ids[shared[one.context] :] for one in several]
        check_length(
            max(
                lengths[source] + len(suffixes[place]) + len(head)
                for source, (place, head) in zip(sources, rows, strict=True)
            ),
            self._longest,
        )
        with torch.inference_mode():
            cache, following = self._prefill(prefix)
            source = torch.tensor(sources, device=self._model.device)
            cache.batch_select_indices(source)
            tokens, mask = padded_right(
                [(*suffixes[place], *head) for place, head in rows],
                self._chat.tokenizer.pad_token_id,
                self._model.device,
            )
            answers = self._read(
                {
                    "input_ids": tokens,
                    "attention_mask": torch.cat([prefix["attention_mask"][source], mask], -1),
                    "position_ids": following[source, None]
                    + torch.arange(tokens.shape[1], device=tokens.device),
                    "past_key_values": cache,
                    "use_cache": True,
                },
                several,
                rows,
                firsts=[len(suffixes[place]) - 1 for place, _ in rows],
            )
        read = [len(suffix) for suffix in suffixes]
        for group, length in zip(groups, lengths, strict=True):
            read[several.index(group[0])] += length
        return self._with_costs(answers, read, started)

    def _apart(self, several: list[Asked], images: list[tuple[Any, ...]]) -> list[Answer]:
        """One whole prompt per question."""
        import torch

        started = time.perf_counter()
        reset_peak_memory(self._model.device)
        rows = [(place, head) for place, one in enumerate(several) for head in one.heads]
        inputs = to_model(
            self._chat.encode_rendered(
                [several[place].rendered for place, _ in rows],
                [images[several[place].context] for place, _ in rows],
            ),
            self._model,
        )
        lengths: list[int] = inputs["attention_mask"].sum(-1).tolist()
        longest, width = max(lengths), inputs["input_ids"].shape[1]
        check_length(longest + max(len(head) for _, head in rows), self._longest)
        read = [0] * len(several)
        for (place, _), length in zip(rows, lengths, strict=True):
            read[place] += length
        with torch.inference_mode():
            self._append(inputs, [head for _, head in rows])
            self._place(inputs)
            answers = self._read(inputs, several, rows, firsts=[width - 1] * len(rows))
        return self._with_costs(answers, read, started)

    def _prefix(
        self, firsts: list[Asked], shared: dict[int, int], images: list[tuple[Any, ...]]
    ) -> dict[str, torch.Tensor]:
        """Model inputs of what each context's questions have in common, padded on the left."""
        inputs = to_model(
            self._chat.encode_rendered(
                [one.rendered for one in firsts], [images[one.context] for one in firsts]
            ),
            self._model,
        )
        ends = [one.ids[shared[one.context] :] for one in firsts]
        for row, end in zip(inputs["input_ids"].tolist(), ends, strict=True):
            if tuple(row[len(row) - len(end) :]) != end:
                raise _CannotShareError(
                    "the text after the photos is tokenised differently with them"
                )
        return without_ends(inputs, [len(end) for end in ends], self._chat.tokenizer.pad_token_id)

    def _prefill(self, prefix: dict[str, torch.Tensor]) -> tuple[Any, torch.Tensor]:
        """The cache of the prefixes, and the position of each one's next token, (contexts,)."""
        following = prefix["attention_mask"].sum(-1)
        inputs = dict(prefix)
        self._place(inputs)
        keep = {"logits_to_keep": 1} if "logits_to_keep" in self._takes else {}
        cache = self._model(**inputs, use_cache=True, **keep).past_key_values
        deltas = getattr(self._body, "rope_deltas", None)
        # Photos take fewer positions than tokens in models with multimodal rotary positions.
        return cache, following if deltas is None else following + deltas[:, 0]

    def _place(self, inputs: dict[str, torch.Tensor]) -> None:
        """Number the tokens from 0 without padding, but for photos that the model numbers itself."""
        if hasattr(self._body, "rope_deltas"):
            self._body.rope_deltas = None
            if "image_grid_thw" in inputs:
                return
        if "position_ids" in self._takes:
            inputs["position_ids"] = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)

    def _append(self, inputs: dict[str, torch.Tensor], heads: list[Tokens]) -> None:
        """Put each row's answer tokens (but the last) after its prompt."""
        import torch

        if not any(heads):
            return
        tokens, mask = padded_right(heads, self._chat.tokenizer.pad_token_id, self._model.device)
        shape = inputs["input_ids"].shape
        added = {"input_ids": tokens, "attention_mask": mask}
        for key, value in inputs.items():
            if value.shape == shape:
                more = added.get(key, torch.zeros_like(tokens)).to(value.dtype)
                inputs[key] = torch.cat([value, more], -1)

    def _read(
        self,
        inputs: dict[str, Any],
        several: list[Asked],
        rows: list[tuple[int, Tokens]],
        firsts: list[int],
    ) -> list[Answer]:
        """Run the model and read each question's answers; row i's first answer follows `firsts[i]`."""
        import torch

        wanted = sorted(
            {
                first + step
                for first, (_, head) in zip(firsts, rows, strict=True)
                for step in range(len(head) + 1)
            }
        )
        columns = torch.tensor(wanted, device=self._model.device)
        if "logits_to_keep" in self._takes:
            logits = self._model(**inputs, logits_to_keep=columns).logits
        else:
            logits = self._model(**inputs).logits[:, columns]
        places = {
            (place, head): (row, wanted.index(first))
            for row, (first, (place, head)) in enumerate(zip(firsts, rows, strict=True))
        }
        return read_answers(logits.float().log_softmax(-1), several, places)  # (rows, wanted, V)

    def _with_costs(
        self, answers: list[Answer], prompt_tokens: list[int], started: float
    ) -> list[Answer]:
        seconds = (time.perf_counter() - started) / len(answers)
        memory = peak_memory(self._model.device)
        return [
            replace(
                answer,
                cost=Cost(seconds=seconds, prompt_tokens=tokens, device_memory_bytes=memory),
            )
            for answer, tokens in zip(answers, prompt_tokens, strict=True)
        ]


def _common(group: Sequence[Asked]) -> int:
    """How many tokens all questions begin with, at least one being left to each."""
    shortest = min(len(one.ids) for one in group) - 1
    first = group[0].ids
    return next(
        (
            place
            for place in range(shortest)
            if any(one.ids[place] != first[place] for one in group)
        ),
        shortest,
    )
