"""Many people's answers to one item, brought to one answer, with every disagreement kept in sight.

`majority` counts heads. Dawid and Skene's model weighs them: it learns from the disagreements how often
each person mistakes which class for which, and how probable each class is for each item.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from workbench.calibration.people._adjudicated import (
    AdjudicatedItem,
    Adjudication,
    AnnotatorErrors,
    Label,
    Method,
)
from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.intervals import wilson

Floats = npt.NDArray[np.float64]
Answers = dict[str, dict[str, Label]]
"""Item to annotator to answer."""

_ITERATIONS, _TOLERANCE = 1000, 1e-7  # of the mean log-likelihood per answer


def majority(labels: Iterable[Label | None]) -> Label | None:
    """Return the answer that more people gave than any other; None on a tie and without an answer.

    None among `labels` is a skipped answer and does not count.
    """
    (first, lead), (_, next_lead) = (
        Counter(label for label in labels if label is not None).most_common(2) + [(None, 0)] * 2
    )[:2]
    return first if lead > next_lead else None


def adjudicate(
    *,
    items: Sequence[str],
    annotators: Sequence[str],
    labels: Sequence[Label | None],
    method: Method = "majority",
    level: float = 0.95,
) -> Adjudication:
    """Bring many answers an item to one.

    `dawid-skene` needs items with three answers or more: with two, who of them errs cannot be told. A
    person is identified who answered such an item, or shares an item with somebody identified. Where
    nothing is, the answer is the majority, there are no probabilities, and `reason` says why.

    Args:
        items: Length n, one entry per answer.
        annotators: Length n, who gave it.
        labels: Length n, all True or False, or all names of classes; None for a skipped answer.
        method: `majority` leaves ties open; `dawid-skene` takes the likeliest class (None where two are
            equally likely).
        level: Of the intervals of each person's `right`, between 0 and 1.

    Raises:
        ValueError: Lengths differ, labels are of mixed kinds, or one person answered one item twice.

    Source: Dawid & Skene 1979, Appl. Stat. 28:20, fitted by crowd-kit from the shares of the votes;
    Kruskal 1977, Linear Algebra Appl. 18:95 (why three answers).
    """
    check_level(level)
    if method not in ("majority", "dawid-skene"):
        raise ValueError(f"`method` is 'majority' or 'dawid-skene', got {method!r}")
    classes = _classes(labels)
    said = _answers(items, annotators, labels)
    people = sorted(set(annotators))
    if method == "majority":
        return _by_majority(said, classes, people, level)
    return _by_model(said, classes, people, level)


def _answers(
    items: Sequence[str], annotators: Sequence[str], labels: Sequence[Label | None]
) -> Answers:
    if not len(items) == len(annotators) == len(labels):
        raise ValueError(
            "want one item, one annotator and one label per answer, "
            f"got {len(items)=}, {len(annotators)=}, {len(labels)=}"
        )
    said: Answers = {}
    seen: set[tuple[str, str]] = set()
    for item, annotator, label in zip(items, annotators, labels, strict=True):
        if (item, annotator) in seen:
            raise ValueError(
                f"annotator {annotator!r} answered item {item!r} twice; pass the answer that counts"
            )
        seen.add((item, annotator))
        own = said.setdefault(item, {})
        if label is not None:
            own[annotator] = label if isinstance(label, str) else bool(label)
    return said


def _classes(labels: Sequence[Label | None]) -> tuple[Label, ...]:
    given = [label for label in labels if label is not None]
    if all(isinstance(label, (bool, np.bool_)) for label in given):
        return (False, True)
    odd = next((label for label in given if not isinstance(label, str)), None)
    if odd is not None:
        raise ValueError(
            f"labels are all True or False, or all names of classes (None if skipped); got {odd!r}"
        )
    return tuple(sorted(cast("set[str]", set(given))))


def _by_majority(
    said: Answers, classes: tuple[Label, ...], people: Sequence[str], level: float
) -> Adjudication:
    index = {label: i for i, label in enumerate(classes)}
    counts = {person: np.zeros((len(classes), len(classes))) for person in people}
    for own in said.values():
        for person, label in own.items():
            others = majority(other for name, other in own.items() if name != person)
            if others is not None:
                counts[person][index[others], index[label]] += 1
    return Adjudication(
        method="majority",
        classes=classes,
        items=tuple(_counted(item, own) for item, own in said.items()),
        annotators=tuple(
            _errors(
                person,
                said,
                _why_not(said, person, 2) or counts[person],
                classes,
                level=level,
                method="Wilson",
            )
            for person in people
        ),
        prior=None,
        iterations=None,
        converged=None,
        reason=None,
        assumptions=(
            "every person counts alike",
            "a person's errors are against the majority of the others, where it is decided",
        ),
    )


def _counted(item: str, own: Mapping[str, Label]) -> AdjudicatedItem:
    votes = [count for _, count in Counter(own.values()).most_common(2)] + [0]
    return AdjudicatedItem(
        item=item,
        said=own,
        label=majority(own.values()),
        probability=None,
        margin=(votes[0] - votes[1]) / len(own) if own else None,
    )


def _by_model(
    said: Answers, classes: tuple[Label, ...], people: Sequence[str], level: float
) -> Adjudication:
    known = _identified(said)
    given = {label for own in said.values() for label in own.values()}
    reason = None
    if not known:
        reason = _why_not(said, None, 3)
    elif len(given) == 1:
        reason = f"not identifiable: every answer is {next(iter(given))!r}"
    if reason is not None:
        plain = _by_majority(said, classes, people, level)
        nobody = tuple(
            _errors(person, said, reason, classes, level=level, method="Dawid–Skene")
            for person in people
        )
        return Adjudication(
            method="dawid-skene", classes=classes, items=plain.items, annotators=nobody,
            prior=None, iterations=None, converged=None, reason=reason,
            assumptions=("every person counts alike: the model was not fitted",),
        )  # fmt: skip
    # Answers of people who cannot be identified say nothing that the model could weigh.
    fitted = {
        item: {person: label for person, label in own.items() if person in known}
        for item, own in said.items()
    }
    posterior, prior, iterations, converged = _fit(fitted, classes)
    index = {label: i for i, label in enumerate(classes)}
    counts = {person: np.zeros((len(classes), len(classes))) for person in people}
    for item, own in fitted.items():
        for person, label in own.items():
            counts[person][:, index[label]] += posterior[item]
    method = "Wilson of expected counts, Dawid–Skene"
    annotators = tuple(
        _errors(
            person,
            said,
            counts[person] if person in known else _why_not(said, person, 3) or "not identifiable",
            classes,
            level=level,
            method=method,
        )
        for person in people
    )
    return Adjudication(
        method="dawid-skene",
        classes=classes,
        items=tuple(
            _weighed(item, own, posterior.get(item), classes) for item, own in said.items()
        ),
        annotators=annotators,
        prior=tuple(map(float, prior)),
        iterations=iterations,
        converged=converged,
        reason=None,
        assumptions=(
            "given an item's class, people err independently of each other",
            "a person errs alike on all items of a class",
            "on the whole people are right more often than not",
            "intervals of a person's shares take the fitted classes as known: they are a little narrow",
        ),
    )


def _weighed(
    item: str, own: Mapping[str, Label], posterior: Floats | None, classes: tuple[Label, ...]
) -> AdjudicatedItem:
    if posterior is None:
        return _counted(item, own)
    order = np.argsort(-posterior, kind="stable")
    margin = float(posterior[order[0]] - posterior[order[1]])
    return AdjudicatedItem(
        item=item,
        said=own,
        label=classes[order[0]] if margin > 1e-9 else None,
        probability=tuple(map(float, posterior)),
        margin=margin,
    )


def _fit(said: Answers, classes: tuple[Label, ...]) -> tuple[dict[str, Floats], Floats, int, bool]:
    """Posterior of each item's class, the prior, how many steps it took, and whether it came to rest."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    index = {label: i for i, label in enumerate(classes)}
    rows = [
        (item, person, index[label]) for item, own in said.items() for person, label in own.items()
    ]
    table = pd.DataFrame(rows, columns=["task", "worker", "label"])
    with warnings.catch_warnings():
        # crowd-kit 1.4 uses keywords that pandas 3 will drop: github.com/pandas-dev/pandas/issues/63207
        warnings.simplefilter("ignore", DeprecationWarning)
        model = DawidSkene(n_iter=_ITERATIONS, tol=_TOLERANCE).fit(table)
    shares = cast("pd.DataFrame", model.probas_).reindex(
        columns=range(len(classes)), fill_value=0.0
    )
    values = shares.to_numpy(dtype=float)
    values = values / values.sum(axis=1, keepdims=True)
    steps = len(model.loss_history_)
    posterior = dict(zip(map(str, shares.index), values, strict=True))
    return posterior, values.mean(axis=0), steps, steps < _ITERATIONS


def _identified(said: Answers) -> set[str]:
    """People whose errors the answers can tell: see `adjudicate`."""
    together = [set(own) for own in said.values()]
    found: set[str] = set().union(*(people for people in together if len(people) >= 3))
    items_of: dict[str, list[set[str]]] = defaultdict(list)
    for people in together:
        for person in people:
            items_of[person].append(people)
    reached = list(found)
    while reached:
        for people in items_of[reached.pop()]:
            new = people - found
            found |= new
            reached += new
    return found


def _why_not(said: Answers, person: str | None, wanted: int) -> str | None:
    """Why errors are not identifiable, of one person or of all; None if nothing speaks against it."""
    people = {name for own in said.values() for name in own}
    most = max((len(own) for own in said.values()), default=0)
    why = None
    if not people:
        why = "nobody answered"
    elif len(people) == 1:
        why = "there is one annotator, and nobody to compare with"
    elif most < 2:
        why = "no two annotators answered the same item"
    elif most < wanted:
        why = "no item has three answers, and of two nobody can tell who errs"
    elif person is not None and not any(len(own) > 1 and person in own for own in said.values()):
        why = f"{person!r} shares no item with another annotator"
    elif person is not None and wanted > 2 and person not in _identified(said):
        why = f"{person!r} shares no item with anyone whose errors three answers an item tell"
    return why and f"not identifiable: {why}"


def _errors(
    person: str,
    said: Answers,
    counts: Floats | str,
    classes: tuple[Label, ...],
    *,
    level: float,
    method: str,
) -> AnnotatorErrors:
    """One person's record from what was counted, (classes, classes), or from why nothing could be."""
    answered = sum(person in own for own in said.values())
    if isinstance(counts, str):
        unknown = undefined(counts, method=method, n=answered, level=level)
        return AnnotatorErrors(
            annotator=person, answered=answered, counts=None, reason=counts,
            right=(unknown,) * len(classes),
        )  # fmt: skip
    right = []
    for i, row in enumerate(counts):
        total = float(row.sum())
        if total < 1e-6:
            why = "none of the items that this person answered is known to be of this class"
            right.append(undefined(why, method=method, level=level))
            continue
        hits = min(float(row[i]), total)
        bounds = wilson(hits, total, level=level)
        share = hits / total
        right.append(
            Estimate(
                value=share, low=min(share, bounds.low), high=max(share, bounds.high), level=level,
                method=method, n=answered, effective_n=total,
                assumptions=("items are independent",),
            )
        )  # fmt: skip
    return AnnotatorErrors(
        annotator=person,
        answered=answered,
        counts=tuple(tuple(map(float, row)) for row in counts),
        right=tuple(right),
    )
