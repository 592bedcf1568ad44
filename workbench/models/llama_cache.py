"""What a llama.cpp context keeps of the prompts before: always cut at the same places.

llama.cpp reuses whatever a prompt has in common with the one before it. How much that is depends on the
order of the prompts, and a prompt that is read in other pieces is rounded otherwise; so are its answers.
Here a prompt is cut into segments that do not depend on its neighbours, and exactly those are reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError

Tokens = tuple[int, ...]


@dataclass(slots=True)
class Worker:
    """One llama.cpp context, and what is known of its cache."""

    server: Any
    head: tuple[Tokens, ...] = ()
    """Segments at the start of the cache, each read in a batch of its own."""
    following: int | None = None
    """The token after them in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A prompt as tokens, cut where the cache is cut."""

    head: tuple[Tokens, ...]
    """Shared segments, none of them empty."""
    rest: Tokens


def read_and_ask(
    worker: Worker, cut: Cut, wanted: Mapping[str, object]
) -> tuple[int, dict[str, Any]]:
    """Put `cut.head` into the worker's cache, then ask; the prompt tokens read for both, and the reply."""
    try:
        read = _prime(worker, cut.head)
        read += _part(worker, cut.head, cut.rest[0])
        reply = _send(worker, (*_flat(cut.head), *cut.rest), wanted, cached=bool(cut.head))
    except ModelError:
        worker.head, worker.following = (), None  # what the cache holds now is not known
        raise
    worker.following = cut.rest[0]
    return read + _new_tokens(reply), reply


def _prime(worker: Worker, head: tuple[Tokens, ...]) -> int:
    """Make the worker's cache begin with `head`, each segment read in its own batch."""
    known = worker.head[: len(head)]
    if known == head:
        if len(worker.head) > len(head):
            worker.following = worker.head[len(head)][0]
        worker.head = head
        return 0
    *before, last = head
    read = _prime(worker, tuple(before))
    read += _part(worker, worker.head, last[0])
    end = _other_than(None)
    reply = _send(worker, (*_flat(head), end), {"max_tokens": 0}, cached=bool(before))
    worker.head, worker.following = head, end
    return read + _new_tokens(reply)


def _part(worker: Worker, head: tuple[Tokens, ...], coming: int) -> int:
    """Make the cache differ from a prompt that goes on with `coming` right after `head`.

    llama.cpp reuses all that the cache and the prompt have in common, which must be `head` and no more.
    """
    if not head or worker.following != coming:
        return 0
    other = _other_than(coming)
    reply = _send(worker, (*_flat(head), other), {"max_tokens": 0}, cached=True)
    worker.following = other
    return _new_tokens(reply)


def _other_than(token: int | None) -> int:
    """A token that is not `token`."""
    return 1 if token == 0 else 0


def _flat(head: tuple[Tokens, ...]) -> Tokens:
    return tuple(token for segment in head for token in segment)


def _send(
    worker: Worker, tokens: Tokens, wanted: Mapping[str, object], *, cached: bool
) -> dict[str, Any]:
    body = {**wanted, "prompt": list(tokens), "cache_prompt": cached}
    try:
        reply: dict[str, Any] = worker.server.handle_completions(body)
    except RuntimeError as error:
        raise ModelError(f"llama.cpp failed: {error}") from error
    if "error" in reply:
        refusal = reply["error"]
        if refusal.get("type") == "exceed_context_size_error":
            raise ModelError(
                f"a prompt of {len(tokens)} tokens does not fit the context of {refusal['n_ctx']}: "
                "shorten it, or load the model with a larger `context`"
            )
        raise ModelError(f"llama.cpp refused: {refusal.get('message', refusal)}")
    return reply


def _new_tokens(reply: Mapping[str, Any]) -> int:
    usage = reply["usage"]
    return int(usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"])
