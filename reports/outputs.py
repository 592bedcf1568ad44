"""What each model of a store made, and what one judge said of it: what comparisons and model cards are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.calibration.audited import Audited, calibrate_audit, find_audit
from workbench.errors import CalibrationError, StoreError
from workbench.metrics import Estimate, proportion, undefined
from workbench.records import Audit

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Store

Kind = Literal["listing", "image"]
_KINDS: tuple[Kind, ...] = ("listing", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """One kind of output, judged by one judge with one rubric."""

    kind: Kind
    rubric: str | None
    """None: nothing of this kind was judged; the same for `judge`."""
    judge: str | None
    frame: pd.DataFrame
    """One row per output that counts: key, model, revision, category, item, group, part, approved (None: not
    judged or undecided), modes, seconds, tokens, image, title, created_at."""
    held_out: bool
    """Whether only outputs about held-out items count."""

    @property
    def models(self) -> list[str]:
        """Those that made something, the most outputs first."""
        return [str(one) for one in self.frame["model"].value_counts().index]

    def of(self, model: str) -> pd.DataFrame:
        """Its rows."""
        return self.frame[self.frame["model"] == model]


def read_outputs(store: Store) -> list[Outputs]:
    """The store's listings and pictures, where there are any.

    Of several rubrics and judges the pair counts that judged most outputs, so that every model is held to the same.
    Where the store holds outputs about held-out items, those alone count: the others may have been learnt from.
    """
    made = store.generations()
    items = store.items().set_index("id")
    found = []
    for kind in _KINDS:
        own = made[made["kind"] == kind].reset_index(drop=True)
        if own.empty:
            continue
        said = store.verdicts(kind=kind)
        pairs = Counter(zip(said["rubric"], said["judge"], strict=True))
        rubric, judge = pairs.most_common(1)[0][0] if pairs else (None, None)
        last = said[(said["rubric"] == rubric) & (said["judge"] == judge)]
        last = last.drop_duplicates("generation", keep="last").set_index("generation")
        frame = _joined(own, last, items)
        held = frame["part"] == "eval"
        found.append(
            Outputs(
                kind=kind,
                rubric=rubric,
                judge=judge,
                frame=frame[held] if held.any() else frame,
                held_out=bool(held.any()),
            )
        )
    return found


def _joined(made: pd.DataFrame, last: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    groups = _cells(items, "group", made["item"])
    approved = _cells(last, "approved", made["key"])
    modes = _cells(last, "failure_modes", made["key"])
    joined = made.copy()
    joined["group"] = [
        own or item or category
        for own, item, category in zip(groups, _texts(made["item"]), made["category"], strict=True)
    ]
    joined["part"] = _cells(items, "part", made["item"])
    joined["approved"] = _objects([one if isinstance(one, bool) else None for one in approved])
    joined["modes"] = _objects([tuple(one or ()) for one in modes])
    joined["tokens"] = made["prompt_tokens"] + made["completion_tokens"]
    return joined


def _objects(values: list[Any]) -> np.ndarray[Any, Any]:
    """Cells that stay what they are."""
    cells = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):  # at once, tuples of one length would become a table
        cells[place] = value
    return cells


def _texts(column: pd.Series[Any]) -> list[str | None]:
    return [one if isinstance(one, str) and one else None for one in column]


def _cells(frame: pd.DataFrame, column: str, keys: pd.Series[Any]) -> list[Any]:
    cells = dict(zip(frame.index, frame[column].astype(object), strict=True))
    return [cells.get(key) for key in keys]


def approval(rows: pd.DataFrame) -> Estimate:
    """Share of decided outputs that the judge approved; outputs about one product are alike."""
    decided = rows[rows["approved"].notna()]
    if decided.empty:
        return undefined("nothing was judged", method="cluster-robust Wilson")
    return proportion(
        decided["approved"].astype(bool).to_numpy(), groups=decided["group"].astype(str).to_numpy()
    )


def audits_of(store: Store, outputs: Outputs) -> list[Audited]:
    """Every audit of these outputs that somebody answered, weighed; the latest first."""
    keys = set(outputs.frame["key"])
    found = []
    for audit in sorted(store.records(Audit), key=lambda one: one.created_at, reverse=True):
        if audit.rubric != outputs.rubric or not any(o.generation in keys for o in audit.drawn):
            continue
        try:
            found.append(calibrate_audit(store, find_audit(store, audit.id)))
        except (CalibrationError, StoreError):  # its population is not there any more
            continue
    return [one for one in found if any(j.answer is not None for j in one.population)]


def precision_of(model: str, audits: Sequence[Audited]) -> tuple[Estimate, bool]:
    """What its approvals are worth by the latest audit that has them, and whether the answers are simulated."""
    for one in audits:
        models = {j.generation.model for j in one.population}
        simulated = all(a.simulated for j in one.population for a in j.annotations)
        if models == {model}:
            return one.calibration.rates.precision, simulated
        own = [s for s in one.calibration.slices if s.by == "model" and s.name == model]
        if own:
            return own[0].precision, simulated
    return undefined("no audit of its outputs was answered", method="audit"), False
