"""What 200 corrections with 10% error change, over seeds, beside controls that spend the same labels otherwise.

Run: `OMP_NUM_THREADS=2 python benchmarks/loop.py --out FOLDER`. Stopped, it goes on where it was, but not without a
folder; seeds may run side by side (`--seeds 0 &`), and a run with all of them then tells what came of them. Everything is measured on held-out
items against their truth, of drawn ones their own and of `--catalog` what the shop says; no answer of an annotator is in the
figures. Intervals are over groups of items of all seeds; where seeds share a catalogue, read those of one seed.
Ends with status 1 where the first arm misses the bar.

The rubric that a circle starts with asks for kind, color, aspects, schema and title, and not whether the photos show
what is claimed, which people refuse all the same: they hold to the shipped rubric `listing` throughout, and so does the
truth that everything is measured by. Whether the rubric learns of it is for the circle to prove.

The labels are spent in equal parts over the rounds. The bar is about the last round against the model as it came; both
measures are told against every round before, too, as a model that came with hardly an approval has no precision.

Arms: `spread`, labels over verdicts and categories, SFT and then DPO; `random`, the same labels drawn at random;
`chosen`, the spread labels, SFT on the corrected answers alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.cli_training import quiet_libraries
from pipelines.loop import Labels, LoopJob, run_loop
from pipelines.loop_measures import LoopRound, aspect_sums
from pipelines.loop_people import known_by
from pipelines.loop_training import Training
from workbench.catalog import Catalog, open_catalog
from workbench.metrics import clopper_pearson
from workbench.metrics.resampling import Floats, Statistic, bootstrap, sums_by_group
from workbench.records import Audit, Generation, Item, Verdict
from workbench.rubric import Rubric, dump_rubric, load_rubric
from workbench.store import Store, group_of

ARMS: dict[str, tuple[Labels, Training]] = {
    "spread": ("spread", "sft+dpo"),
    "random": ("random", "sft+dpo"),
    "chosen": ("spread", "sft"),
}
"""Arm to how it spends its labels and what it trains on."""
F1, PRECISION, SUITABLE = "aspect F1", "precision of approvals", "suitable share of all listings"
STANDARD, UNASKED = "listing", "grounded"
"""What people hold to, and the criterion of it that the first rubric lacks."""
BAR = 0.10
"""Least rise of both, with an interval that excludes 0."""
FEWEST = 20
"""Approvals of a round, below which a difference of precisions is not told: resampling few says too little."""


def main() -> None:
    """Print one JSON object with every arm's differences and the seconds that it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, help="Keep the circles here and go on; default: a temporary folder."
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--catalog", help="Of photos that seeds share; default: drawn items of their own."
    )
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--labels", type=int, default=200, help="Of all rounds together.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--error", type=float, default=0.1)
    parser.add_argument("--model", default="starter:listing")
    parser.add_argument("--judge", default="starter:judge")
    parser.add_argument("--arms", nargs="+", choices=tuple(ARMS), default=list(ARMS))
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        told.out = told.out or Path(temporary)
        found = _all(told)
    print(json.dumps({arm: _shown(several) for arm, several in found.items()}, indent=1))
    sys.exit(int(not all(_keeps(found[told.arms[0]], of) for of in (_f1, _precision))))


def _all(told: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Arm to what came of it, seed by seed; each is told when it is done."""
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in told.seeds:
        for arm in told.arms:
            one = _once(told, arm, seed)
            found.setdefault(arm, []).append(one)
            print(json.dumps({"seed": seed, "arm": arm, **_shown([one])}), flush=True)
    return found


def _once(told: argparse.Namespace, arm: str, seed: int) -> dict[str, Any]:
    """What came of an arm, from its folder where it is done, with what it took the last time that it was started."""
    kept = told.out / f"seed-{seed}" / f"{arm}.json"
    if not kept.is_file():
        started, before = time.perf_counter(), _processor_seconds()
        one = run_arm(told, arm, seed)
        one["seconds"] = round(time.perf_counter() - started)
        one["processor seconds"] = round(_processor_seconds() - before)
        one["load"] = round(os.getloadavg()[2], 1)
        kept.write_text(json.dumps(one | {"sums": [sums.tolist() for sums in one["sums"]]}))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found | {"sums": [np.array(sums) for sums in found["sums"]]}


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _keeps(several: list[dict[str, Any]], statistic: Statistic) -> bool:
    """Whether a measure rose by the bar and more than chance; what cannot be said keeps no bar."""
    both = np.hstack([np.concatenate([one["sums"][k] for one in several]) for k in (0, -1)])
    if (
        statistic is _precision
        and min(both[:, 4].sum(), both[:, both.shape[1] // 2 + 4].sum()) < FEWEST
    ):
        return False
    change = _change(statistic, both.shape[1] // 2)
    rise = bootstrap(both, change, n=len(both), clustered=True)
    return (rise.value or 0) >= BAR and (rise.low or 0) > 0


def run_arm(told: argparse.Namespace, arm: str, seed: int) -> dict[str, Any]:
    """One circle; each seed has items, split, draws, errors and training of its own."""
    address = told.catalog or f"drawn:seed={200 + seed},items={told.items}"
    catalog = open_catalog(address)
    place = told.out / f"seed-{seed}"
    place.mkdir(parents=True, exist_ok=True)
    first = place / "first-rubric.yaml"
    first.write_text(dump_rubric(first_rubric()))
    job = LoopJob(
        catalog=address, model=told.model, judge=told.judge, rubric=str(first), standard=STANDARD,
        rounds=told.rounds, labels=told.labels // told.rounds, audit=60, people="simulated", error=told.error, seed=seed, spend=ARMS[arm][0],
        training=ARMS[arm][1],
    )  # fmt: skip
    base = place / told.arms[0]
    if arm != told.arms[0] and base.is_dir() and not (place / arm).is_dir():
        # The first listings are the same in all arms; what came of answers stays behind.
        _copy_beginning(base, place / arm)
    with Store.open(str(place / arm), create=True) as store, quiet_libraries():
        summary = run_loop(store, catalog, job, (place / arm / "models").absolute(), quiet=True)
        return {
            "sums": [_sums(store, catalog, one) for one in summary.rounds],
            "summary": summary.as_dict(),
        }


def first_rubric() -> Rubric:
    """The shipped rubric before anybody thought of asking whether the photos show what is claimed."""
    full = load_rubric(STANDARD)
    return replace(
        full,
        name="first-listing",
        criteria=tuple(one for one in full.criteria if one.id != UNASKED),
        failure_modes=tuple(
            replace(mode, criterion=None) if mode.criterion == UNASKED else mode
            for mode in full.failure_modes
        ),
    )


def _copy_beginning(source: Path, target: Path) -> None:
    """What the model wrote as it came and what the judge said of it, in a new store."""
    half = target.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    with Store.open(str(source)) as old, Store.open(str(half), create=True) as new:
        first = min(old.records(Generation), key=lambda g: g.created_at).revision
        made = [g for g in old.records(Generation) if g.revision == first]
        keys = {g.key for g in made}
        rubric = next(iter(old.records(Verdict))).rubric
        new.add(made)
        new.add(v for v in old.records(Verdict) if v.generation in keys and v.rubric == rubric)
    half.rename(target)


def _sums(store: Store, catalog: Catalog, one: LoopRound) -> Floats:
    """Of each group of held-out items, in columns.

    Right, stated and true aspects; suitable approvals, approvals; suitable listings, listings.
    """
    (audit,) = store.records(Audit, [one.audit])
    items = {i.id: i for i in store.records(Item)}
    model = {g.revision for g in store.records(Generation, [d.generation for d in audit.drawn])}
    parts: dict[str, str] = dict(store.splits()[["group", "part"]].itertuples(index=False))
    made = {
        str(g.item): g
        for g in store.records(Generation)
        if g.revision in model and parts.get(group_of(items[str(g.item)])) == "eval"
    }
    said = {v.generation: v for v in store.records(Verdict) if v.rubric == one.rubric}
    held_out = [items[name] for name in sorted(made)]
    aspects = aspect_sums(held_out, [made[i.id] for i in held_out], catalog.schema)
    approved = np.array([said[made[i.id].key].approved is True for i in held_out], dtype=float)
    standard = load_rubric(STANDARD)
    right = np.array(
        [known_by(standard, made[i.id], i, catalog.schema).approved for i in held_out], dtype=float
    )
    columns = np.column_stack([aspects, approved * right, approved, right, np.ones(len(right))])
    return sums_by_group(columns, np.array([group_of(i) for i in held_out]))


def _f1(totals: Floats) -> Floats:
    return np.asarray(2 * totals[..., 0] / (totals[..., 1] + totals[..., 2]))


def _precision(totals: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(totals[..., 3] / totals[..., 4])


def _suitable(totals: Floats) -> Floats:
    return np.asarray(totals[..., 5] / totals[..., 6])


def _shown(several: list[dict[str, Any]]) -> dict[str, Any]:
    """What a round changed, over seeds; each seed has items of its own, so groups of all seeds are put together."""
    rounds = [
        np.concatenate([one["sums"][k] for one in several]) for k in range(len(several[0]["sums"]))
    ]
    width = rounds[0].shape[1]
    taken = ("seconds", "processor seconds", "load")
    told: dict[str, Any] = {name: [one[name] for one in several] for name in taken}
    for name, statistic in ((F1, _f1), (PRECISION, _precision), (SUITABLE, _suitable)):
        for number, sums in enumerate(rounds[:-1]):
            both = np.hstack([sums, rounds[-1]])
            moved = bootstrap(both, _change(statistic, width), n=len(both), clustered=True)
            few = int(min(sums[:, 4].sum(), rounds[-1][:, 4].sum()))
            told[f"{name}, round {len(rounds) - 1} less {number}"] = (
                f"cannot be said: a round has {few} approvals"
                if statistic is _precision and few < FEWEST
                else f"{moved:+.3f}, {len(both)} groups"
            )
    for number, sums in enumerate(rounds):
        found = bootstrap(sums, _f1, n=len(sums), clustered=True)
        told[f"round {number}"] = {
            F1: str(found),
            PRECISION: _share(sums[:, 3].sum(), sums[:, 4].sum()),
            SUITABLE: _share(sums[:, 5].sum(), sums[:, 6].sum(), of="listings"),
        }
    told["learnt"] = [
        {k: learned[k] for k in ("pairs", "rubric", "proposals", "changed")}
        for one in several
        for each in one["summary"]["rounds"]
        if (learned := each["learned"])
    ]
    return told


def _share(right: float, total: float, *, of: str = "approvals") -> str:
    """Exact for those that there are, taken as independent."""
    if not total:
        return f"cannot be said: there are no {of}"
    interval = clopper_pearson(int(right), int(total))
    return f"{right / total:.3f} ({interval.low:.3f} to {interval.high:.3f}), {total:.0f} {of}"


def _change(statistic: Statistic, width: int) -> Statistic:
    """What the columns from `width` on give, less what those before it give."""

    def change(totals: Floats) -> Floats:
        return np.asarray(statistic(totals[..., width:]) - statistic(totals[..., :width]))

    return change


if __name__ == "__main__":
    main()
