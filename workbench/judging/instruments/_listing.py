"""Instruments that read a listing and look at no picture: schema, title, grounding.

All three count, so their readings are exact shares.
"""

from __future__ import annotations

import re

from workbench.judging.protocols import Subject
from workbench.judging.readings import Instrument, Reading
from workbench.records import Listing
from workbench.schema import Category, check_listing, folded, same_word

FEWEST_WORDS, MOST_WORDS = 3, 12
"""Words that a title should have, from the rubric."""

_JOINING = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "of",
        "on",
        "or",
        "s",
        "the",
        "to",
        "with",
    ]
)
"""Words that claim nothing, and may stand in a title twice."""
_ORDINARY = _JOINING | {
    *("color", "colored", "colour", "coloured", "design", "designed", "detail", "look", "made"),
    *("pair", "piece", "style", "styled", "wear"),
}
"""Words that need no support."""
_ADVERTISING = re.compile(
    r"\b(?:sales?|discount(?:ed|s)?|bargains?|cheap(?:est)?|free|shipping|delivery|best|hot|wow|look|"
    r"l@@k|must[ -]have|limited|offers?|deals?|clearance|promo(?:tion)?|guaranteed?|buy|click|"
    r"amazing|perfect|great|top quality|best[ -]?sellers?|new arrivals?)\b|\d+ ?% ?off|!|[★☆✅🔥]",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"\b[A-Z]{4,}\b")


def schema_compliance(listing: Listing, category: Category) -> Reading:
    """Share of aspects, of those stated and those missing, that the category allows as they stand.

    A required aspect that no photo can show is not missed: nobody can state it from photos.
    """
    unseen = {one.name for one in category.attributes if one.visible == "no"}
    found = [
        one
        for one in check_listing(listing, category)
        if one.aspect is not None and not (one.kind == "missing_aspect" and one.aspect in unseen)
    ]
    missing = sum(one.kind == "missing_aspect" for one in found)
    wrong = len({one.aspect for one in found})
    total = len(listing.aspects) + missing
    return Reading(
        quality=1 - wrong / total if total else 1.0,
        kind="share",
        measure=float(len(found)),
        reason="; ".join(one.message for one in found[:3]) or None,
    )


def title_form(listing: Listing) -> Reading:
    """Share of five rules that the title keeps.

    It is neither too short nor too long, repeats no word, does not shout or advertise, and neither starts
    nor ends with stray punctuation.
    """
    title = listing.title.strip()
    words = folded(title).split()
    content = [same_word(word) for word in words if word not in _JOINING]
    again = sorted({word for word in content if content.count(word) > 1})
    loud = _CAPITALS.findall(title)
    advertising = _ADVERTISING.search(title)
    checks = {
        f"want {FEWEST_WORDS} to {MOST_WORDS} words, got {len(words)}": not (
            FEWEST_WORDS <= len(words) <= MOST_WORDS
        ),
        f"says {', '.join(map(repr, again))} more than once": bool(again),
        f"shouts {', '.join(map(repr, loud))}": bool(loud),
        f"advertises with {advertising.group()!r}" if advertising else "": bool(advertising),
        "starts or ends with punctuation, or is empty": not re.search(
            r"^[\w\"(].*[\w\")%]$", title
        ),
    }
    broken = [said for said, is_broken in checks.items() if is_broken]
    return Reading(
        quality=1 - len(broken) / len(checks),
        kind="share",
        measure=float(len(broken)),
        reason="the title: " + "; ".join(broken) if broken else None,
    )


def grounding(listing: Listing, category: Category) -> Reading:
    """Share of claims that have support: words of the title, and aspects.

    A word of the title has support where it stands in a stated aspect, names the category or is
    ordinary (`with`, `style`), or where the schema knows it as another word for a stated value. An
    aspect has support where a photo can show it (`visible` is not `no`). Whether a supported claim is
    true is for other criteria.
    """
    words = [word for word in folded(listing.title).split() if word not in _ORDINARY]
    supported = _supported(listing, category, folded(listing.title))
    bare = [word for word in words if same_word(word) not in supported]
    hidden = [
        name
        for name in listing.aspects
        if (attribute := category.attribute(name)) is not None and attribute.visible == "no"
    ]
    total = len(words) + len(listing.aspects)
    said = []
    if bare:
        said.append(f"nothing supports {', '.join(map(repr, dict.fromkeys(bare)))} in the title")
    if hidden:
        said.append(f"no photo can show {', '.join(hidden)}")
    return Reading(
        quality=1 - (len(bare) + len(hidden)) / total if total else 1.0,
        kind="share",
        measure=float(len(bare) + len(hidden)),
        reason="; ".join(said) or None,
    )


def _supported(listing: Listing, category: Category, title: str) -> set[str]:
    """Words, in the singular, that what is stated says."""
    texts = [*category.path, category.name]
    tokens = title.split()
    runs = [
        " ".join(tokens[start : start + length])
        for length in (1, 2, 3)
        for start in range(len(tokens) - length + 1)
    ]
    for name, values in listing.aspects.items():
        texts += [name, *values]
        attribute = category.attribute(name)
        if attribute is None or not (attribute.values or attribute.synonyms):
            continue
        meant = {attribute.normalise(value) for value in values} - {None}
        texts += [run for run in runs if attribute.normalise(run) in meant]
    return {same_word(word) for text in texts for word in folded(text).split()}


def _read_schema(subject: Subject) -> Reading:
    if subject.generation.listing is None or subject.category is None:
        return _abstained(subject)
    return schema_compliance(subject.generation.listing, subject.category)


def _read_title(subject: Subject) -> Reading:
    if subject.generation.listing is None:
        return _abstained(subject)
    return title_form(subject.generation.listing)


def _read_grounding(subject: Subject) -> Reading:
    if subject.generation.listing is None or subject.category is None:
        return _abstained(subject)
    return grounding(subject.generation.listing, subject.category)


def _abstained(subject: Subject) -> Reading:
    lacking = "listing" if subject.generation.listing is None else "category in the schema"
    return Reading(quality=None, kind="share", reason=f"there is no {lacking} to check against")


SCHEMA = Instrument(name="schema", revision="1", judges="listing", read=_read_schema)
TITLE = Instrument(name="title", revision="1", judges="listing", read=_read_title)
GROUNDING = Instrument(name="grounding", revision="1", judges="listing", read=_read_grounding)
