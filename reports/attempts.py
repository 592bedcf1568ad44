"""One topic on the page of category images: its winner, and its attempts side by side."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from reports.gallery import on_scale
from reports.rendering import thumbnail
from reports.topics import Told
from workbench.judging.attempts import Attempt, Try, best_try
from workbench.records import Generation
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.store import Store

_SMALL = 160
"""Longer side in pixels of an attempt's picture."""
_LEAD = 80
"""Of the photo of the item that leads a topic."""
_SEASONS = {"made": "new", "judged": "only judged", "kept": "kept"}


def topic_card(store: Store, told: Told, rubric: Rubric, *, seasons: bool) -> dict[str, object]:
    """What the page shows of one topic; `seasons`: also whether it was made now or before."""
    chain, end, lead = told.chain, told.ending, told.lead
    best = end.best.image.image if end.best else None
    theme = chain.category.startswith("theme:")
    name = chain.name.removeprefix("theme:") if theme else chain.category.replace("/", " / ")
    return {
        "topic": name,
        "theme": theme,
        "done": told.done,
        "season": _SEASONS.get(told.done, "") if seasons else "",
        "since": f"{told.since:%Y-%m-%d}" if told.since else "",
        "state": end.state,
        "reason": end.reason,
        "picture": thumbnail(store, best) if best else None,
        "lead": (lead.title or lead.id) if lead else "",
        "lead_photo": thumbnail(store, lead.photos[0], side=_LEAD)
        if lead and lead.photos
        else None,
        "attempts": [
            _attempt(
                store,
                one,
                chain.attempts[one.number - 2] if one.number > 1 else None,
                rubric,
                won=end.best is not None and end.best.image.attempt == one.number,
            )
            for one in chain.attempts
        ],
    }


def _attempt(
    store: Store, one: Attempt, before: Attempt | None, rubric: Rubric, *, won: bool
) -> dict[str, object]:
    shown = best_try(one, rubric) or next((t for t in one.tries if t.image.image), None)
    verdict = shown.verdict if shown else None
    return {
        "number": one.number,
        "won": won,
        "picture": thumbnail(store, str(shown.image.image), side=_SMALL) if shown else None,
        "why_not": _why_not(one),
        "again": before is not None and _asked(before.prompt) == _asked(one.prompt),
        "more": max(0, sum(t.image.image is not None for t in one.tries) - 1),
        "prompt": changes(_words(before.prompt) if before else None, _words(one.prompt)),
        "negative": changes(_avoided(before.prompt) if before else None, _avoided(one.prompt)),
        "verdict": _outcome(shown),
        "modes": [m.replace("_", " ") for m in verdict.failure_modes] if verdict else [],
        "scores": [
            {
                "name": s.criterion,
                "passed": s.passed,
                **on_scale(s.criterion, s.score, rubric),
                "reason": s.reason if s.passed is not True else None,
            }
            for s in (verdict.scores if verdict else ())
        ],
    }


def _outcome(shown: Try | None) -> str:
    if shown is None:
        return "no picture"
    if shown.verdict is None:
        return "not judged"
    return {True: "approved", False: "refused", None: "undecided"}[shown.verdict.approved]


def _why_not(one: Attempt) -> str:
    """Why an attempt has no picture; empty where it has one, or where nothing is known."""
    if error := one.prompt.details.get("error"):
        return str(error)
    errors = [t.image.details.get("error") for t in one.tries if t.image.image is None]
    return str(errors[0]) if errors and len(errors) == len(one.tries) else ""


def changes(before: str | None, after: str) -> list[tuple[str, str]]:
    """Phrases of a prompt as (`same`, `new` or `gone`, phrase), in order; all `same` without one before."""
    new = [p.strip() for p in after.split(",") if p.strip()]
    if before is None:
        return [("same", phrase) for phrase in new]
    old = [p.strip() for p in before.split(",") if p.strip()]
    found: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found += [("same", phrase) for phrase in old[a:b]]
            continue
        found += [("gone", phrase) for phrase in old[a:b] if phrase not in new]
        found += [("new" if phrase not in old else "same", phrase) for phrase in new[c:d]]
    return found


def _asked(prompt: Generation) -> tuple[str, str]:
    return _words(prompt), _avoided(prompt)


def _words(prompt: Generation) -> str:
    return prompt.text or ""


def _avoided(prompt: Generation) -> str:
    negative = prompt.details.get("negative_prompt")
    return negative if isinstance(negative, str) else ""
