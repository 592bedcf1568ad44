"""Answers that follow a JSON schema, token by token, with xgrammar."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import ModelError


class Grammars:
    """Compiles JSON schemas for one tokenizer, each once.

    What is allowed is one JSON value written as Python's `json.dumps` writes it (", " and ": ", no line
    breaks, properties in the schema's order), with or without one leading space: a model trained on
    answers after a space keeps it. Forcing another format than the trained one yields valid JSON
    with worse contents.

    A string with a bounded length (`maxLength`) cannot hold quotes or backslashes: xgrammar 0.2 knows no
    escapes there. It would let raw control characters through instead, which no JSON holds: they are
    ruled out here.
    """

    def __init__(self, tokenizer: Any, *, vocabulary: int, stops: list[int]) -> None:
        import xgrammar

        information = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocabulary, stop_token_ids=stops
        )
        self._compiler = xgrammar.GrammarCompiler(information, max_threads=1)
        self._vocabulary = vocabulary
        self._control = [
            token
            for token, text in enumerate(information.decoded_vocab)
            if token not in stops and any(byte < 0x20 for byte in text)
        ]
        self._compiled: dict[str, Any] = {}

    def processor(self, schemas: Sequence[Mapping[str, object]]) -> Any:
        """A logits processor for one `generate` call over as many prompts as there are schemas.

        Raises:
            ModelError: A schema is not one that a grammar can be made of.
        """
        import xgrammar

        matchers = [xgrammar.GrammarMatcher(self._compile(schema)) for schema in schemas]
        return _Follow(matchers, self._vocabulary, self._control)

    def _compile(self, schema: Mapping[str, object]) -> Any:
        import xgrammar

        text = json.dumps(schema)
        if text not in self._compiled:
            try:
                grammar = xgrammar.Grammar.concat(
                    xgrammar.Grammar.from_regex(" ?"),
                    xgrammar.Grammar.from_json_schema(text, any_whitespace=False),
                )
                self._compiled[text] = self._compiler.compile_grammar(grammar)
            except RuntimeError as error:
                raise ModelError(
                    f"want a JSON schema that xgrammar can follow, got {text[:200]!r}: {error}"
                ) from error
        return self._compiled[text]


class _Follow:
    """Rules out the tokens that would leave the schema; one matcher per row."""

    def __init__(self, matchers: list[Any], vocabulary: int, never: list[int]) -> None:
        import xgrammar

        self._matchers = matchers
        self._never = never
        self._mask = xgrammar.allocate_token_bitmask(len(matchers), vocabulary)
        self._started = False
        self._ended = [False] * len(matchers)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Mask `scores` (rows, vocabulary), given all tokens so far (rows, length)."""
        import torch
        import xgrammar

        for row, matcher in enumerate(self._matchers):
            if self._started and not self._ended[row]:
                # Only padding is refused, which follows where a stop text ended the row.
                accepted = matcher.accept_token(int(input_ids[row, -1]))
                self._ended[row] = not accepted or matcher.is_terminated()
            if not self._ended[row]:
                matcher.fill_next_token_bitmask(self._mask, row)
        self._started = True
        masked = scores.float().cpu() if scores.device.type == "mps" else scores
        xgrammar.apply_token_bitmask_inplace(masked, self._mask.to(masked.device))
        masked[:, self._never] = -torch.inf
        return masked.to(scores.device)
