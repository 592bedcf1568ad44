"""A language model may say a proposal better; what it says is checked, and the rules' words stand otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.evolution.edits import Edit
from workbench.evolution.propose import proposal_key
from workbench.models.protocols import Decoding, Prompt
from workbench.records import RubricProposal

if TYPE_CHECKING:
    from workbench.models.protocols import TextModel

LONGEST = 400
"""Characters of a reworded text at most."""
_SHORTEST = 12
_TOKENS = 160


def reword(
    proposals: Sequence[RubricProposal], model: TextModel | None
) -> tuple[RubricProposal, ...]:
    """The proposals with the words of their edits written better, where `model` does so.

    Numbers, points and examples' outputs are never the model's: it rewrites a question or the reason of an
    example, nothing else. A reworded proposal has a key of its own.

    Args:
        proposals: From `propose`; a changed threshold has no words and stays.
        model: Any text model; None: all stay.
    """
    asked = [(one, _words(one)) for one in proposals]
    prompts = [
        Prompt(
            text=(
                "Rewrite this part of an instruction for people who check product listings or photos. Keep its "
                "meaning, use plain words, one or two sentences.\n\n"
                f"Why it changes: {one.sentence}\n\nText: {words}"
            )
        )
        for one, words in asked
        if words is not None
    ]
    if model is None or not prompts:
        return tuple(proposals)
    schema = {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    }
    try:
        said = iter(model.complete(prompts, Decoding(max_tokens=_TOKENS, schema=schema)))
    except ModelError:  # it cannot be asked this way; the rules' words are there already
        return tuple(proposals)
    return tuple(
        one if words is None else _reworded(one, words, next(said).text) for one, words in asked
    )


def _words(proposal: RubricProposal) -> str | None:
    """The text that may be rewritten; None where there is none."""
    edit = Edit.from_dict(proposal.edit)
    if proposal.kind == "worked example" and edit.example is not None:
        return edit.example.why
    if proposal.kind in {"new criterion", "clearer wording"} and edit.criterion is not None:
        return edit.criterion.question
    return None


def _reworded(proposal: RubricProposal, words: str, answer: str) -> RubricProposal:
    text = _read(answer)
    if text is None or text == words:
        return proposal
    edit = Edit.from_dict(proposal.edit)
    if edit.example is not None:
        edit = replace(edit, example=replace(edit.example, why=text))
    elif edit.criterion is not None:
        edit = replace(edit, criterion=replace(edit.criterion, question=text))
    changed = replace(proposal, edit=edit.to_dict())
    return replace(changed, key=proposal_key(changed))


def _read(answer: str) -> str | None:
    """The text of a model's answer, where it is one of a length and form that people can read."""
    try:
        found: Any = json.loads(answer)
    except ValueError:
        return None
    text = found.get("text") if isinstance(found, dict) else None
    if not isinstance(text, str):
        return None
    text = " ".join(text.split())
    readable = sum(c.isalpha() or c in " ,.;:?!'\"()-" for c in text) >= 0.9 * len(text)
    if not _SHORTEST <= len(text) <= LONGEST or not text.isprintable() or not readable:
        return None
    return text if text[-1] in ".?!" and len(text.split()) >= 3 else None
